"""Does it pay to look widely? ``python -m tests.benchmarks.study SHARED --store study.zarr``, six minutes, one core.

The diffusion index against PSNR, over the sixteen ×4 networks that come along and published IMDN, on the middle
256 × 256 pixels of Set5, Set14 and three pictures of the paper's authors; two windows in each, the one in the middle,
as in the paper, and the hardest. Beside the paper's correlation: intervals over pictures and over networks, what one
network or one class of them does to it, what is left within a class and why, and pairs of networks that differ in
their reach alone. Interrupt it and run it again: what is in the store is kept. Writes study.json and study.png.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import xarray as xr

import lam_nb as lam

HERE = Path(__file__).parent
SIDE = 256
MIDDLE = lam.Region(120, 120, 16)
WINDOWS = ["middle", "hardest"]


def photographs(shared):
    """The middle of every picture that is large enough."""
    found = {}
    for folder in ("set5", "set14", "lam"):
        for path in lam.images.files(shared / "data" / "images" / folder):
            picture = lam.images.load(path)
            height, width = picture.shape[-2:]
            if min(height, width) >= SIDE:
                corner = (height - SIDE) // 2, (width - SIDE) // 2
                found[f"{folder} {path.stem.split('_SRF')[0]}"] = lam.images.crop(picture, *corner, SIDE, SIDE)
    return found


def swept(shared, store):
    """The table of all networks, pictures and windows, from the store as far as it has it."""
    names = [name for name in lam.networks.shipped() if lam.networks.card(name)["scale"] == 4]
    nets = [lam.networks.load(name) for name in names]
    nets.append(lam.networks.load("imdn", weights=shared / "data/weights/IMDN_x4.pth"))
    judges = [net for net in nets if net.name in ("fsrcnn", "rfdn")]
    rows = []
    for name, picture in photographs(shared).items():
        hardest = lam.studies.hard_regions(picture, judges, n=1)
        print(name, hardest, flush=True)
        one = lam.sweep(nets, {name: picture}, [MIDDLE, *hardest], store=store, progress=False)
        rows.append(one.drop_vars(["attribution", "region_y", "region_x", "region_size"], errors="ignore"))
    sizes = {"parameters": ("model", [net.parameter_count for net in nets])}
    return xr.concat(rows, "image").assign_coords(region=WINDOWS, **sizes).compute()


LIGHT = [
    "fsrcnn",
    "imdn-small",
    "residual",
    "residual-channel",
    "residual-nonlocal",
    "residual-wide",
    "rfdn-small",
    "srresnet-mse",
    "srresnet-residual-mse",
]
"""Trained here on the same 400 photographs, for fidelity: 25,000 to 145,000 parameters."""
PUBLISHED = ["carn-m", "imdn", "rfdn"]
PAIRS = {
    "non-local attention": ("residual", "residual-nonlocal"),
    "dilated convolutions": ("residual", "residual-wide"),
    "channel attention": ("residual", "residual-channel"),
    "the enlarged picture beneath": ("srresnet-mse", "srresnet-residual-mse"),
    "a critic": ("residual", "residual-gan"),
    "training on blur and noise": ("srresnet-residual-mse", "srresnet-residual-robust"),
}
"""What was changed -> one network without, one with it; the same structure, photographs and length of training."""
PAPER = {"pearson": 0.851, "spearman": 0.880}
"""Of about forty networks (Gu & Dong, arXiv 2011.11036)."""
DRAWS = 2000
ENDS = [0.025, 0.975]


def rounded(values):
    return [round(float(one), 4) for one in np.ravel(values)]


def correlation(table, models):
    """Both correlations, each with intervals over pictures, and over pictures and networks."""
    kept = table.sel(model=models)
    found = {"networks": len(models)}
    for over in ("pictures", "both"):
        one = lam.studies.di_against_psnr(kept, over=over, draws=DRAWS)
        for which in PAPER:
            found[which] = round(float(one[which]), 4)
            found[f"{which}, interval over {over}"] = rounded([one[f"{which}_low"], one[f"{which}_high"]])
    return found


def grids(table, models=None):
    """The logarithm of DI and PSNR of the middle window's picture, (network, picture)."""
    kept = table if models is None else table.sel(model=models)
    return np.log(kept.diffusion_index.sel(region="middle").values), kept.psnr.values


