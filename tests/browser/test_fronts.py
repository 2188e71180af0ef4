"""Other front ends: Notebook 7, Voila, and pages opened from disk."""

import os
import re
import signal
import subprocess
import sys

import nbclient
import nbformat
import pytest
from nbconvert import HTMLExporter
from PIL import Image as Pillow

import lam_nb as lam
import lam_widgets
from lam_nb.views.kit import as_pixels

SETUP = """
import lam_nb as lam, lam_widgets
net = lam.networks.load("imdn-small")
lr = lam.images.downscale(lam.images.sample("facade")[:, :224], 4)
ds = lam.attribute(net, lr, lam.Region(112, 120), steps=8, progress=False)
"""
SHOWN = "lam_widgets.Scrubber(ds)"
SLIDER = ".lam-scrubber .lam-slider"


@pytest.fixture
def tools(request):
    """The helpers of this folder's conftest."""
    plugins = request.config.pluginmanager.get_plugins()
    return next(one for one in plugins if hasattr(one, "serving") and hasattr(one, "written"))


def scrubs(page):
    page.wait_for_selector(SLIDER, timeout=120_000)
    page.locator(SLIDER).press("Home")
    page.wait_for_function("document.querySelector('.lam-scrubber').dataset.step == '0'")
    for step in range(1, 8):
        page.locator(SLIDER).press("ArrowRight")
        page.wait_for_function("s => document.querySelector('.lam-scrubber').dataset.step == s", arg=str(step))


def test_notebook_seven(page, tools, tmp_path, errors):
    tools.written(tmp_path / "test.ipynb", SETUP, SHOWN)
    options = ["--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={tmp_path}", "--allow-root"]
    with tools.serving(tmp_path, "notebook", "/api/status", *options) as address:
        page.goto(f"{address}/notebooks/test.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=120_000)
        tools._run_all(page)
        scrubs(page)
        page.goto("about:blank")
    errors[:] = [one for one in errors if "'schema'" not in one]  # Notebook's own, also of an empty notebook


def test_voila(page, tools, tmp_path, errors):
    tools.written(tmp_path / "test.ipynb", SETUP, SHOWN)
    without = "--VoilaConfiguration.extension_denylist=@jupyter/nbgrader"  # which fails in Voila
    nothing = "/static/none"  # each request for the page itself would start a kernel
    with tools.serving(tmp_path, "voila", nothing, str(tmp_path / "test.ipynb"), without) as address:
        page.goto(address, timeout=120_000)
        scrubs(page)
        page.goto("about:blank")
    errors[:] = [one for one in errors if "NAME_NOT_RESOLVED" not in one and "voila/static" not in one]  # Voila's own


@pytest.fixture(scope="module")
def many():
    hr = lam.images.sample("facade")[:, :224]
    lr = lam.images.downscale(hr, 4)
    nets = [lam.networks.load(name) for name in ("residual", "fsrcnn")]
    settings = {"steps": 6, "keep": ["input", "output", "gradient", "integrand", "path"], "progress": False}
    return lam.compare(nets, lr, lam.Region(112, 120), reference=hr, **settings)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 1600])
