"""Make the thumbnails of the index: ``python notebooks/pictures/make.py`` (needs playwright and Chromium)."""

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import lam_nb as lam
from lam_nb.cli import demonstration

HERE = Path(__file__).parent
SIDE, WIDE = (2 * 240, 2 * 150), (760, 900)
REGION = demonstration.REGION


def figures():
    """Yield name, figure, and how much of its top to leave out."""
    sharp = lam.images.sample("facade")
    small = lam.images.downscale(sharp, 4)
    nets = {name: lam.networks.load(name) for name in ("fsrcnn", "carn-m", "imdn-small", "rfdn")}
    quiet = {"progress": False}
    story = lam.compare(demonstration.NETWORKS, small, REGION, reference=sharp, **quiet)
    yield "first-map", lam.views.comparison(story), 0
    yield "1", lam.views.attribution(lam.attribute("rfdn", small, REGION, **quiet)), 80
    field = lam.receptive_field(lam.networks.load("residual-nonlocal"))
    yield "2", lam.views.receptive_field(field), 60
    kept = {"steps": 24, "keep": ["path", "gradient", "integrand", "detector"], **quiet}
    pair = {path: lam.attribute(nets["fsrcnn"], small, REGION, path=path, **kept) for path in ("blur", "black")}
    yield "3", lam.views.path_panel(pair), 90
    yield "4", lam.views.comparison(lam.compare(list(nets.values()), small, REGION, steps=8, **quiet)), 100
    rfdn = nets["rfdn"]
    maps = {"LAM": lam.attribute(rfdn, small, REGION, **quiet), "gradient": lam.gradient(rfdn, small, REGION)}
    yield "5", lam.views.faithfulness(lam.faithfulness.curves(rfdn, small, REGION, maps, **quiet)), 80
    bricks = lam.images.sample("bricks")
    given = {"reference": bricks, "fine": 10, **quiet}
    cem = lam.causal_effect("residual", lam.images.downscale(bricks, 4), lam.Region(96, 128, 32), **given)
    yield "6", lam.views.causal_comparison([cem]), 148
    changes = {"blur": [(1, lam.images.Blur(1)), (2, lam.images.Blur(2))], "noise": lam.images.Noise(0.1)}
    pieces = {name: lam.images.sample(name)[:, :128, :128] for name in lam.images.samples()}
    both = {"blur": lam.images.Blur(2, taps=21), "noise": lam.images.Noise(0.1)}
    tuned = "srresnet-residual-restoring", "srresnet-residual-mse"
    yield "8", lam.views.filters(lam.filters(*tuned, pieces, both, steps=9, **quiet)), 105
    two = "srresnet-residual-mse", "srresnet-mse"
    known = {name: lam.representations(name, pieces, changes, components=15, **quiet) for name in two}
    yield "7", lam.views.separability({name: lam.statistics.separability(one) for name, one in known.items()}), 100
    yield "9", lam.views.informative(story.isel(model=[1, 0])), 100  # the wide one first
    some = ["fsrcnn", "residual", "carn-m", "imdn-small", "residual-nonlocal", "rfdn"]
    whole = {name: lam.images.sample(name) for name in ("astronaut", "bricks", "cat", "facade")}
    with tempfile.TemporaryDirectory() as folder:
        table = lam.sweep(some, whole, [lam.Region(120, 120)], store=f"{folder}/study.zarr", steps=8, **quiet)
    yield "10", lam.views.di_scatter(lam.studies.di_against_psnr(table, over="both")), 90


def main():
    """Write a picture for each notebook."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for name, figure, top in figures():
            size = int(figure.layout.width or 1000), int(figure.layout.height or 450)
            page = chromium.new_page(viewport={"width": max(size[0], 400), "height": size[1]})
            page.goto(f"file://{figure.to_html(Path(folder) / f'{name}.html')}")
            page.wait_for_timeout(1000)
            page.locator("#figure").screenshot(path=Path(folder) / f"{name}.png")
            with Image.open(Path(folder) / f"{name}.png") as shot:
                cut = shot.convert("RGB").crop((0, top, shot.width, shot.height))
                cut.thumbnail(WIDE if name == "first-map" else SIDE, Image.Resampling.LANCZOS)
                (cut if name == "first-map" else cut.quantize(256)).save(HERE / f"{name}.png", optimize=True)
        chromium.close()


if __name__ == "__main__":
    main()
