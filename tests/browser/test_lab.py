"""Figures and widgets in a real JupyterLab, used as a person would."""

import base64
import io
import json
import re

import nbformat
import numpy as np
import pytest

import lam_nb as lam

SETUP = """
import lam_nb as lam, lam_widgets
net = lam.networks.load("imdn-small")
hr = lam.images.sample("facade")[:, :224]
lr = lam.images.downscale(hr, 4)
ds = lam.attribute(net, lr, lam.Region(112, 120), steps=8, progress=False)
"""
ROOT = ".lam-scrubber"
TOP = f"{ROOT} .lam-view > canvas:last-of-type"
PIXELS = """k => { const c = document.querySelectorAll('.lam-scrubber .lam-view > canvas:last-of-type')[k];
  return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data) }"""


def _wait_for_step(page, step, which=0):
    page.wait_for_function(
        "([w, s]) => document.querySelectorAll('.lam-scrubber')[w]?.dataset.step == s", arg=[which, str(step)]
    )


def _run_last(page, text):
    """Run the last cell by hand and wait until it has printed."""
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Shift+Enter")
    printed = page.locator(".jp-OutputArea-output").filter(has_text=re.compile(re.escape(text)))
    printed.last.wait_for(timeout=60_000)
    return printed.last.inner_text()


@pytest.fixture
def scrubber(notebook):
    page = notebook(SETUP, "scrubber = lam_widgets.Scrubber(ds)\nscrubber")
    page.wait_for_selector(f"{ROOT} canvas", timeout=120_000)
    return page


def test_mouse_and_keys_move_the_scrubber(scrubber):
    assert scrubber.locator(TOP).count() == 5
    slider = scrubber.locator(f"{ROOT} .lam-slider")
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
    assert "σ" in scrubber.locator(f"{ROOT} .lam-player output").inner_text()
    slider.press(" ")
    _wait_for_step(scrubber, 7)
    _wait_for_step(scrubber, 0)  # it goes round
    slider.press(" ")
    assert scrubber.locator(f"{ROOT} .lam-player button").inner_text() == "▶ play"


def test_pixels_are_the_values_and_the_step_is_a_value_in_the_next_cell(notebook):
    check = """
import json
from lam_nb.views.kit import limit, palette, shades
from lam_widgets.kit import coloured, quantised
gathered = ds.lam.cumulative().values
full = abs(gathered).max()
shown = [coloured(quantised(gathered[3], full), full, limit(gathered), of()) for of in (palette, shades)]
print("=VALUES" + json.dumps([one.ravel().tolist() for one in shown]) + "END")
"""
    page = notebook(
        SETUP, "s = lam_widgets.Scrubber(ds)\ns", check, "s.step = 3\nprint('STEP', s.step, round(s.alpha, 3))"
    )
    page.wait_for_selector(f"{ROOT} canvas", timeout=120_000)
    _wait_for_step(page, 3)
    page.get_by_text("STEP 3").wait_for()
    text = page.locator(".jp-OutputArea-output", has_text="=VALUES").inner_text()
    bare, laid = (np.array(one) for one in json.loads(re.search(r"\[.*\]", text)[0]))
    shown, laid = np.array(page.evaluate(PIXELS, 4)).reshape(-1, 4), laid.reshape(-1, 4)
    np.testing.assert_array_equal(shown[:, 3], laid[:, 3])
    share = laid[:, 3:] / 255  # a canvas keeps colours times opacity, as bytes
    assert abs(shown[:, :3] * share - laid[:, :3] * share).max() <= 1
    page.get_by_label("bare map").check()
    page.wait_for_function(f"({PIXELS})(4).every((v, k) => k % 4 < 3 || v == 255)")
    np.testing.assert_array_equal(np.array(page.evaluate(PIXELS, 4)).reshape(-1, 4)[:, :3].ravel(), bare)


