"""Intervals: what a mean is worth, by drawing what was sampled again."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import xarray as xr

from ..result import (
    IMAGE,
)
from ..validation import InputError, choose, fraction, whole


def bootstrap(
    values: xr.DataArray, dimension: str = IMAGE, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> xr.Dataset:
    """Return the mean over a dimension with a bootstrap interval: draw its entries again, with replacement.

    Parameters
    ----------
    values : xarray.DataArray
    dimension : str, default "image"
        What was sampled, such as images; entries that are NaN are left out.
    level : float, default 0.95
    draws, seed : int

    Returns
    -------
    xarray.Dataset
        ``mean``, ``low``, ``high`` (…), in the values' units.

    Raises
    ------
    InputError
        If the dimension is missing or the level is not in (0, 1).

    Examples
    --------
    >>> found = bootstrap(xr.DataArray([1.0, 2.0, 3.0, 4.0], dims="image"))
    >>> float(found.low) < float(found["mean"]) < float(found.high)
    True
    """
    if not isinstance(values, xr.DataArray):
        raise InputError(f"values: got {type(values).__name__}, expected a DataArray, such as table.diffusion_index.")
    choose("dimension", dimension, map(str, values.dims))
    level = fraction("level", level, "a probability such as 0.95", whole_too=False)
    count = values.sizes[dimension]
    shape = whole("draws", draws, most=1_000_000), count
    rows = np.random.default_rng(whole("seed", seed, 0)).integers(0, count, shape)
    drawn = values.isel({dimension: xr.DataArray(rows, dims=("draw", dimension))}).mean(dimension)
    low, high = (drawn.quantile(at, "draw").drop_vars("quantile") for at in ((1 - level) / 2, (1 + level) / 2))
    attrs = {"units": values.attrs.get("units", "1"), "level": level, "draws": draws, "seed": seed}
    parts = {"mean": values.mean(dimension), "low": low, "high": high}
    return xr.Dataset({name: one.assign_attrs(attrs) for name, one in parts.items()})


def expanded(level: float, count: int) -> tuple[float, float]:
    """Return at which shares of a bootstrap's draws an interval of that level ends, of so many things drawn.

    Quantiles of a bootstrap alone are too narrow for few things, as normal ones beside Student's: by as much these lie
    farther out (Hesterberg, 2015, "expanded percentiles").

    Examples
    --------
    >>> [round(end, 3) for count in (8, 1000) for end in expanded(0.95, count)]
    [0.006, 0.994, 0.025, 0.975]
    """
    if count < 2:
        return 0.0, 1.0
    far = _student((1 + level) / 2, count - 1) * math.sqrt(count / (count - 1))
    end = NormalDist().cdf(-far)
    return end, 1 - end


def _student(share: float, freedom: int) -> float:
    """Return the quantile of Student's t: its tangent is spread like a power of the cosine."""
    angles = np.linspace(-math.pi / 2, math.pi / 2, 100_001)
    middle = (angles[1:] + angles[:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(np.cos(middle) ** (freedom - 1))])
    return math.sqrt(freedom) * math.tan(float(np.interp(share, below / below[-1], angles)))