def shares(values):
    """Which share of the variance lies between networks, between pictures, and in neither alone."""
    whole = values - values.mean()
    rows, columns = (whole.mean(axis, keepdims=True) for axis in (1, 0))
    parts = [(one + 0 * whole).var() / whole.var() for one in (rows, columns, whole - rows - columns)]
    return dict(zip(("network", "picture", "rest"), rounded(parts), strict=True))


def reliability(values):
    """Which share of the variance of networks' means is theirs, and not the luck of these pictures."""
    networks, pictures = values.shape
    rest = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    noise = (rest**2).sum() / ((networks - 1) * (pictures - 1)) / pictures
    return round(1 - noise / values.mean(1).var(ddof=1), 4)


def restricted(everyone, some):
    """What a correlation would be among networks that differ less in the logarithm of DI, all else equal."""
    ratio = everyone[0].mean(1).std() / some[0].mean(1).std()
    r = np.corrcoef(everyone[0].mean(1), everyone[1].mean(1))[0, 1]
    return {"range of ln DI": round(1 / ratio, 4), "expected": round(r / np.sqrt(r**2 + (1 - r**2) * ratio**2), 4)}


def cells(index, quality):
    """Correlations over cells: as they are, and when picture or network no longer tell them apart."""
    picture, network = (tuple(one - one.mean(axis, keepdims=True) for one in (index, quality)) for axis in (0, 1))
    pairs = {"as they are": (index, quality), "within pictures": picture, "within networks": network}
    return {name: round(np.corrcoef(x.ravel(), y.ravel())[0, 1], 4) for name, (x, y) in pairs.items()}


def given(index, quality, known):
    """Correlation of what is left of both when `known` has explained what it can."""
    known = np.column_stack([np.ones(len(index)), known])
    left = [one - known @ np.linalg.lstsq(known, one, rcond=None)[0] for one in (index, quality)]
    return np.corrcoef(*left)[0, 1]


def with_interval(function, index, quality, known):
    """A number of networks' means, with its interval over pictures and networks."""
    draw, found = np.random.default_rng(0), []
    for _ in range(DRAWS):
        rows, columns = (draw.integers(0, length, length) for length in index.shape)
        if len({known[k] for k in rows}) > 1 and len(set(rows)) > 3:
            found.append(function(*(one[rows][:, columns].mean(1) for one in (index, quality)), known[rows]))
    return rounded([function(index.mean(1), quality.mean(1), known), *np.nanquantile(found, ENDS)])


def beside(table, models=None):
    """What else PSNR goes with, and what correlation with DI that leaves."""
    kept = table if models is None else table.sel(model=models)
    known = {"the logarithm of parameters": np.log(kept.parameters.values)}
    if models is None:
        known["published or not"] = np.isin(kept.model.values, PUBLISHED).astype(float)
    plain = lambda index, quality, other: np.corrcoef(quality, other)[0, 1]  # noqa: E731
    return {
        what: {
            "correlation with PSNR": with_interval(plain, *grids(kept), one),
            "left of ln DI with PSNR": with_interval(given, *grids(kept), one),
        }
        for what, one in known.items()
    }


def without_one(table, models):
    """Pearson's correlation without each network."""
    kept = table.sel(model=models)
    return {n: rounded(lam.studies.di_against_psnr(kept.drop_sel(model=n), draws=10).pearson)[0] for n in models}


