"""Concentration: how widely a network looked, in one number."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ..result import (
    DIFFUSION_INDEX_ERROR,
    X,
    Y,
    check,
)
from ..validation import InputError, fraction, whole
from . import array
from .maps import magnitude, named, warn_of_nothing


def gini(dataset: xr.Dataset) -> xr.DataArray:
    """Gini coefficient of `magnitude` over pixels: 0 when all count the same, near 1 when few do.

    ``G = Σ_i Σ_j |a_i − a_j| / (2 n² ā)`` (Gu & Dong, arXiv 2011.11036).

    Returns
    -------
    xarray.DataArray
        In [0, 1); NaN, with a warning, for a map that is zero everywhere or holds NaN. The
        attribute ``canvas_pixels`` holds n: values on different canvases do not compare.

    Examples
    --------
    >>> from lam_nb.statistics.maps import example
    >>> round(float(gini(example())), 6)
    0.833333
    """
    used = magnitude(dataset)
    found = xr.apply_ufunc(array.gini, used, input_core_dims=[[Y, X]], dask="parallelized", output_dtypes=[float])
    warn_of_nothing(found, "Gini coefficient, and with it its diffusion index,")
    return named(found, "Gini coefficient", "1", canvas_pixels=used.sizes[Y] * used.sizes[X])


def diffusion_index(dataset: xr.Dataset, canvas: tuple[int, int] | None = None) -> xr.DataArray:
    """How widely the network looked, (1 − gini) · 100 (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    dataset : xarray.Dataset
    canvas : (rows, columns), optional
        Count as if the map lay on a canvas of this many pixels, zero elsewhere: the way to compare maps
        of different sizes. At least as large as the map.

    Returns
    -------
    xarray.DataArray
        In (0, 100]; larger is wider. It depends on the canvas: the same map on a larger image has
        a smaller index, so compare equal sizes only (attribute ``canvas_pixels``). NaN, with a
        warning, for a map that is zero or holds NaN.

    Raises
    ------
    InputError
        If the canvas is smaller than the map.

    Examples
    --------
    >>> from lam_nb.statistics.maps import example
    >>> round(float(diffusion_index(example())), 4)
    16.6667
    >>> round(float(diffusion_index(example(), canvas=(4, 3))), 4)
    8.3333
    """
    found = gini(dataset)
    pixels = found.attrs["canvas_pixels"]
    share = 1.0
    if canvas is not None:
        if not isinstance(canvas, tuple | list) or len(canvas) != 2:
            raise InputError(f"canvas: got {canvas!r}, expected (rows, columns).")
        rows, columns = (whole("canvas", side) for side in canvas)
        if rows < dataset.sizes[Y] or columns < dataset.sizes[X]:
            size = f"{dataset.sizes[Y]} × {dataset.sizes[X]}"
            raise InputError(f"canvas: got {rows} × {columns}, expected at least the map's {size} pixels.")
        share, pixels = pixels / (rows * columns), rows * columns
    return named((1 - found) * 100 * share, "diffusion index", "1", canvas_pixels=pixels)


def pixels_for_share(dataset: xr.Dataset, share: float = 0.95) -> xr.DataArray:
    """Return how few pixels hold `share` of the map's magnitude: (…), in input pixels.

    Unlike the diffusion index it does not depend on the canvas.

    Raises
    ------
    InputError
        If `share` is not in (0, 1].

    Examples
    --------
    >>> from lam_nb.statistics.maps import example
    >>> float(pixels_for_share(example()))
    1.0
    """
    share = fraction("share", share, "a part of the whole")
    settings: dict[str, Any] = {"input_core_dims": [[Y, X]], "dask": "parallelized", "output_dtypes": [float]}
    found = xr.apply_ufunc(array.fewest, magnitude(dataset), kwargs={"share": share}, **settings)
    warn_of_nothing(found, "number of pixels")
    return named(found, "pixels for the share", "input pixels", share=share)


def spread(dataset: xr.Dataset) -> xr.DataArray:
    """Return the map's weighted radius: root of the mean squared distance to its centre, (…), in input pixels.

    To be held beside the receptive field, which says how far the network could look.

    Examples
    --------
    >>> from lam_nb.statistics.maps import example
    >>> float(spread(example()))
    0.0
    """
    used = magnitude(dataset).astype(float)
    total = used.sum((Y, X))
    places = {side: xr.DataArray(np.arange(float(dataset.sizes[side])), dims=side) for side in (Y, X)}
    centres = {side: (used * place).sum((Y, X)) / total for side, place in places.items()}
    down, right = ((used * (places[side] - centres[side]) ** 2).sum((Y, X)) / total for side in (Y, X))
    found = ((down + right) ** 0.5).where(total > 0)
    warn_of_nothing(found, "spread")
    return named(found, "spread", "input pixels")


def index_error(dataset: xr.Dataset) -> xr.DataArray:
    """Return the estimated integration error of the diffusion index, never below 0.01, the last digit that is shown.

    Examples
    --------
    >>> from lam_nb.statistics.maps import example
    >>> float(index_error(example().assign(diffusion_index_error=0.002)))
    0.01
    """
    error = check(dataset, DIFFUSION_INDEX_ERROR)[DIFFUSION_INDEX_ERROR]
    return named(error.clip(min=0.01), "error of the diffusion index", "1")