def test_pages_of_widgets_answer_without_a_kernel(page, many, tmp_path, width, theme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    lam_widgets.Scrubber(many.isel(model=0)).to_html(tmp_path / "scrubber.html")
    page.goto(f"file://{tmp_path}/scrubber.html")
    page.wait_for_selector(SLIDER)
    page.locator(SLIDER).focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.lam-scrubber').dataset.step == '0'")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_page_of_a_comparison_sorts_and_scrubs(page, many, tmp_path):
    lam_widgets.Comparison(many).to_html(tmp_path / "comparison.html")
    page.goto(f"file://{tmp_path}/comparison.html")
    page.locator(".lam-comparison select").first.select_option("name")
    page.wait_for_function("document.querySelectorAll('.lam-model')[1].style.order == '0'")
    page.locator(".lam-comparison input[type=range]").focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.lam-comparison').dataset.step == '0'")


def test_the_page_of_a_comparison_view_scrubs(page, many, tmp_path):
    lam.views.comparison(many).to_html(tmp_path / "view.html")
    page.goto(f"file://{tmp_path}/view.html")
    page.wait_for_selector("#figure .slider-container")
    sources = "Array.from(document.querySelectorAll('#figure image'), i => i.href.baseVal)"
    page.wait_for_function(f"{sources}.length >= 8")
    before = page.evaluate(sources)
    page.evaluate("""() => { const figure = document.getElementById('figure');
      return Plotly.animate(figure, ...figure.layout.sliders[0].steps[0].args).then(() => null) }""")
    after = page.evaluate(sources)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 2


def test_samples_that_are_chosen_stay_marked_in_all_layers(page, tmp_path):
    """By dragging, by keys and by names; pointing at one shows its picture."""
    pictures = {name: lam.images.sample(name)[:, :96, :96] for name in ("bricks", "cat", "facade")}
    given = {"layers": ["first_part.0", "last_part"], "components": 4, "progress": False}
    ds = lam.representations("fsrcnn", pictures, {"blur": lam.images.Blur(2)}, **given)
    lam_widgets.Samples(ds).to_html(tmp_path / "samples.html")
    page.goto(f"file://{tmp_path}/samples.html")
    marked = ".lam-plane .lam-on, .lam-small .lam-on"
    page.get_by_role("button", name="blur", exact=True).click()
    assert page.locator(marked).count() == 9  # three samples: large, and in two small panels
    places = page.evaluate(
        "[...document.querySelectorAll('.lam-plane .lam-on')].map((n) => n.getAttribute('transform'))"
    )
    page.locator(".lam-slider").focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.lam-samples').dataset.step == '0'")
    moved = page.evaluate(
        "[...document.querySelectorAll('.lam-plane .lam-on')].map((n) => n.getAttribute('transform'))"
    )
    assert len(moved) == 3 and not set(moved) & set(places) and page.locator(marked).count() == 9
    page.locator(".lam-plane").focus()
    page.keyboard.press("Escape")
    assert page.locator(marked).count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator(".lam-card").is_visible() and page.locator(".lam-read").inner_text().endswith(", chosen")
    face = page.locator(".lam-face").evaluate("(node) => getComputedStyle(node).backgroundImage.slice(0, 26)")
    assert face == 'url("data:image/png;base64' and page.locator(marked).count() == 3
    box = page.locator(".lam-plane").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=4)
    page.mouse.up()
    assert page.locator(marked).count() == 18 and page.get_by_text("6 of 6 samples chosen").is_visible()


def test_the_page_of_a_picker_answers(page, tmp_path):
    lam_widgets.RegionPicker(lam.images.sample("facade"), size=20).to_html(tmp_path / "picker.html")
    page.goto(f"file://{tmp_path}/picker.html")
    page.locator(".lam-box").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('.lam-picker output').textContent.startsWith('y 118, x 117, 20')")


def test_a_window_becomes_a_rectangle_by_keys_and_by_its_edges(page, tmp_path):
    offered = [(8, 16, 24, 48)]
    lam_widgets.RegionPicker(lam.images.sample("facade"), suggestions=offered).to_html(tmp_path / "picker.html")
    page.goto(f"file://{tmp_path}/picker.html")

    def told(words):
        page.wait_for_function(f"document.querySelector('.lam-picker output').textContent.startsWith('{words}')")

    told("y 8, x 16, 24 × 48")
    mark, box = (page.locator(name).bounding_box() for name in (".lam-suggestion", ".lam-box"))
    assert mark == box and box["width"] == pytest.approx(2 * box["height"], abs=0.1)
    page.locator(".lam-box").focus()
    page.keyboard.press("Shift+Alt+ArrowDown")
    told("y 8, x 16, 25 × 48")
    page.keyboard.press("Shift+ArrowLeft")
    told("y 8, x 16, 24 × 47")
    unit = page.locator(".lam-stage").bounding_box()["width"] / 256
    for drag, words in (
        (("width", 1, 0.5, 10, 3), "y 8, x 16, 24 × 57"),
        (("height", 0.5, 1, 3, 6), "y 8, x 16, 30 × 57"),
        (("both", 1, 1, 4, 4), "y 8, x 16, 34 × 61"),
        (("move", 0.5, 0.5, 5, 2), "y 10, x 21, 34 × 61"),
    ):
        _, across, down, right, below = drag
        box = page.locator(".lam-box").bounding_box()
        x, y = box["x"] + across * (box["width"] - 2), box["y"] + down * (box["height"] - 2)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + right * unit + 2 * (across == 1), y + below * unit + 2 * (down == 1), steps=4)
        page.mouse.up()
        told(words)