def pair(table, names):
    """How DI and PSNR change from one network to the other, means with intervals over pictures."""
    found = {}
    index, quality = grids(table, list(names))
    window = table.psnr_window.sel(region="middle", model=list(names)).values
    for what, (without, with_it) in {"ln DI": index, "PSNR": quality, "PSNR of the window": window}.items():
        change = with_it - without
        drawn = np.random.default_rng(0).choice(change, (DRAWS, len(change))).mean(1)
        found[what] = rounded([change.mean(), *np.quantile(drawn, ENDS)])
    return found | {"DI is multiplied by": rounded(np.exp(found["ln DI"]))}


def analysed(table):
    """All that is said of the table."""
    names = [str(name) for name in table.model.values]
    middle = table.sel(region=["middle"])
    variants = {
        "hardest window": table.sel(region=["hardest"]),
        "both windows": table,
        "PSNR of the window": middle.assign(psnr=middle.psnr_window),
        "PSNR of luma": middle.assign(psnr=middle.psnr_luma),
    }
    faithful = PUBLISHED + LIGHT
    index, quality = grids(table)
    return {
        "paper": PAPER,
        "pictures": table.sizes["image"],
        "correlation": {
            "all": correlation(middle, names),
            **{f"all, {name}": correlation(one, names) for name, one in variants.items()},
            "trained for fidelity": correlation(middle, faithful),
            "light": correlation(middle, LIGHT),
            **{f"light, {name}": correlation(one, LIGHT) for name, one in variants.items()},
            "all but published": correlation(middle, [n for n in names if n not in PUBLISHED]),
        },
        "pearson without": {"all": without_one(middle, names), "light": without_one(middle, LIGHT)},
        "beside": {"all": beside(table), "light": beside(table, LIGHT)},
        "light, expected of the range alone": restricted((index, quality), grids(table, LIGHT)),
        "variance of ln DI": {"all": shares(index), "light": shares(grids(table, LIGHT)[0])},
        "variance of PSNR": {"all": shares(quality), "light": shares(grids(table, LIGHT)[1])},
        "reliability of means, light": dict(zip(("ln DI", "PSNR"), map(reliability, grids(table, LIGHT)), strict=True)),
        "cells": {"all": cells(index, quality), "light": cells(*grids(table, LIGHT))},
        "pairs": {what: {"networks": list(pairs), **pair(table, pairs)} for what, pairs in PAIRS.items()},
        "di": {n: rounded(row) for n, row in zip(names, np.exp(index), strict=True)},
        "psnr": {n: rounded(row) for n, row in zip(names, quality, strict=True)},
        "images": [str(name) for name in table.image.values],
    }


SHOWN = {
    "the paper, about 40 networks": None,
    "all": "all",
    "all, hardest window": "all, hardest window",
    "all, PSNR of the window": "all, PSNR of the window",
    "trained for fidelity": "trained for fidelity",
    "all but published": "all but published",
    "light": "light",
    "light, hardest window": "light, hardest window",
    "light, PSNR of the window": "light, PSNR of the window",
}
"""What a row of the plot is called -> which correlation it shows."""
BESIDE = {
    "residual": (6, 4),
    "residual-channel": (6, -9),
    "srresnet-residual-mse": (-6, -4),
    "imdn-small": (-4, 7),
    "rfdn-small": (6, 2),
    "srresnet-residual-restoring": (6, 4),
    "srresnet-residual-robust": (4, -12),
    "imdn": (-4, -12),
    "fsrcnn": (-6, 3),
    "srresnet-gan": (-6, 3),
    "rfdn": (-6, 3),
    "residual-gan": (-6, 3),
}
"""Where names stand, in points from their marks, so that they do not lie on each other."""
BLUE, GREY, ORANGE = "#1f6fb4", "#7a7a7a", "#d55e00"


