"""The page that `lam-nb demo` writes, opened from disk: it scrubs and plays without a kernel."""

import pytest

from lam_nb import cli


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    assert cli.main(["demo", "--folder", str(folder)]) == 0
    return folder / "lam-demo.html"


SOURCES = "Array.from(document.querySelectorAll('#figure image'), i => i.href.baseVal)"
MOVE = """k => { const figure = document.getElementById('figure');
  return Plotly.relayout(figure, ...figure.layout.sliders[0].steps[k].args).then(() => null) }"""


@pytest.fixture
def figure(page, demo):
    page.goto(f"file://{demo}")
    page.wait_for_selector("#figure .slider-container")
    page.wait_for_function(f"{SOURCES}.length == 6")
    return page


def test_dragging_the_slider_moves_every_panel(figure, tmp_path):
    before = figure.evaluate(SOURCES)
    rail = figure.locator(".slider-rail-touch-rect").bounding_box()
    middle = rail["y"] + rail["height"] / 2
    figure.mouse.move(rail["x"] + rail["width"] - 3, middle)
    figure.mouse.down()
    for step in range(1, 21):
        figure.mouse.move(rail["x"] + rail["width"] * (1 - step / 20) + 2, middle)
    figure.mouse.up()
    figure.wait_for_function("document.getElementById('figure')._fullLayout.sliders[0].active == 0")
    after = figure.evaluate(SOURCES)
    assert [a != b for a, b in zip(before, after, strict=True)] == [True] * 5 + [False]  # the cursor moves instead
    assert figure.locator(".slider-label").first.text_content().startswith("α 0.0")


def test_every_step_shows_its_own_pictures(figure):
    seen = set()
    steps = figure.evaluate("document.getElementById('figure').layout.sliders[0].steps.length")
    for step in range(steps):
        figure.evaluate(MOVE, step)
        seen.add(figure.evaluate(SOURCES)[4])
    assert len(seen) == steps == 24


def test_play_moves_and_pause_stops(figure, errors):
    before = figure.evaluate(SOURCES)
    figure.get_by_text("▶ play").click()
    figure.wait_for_function(f"{SOURCES}[4] != {before[4]!r}")
    figure.get_by_text("❚❚ pause").click()
    figure.wait_for_timeout(300)
    held = figure.evaluate(SOURCES)
    figure.wait_for_timeout(400)
    assert figure.evaluate(SOURCES) == held
    errors[:] = [error for error in errors if error != "undefined"]  # how plotly rejects an animation that is paused


def test_play_runs_to_the_end(figure):
    last = figure.evaluate(SOURCES)
    figure.get_by_text("▶ play").click()
    figure.wait_for_function(f"{SOURCES}[4] != {last[4]!r}")
    figure.wait_for_function(f"{SOURCES}[4] == {last[4]!r}", timeout=20_000)
    assert figure.evaluate(SOURCES) == last
