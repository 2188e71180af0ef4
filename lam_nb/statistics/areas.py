"""Areas: where contributions gather, for one network and for several."""

from __future__ import annotations

import warnings
from typing import Any

import xarray as xr

from ..result import MODEL, X, Y, check
from ..validation import InputError
from . import array
from .maps import magnitude, named


def informative_area(many: xr.Dataset) -> xr.DataArray:
    """Return what every network uses and what only wide-looking ones do: (…, y, x), in about [−0.5, 1].

    With A and B the pixelwise largest and smallest contribution area over the networks:
    B − (A − B) / (2 max(A − B)). Near 1: all use it, enough for the most basic restoration; near
    −0.5: only some do, what looking wider may add. Where all look alike it is B. Of two networks, A is the area
    of the one whose areas are larger on the whole and B the other's, as in the published demo, which is given the wide
    one first (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    many : xarray.Dataset
        Of `lam_nb.compare`.

    Raises
    ------
    InputError
        If there is no dimension ``model`` with at least two networks.

    Examples
    --------
    >>> import lam_nb as lam
    >>> nets = [lam.networks.load(name) for name in ("rfdn-small", "fsrcnn")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> area = informative_area(lam.compare(nets, lr, lam.Region(96, 96), progress=False))
    >>> bool(-0.5 <= area.min() < 0)
    True
    """
    if check(many).sizes.get(MODEL, 0) < 2:
        raise InputError("many: expected at least two networks along 'model'; make it with lam_nb.compare.")
    areas = contribution_area(many)
    pair = many.sizes[MODEL] == 2
    wide, common = _wider_first(areas) if pair else (areas.max(MODEL), areas.min(MODEL))
    beyond = wide - common
    most = beyond.max((Y, X))
    found = common - 0.5 * beyond / most.where(most != 0, 1)  # networks that look alike: all of it is common
    area = named(found, "informative area", "1")
    return area.assign_attrs(method="wider network against narrower" if pair else "largest against smallest of all")


def _wider_first(areas: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    first, second = (areas.isel({MODEL: k}, drop=True) for k in (0, 1))
    is_wider = first.mean((Y, X)) >= second.mean((Y, X))
    return first.where(is_wider, second), second.where(is_wider, first)


def contribution_area(dataset: xr.Dataset) -> xr.DataArray:
    """Return where contributions gather: a weighted Gaussian kernel density over pixels, its maximum 1.

    The bandwidth is the weighted covariance of pixel positions times Scott's factor squared. On a
    pixel grid that density is a convolution, done here by FFT: the values of scipy's gaussian_kde,
    which the published demo takes, in milliseconds.

    Returns
    -------
    xarray.DataArray
        (…, y, x) in [0, 1]; NaN, with a warning, for a map whose pixels that count lie on one line, or with NaN.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> area = contribution_area(lam.attribute(net, lr, lam.Region(96, 96), progress=False))
    >>> float(area.max())
    1.0
    """
    sizes = [[Y, X]]
    settings: dict[str, Any] = {"input_core_dims": sizes, "output_core_dims": sizes, "vectorize": True}
    found = xr.apply_ufunc(array.density, magnitude(dataset), dask="parallelized", output_dtypes=[float], **settings)
    if bool(found.isnull().any()):
        words = "a map has no pixels that count but on one line, or holds NaN: its contribution area is NaN."
        warnings.warn(words, RuntimeWarning, stacklevel=2)
    return named(found, "contribution area", "1")