def plot(found, path):
    """Draw networks, correlations with both intervals, and what changes from one network of a pair to the other."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(15, 5.2), layout="constrained", width_ratios=[1.25, 1, 1])
    _networks(axes[0], found)
    _correlations(axes[1], found)
    _pairs(axes[2], found)
    figure.savefig(path, dpi=110)


def _networks(axis, found):
    for name, index in found["di"].items():
        place = np.mean(index), np.mean(found["psnr"][name])
        colour = ORANGE if name in PUBLISHED else BLUE if name in LIGHT else GREY
        axis.plot(*place, "o", color=colour)
        side = {"xytext": BESIDE.get(name, (6, 2)), "ha": "right" if name in BESIDE and BESIDE[name][0] < 0 else "left"}
        axis.annotate(name, place, textcoords="offset points", fontsize=8, color=colour, **side)
    for colour, words in (
        (ORANGE, "published"),
        (BLUE, "light, trained alike"),
        (GREY, "adversarial, or on degradations"),
    ):
        axis.plot([], [], "o", color=colour, label=words)
    axis.set(xscale="log", xlabel="diffusion index, mean", ylabel="PSNR, mean (dB)", title="Networks")
    axis.set_xticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    axis.minorticks_off()
    axis.set_xlim(0.2, 14)
    axis.legend(fontsize=9, loc="lower right")


def _correlations(axis, found):
    names = list(SHOWN)[::-1]
    for k, name in enumerate(names):
        if SHOWN[name] is None:
            axis.plot(PAPER["pearson"], k, "D", color=GREY)
            continue
        one = found["correlation"][SHOWN[name]]
        axis.plot(one["pearson, interval over both"], [k, k], color=BLUE, lw=1)
        axis.plot(one["pearson, interval over pictures"], [k, k], color=BLUE, lw=4, alpha=0.5)
        axis.plot(one["pearson"], k, "o", color=BLUE)
    axis.axvline(0, color=GREY, lw=0.8)
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.set(xlim=(-1, 1), xticks=[-1, -0.5, 0, 0.5, 1], title="Pearson, ln DI and PSNR")
    axis.set_xlabel("thick: 95 % over pictures; thin: over networks, too")


def _pairs(axis, found):
    for what, one in found["pairs"].items():
        (x, *x_ends), (y, *y_ends) = one["DI is multiplied by"], one["PSNR"]
        axis.plot(x_ends, [y, y], color=BLUE, lw=1)
        axis.plot([x, x], y_ends, color=BLUE, lw=1)
        axis.plot(x, y, "o", color=BLUE)
        axis.annotate(what, (x, y), xytext=(5, 5), textcoords="offset points", fontsize=9)
    axis.axhline(0, color=GREY, lw=0.8)
    axis.axvline(1, color=GREY, lw=0.8)
    axis.set(
        xscale="log", xlabel="DI is multiplied by", ylabel="PSNR changes by (dB)", title="One thing changed at a time"
    )
    axis.set_xticks([0.8, 1, 1.5, 2, 3, 4], ["0.8", "1", "1.5", "2", "3", "4"])
    axis.set_xlim(0.85, 4.5)
    axis.minorticks_off()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, nargs="?", help="folder with data/images and data/weights")
    parser.add_argument("--store", default="study.zarr", help="the sweep, to be continued")
    parser.add_argument("--plot", action="store_true", help="draw what is in study.json, and compute nothing")
    asked = parser.parse_args()
    if not asked.plot:
        if asked.shared is None:
            parser.error("SHARED: give the folder, or --plot")
        found = analysed(swept(asked.shared, asked.store))
        print(json.dumps({name: one for name, one in found.items() if name not in ("di", "psnr", "images")}, indent=1))
        (HERE / "study.json").write_text(_compact(found))
    plot(json.loads((HERE / "study.json").read_text()), HERE / "study.png")


def _compact(found):
    """JSON with a line for each list of numbers."""
    text = json.dumps(found, indent=1)
    return re.sub(r"\[[^][{}]*\]", lambda one: " ".join(one[0].split()), text) + "\n"


if __name__ == "__main__":
    main()
