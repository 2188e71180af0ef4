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
ACTIVE = "document.getElementById('figure')._fullLayout.sliders[0].active"
MOVE = """k => { const figure = document.getElementById('figure');
  return Plotly.animate(figure, ...figure.layout.sliders[0].steps[k].args).then(() => null) }"""


@pytest.fixture
def figure(page, written):
    page.goto(f"file://{written}")
    page.wait_for_selector("#figure .slider-container")
    page.wait_for_function(f"{SOURCES}.length >= 9")  # five panels, grey pictures below three, the cursor
    return page


def test_a_page_of_a_sweep_fits_a_phone_and_asks_for_nothing(page, errors, tmp_path):
    nets, regions = ["fsrcnn", "residual", "rfdn-small"], [lam.Region(96, 96), lam.Region(32, 160)]
    store, asked = tmp_path / "night.zarr", []
    lam.sweep(nets, ["bricks", "facade"], regions, store=store, steps=3, progress=False)
    assert cli.main(["report", str(store), "--html", str(tmp_path / "night.html")]) == 0
    page.on("request", lambda request: asked.append(request.url))
    for width in (1400, 400):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"file://{tmp_path / 'night.html'}")
        page.wait_for_function("document.querySelector('.main-svg').clientWidth < innerWidth")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.querySelectorAll('.wide')].every(e => e.scrollWidth <= e.clientWidth)")
        names = page.locator(".textpoint text").all_text_contents()
        assert sorted(names) == (["1", "2", "3"] if width == 400 else sorted(nets))
    images = page.locator("main img")
    assert images.count() == 3 + 3 + 2 and all(one.get_attribute("alt") for one in images.all())
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)


def test_the_page_of_the_demo_scrubs(page, tmp_path):
    assert cli.main(["demo", "--folder", str(tmp_path)]) == 0
    page.goto(f"file://{tmp_path / 'lam-demo.html'}")
    page.wait_for_selector("#figure .slider-container")
    page.wait_for_function(f"{SOURCES}.length >= 8")
    page.evaluate(MOVE, 23)
    last = page.evaluate(SOURCES)
    page.evaluate(MOVE, 0)
    assert sum(a != b for a, b in zip(page.evaluate(SOURCES), last, strict=True)) == 2  # the maps
    assert page.get_by_text("fsrcnn").first.is_visible() and page.get_by_text("rfdn").first.is_visible()
    assert "rfdn looked most widely (diffusion index 13." in page.locator(".finding").text_content()


def test_it_opens_at_the_start_and_dragging_the_slider_moves_every_panel(figure, tmp_path):
    before = figure.evaluate(SOURCES)
    assert figure.evaluate(ACTIVE) == 0 and figure.locator(".slider-label").first.text_content().startswith("α 0.0")
    rail = figure.locator(".slider-rail-touch-rect").bounding_box()
    middle = rail["y"] + rail["height"] / 2
    figure.mouse.move(rail["x"] + 3, middle)
    figure.mouse.down()
    for step in range(1, 21):
        figure.mouse.move(rail["x"] + rail["width"] * step / 20 - 2, middle)
    figure.mouse.up()
    figure.wait_for_function(f"{ACTIVE} == 23")
    after = figure.evaluate(SOURCES)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 5  # all but grey pictures and the cursor


def test_every_step_shows_its_own_pictures(figure):
    seen = set()
    for step in range(24):
        figure.evaluate(MOVE, step)
        seen.add(tuple(figure.evaluate(SOURCES)))
    assert len(seen) == 24


def test_slider_and_label_follow_play_and_pause_stops(figure, errors):
    figure.get_by_text("▶ fast").click()
    for step in (3, 9):
        figure.wait_for_function(f"{ACTIVE} >= {step}")
        label, active = figure.evaluate(f"[document.querySelector('#figure .slider-label').textContent, {ACTIVE}]")
        known = figure.evaluate("document.getElementById('figure').layout.sliders[0].steps.map(s => s.label)")
        assert abs(known.index(label) - active) <= 1
    figure.get_by_text("❚❚").click()
    figure.wait_for_timeout(300)
    held = figure.evaluate(SOURCES)
    figure.wait_for_timeout(400)
    assert figure.evaluate(SOURCES) == held
    errors[:] = [error for error in errors if error != "undefined"]  # how plotly rejects an animation that is paused


def test_play_goes_round(figure, errors):
    figure.get_by_text("▶ fast").click()
    figure.wait_for_function(f"{ACTIVE} == 23", timeout=20_000)
    figure.wait_for_function(f"{ACTIVE} == 4", timeout=20_000)
    figure.get_by_text("❚❚").click()
    figure.wait_for_timeout(200)
    errors[:] = [error for error in errors if error != "undefined"]


def test_keys_move_the_page(figure, errors):
    figure.evaluate("document.getElementById('figure').focus()")
    for key, step in (("End", 23), ("ArrowLeft", 22), ("Home", 0), ("ArrowRight", 1)):
        figure.keyboard.press(key)
        figure.wait_for_function(f"{ACTIVE} == {step}")
    figure.keyboard.press(" ")
    figure.wait_for_function(f"{ACTIVE} >= 4")
    figure.keyboard.press(" ")
    figure.wait_for_timeout(200)
    errors[:] = [error for error in errors if error != "undefined"]


def test_the_page_tells_a_story_and_asks_nobody(page, written):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"file://{written}")
    page.wait_for_selector("#figure .slider-container")
    found = page.locator(".finding").text_content()
    assert "of imdn-small's map of this window lies on" in found and "diffusion index is" in found
    page.get_by_text("What am I looking at?").click()
    assert page.get_by_text("Yellow outline: the window").is_visible()
    page.get_by_text("Where it comes from").click()
    assert page.get_by_text("weights_sha256").is_visible()
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def test_networks_are_enlarged_together(page, tmp_path):
    nets = [lam.networks.load(name) for name in ("fsrcnn", "residual")]
    small = lam.images.downscale(lam.images.sample("bricks")[:, :224], 4)
    many = lam.compare(nets, small, lam.Region(96, 96), steps=3, fields=True, progress=False)
    page.goto(f"file://{lam.views.comparison(many).to_html(tmp_path / 'many.html')}")
    page.wait_for_selector("#figure .draglayer .nsewdrag", state="attached")
    page.wait_for_timeout(100)
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
