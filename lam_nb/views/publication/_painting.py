"""What figures for print share: letters, pictures without ticks, the window, plain numbers on axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ...result import facts
from ...types import Region
from .. import kit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTER = 7
"""Height of letters, in points."""


def plain_ticks(axes: Axes, ticks: list[float]) -> None:
    """Label a logarithmic axis with plain numbers, those within its limits."""
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)


def image(axes: Axes, picture: NDArray[np.uint8]) -> None:
    """Draw a picture (y, x, 3), its pixels sharp."""
    axes.imshow(picture, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def box(axes: Axes, dataset: xr.Dataset, scale: float) -> None:
    """Draw the window's outline, in output pixels over `scale`."""
    from matplotlib.patches import Rectangle

    window = Region.of_facts(facts(dataset))
    corner = window.x / scale - 0.5, window.y / scale - 0.5
    sides = window.width / scale, window.height / scale
    axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=kit.BOX, linewidth=0.8))