def test_a_pixel_is_read_pinned_and_a_value(notebook):
    page = notebook(SETUP, "s = lam_widgets.Scrubber(ds)\ns", "print('PIXEL', s.pixel, s.palette, s.overlay)")
    page.wait_for_selector(f"{ROOT} canvas", timeout=120_000)
    page.get_by_label("whole picture").check()
    view = page.locator(f"{ROOT} .lam-view").nth(4)
    view.scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelectorAll('{TOP}')[4].style.transform.endsWith('scale(1)')")
    box = view.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 30.5 / 64, box["y"] + box["height"] * 28.5 / 56)
    read = page.locator(f"{ROOT} .lam-read")
    assert re.match(r"y 28, x 30, α 0\.\d+: -?[\d.e-]+ detector", read.inner_text())
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector(f"{ROOT} .lam-pinned polyline")
    view.press("ArrowRight")
    page.wait_for_function("document.querySelector('.lam-pinned').textContent.includes('y 28, x 31')")
    before = page.evaluate(PIXELS, 4)
    page.get_by_label("colours").select_option("brown – white – green")
    page.wait_for_function(
        f"before => {{ const now = ({PIXELS})(4); return before.some((v, k) => v != now[k]) }}", arg=before
    )
    opacity = page.get_by_label("opacity")
    opacity.focus()
    opacity.press("Home")
    page.wait_for_function(f"document.querySelectorAll('{TOP}')[4].style.opacity == '0'")
    page.wait_for_timeout(300)
    assert "PIXEL [28, 31] brown – white – green 0" in _run_last(page, "PIXEL [28, 31]")


def test_two_displays_of_one_scrubber_move_together(notebook):
    page = notebook(SETUP, "s = lam_widgets.Scrubber(ds)\ns", "s")
    page.wait_for_function("document.querySelectorAll('.lam-scrubber').length == 2", timeout=120_000)
    page.locator(f"{ROOT} .lam-slider").first.focus()
    page.keyboard.press("Home")
    _wait_for_step(page, 0, 0)
    _wait_for_step(page, 0, 1)


def test_two_scrubbers_move_apart(notebook):
    page = notebook(SETUP, "lam_widgets.Scrubber(ds)", "lam_widgets.Scrubber(ds)")
    page.wait_for_function("document.querySelectorAll('.lam-scrubber').length == 2", timeout=120_000)
    page.locator(f"{ROOT} .lam-slider").first.focus()
    page.keyboard.press("Home")
    _wait_for_step(page, 0, 0)
    _wait_for_step(page, 7, 1)


def test_the_region_is_dragged_and_moved_by_keys(notebook):
    page = notebook(SETUP, "p = lam_widgets.RegionPicker(lr, size=20, scale=4)\np", "print('AT', p.region)")
    box = page.locator(".lam-box")
    box.wait_for(timeout=120_000)
    box.scroll_into_view_if_needed()
    stage, start = page.locator(".lam-stage").bounding_box(), box.bounding_box()
    unit = stage["width"] / 256
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30 * unit, y - 40 * unit, steps=6)
    page.mouse.up()
    page.wait_for_function("document.querySelector('.lam-picker output').textContent.startsWith('y 62, x 148')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Alt+ArrowLeft")
    page.wait_for_function("document.querySelector('.lam-picker output').textContent.startsWith('y 63, x 132, 21')")
    for _ in range(20):
        page.keyboard.press("Alt+ArrowLeft")
    page.wait_for_timeout(300)
    assert "y=63, x=0, 21 × 21" in _run_last(page, "AT")


COMPARED = """
nets = [lam.networks.load(name) for name in ("residual", "fsrcnn", "rfdn-small")]
many = lam.compare(nets, lr, lam.Region(112, 120), steps=6, keep=["output", "integrand"], reference=hr, progress=False)
c = lam_widgets.Comparison(many)
c
"""


def test_networks_are_compared_sorted_zoomed_and_chosen(notebook):
    page = notebook(SETUP + COMPARED, "print('CHOSEN', c.selected, c.step, c.sort)")
    page.wait_for_selector(".lam-comparison canvas", timeout=120_000)
    places = "Array.from(document.querySelectorAll('.lam-model'), m => m.getBoundingClientRect().x)"
    page.locator(".lam-comparison select").first.select_option("diffusion index")
    page.wait_for_function(f"(() => {{ const [a, b, c] = {places}; return c < a && a < b }})()")
    view = page.locator(".lam-view").first
    view.scroll_into_view_if_needed()
    view.hover()
    zoomed = "Array.from(document.querySelectorAll('.lam-view > canvas'), c => c.style.transform)"
    before = page.evaluate(zoomed)
    page.mouse.wheel(0, -10)  # without Ctrl the page scrolls, and nothing is enlarged
    page.wait_for_timeout(200)
    assert page.evaluate(zoomed) == before
    view.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_function(f"new Set({zoomed}).size == 1 && !{zoomed}[0].endsWith('scale(1)')")
    assert page.locator(".lam-mark:visible").count() >= 3
    page.get_by_role("button", name="make smaller").click(click_count=9)
    page.wait_for_function(f"{zoomed}[0].endsWith('scale(1)')")
    page.locator(".lam-comparison .lam-view").first.hover()
    assert re.match(
        r"y \d+, x \d+ .*residual .*fsrcnn .*rfdn-small", page.locator(".lam-comparison .lam-read").inner_text()
    )
    page.get_by_label("select fsrcnn").check()
    slider = page.locator(".lam-comparison input[type=range]")
    slider.focus()
    slider.press("Home")
    page.wait_for_function("document.querySelector('.lam-comparison').dataset.step == '0'")
    page.wait_for_timeout(300)
    assert "CHOSEN ['fsrcnn'] 0 diffusion index" in _run_last(page, "CHOSEN")


