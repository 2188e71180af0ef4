"""How smoothly views scrub in a browser: ``python -m tests.benchmarks.scrubbing``.

Drags the slider of each page with the mouse and prints the gaps between the frames that the browser
painted, median and 95th percentile, in ms, plain and at a quarter of the processor's speed; with the
pages' sizes. Beside ours, in the same run, the same data as plotly heatmaps in plotly's own frames.
"""

import argparse
import base64
import json
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import torch
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

import lam_nb as lam
import lam_widgets
from lam_nb._moved import variable

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


def dragged(page, address, slider, slow):
    """Return gaps between painted frames while the mouse drags the slider from end to end."""
    page.goto(f"file://{address}")
    page.wait_for_selector(slider)
    page.wait_for_timeout(800)
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
    return statistics.median(gaps), float(np.quantile(gaps, 0.95))


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
                median, late = dragged(page, path, slider, slow)
                page.close()
                row = {"page": name, "slowed": slow, "median_ms": round(median, 1), "p95_ms": round(late, 1)}
                rows.append(row | {"megabytes": round(path.stat().st_size / 1e6, 2)})
                print(" | ".join(str(value) for value in rows[-1].values()), flush=True)
        browser.close()
    bundle = widget._repr_mimebundle_()[0]
    saved = raw + len(base64.b64decode(bundle["image/png"]))
    print(f"state of the Scrubber: {saved / raw:.2f} times its raw bytes ({raw / 1e6:.2f} MB)")
    if given.out:
        given.out.write_text(json.dumps({"rows": rows, "state_over_raw": saved / raw}, indent=1) + "\n")


if __name__ == "__main__":
    main()
