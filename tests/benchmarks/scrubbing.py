"""How smoothly views scrub in a browser: ``python -m tests.benchmarks.scrubbing``.

Drags the slider of each page with the mouse and prints the gaps between the frames that the browser
painted, median and 95th percentile, in ms, plain and at a quarter of the processor's speed; with the
pages' sizes. Beside ours, in the same run, the same data as plotly heatmaps in plotly's own frames. Then the same in a
real JupyterLab: the slider, the window with its rough maps, the seconds from a kernel's start to the first picture and
from the first click to the first map.
"""

import argparse
import base64
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import torch
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

import lam_nb as lam
import lam_widgets
from lam_nb._moved import variable
from tests.browser import conftest as tools

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
GAPS = """() => { window.gaps = []; let last = performance.now();
  const tick = now => { gaps.push(now - last); last = now; window.tock = requestAnimationFrame(tick) };
  requestAnimationFrame(tick) }"""


def result(side, steps):
    """A real map of a small network, of the size asked for."""
    torch.manual_seed(0)
    picture = lam.images.sample("facade")
    picture = picture.repeat(1, 2, 2)[:, :side, :side]
    net = lam.networks.load("fsrcnn")
    return lam.attribute(net, picture, lam.Region(2 * side, 2 * side), steps=steps, progress=False)


def heatmaps(ds):
    """The same panels as plotly heatmaps that plotly's frames animate."""
    stacks = [ds.lam.sensitivity(), ds.lam.contributions(), ds.lam.cumulative()]
    figure = make_subplots(rows=1, cols=3)
    for k, stack in enumerate(stacks):
        figure.add_trace(go.Heatmap(z=stack.values[0], colorscale="RdBu", zmid=0, showscale=False), row=1, col=k + 1)
    count = ds.sizes["alpha"]
    figure.frames = [go.Frame(name=str(k), data=[go.Heatmap(z=one.values[k]) for one in stacks]) for k in range(count)]
    play = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    steps = [{"method": "animate", "label": str(k), "args": [[str(k)], play]} for k in range(count)]
    figure.update_layout(sliders=[{"steps": steps, "active": 0}], height=500)
    return figure


def opened(page, address, slider, slow):
    """Open a page and return gaps between painted frames while its slider is dragged."""
    page.goto(f"file://{address}")
    page.wait_for_selector(slider)
    page.wait_for_timeout(800)
    return dragged(page, slider, slow)


def dragged(page, slider, slow):
    """Return gaps between painted frames while the mouse drags the slider from end to end."""
    page.locator(slider).scroll_into_view_if_needed()
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slow})
    box = page.locator(slider).bounding_box()
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 4, height)
    page.mouse.down()
    page.evaluate(GAPS)
    for k in range(1, 129):
        page.mouse.move(box["x"] + 4 + (box["width"] - 8) * k / 128, height)
        page.wait_for_timeout(8)
    gaps = page.evaluate("gaps")[2:]
    page.mouse.up()
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    return summed(gaps)


def summed(gaps):
    return statistics.median(gaps), float(np.quantile(gaps, 0.95))


LAB = """
import lam_nb as lam, lam_widgets
picture = lam.images.sample("facade")[:, :128, :128]
ds = lam.attribute("fsrcnn", picture, lam.Region(256, 256), steps=64, progress=False)
lam_widgets.Scrubber(ds)
"""


def in_the_lab(browser):
    """Yield what is measured in a real JupyterLab, and the figures."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        options = ["--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={root}"]
        with tools.serving(root, "jupyterlab", "/api/status", *options, "--allow-root") as address:
            page = browser.new_page(viewport={"width": 1400, "height": 1200})
            page.set_default_timeout(120_000)
            started = lab(page, address, root, "import lam_widgets\nlam_widgets.Explorer(history=False)", ".lam-box")
            yield "kernel's start to the first picture, s", round(started, 1)
            page.wait_for_timeout(2000)
            began = time.perf_counter()
            page.locator(".lam-explorer button", has_text="Run").first.click()
            page.wait_for_selector(".lam-message:has-text('preview'), .lam-message:has-text('done in')")
            yield "first click to the first map, s", round(time.perf_counter() - began, 1)
            page.wait_for_selector(".lam-message:has-text('done in')")
            yield "first click to the last, s", round(time.perf_counter() - began, 1)
            page.wait_for_timeout(2000)
            yield "window dragged, with rough maps, ms", [round(one, 1) for one in window(page)]
            lab(page, address, root, LAB, ".lam-slider")
            page.wait_for_timeout(2000)
            yield "Scrubber, 64 x 4 x 128, ms", [round(one, 1) for one in dragged(page, ".lam-slider", 1)]
            page.close()


def lab(page, address, root, cell, sign):
    """Run a notebook of one cell and return the seconds until what it shows is there."""
    tools.written(root / "measured.ipynb", cell)
    page.goto(f"{address}/lab/tree/measured.ipynb?reset")
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']")
    page.wait_for_timeout(1500)
    page.locator(".jp-Notebook .cm-content").first.click()
    began = time.perf_counter()
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(sign)
    return time.perf_counter() - began


def window(page):
    """Return gaps between painted frames while the window is dragged over the picture."""
    box = page.locator(".lam-box")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(GAPS)
    for k in range(1, 129):
        page.mouse.move(x - 1.5 * k, y - k)
        page.wait_for_timeout(8)
    gaps = page.evaluate("gaps")[2:]
    page.mouse.up()
    return summed(gaps)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON file to write")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    small, large = result(128, 64), result(512, 24)
    widget = lam_widgets.Scrubber(small)
    raw = len(widget.frames) + len(widget.pictures) + len(widget.grey) + sum(map(len, widget.outputs))
    pages = {
        "Scrubber, 64 x 4 x 128": (widget.to_html(folder / "a.html"), ".lam-slider"),
        "progression, 64 x 5 x 128": (
            lam.views.progression(small, size=None).to_html(folder / "b.html"),
            ".slider-rail-touch-rect",
        ),
        "Scrubber, 24 x 4 x 512": (lam_widgets.Scrubber(large).to_html(folder / "c.html"), ".lam-slider"),
        "plotly heatmaps and frames, 64 x 3 x 128": (
            lam.views.write_html(heatmaps(small), folder / "d.html"),
            ".slider-rail-touch-rect",
        ),
    }
    chromium = variable("LAM_NB_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, (path, slider) in pages.items():
            for slow in (1, 4):
                page = browser.new_page(viewport={"width": 1200, "height": 1000})
                median, late = opened(page, path, slider, slow)
                page.close()
                row = {"page": name, "slowed": slow, "median_ms": round(median, 1), "p95_ms": round(late, 1)}
                rows.append(row | {"megabytes": round(path.stat().st_size / 1e6, 2)})
                print(" | ".join(str(value) for value in rows[-1].values()), flush=True)
        inside = {}
        for name, figures in in_the_lab(browser):
            inside[name] = figures
            print(f"JupyterLab | {name} | {figures}", flush=True)
        browser.close()
    bundle = widget._repr_mimebundle_()[0]
    saved = raw + len(base64.b64decode(bundle["image/png"]))
    print(f"state of the Scrubber: {saved / raw:.2f} times its raw bytes ({raw / 1e6:.2f} MB)")
    if given.out:
        given.out.write_text(json.dumps({"rows": rows, "lab": inside, "state_over_raw": saved / raw}, indent=1) + "\n")


if __name__ == "__main__":
    main()
