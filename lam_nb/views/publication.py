"""Figures for print: PDF, SVG or PNG of a stated width, drawn by matplotlib without a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .. import statistics
from ..result import DIFFUSION_INDEX, FRACTION, INPUT, METHOD, MODE, MODEL, OUTPUT, PSNR, check, facts, replacing
from ..types import InputError, positive
from . import pictures
from .figure import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INCH = 25.4
_FONT: Any = {"font.size": 7, "axes.titlesize": 7, "pdf.fonttype": 42, "svg.fonttype": "none", "axes.linewidth": 0.5}


def save(shown: xr.Dataset | View, path: str | os.PathLike[str], *, width: float = 170.0, dpi: int = 300) -> Path:
    """Write a figure for a paper: letters stay letters, lines stay lines, pixels stay sharp.

    Results are drawn anew for print: of `lam_nb.attribute` (input, output, map), `lam_nb.compare` (a
    column per network), `lam_nb.faithfulness.curves` and studies (scatter). Of any other view its
    picture is written.

    Parameters
    ----------
    shown : xarray.Dataset or View
    path : path-like
        Ends in .pdf, .svg or .png; written whole or not at all.
    width : float, default 170
        In mm; a column of a paper is about 85, a page 170.
    dpi : int, default 300
        Of PNGs, and of pictures in the others.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the ending is another, matplotlib is missing, or the dataset is of another kind.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), progress=False)
    >>> save(ds, tempfile.mkdtemp() + "/map.pdf").name
    'map.pdf'
    """
    path = Path(path)
    if path.suffix not in {".pdf", ".svg", ".png"}:
        raise InputError(f"path: got {path.name}, expected a name that ends in .pdf, .svg or .png.")
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise InputError("path: figures for print need matplotlib; install it: pip install matplotlib") from None
    inches = positive("width", width, "a width in mm") / _INCH
    with matplotlib.rc_context(_FONT), replacing(path) as temporary:
        figure = Figure(figsize=(inches, inches), layout="constrained")
        _painter(shown)(figure, shown, inches)
        figure.savefig(temporary, format=path.suffix[1:], dpi=int(positive("dpi", dpi, "dots per inch")))
    return path


def _painter(shown: Any) -> Any:
    if isinstance(shown, View):
        return _picture
    check(shown)
    if "output_share" in shown:
        return _curves
    if "pearson" in shown:
        return _scatter
    if MODEL in shown.dims and OUTPUT in shown:
        return _grid
    check(shown, INPUT, OUTPUT)
    facts(shown)
    return _result


def _picture(figure: Figure, view: View, inches: float) -> None:
    picture = np.asarray(view.picture())
    figure.set_size_inches(inches, inches * picture.shape[0] / picture.shape[1])
    _image(figure.subplots(), picture)


def _result(figure: Figure, dataset: xr.Dataset, inches: float) -> None:
    values = statistics.signed(dataset).values
    ratio = values.shape[0] / values.shape[1]
    figure.set_size_inches(inches, inches / 3 * ratio * 0.95 + 0.35)
    left, middle, right = figure.subplots(1, 3)
    scale = facts(dataset)["scale"]
    for axes, name, unit in ((left, INPUT, scale), (middle, OUTPUT, 1)):
        _image(axes, _bytes(dataset[name].values))
        _box(axes, dataset, unit)
        axes.set_title(name)
    end = pictures.limit(values)
    drawn = right.imshow(values, cmap="RdBu_r", vmin=-end, vmax=end, interpolation="nearest")
    _box(right, dataset, scale)
    right.set(xticks=[], yticks=[], title=f"attribution, DI {float(statistics.diffusion_index(dataset)):.2f}")
    figure.colorbar(drawn, ax=right, shrink=0.85, label="detector")


def _grid(figure: Figure, many: xr.Dataset, inches: float) -> None:
    count = many.sizes[MODEL]
    maps = statistics.signed(many).transpose(MODEL, ...).values
    figure.set_size_inches(inches, inches / count * maps.shape[1] / maps.shape[2] * 3 + 0.5)
    axes = figure.subplots(3, count, squeeze=False)
    areas = statistics.contribution_area(many).transpose(MODEL, ...).values
    index = statistics.diffusion_index(many).values
    for k in range(count):
        one = many.isel({MODEL: k})
        numbers = ([f"{float(one[PSNR]):.2f} dB"] if PSNR in many else []) + [f"DI {index[k]:.2f}"]
        _image(axes[0, k], _bytes(one[OUTPUT].values))
        _box(axes[0, k], one, 1)
        axes[0, k].set_title(f"{many[MODEL].values[k]}\n{' · '.join(numbers)}")
        end = pictures.limit(maps[k])
        axes[1, k].imshow(maps[k], cmap="RdBu_r", vmin=-end, vmax=end, interpolation="nearest")
        axes[2, k].imshow(areas[k], cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
        for row in (1, 2):
            axes[row, k].set(xticks=[], yticks=[])
    for row, label in enumerate(("output", "attribution", "contribution area")):
        axes[row, 0].set_ylabel(label)


def _curves(figure: Figure, dataset: xr.Dataset, inches: float) -> None:
    figure.set_size_inches(inches, inches * 0.48)
    pixels = dataset.attrs["canvas_pixels"]
    for axes, mode in zip(figure.subplots(1, 2, sharey=True), dataset[MODE].values, strict=True):
        for k, method in enumerate(dataset[METHOD].values):
            one = dataset.sel({METHOD: method, MODE: mode})
            areas = " · ".join(f"{float(area):.3f}" for area in dataset["output_area"].sel({METHOD: method}))
            label = f"{method} ({areas})" if mode == dataset[MODE].values[0] else None
            parts = np.maximum(one[FRACTION].values, 0.5 / pixels) * 100
            axes.semilogx(
                parts, one["output_share"], color=pictures.LINES[k % len(pictures.LINES)], label=label, linewidth=1
            )
        axes.set(title=str(mode), xlabel="part of the pixels replaced (%)")
        _plain_ticks(axes, [0.01, 0.1, 1, 10, 100])
    figure.axes[0].set_ylabel("window restored")
    title = f"area: {' · '.join(str(mode) for mode in dataset[MODE].values)}"
    figure.legend(loc="outside lower center", ncols=3, frameon=False, title=title)


def _scatter(figure: Figure, study: xr.Dataset, inches: float) -> None:
    figure.set_size_inches(inches, inches * 0.65)
    axes = figure.subplots()
    x, y = study[DIFFUSION_INDEX].values, study["against"].values
    bars = [
        [study[name].values - study[f"{name}_low"].values, study[f"{name}_high"].values - study[name].values]
        for name in (DIFFUSION_INDEX, "against")
    ]
    axes.errorbar(
        x, y, xerr=bars[0], yerr=bars[1], fmt="o", color=pictures.LINES[0], ecolor="#999999", elinewidth=0.5, ms=3
    )
    axes.set_xscale("log")
    axes.margins(x=0.15)
    names, field = (
        [str(name) for name in study[MODEL].values],
        (inches * 72 * 0.75, inches * 72 * 0.45),
    )  # points, about
    limits = (*np.log(axes.get_xlim()), *axes.get_ylim())
    places = pictures.name_places(names, np.log(x), y, limits, field, _FONT["font.size"])
    for name, at, height, place in zip(names, x, y, places, strict=True):
        down, side = place.split()
        offset = (-3 if side == "left" else 3, 3 if down == "top" else -8)
        where: Any = {"textcoords": "offset points", "xytext": offset, "ha": "right" if side == "left" else "left"}
        axes.annotate(name, (at, height), **where)
    _plain_ticks(axes, pictures.index_ticks(np.array(axes.get_xlim())))
    told = study.attrs
    label = told["against"] + (f" ({told['against_units']})" if told["against_units"] != "1" else "")
    axes.set(xlabel="diffusion index", ylabel=label)
    axes.set_title(", ".join(f"{name.capitalize()} {float(study[name]):.2f}" for name in ("pearson", "spearman")))


def _plain_ticks(axes: Any, ticks: list[float]) -> None:
    """Label a logarithmic axis with plain numbers, those within its limits."""
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)


def _image(axes: Any, picture: np.ndarray) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.round(np.moveaxis(image, 0, -1).clip(0, 1) * 255).astype(np.uint8)


def _box(axes: Any, dataset: xr.Dataset, scale: float) -> None:
    from matplotlib.patches import Rectangle

    told = facts(dataset)
    y, x, size = (told[f"region_{name}"] / scale for name in ("y", "x", "size"))
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), size, size, fill=False, edgecolor=pictures.BOX, linewidth=0.8))