def test_an_exported_notebook_shows_pictures_without_a_network(page, tmp_path, errors):
    cells = [nbformat.v4.new_code_cell(text) for text in (SETUP, "lam.views.attribution(ds)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    exported, _ = HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "page.html").write_text(re.sub(r"""<script[^>]*src=[^>]*></script>""", "", exported))
    page.goto(f"file://{tmp_path}/page.html")
    page.wait_for_function("Array.from(document.images).some(i => i.src.startsWith('data:image/png') && i.width > 300)")
    errors[:] = [one for one in errors if "NAME_NOT_RESOLVED" not in one]  # fonts that nbconvert's page asks for


def test_an_exported_notebook_scrubs_without_a_kernel_and_a_network(page, tools, tmp_path, errors):
    figures = (
        "import plotly.graph_objects as go\ngo.Figure(go.Scatter(x=[1, 2], y=[3, 4]))",
        "lam.views.progression(ds)",
    )
    tools.written(tmp_path / "test.ipynb", SETUP, SHOWN, "lam_widgets.Explorer(['fsrcnn'], ['facade'])", *figures)
    command = ["jupyter", "nbconvert", "--execute", "--to", "lam_html", str(tmp_path / "test.ipynb")]
    environment = {**os.environ, "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(command, check=True, env=environment)
    written = (tmp_path / "test.html").read_text()
    (tmp_path / "page.html").write_text(re.sub(r"""<script[^>]*src=[^>]*></script>""", "", written))
    page.add_init_script("window.define = Object.assign(() => {}, { amd: {} })")  # as nbconvert's loader does
    page.goto(f"file://{tmp_path}/page.html")
    inside = page.frame_locator("iframe").first
    slider = inside.locator(".lam-slider")
    slider.press("Home")
    slider.press("ArrowRight")
    inside.locator(".lam-scrubber[data-step='1']").wait_for()
    high = page.locator("iframe").first.bounding_box()["height"]
    assert high > 500, "the frame is as high as the widget"
    assert page.locator("img[src^='data:image/png']").count(), "the Explorer, which needs a kernel, leaves its picture"
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 2")
    assert page.locator(".js-plotly-plot .slider-container").count() == 1 and not page.locator(".lam-still").count()
    assert page.evaluate("typeof define.amd") == "object", "the page's loader is there again"
    errors[:] = [one for one in errors if "NAME_NOT_RESOLVED" not in one and "require is not defined" not in one]


def ended(server):
    """End a program as Ctrl-C does, and return its exit code and what it still said."""
    server.send_signal(signal.SIGINT)
    said, _ = server.communicate(timeout=30)
    return server.returncode, said


def told(server, pattern):
    """Return the first match in what a program says."""
    said = ""
    for line in server.stdout:
        said += line
        if found := re.search(pattern, line):
            return found[0]
    raise AssertionError(said)


def started(*arguments, folder, port):
    command = [sys.executable, "-m", "lam_nb.cli", *arguments, "--no-browser", f"--port={port}"]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LAM_NB_CACHE": str(folder / ".cache")}
    return subprocess.Popen(command, cwd=folder, env=environment, **pipe)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
@pytest.mark.usefixtures("busy")
def test_explore_is_an_application_for_who_has_its_token(page, tools, tmp_path, errors):
    Pillow.fromarray(as_pixels(lam.images.sample("bricks").numpy())).save(tmp_path / "wall.png")
    server = started("explore", "wall.png", "--networks", "fsrcnn", "--dark", folder=tmp_path, port=tools._free_port())
    try:
        address = told(server, r"http://127\.0\.0\.1:\d+/\?token=\w{20,}")
        page.goto(address.partition("?")[0])
        assert page.locator(".lam-explorer").count() == 0 and "login" in page.url
        page.goto(address, timeout=120_000)
        page.locator(".lam-explorer button", has_text="Run").click(timeout=120_000)
        page.wait_for_selector(".lam-message:has-text('done in')", timeout=120_000)
        page.wait_for_selector(".lam-explorer .js-plotly-plot", timeout=60_000)
        assert page.get_by_label("image", exact=True).input_value() == "wall.png"
        assert page.locator("body").get_attribute("data-jp-theme-light") == "false"
        page.goto("about:blank")
    finally:
        code, said = ended(server)
    assert code == 0 and "lam-nb: ended." in said
    errors[:] = [one for one in errors if "NAME_NOT_RESOLVED" not in one and "voila/static" not in one]  # Voila's own


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_lab_opens_the_notebooks_that_come_along(tools, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "1-first-map.ipynb").write_text("changed")
    server = started("lab", "--folder", "mine", folder=tmp_path, port=tools._free_port())
    try:
        told(server, r"http://127\.0\.0\.1:\d+/lab\?token=\w{20,}")
    finally:
        code, _ = ended(server)
    assert code == 0
    assert (tmp_path / "mine" / "1-first-map.ipynb").read_text() == "changed", "what is there stays"
    assert (tmp_path / "mine" / "4-compare-networks.ipynb").is_file() and (tmp_path / "mine" / "exercises").is_dir()
    assert not (tmp_path / "mine" / "pictures").exists()
