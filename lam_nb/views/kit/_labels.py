"""Labels: what steps are called, and where the names of points stand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ...result import ALPHA, SIGMA


def labels(dataset: xr.Dataset) -> list[str]:
    """Return a label per step: alpha, and the blur if the path has one.

    Examples
    --------
    >>> labels(xr.Dataset(coords={"alpha": [0.25]}))
    ['α 0.250']
    """
    alphas = [f"α {alpha:.3f}" for alpha in dataset[ALPHA].values]
    if SIGMA not in dataset.coords:
        return alphas
    return [f"{label} · σ {sigma:.2f} px" for label, sigma in zip(alphas, dataset[SIGMA].values, strict=True)]


def name_places(
    names: Sequence[str],
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    limits: tuple[float, float, float, float],
    size: tuple[float, float],
    letter: float,
) -> list[str]:
    """Return at which corner of its point each name stands, so that names cover each other least.

    Parameters
    ----------
    names, x, y
        Of the points; x and y on linear axes (give logarithms otherwise).
    limits : (left, right, low, high)
        Of the axes.
    size : (width, height)
        Of the field of the axes, in any unit.
    letter : float
        Height of a letter in that unit.

    Examples
    --------
    >>> name_places(["a", "b"], np.array([0.0, 1.0]), np.zeros(2), (0, 1, -1, 1), (100, 100), 10)
    ['middle right', 'middle right']
    >>> name_places(["one", "two"], np.array([0.5, 0.6]), np.array([0.5, 0.5]), (0, 1, 0, 1), (99, 99), 9)
    ['middle left', 'middle right']
    """
    across = np.nan_to_num((x - limits[0]) / (limits[1] - limits[0]), posinf=1) * size[0]
    up = np.nan_to_num((y - limits[2]) / (limits[3] - limits[2]), posinf=1) * size[1]
    taken = [(a - letter / 2, b - letter / 2, a + letter / 2, b + letter / 2) for a, b in zip(across, up, strict=True)]
    chosen = []
    for name, a, b in zip(names, across, up, strict=True):
        wide, offset = 0.6 * letter * len(name), 0.4 * letter
        boxes = {
            f"{down} {side}": (
                a + offset if side == "right" else a - offset - wide,
                b + offset if down == "top" else b - offset - letter,
                a + offset + wide if side == "right" else a - offset,
                b + offset + letter if down == "top" else b - offset,
            )
            for down in ("top", "bottom")
            for side in ("right", "left")
        }
        boxes |= {
            "middle right": (a + 2 * offset, b - letter / 2, a + 2 * offset + wide, b + letter / 2),
            "middle left": (a - 2 * offset - wide, b - letter / 2, a - 2 * offset, b + letter / 2),
            "top center": (a - wide / 2, b + offset, a + wide / 2, b + offset + letter),
            "bottom center": (a - wide / 2, b - offset - letter, a + wide / 2, b - offset),
        }
        best = min(boxes, key=lambda place: sum(_covered(boxes[place], other) for other in taken))
        taken.append(boxes[best])
        chosen.append(best)
    return chosen


def _covered(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the area that two boxes (left, low, right, high) share."""
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)
