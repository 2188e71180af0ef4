"""Pages opened from disk: they scrub and play without a kernel."""

import pytest

import lam_nb as lam
from lam_nb import cli


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    net, small = lam.networks.load("imdn-small"), lam.images.downscale(lam.images.sample("facade"), 4)
    ds = lam.attribute(net, small, lam.Region(96, 96), steps=24, keep="all", progress=False)
    return lam.views.write_html(lam.views.progression(ds), tmp_path_factory.mktemp("page") / "map.html")


SOURCES = "Array.from(document.querySelectorAll('#figure image'), i => i.href.baseVal)"
MOVE = """k => { const figure = document.getElementById('figure');
  return Plotly.relayout(figure, ...figure.layout.sliders[0].steps[k].args).then(() => null) }"""


@pytest.fixture
def figure(page, written):
    page.goto(f"file://{written}")
    page.wait_for_selector("#figure .slider-container")
    page.wait_for_function(f"{SOURCES}.length == 6")
    return page


def test_the_page_of_the_demo_scrubs(page, tmp_path):
    assert cli.main(["demo", "--folder", str(tmp_path)]) == 0
    page.goto(f"file://{tmp_path / 'lam-demo.html'}")
    page.wait_for_selector("#figure .slider-container")
    page.wait_for_function(f"{SOURCES}.length == 6")
    page.evaluate(MOVE, 23)
    last = page.evaluate(SOURCES)
    page.evaluate(MOVE, 0)
    first = page.evaluate(SOURCES)
    assert [a != b for a, b in zip(first, last, strict=True)] == [False, False, True, True, False, False]  # the maps
    assert page.get_by_text("fsrcnn").first.is_visible() and page.get_by_text("rfdn").first.is_visible()


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


def test_networks_are_enlarged_together(page, tmp_path):
    nets = [lam.networks.load(name) for name in ("fsrcnn", "residual")]
    small = lam.images.downscale(lam.images.sample("bricks")[:, :224], 4)
    many = lam.compare(nets, small, lam.Region(96, 96), steps=3, fields=True, progress=False)
    page.goto(f"file://{lam.views.comparison(many).to_html(tmp_path / 'many.html')}")
    page.wait_for_selector("#figure .draglayer .nsewdrag", state="attached")
    ranges = """() => { const axes = document.getElementById('figure')._fullLayout;
      return ['', 2, 3, 4, 5, 6, 7, 8].map(k => axes[`xaxis${k}`].range.map(Math.round).join()) }"""
    before = page.evaluate(ranges)
    place = page.locator("#figure .draglayer .nsewdrag[data-subplot='x3y3']").first.bounding_box()
    page.mouse.move(place["x"] + 0.25 * place["width"], place["y"] + 0.25 * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + 0.75 * place["width"], place["y"] + 0.75 * place["height"], steps=8)
    page.mouse.up()
    page.wait_for_function(f"({ranges})()[2] != {before[2]!r}")
    after = page.evaluate(ranges)
    assert after[2] == after[3] == after[4] == after[5]  # maps and contribution areas, of both networks
    assert [after[k] for k in (0, 1, 6, 7)] == [before[k] for k in (0, 1, 6, 7)]  # outputs and fields have other pixels
