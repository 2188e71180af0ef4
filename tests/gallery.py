"""Every figure on one page, in light and dark, wide and on a phone, and as printed: ``python -m tests.gallery FOLDER``.

To be looked at as a critic would. Needs Chromium and playwright; about five minutes on two cores.
"""

from __future__ import annotations

import argparse
import html
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lam_nb as lam
import lam_widgets
from lam_nb import views
from lam_nb.cli import demonstration
from lam_widgets.kit import Widget

QUIET = {"progress": False}
NETWORKS = "fsrcnn", "carn-m", "imdn-small", "rfdn"
LOOKS = {"light": (1200, "light"), "dark": (1200, "dark"), "phone": (400, "light")}
FIVE = ["truth", "map", "overlay", "area", "patch"]


def figures(folder: Path) -> Iterator[tuple[str, views.View | Widget]]:
    """Yield the views and the widgets, by name."""
    sharp = lam.images.sample(demonstration.SAMPLE)
    small, window = lam.images.downscale(sharp, 4), demonstration.REGION
    one = lam.attribute("rfdn", small, window, reference=sharp, steps=24, **QUIET)
    narrow = lam.attribute("fsrcnn", small, window, reference=sharp, tolerance=0.02, **QUIET)
    black = lam.attribute("fsrcnn", small, window, path="black", steps=24, **QUIET)
    kept: dict[str, Any] = {"steps": 12, "keep": ["input", "output", "integrand"], "reference": sharp, "fields": True}
    many = lam.compare(NETWORKS, small, window, **kept, **QUIET)
    yield "attribution", views.attribution(one)
    yield "attribution, framed", views.attribution(narrow)
    yield "attribution, bare", views.attribution(one, bare=True)
    yield "progression", views.progression(one)
    yield "comparison", views.comparison(many)
    yield "path_panel", views.path_panel({"blur": narrow, "black": black})
    yield "convergence", views.convergence(narrow)
    yield "informative", views.informative(many)
    field = lam.receptive_field("rfdn")
    yield "receptive_field", views.receptive_field(field)
    yield "diffusion_field", views.diffusion_field(lam.diffusion_field("fsrcnn", small, stride=32, steps=6, **QUIET))
    cause = lam.causal_effect("fsrcnn", small, (96, 96, 32), reference=sharp, fine=10, **QUIET)
    yield "causal", views.causal(cause, attribution=lam.attribute("fsrcnn", small, (96, 96, 32), **QUIET))
    yield "causal_comparison", views.causal_comparison([cause, cause])
    maps = {"LAM": narrow, "gradient": lam.gradient("fsrcnn", small, window)}
    yield "faithfulness", views.faithfulness(lam.faithfulness.curves("fsrcnn", small, window, maps, **QUIET))
    yield "randomised", views.randomised(lam.faithfulness.randomised("fsrcnn", small, window, steps=6, **QUIET))
    four = "bricks", "cat", "coffee", "facade"
    pictures = {name: lam.images.sample(name)[:, :224, :224] for name in four}
    table = lam.sweep(NETWORKS[:3], pictures, [window], store=folder / "sweep.zarr", steps=6, **QUIET)
    yield "di_scatter", views.di_scatter(lam.studies.di_against_psnr(table))
    yield "content", views.content(lam.studies.content(table))
    sizes = {"fsrcnn": (56, 8), "carn-m": (64, 8), "imdn-small": (32, 8)}
    yield "scaling", views.scaling(lam.studies.di_against_size(table, sizes))
    nets = [lam.networks.load(name) for name in NETWORKS[:3]]
    yield "sensitivity", views.sensitivity(lam.studies.path_sensitivity(nets, small, window, steps=8, **QUIET))
    changes = {"blur": [(1, lam.images.Blur(1)), (2, lam.images.Blur(2))], "noise": lam.images.Noise(0.1)}
    two = "srresnet-residual-mse", "srresnet-mse"
    known = {name: lam.representations(name, pictures, changes, size=48, components=15, **QUIET) for name in two}
    yield "representations", views.representations(known[two[0]])
    yield "separability", views.separability({name: lam.statistics.separability(one) for name, one in known.items()})
    tuned = "srresnet-residual-restoring", "srresnet-residual-mse"
    both = {"blur": lam.images.Blur(2, taps=21), "noise": lam.images.Noise(0.1)}
    kernels = lam.filters(*tuned, pictures, both, steps=9, size=40, **QUIET)
    yield "filters", views.filters(kernels)
    asked = (*tuned, kernels, {"facade": pictures["facade"], "cat": pictures["cat"]}, both)
    yield "masking", views.masking(lam.studies.masking_curve(*asked, draws=3, size=48, **QUIET))
    yield "modulation", views.modulation(lam.studies.modulation_curve(*asked, size=48, **QUIET))
    few: dict[str, Any] = {"patches": 96, "components": 48, "size": 16, "draws": 50}
    yield (
        "generalisation",
        views.generalisation([lam.studies.generalisation(name, pictures, changes, **few, **QUIET) for name in two]),
    )
    shipped = ["residual", "residual-channel", "residual-gan", "residual-wide", "rfdn-small", *NETWORKS[:3]]
    every = lam.compare(shipped, small, window, **kept | {"fields": False})
    yield "comparison of many", views.comparison(every, beside=["truth"])
    yield "widget, Scrubber", lam_widgets.Scrubber(one)
    yield "widget, Samples", lam_widgets.Samples(known[two[0]], selected=["cat, blur 2", "bricks, blur 2"])
    yield "widget, Comparison", lam_widgets.Comparison(many)
    yield "widget, RegionPicker", lam_widgets.RegionPicker(sharp, suggestions=[window])
    yield "widget, Sweep", lam_widgets.Sweep(folder / "sweep.zarr")
    for width in ("cvpr-column", "page"):
        views.save(many, folder / f"five {width}.png", rows=FIVE, width=width, best=True)


def main() -> None:
    """Write pages, their pictures, and the page of all."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    with sync_playwright() as playwright:
        browser = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for name, view in figures(folder):
            page = view.to_html(folder / f"{name}.html", title=name)
            view.picture().save(folder / f"{name} still.png")
            shots = [f"{name} still.png"]
            for look, (width, scheme) in LOOKS.items():
                tab = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
                tab.goto(f"file://{page.absolute()}")
                tab.wait_for_selector("#figure .main-svg, #widget .lam")
                tab.wait_for_timeout(600)
                tab.screenshot(path=folder / f"{name} {look}.png", full_page=True)
                tab.close()
                shots.append(f"{name} {look}.png")
            rows.append((name, shots))
            print(name, flush=True)
        chromium.close()
    rows.append(("print", sorted(one.name for one in folder.glob("five *.png"))))
    body = "".join(f"<h2>{html.escape(name)}</h2><p>{''.join(_shot(one) for one in shots)}</p>" for name, shots in rows)
    style = "<style>img { max-width: 45%; max-height: 900px; vertical-align: top; border: 1px solid #bbb; }</style>"
    (folder / "index.html").write_text(f"<meta charset='utf-8'><title>gallery</title>{style}{body}", encoding="utf-8")
    print(folder / "index.html")


def _shot(name: str) -> str:
    return f'<a href="{html.escape(name)}"><img src="{html.escape(name)}" alt="{html.escape(name)}"></a> '


if __name__ == "__main__":
    main()
