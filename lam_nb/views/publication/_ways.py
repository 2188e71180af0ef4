"""The way for print: pictures along the path with the map as it gathers, and the curves of several paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ... import statistics
from ...result import ALPHA, DETECTOR_END, DETECTOR_START, PATH, SIGMA, X, Y, facts
from .. import kit
from ._painting import LEAST, box, image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = 5


def stills(figure: Figure, dataset: xr.Dataset, inches: float) -> None:
    """Draw five steps: the image on the path, and the map as it has gathered, over it; below, the curves."""
    chosen = kit.spread(dataset.sizes[ALPHA], _SHOWN)
    gathered = statistics.cumulative(dataset)
    end, ratio = kit.limit(gathered.values), dataset.sizes[Y] / dataset.sizes[X]
    side = inches / len(chosen)
    figure.set_size_inches(inches, 2 * side * ratio + 0.3 * inches + 0.5)
    heights = [side * ratio, side * ratio, 0.3 * inches]
    grid = figure.add_gridspec(3, len(chosen), height_ratios=heights)
    for k, step in enumerate(chosen):
        one = dataset.isel({ALPHA: step})
        above, below = (figure.add_subplot(grid[row, k]) for row in (0, 1))
        image(above, kit.as_pixels(one[PATH].values))
        image(below, kit.laid_over(gathered.isel({ALPHA: step}).values, one[PATH].values, end))
        above.set_title(_label(one), fontsize=LEAST)
        for axes in (above, below):
            box(axes, dataset, facts(dataset)["scale"])
        if not k:
            above.set_ylabel("image", fontsize=LEAST)
            below.set_ylabel("map so far", fontsize=LEAST)
    axes = figure.add_subplot(grid[2, :])
    _response(axes, dataset, "detector", kit.LINES[0])
    axes.plot([], [], color=kit.LINES[1], linestyle="--", label="gathered share (right)")
    share = axes.twinx()
    share.plot(*_whole(dataset, statistics.cumulative_share(dataset).values), color=kit.LINES[1], linestyle="--")
    share.set_ylabel("gathered share", fontsize=LEAST)
    axes.set(xlabel="α (0 baseline, 1 image)", ylabel="detector", xlim=(0, 1))
    axes.legend(loc="upper left", frameon=False)


def panel(figure: Figure, results: Mapping[str, xr.Dataset], inches: float) -> None:
    """Draw, for every path, five images on it; below, the detector, the path's speed and the gathered sum."""
    first = next(iter(results.values()))
    side = inches / _SHOWN
    tall = side * first.sizes[Y] / first.sizes[X]
    heights = [tall] * len(results) + [0.2 * inches] * 3
    figure.set_size_inches(inches, sum(heights) + 0.6)
    grid = figure.add_gridspec(len(heights), _SHOWN, height_ratios=heights)
    curves = [figure.add_subplot(grid[len(results) + k, :]) for k in range(3)]
    for row, (name, one) in enumerate(results.items()):
        for k, step in enumerate(kit.spread(one.sizes[ALPHA], _SHOWN)):
            axes = figure.add_subplot(grid[row, k])
            at = one.isel({ALPHA: step})
            image(axes, kit.as_pixels(at[PATH].values))
            axes.set_title(f"α {float(at[ALPHA]):.2f}", fontsize=LEAST)
            if not k:
                axes.set_ylabel(name or "image", fontsize=LEAST)
        colour = kit.LINES[row % len(kit.LINES)]
        _response(curves[0], one, name or "detector", colour)
        curves[1].plot(one[ALPHA], statistics.speed(one), color=colour)
        curves[2].plot(*_whole(one, statistics.gathered(one).values, last=None), color=colour)
        curves[2].axhline(float(one[DETECTOR_END] - one[DETECTOR_START]), color=colour, linestyle=":", linewidth=0.7)
    for axes, label in zip(curves, ("detector", "speed of the path", "gathered"), strict=True):
        axes.set(ylabel=label, xlim=(0, 1))
    curves[2].set_xlabel("α (dotted: what must be reached)")
    if len(results) > 1:
        curves[0].legend(frameon=False)


def _label(one: xr.Dataset) -> str:
    blur = f"\nσ {float(one[SIGMA]):.2f} px" if SIGMA in one.coords else ""
    return f"α {float(one[ALPHA]):.2f}{blur}"


def _response(axes: Axes, one: xr.Dataset, name: str, colour: str) -> None:
    values = statistics.response(one).values
    ends = [float(one[DETECTOR_START])], [float(one[DETECTOR_END])]
    axes.plot([0, *one[ALPHA].values, 1], [*ends[0], *values, *ends[1]], color=colour, label=name)


def _whole(
    one: xr.Dataset, values: np.ndarray, first: float = 0.0, last: float | None = None
) -> tuple[list[float], list[float]]:
    """Return a curve from one end of the path to the other; what is gathered at the last node stays so."""
    return [0.0, *one[ALPHA].values, 1.0], [first, *values, float(values[-1]) if last is None else last]
