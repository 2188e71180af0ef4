"""Figures and the scrubber in a real JupyterLab."""

import pytest

SETUP = """
import lam_nb as lam, lam_widgets
net = lam.networks.load("imdn-small")
lr = lam.images.downscale(lam.images.sample("facade")[:, :224], 4)
ds = lam.attribute(net, lr, lam.Region(112, 120), steps=8, progress=False)
"""
ROOT = ".lam-scrubber"
PIXELS = """([panel, k]) => { const c = document.querySelectorAll('.lam-scrubber canvas')[panel];
  return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data) }"""


def _wait_for_step(page, step, which=0):
    page.wait_for_function(
        "([w, s]) => document.querySelectorAll('.lam-scrubber')[w]?.dataset.step == s", arg=[which, str(step)]
    )


@pytest.fixture
def scrubber(notebook):
    page = notebook(SETUP, "scrubber = lam_widgets.Scrubber(ds)\nscrubber")
    page.wait_for_selector(f"{ROOT} canvas", timeout=120_000)
    return page


def test_mouse_and_keys_move_it(scrubber):
    assert scrubber.locator(f"{ROOT} canvas").count() == 3
    slider = scrubber.locator(f"{ROOT} input[type=range]")
    slider.focus()
    slider.press("Home")
    _wait_for_step(scrubber, 0)
    slider.press("ArrowRight")
    _wait_for_step(scrubber, 1)
    slider.press("End")
    _wait_for_step(scrubber, 7)
    box = slider.bounding_box()
    scrubber.mouse.click(box["x"] + 4, box["y"] + box["height"] / 2)
    _wait_for_step(scrubber, 0)
    assert "σ" in scrubber.locator(f"{ROOT} output").inner_text()


def test_pixels_are_the_values_and_the_step_is_a_value_in_the_next_cell(notebook):
    check = """
import json, numpy as np
from lam_nb.views.pictures import limit, palette
gathered = ds.lam.cumulative().values
index = np.round((np.clip(gathered / limit(gathered), -1, 1) + 1) * 127.5).astype(int)
print("PIXELS" + json.dumps(palette()[index[3]].ravel().tolist()) + "END")
"""
    page = notebook(
        SETUP, "s = lam_widgets.Scrubber(ds)\ns", check, "s.step = 3\nprint('STEP', s.step, round(s.alpha, 3))"
    )
    page.wait_for_selector(f"{ROOT} canvas", timeout=120_000)
    _wait_for_step(page, 3)
    page.get_by_text("STEP 3").wait_for()
    text = page.locator(".jp-OutputArea-output", has_text="PIXELS").inner_text()
    expected = [int(word) for word in text.split("[")[1].split("]")[0].split(",")]
    shown = page.evaluate(PIXELS, [2, 3])
    assert [value for k, value in enumerate(shown) if k % 4 < 3] == expected


def test_two_displays_of_one_scrubber_move_together(notebook):
    page = notebook(SETUP, "s = lam_widgets.Scrubber(ds)\ns", "s")
    page.wait_for_function("document.querySelectorAll('.lam-scrubber').length == 2", timeout=120_000)
    page.locator(f"{ROOT} input").first.focus()
    page.keyboard.press("Home")
    _wait_for_step(page, 0, 0)
    _wait_for_step(page, 0, 1)


def test_figures_scrub_in_the_lab(notebook):
    page = notebook(SETUP, "lam.views.progression(ds)")
    page.wait_for_selector(".js-plotly-plot .slider-container", timeout=120_000)
    sources = "Array.from(document.querySelectorAll('.js-plotly-plot image'), i => i.href.baseVal)"
    before = page.evaluate(sources)
    page.locator(".slider-rail-touch-rect").scroll_into_view_if_needed()
    rail = page.locator(".slider-rail-touch-rect").bounding_box()
    page.mouse.click(rail["x"] + 4, rail["y"] + rail["height"] / 2)
    page.wait_for_function(f"{sources}[4] != {before[4]!r}")
    after = page.evaluate(sources)
    assert [a != b for a, b in zip(before, after, strict=True)] == [True, False, True, True, True, False]
