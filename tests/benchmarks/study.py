"""Does it pay to look widely? ``python -m tests.benchmarks.study SHARED --store study.zarr``, seven minutes on one core.

The diffusion index against PSNR, over the sixteen ×4 networks that come along and published IMDN, on the middle
256 × 256 pixels of Set5, Set14 and three pictures of the paper's authors; two windows in each, the one in the middle,
as in the paper, and the hardest. Beside the paper's correlation: intervals over pictures and over networks, what one
network or one class of them does to it, what is left within a class and why, and pairs of networks that differ in
their reach alone. Interrupt it and run it again: what is in the store is kept. Writes study.json and study.png.
"""

import argparse
import json
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
    return [round(float(one), 3) for one in np.ravel(values)]


def correlation(table, models):
    """Both correlations, each with intervals over pictures, and over pictures and networks."""
    kept = table.sel(model=models)
    found = {"networks": len(models)}
    for over in ("pictures", "both"):
        one = lam.studies.di_against_psnr(kept, over=over, draws=DRAWS)
        for which in PAPER:
            found[which] = round(float(one[which]), 3)
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
    return round(1 - noise / values.mean(1).var(ddof=1), 3)


def restricted(everyone, some):
    """What a correlation would be among networks that differ less in the logarithm of DI, all else equal."""
    ratio = everyone[0].mean(1).std() / some[0].mean(1).std()
    r = np.corrcoef(everyone[0].mean(1), everyone[1].mean(1))[0, 1]
    return {"range of ln DI": round(1 / ratio, 3), "expected": round(r / np.sqrt(r**2 + (1 - r**2) * ratio**2), 3)}


def cells(index, quality):
    """Correlations over cells: as they are, and when picture or network no longer tell them apart."""
    picture, network = (tuple(one - one.mean(axis, keepdims=True) for one in (index, quality)) for axis in (0, 1))
    pairs = {"as they are": (index, quality), "within pictures": picture, "within networks": network}
    return {name: round(np.corrcoef(x.ravel(), y.ravel())[0, 1], 3) for name, (x, y) in pairs.items()}


def given(index, quality, known):
    """Correlation of what is left of both when the columns of `known` have explained what they can."""
    known = np.column_stack([np.ones(len(index)), known])
    left = [one - known @ np.linalg.lstsq(known, one, rcond=None)[0] for one in (index, quality)]
    return np.corrcoef(*left)[0, 1]


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
    means = index.mean(1), quality.mean(1)
    sizes = np.log(table.parameters.values)
    is_published = np.isin(names, PUBLISHED).astype(float)
    leaving = {n: rounded(lam.studies.di_against_psnr(middle.drop_sel(model=n)).pearson)[0] for n in names}
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
        "pearson without": leaving,
        "pearson given": {
            "published or not": round(given(*means, is_published), 3),
            "parameters": round(given(*means, sizes), 3),
        },
        "pearson of PSNR with": {
            "published or not": round(np.corrcoef(means[1], is_published)[0, 1], 3),
            "parameters": round(np.corrcoef(means[1], sizes)[0, 1], 3),
        },
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
