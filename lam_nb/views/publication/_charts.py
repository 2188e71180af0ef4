"""Charts for print: curves of faithfulness, the scatter of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ...result import (
    AGAINST,
    BLOCK_X,
    BLOCK_Y,
    DIFFUSION_INDEX,
    EFFECT,
    FRACTION,
    INPUT,
    METHOD,
    MODE,
    MODEL,
    OUTPUT_AREA,
    OUTPUT_SHARE,
    PEARSON,
    SPEARMAN,
    X,
    Y,
    facts,
)
from .. import kit
from ._painting import LETTER, box, plain_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(figure: Figure, dataset: xr.Dataset, inches: float) -> None:
    """Draw deletion and insertion curves of every method."""
    figure.set_size_inches(inches, inches * 0.48)
    pixels = dataset.attrs["canvas_pixels"]
    for axes, mode in zip(figure.subplots(1, 2, sharey=True), dataset[MODE].values, strict=True):
        for k, method in enumerate(dataset[METHOD].values):
            one = dataset.sel({METHOD: method, MODE: mode})
            areas = " · ".join(f"{float(area):.3f}" for area in dataset[OUTPUT_AREA].sel({METHOD: method}))
            label = f"{method} ({areas})" if mode == dataset[MODE].values[0] else None
            parts = np.maximum(one[FRACTION].values, 0.5 / pixels) * 100
            axes.semilogx(parts, one[OUTPUT_SHARE], color=kit.LINES[k % len(kit.LINES)], label=label, linewidth=1)
        axes.set(title=str(mode), xlabel="part of the pixels replaced (%)")
        plain_ticks(axes, [0.01, 0.1, 1, 10, 100])
    figure.axes[0].set_ylabel("window restored")
    title = f"area: {' · '.join(str(mode) for mode in dataset[MODE].values)}"
    figure.legend(loc="outside lower center", ncols=3, frameon=False, title=title)


def causal(figure: Figure, dataset: xr.Dataset, inches: float) -> None:
    """Draw the blocks that help and harm, over the input, and where its window is."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    size = dataset.sizes[Y], dataset.sizes[X]
    figure.set_size_inches(inches, min(inches, 4.0) * size[0] / size[1] * 0.8)
    axes = figure.subplots()
    axes.imshow(kit.grey(dataset[INPUT].values), interpolation="nearest")
    effect = dataset[EFFECT].values
    end = float(np.nanmax(np.abs(effect))) or 1.0
    across, down = (_edges(dataset[name].values, side) for name, side in ((BLOCK_X, size[1]), (BLOCK_Y, size[0])))
    coloured = kit.shades()[kit.index(effect, end)] / 255
    coloured[..., 3] *= np.isfinite(effect)
    axes.pcolormesh(across, down, coloured)
    drawn = ScalarMappable(Normalize(-end, end), kit.DIVERGING)
    box(axes, dataset, facts(dataset)["scale"])
    axes.set(xticks=[], yticks=[], xlim=(-0.5, size[1] - 0.5), ylim=(size[0] - 0.5, -0.5))
    axes.set_title(f"{facts(dataset)['network']}: what helps the window, block by block")
    units = facts(dataset)["units"]
    figure.colorbar(drawn, ax=axes, label=f"harms … helps ({units if units != '1' else facts(dataset)['metric']})")


def _edges(centres: NDArray[np.floating], side: int) -> NDArray[np.floating]:
    """Return where blocks begin and end, the last cut by the picture."""
    step = 2 * (centres[0] + 0.5)
    return np.append(np.arange(len(centres)) * step, side) - 0.5


def scatter(figure: Figure, study: xr.Dataset, inches: float) -> None:
    """Draw networks as points, with intervals."""
    figure.set_size_inches(inches, inches * 0.65)
    axes = figure.subplots()
    x, y = study[DIFFUSION_INDEX].values, study[AGAINST].values
    across, up = (np.stack(kit.interval(study, name)) for name in (DIFFUSION_INDEX, AGAINST))
    names = [str(name) for name in study[MODEL].values]
    axes.errorbar(x, y, xerr=across, yerr=up, fmt="none", ecolor="#999999", elinewidth=0.5)
    axes.scatter(x, y, c=[kit.colours_of(names)[name] for name in names], s=9, zorder=3)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    field = inches * 72 * 0.75, inches * 72 * 0.45  # points, about
    limits = (*np.log(axes.get_xlim()), *axes.get_ylim())
    places = kit.name_places(names, np.log(x), y, limits, field, LETTER)
    for name, at, height, place in zip(names, x, y, places, strict=True):
        down, side = place.split()
        offset = (-3 if side == "left" else 3, 3 if down == "top" else -8)
        aligned = "right" if side == "left" else "left"
        axes.annotate(name, (at, height), textcoords="offset points", xytext=offset, ha=aligned)
    plain_ticks(axes, kit.index_ticks(np.array(axes.get_xlim())))
    told = study.attrs
    label = told["against"] + (f" ({told['against_units']})" if told["against_units"] != "1" else "")
    axes.set(xlabel="diffusion index", ylabel=label)
    axes.set_title(", ".join(f"{name.capitalize()} {float(study[name]):.2f}" for name in (PEARSON, SPEARMAN)))