def _choose(page, first, *more):
    """Choose networks in the Explorer's table: one alone, and others beside it."""
    row = page.locator(".lam-catalogue tbody tr")
    row.filter(has_text=re.compile(rf"^{first}×")).locator("td").nth(1).click()
    for name in more:
        page.get_by_label(f"choose {name}", exact=True).check()


@pytest.mark.usefixtures("busy")
def test_the_explorer_does_the_whole_job(notebook, tmp_path):
    page = notebook(
        "import lam_widgets\nnames = ['residual', 'rfdn-small', 'dncnn-small']",
        "e = lam_widgets.Explorer(names, ['facade'], steps=6)\ne",
        "print('=HAVE', e.state, dict(e.dataset.sizes), e.region)",
    )
    run = page.locator(".lam-explorer button", has_text="Run")
    run.wait_for(timeout=120_000)
    page.wait_for_selector(".lam-box")
    page.locator(".lam-box").focus()
    page.keyboard.press("ArrowRight")
    run.click()
    page.wait_for_selector(".lam-message:has-text('done in')", timeout=120_000)
    assert "=HAVE done" in _run_last(page, "=HAVE")
    page.wait_for_selector(".lam-explorer .js-plotly-plot", timeout=30_000)
    page.locator(".lam-explorer .lm-TabBar-tab", has_text="Numbers").click()
    page.wait_for_selector(".lam-explorer table:visible")
    page.locator(".lam-explorer .lm-TabBar-tab", has_text="Integration").click()
    page.wait_for_selector(f".lam-explorer {TOP}")

    _choose(page, "residual", "rfdn-small")
    run.click()
    page.wait_for_selector(".lam-explorer .lam-comparison", timeout=120_000, state="attached")
    page.wait_for_selector(".lam-message:has-text('done in')", timeout=120_000)

    _choose(page, "residual", "dncnn-small")
    run.click()
    page.wait_for_selector(".lam-message:has-text('their scales differ')", timeout=120_000)

    _choose(page, "rfdn-small")
    steps = page.get_by_label("steps")
    steps.fill("243")
    steps.press("Enter")
    run.click()
    page.locator(".lam-explorer button", has_text="Cancel").click()
    page.wait_for_selector(".lam-message:has-text('cancelled')", timeout=60_000)
    page.locator(".lam-explorer .lm-TabBar-tab", has_text="Export").click()
    with page.expect_download(timeout=60_000) as saved:
        page.locator(".lam-files button", has_text=".nc").click()
    assert saved.value.suggested_filename == "residual-rfdn-small_facade_y120_x121_16x16.nc"
    saved.value.save_as(tmp_path / "saved.nc")
    assert lam.open(tmp_path / "saved.nc").model.values.tolist() == ["residual", "rfdn-small"]
    assert "lam.compare([net_0, net_1]" in page.locator(".lam-explorer pre").inner_text()
    page.locator(".lam-stale:has-text('out of date')").wait_for()
    page.locator(".lam-explorer .jupyter-widget-Collapse-header").click()
    page.wait_for_selector(".lam-runs img:visible")


def test_a_lost_kernel_is_told(scrubber):
    scrubber.get_by_role("menuitem", name="Kernel", exact=True).click()
    scrubber.locator("li.lm-Menu-item[data-command='kernelmenu:restart']").click()
    scrubber.locator(".jp-Dialog .jp-mod-accept").click()
    scrubber.wait_for_selector(".lam-gone:visible", timeout=60_000)
    slider = scrubber.locator(f"{ROOT} .lam-slider")
    slider.focus()
    slider.press("Home")
    _wait_for_step(scrubber, 0)


