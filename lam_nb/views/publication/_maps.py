"""Maps for print: a result beside its pictures, several networks in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from ... import statistics
from ...result import INPUT, MODEL, OUTPUT, PSNR, facts
from .. import kit
from ._painting import box, image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def result(figure: Figure, dataset: xr.Dataset, inches: float) -> None:
    """Draw input, output and map with the window."""
    found = statistics.signed(dataset)
    values = found.values
    ratio = values.shape[0] / values.shape[1]
    figure.set_size_inches(inches, inches / 3 * ratio * 0.95 + 0.35)
    left, middle, right = figure.subplots(1, 3)
    scale = facts(dataset)["scale"]
    for axes, name, unit in ((left, INPUT, scale), (middle, OUTPUT, 1)):
        image(axes, kit.as_pixels(dataset[name].values))
        box(axes, dataset, unit)
        axes.set_title(name)
    end = kit.limit(values)
    drawn = right.imshow(values, cmap=kit.DIVERGING, vmin=-end, vmax=end, interpolation="nearest")
    box(right, dataset, scale)
    right.set(xticks=[], yticks=[], title=f"attribution, DI {float(statistics.diffusion_index(dataset)):.2f}")
    figure.colorbar(drawn, ax=right, shrink=0.85, label=found.attrs["units"])


def grid(figure: Figure, many: xr.Dataset, inches: float) -> None:
    """Draw a column per network: output, map, contribution area."""
    count = many.sizes[MODEL]
    maps = statistics.signed(many).transpose(MODEL, ...).values
    figure.set_size_inches(inches, inches / count * maps.shape[1] / maps.shape[2] * 3 + 0.5)
    axes = figure.subplots(3, count, squeeze=False)
    areas = statistics.contribution_area(many).transpose(MODEL, ...).values
    index = statistics.diffusion_index(many).values
    for k in range(count):
        one = many.isel({MODEL: k})
        numbers = ([f"{float(one[PSNR]):.2f} dB"] if PSNR in many else []) + [f"DI {index[k]:.2f}"]
        image(axes[0, k], kit.as_pixels(one[OUTPUT].values))
        box(axes[0, k], one, 1)
        axes[0, k].set_title(f"{many[MODEL].values[k]}\n{' · '.join(numbers)}")
        end = kit.limit(maps[k])
        axes[1, k].imshow(maps[k], cmap=kit.DIVERGING, vmin=-end, vmax=end, interpolation="nearest")
        axes[2, k].imshow(areas[k], cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
        for row in (1, 2):
            axes[row, k].set(xticks=[], yticks=[])
    for row, label in enumerate(("output", "attribution", "contribution area")):
        axes[row, 0].set_ylabel(label)