def test_dark_and_narrow(scrubber):
    scrubber.evaluate("document.body.dataset.jpThemeLight = 'false'")
    scrubber.get_by_role("menuitem", name="Settings", exact=True).click()
    scrubber.locator("li.lm-Menu-item", has_text="Theme").first.hover()
    scrubber.locator("li.lm-Menu-item", has_text=re.compile("^JupyterLab Dark$")).click()
    scrubber.wait_for_function("document.body.dataset.jpThemeName == 'JupyterLab Dark'")
    colour = "getComputedStyle(document.querySelector('.lam-scrubber')).color.match(/\\d+/g).slice(0, 3)"
    scrubber.wait_for_function(f"Math.min(...{colour}) > 150")
    scrubber.set_viewport_size({"width": 700, "height": 900})
    scrubber.wait_for_timeout(300)
    wide = "document.querySelector('.lam-scrubber').scrollWidth - document.querySelector('.lam-scrubber').clientWidth"
    assert scrubber.evaluate(wide) <= 1
    small = """Array.from(document.querySelectorAll('.lam-scrubber *'))
      .filter(e => e.children.length == 0 && e.textContent.trim() && !e.closest('svg'))
      .map(e => parseFloat(getComputedStyle(e).fontSize)).filter(size => size < 12)"""
    assert scrubber.evaluate(small) == []


def test_a_saved_notebook_holds_a_picture_for_places_without_widgets(scrubber, lab):
    scrubber.keyboard.press("Escape")
    scrubber.locator(".jp-Notebook .jp-CodeCell").first.click(position={"x": 5, "y": 5})
    scrubber.keyboard.press("Control+s")
    root, _ = lab
    for _ in range(60):
        text = (root / "test.ipynb").read_text()  # empty for a moment while it is written
        saved = nbformat.reads(text, as_version=4) if text else nbformat.v4.new_notebook(cells=[{}, {}])
        data = [out.get("data", {}) for out in saved.cells[1].get("outputs", [])]
        if data:
            break
        scrubber.wait_for_timeout(250)
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data[0])


def test_figures_scrub_in_the_lab(notebook):
    page = notebook(SETUP, "lam.views.progression(ds)")
    page.wait_for_selector(".js-plotly-plot .slider-container", timeout=120_000)
    sources = "Array.from(document.querySelectorAll('.js-plotly-plot image'), i => i.href.baseVal)"
    before = page.evaluate(sources)
    page.locator(".slider-rail-touch-rect").scroll_into_view_if_needed()
    rail = page.locator(".slider-rail-touch-rect").bounding_box()
    page.mouse.click(rail["x"] + rail["width"] - 4, rail["y"] + rail["height"] / 2)
    page.wait_for_function(f"{sources}[0] != {before[0]!r}")
    page.wait_for_timeout(300)
    after = page.evaluate(sources)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 4  # the image on the path and the three maps


def test_a_figure_follows_the_lab_into_the_dark_and_leaves_no_second_picture(notebook):
    page = notebook(SETUP, "lam.views.attribution(ds)")
    page.wait_for_selector(".js-plotly-plot .main-svg", timeout=120_000)
    page.wait_for_selector("img.lam-still", state="attached", timeout=120_000)  # drawn after the figure is shown
    assert page.locator("img.lam-still").count() == 1 and not page.locator("img.lam-still").is_visible()
    ink = "getComputedStyle(document.querySelector('.js-plotly-plot .gtitle')).fill.match(/\\d+/g).slice(0, 3)"
    light = page.evaluate("document.body.dataset.jpThemeLight")  # another test may have left it dark
    assert (page.evaluate(f"Math.max(...{ink})") < 60) == (light == "true")
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator("li.lm-Menu-item", has_text="Theme").first.hover()
    page.locator("li.lm-Menu-item", has_text=re.compile("^JupyterLab Dark$")).click()
    page.wait_for_function("document.body.dataset.jpThemeName == 'JupyterLab Dark'")
    page.wait_for_function(f"Math.min(...{ink}) > 200")
    paper = "getComputedStyle(document.querySelector('.js-plotly-plot .main-svg')).backgroundColor"
    assert page.evaluate(paper) == "rgba(0, 0, 0, 0)"


CONTROLS = ".lam-explorer :is(button, input, select, [role=application], [role=tab])"
NAMELESS = f"""() => Array.from(document.querySelectorAll('{CONTROLS}')).filter(e => e.checkVisibility())
  .filter(e => !(e.labels?.length || e.getAttribute('aria-label') || e.title || e.innerText.trim()))
  .map(e => e.outerHTML.slice(0, 120))"""
GIVE = """([where, kind, name, content]) => {
  const given = new DataTransfer(), bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
  given.items.add(new File([bytes], name, { type: 'image/png' }));
  const place = document.querySelectorAll('.lam-place')[where];
  const event = kind == 'paste' ? new ClipboardEvent('paste', { clipboardData: given, bubbles: true, composed: true })
    : new DragEvent(kind, { dataTransfer: given, bubbles: true });
  place.dispatchEvent(event) }"""


@pytest.mark.usefixtures("busy")
def test_files_are_dropped_pasted_and_chosen_and_every_control_has_a_name(notebook, tmp_path):
    page = notebook(
        "import lam_widgets",
        "e = lam_widgets.Explorer(['fsrcnn'], ['facade'], steps=4, history=False)\ne",
        "print('=RUNS', [run.question.region for run in e.runs])",
    )
    page.wait_for_selector(".lam-place", timeout=120_000)
    page.wait_for_selector(".lam-box")
    picture = io.BytesIO()
    lam.images.to_pillow(lam.images.sample("bricks")[:, :96, :120]).save(picture, "PNG")
    content = base64.b64encode(picture.getvalue()).decode()
    chosen = page.get_by_label("image", exact=True)
    for kind in ("drop", "paste"):
        page.evaluate(GIVE, [1, kind, f"{kind}.png", content])
        page.wait_for_function("([c, v]) => c.value == v", arg=[chosen.element_handle(), f"{kind}.png"])
    (tmp_path / "chosen.png").write_bytes(picture.getvalue())
    page.locator(".lam-intake input[type=file]").nth(1).set_input_files(tmp_path / "chosen.png")
    page.wait_for_function("([c, v]) => c.value == v", arg=[chosen.element_handle(), "chosen.png"])
    assert page.evaluate(NAMELESS) == []
    page.wait_for_function("document.querySelector('.lam-picker output').textContent.includes('y 40')")
    box = page.locator(".lam-box")
    box.focus()
    page.keyboard.press("+")
    page.wait_for_function("parseFloat(document.querySelector('.lam-stage').style.width) == 150")
    page.keyboard.press("n")
    page.locator(".lam-other").wait_for()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.wait_for_selector(".lam-glimpse:visible", timeout=60_000)
    assert "rough preview of fsrcnn" in page.locator(".lam-note").inner_text()
    page.locator(".lam-explorer button", has_text="Run").click()
    page.wait_for_selector(".lam-explorer .lm-TabBar-tab:has-text('Side by side')", timeout=120_000)
    page.wait_for_selector(".lam-message:has-text('done in')", timeout=60_000)
    told = _run_last(page, "=RUNS")
    assert "Region(y=40, x=52, size=16), Region(y=43, x=68, size=16)" in told


@pytest.mark.usefixtures("busy")
def test_two_tabs_of_one_kernel_show_the_same_and_a_kernel_that_dies_in_the_middle_is_told(notebook, browser, lab):
    page = notebook(
        "import lam_widgets, os",
        "e = lam_widgets.Explorer(['rfdn'], ['facade'], history=False)\ne",
        "if 'armed' in globals():\n    os._exit(1)\narmed = print('=ARMED')",
    )
    page.wait_for_selector(".lam-box", timeout=120_000)
    page.get_by_text("=ARMED", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    page.wait_for_selector(".jp-mod-current.jp-mod-dirty", state="detached")
    other = browser.new_page(viewport={"width": 1200, "height": 1000})
    other.goto(f"{lab[1]}/lab/workspaces/other/tree/test.ipynb")
    other.wait_for_selector(".lam-box", timeout=120_000)
    page.locator(".lam-box").focus()
    page.keyboard.press("ArrowRight")
    other.wait_for_function("document.querySelector('.lam-picker output').textContent.startsWith('y 120, x 121')")
    other.locator(".lam-explorer button", has_text="Run").click()
    page.wait_for_selector(".lam-explorer button:has-text('Cancel'):enabled", timeout=60_000)
    page.locator(".lam-explorer button", has_text="Cancel").click()
    for one in (page, other):
        one.wait_for_selector(".lam-message:has-text('cancelled')", timeout=60_000)
    other.close()

    page.locator(".lam-explorer button", has_text="Run").click()
    page.wait_for_selector(".lam-explorer button:has-text('Cancel'):enabled", timeout=60_000)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".lam-gone:visible", timeout=120_000)
    if page.locator(".jp-Dialog .jp-mod-accept").count():
        page.locator(".jp-Dialog .jp-mod-accept").click()
    page.wait_for_timeout(1000)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".lam-gone", state="hidden", timeout=120_000)
    page.wait_for_selector(".lam-explorer button:has-text('Run'):enabled", timeout=60_000)
