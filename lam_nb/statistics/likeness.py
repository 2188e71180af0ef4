"""Agreement: how alike maps are, of two methods, networks or questions."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ..result import (
    EFFECT,
    INPUT,
    X,
    Y,
    check,
)
from ..types import Region
from ..validation import InputError, fraction
from . import array
from .maps import magnitude, named


def agreement(first: xr.Dataset, second: xr.Dataset, top: float = 0.05) -> xr.Dataset:
    """Compare two maps: do they rank pixels alike, do they share their strongest pixels.

    Parameters
    ----------
    first, second : xarray.Dataset
        Results on one canvas; further dimensions are matched.
    top : float, default 0.05
        Part of the pixels that counts as strongest.

    Returns
    -------
    xarray.Dataset
        ``rank_correlation`` (Spearman's, of magnitudes, over pixels that either uses) and
        ``top_overlap`` (shared part of the strongest), both (…).

    Raises
    ------
    InputError
        If the canvases differ or `top` is not in (0, 1].

    Examples
    --------
    >>> from lam_nb.statistics.maps import example
    >>> found = agreement(example(), example())
    >>> float(found.rank_correlation), float(found.top_overlap)
    (1.0, 1.0)
    """
    top = fraction("top", top, "a part of the pixels")
    pair = [magnitude(one) for one in (first, second)]
    sizes = [(one.sizes[Y], one.sizes[X]) for one in pair]
    if sizes[0] != sizes[1]:
        raise InputError(f"second: its canvas is {sizes[1]}, expected the first's, {sizes[0]}; compare equal sizes.")
    bare = [one.drop_vars([name for name in one.coords if name not in one.dims]) for one in pair]
    settings: dict[str, Any] = {"input_core_dims": [[Y, X]] * 2, "output_dtypes": [float]}
    correlation = xr.apply_ufunc(array.rank_correlation, *bare, vectorize=True, **settings)
    overlap = xr.apply_ufunc(array.top_overlap, *bare, vectorize=True, kwargs={"top": top}, **settings)
    return xr.Dataset(
        {
            "rank_correlation": named(correlation, "rank correlation", "1"),
            "top_overlap": named(overlap, "overlap of the strongest pixels", "1", top=top),
        }
    )


def causal_agreement(effects: xr.Dataset, attribution: xr.Dataset) -> xr.DataArray:
    """Correlate a causal effect map with an attribution map of the same window, block by block.

    They answer different questions: an attribution map says which pixels the window was made of, a
    causal effect map which content there raises or lowers its quality. A network may use pixels that
    do not help; so a low number is a finding, and no error of either map.

    Parameters
    ----------
    effects : xarray.Dataset
        Of `lam_nb.causal_effect`.
    attribution : xarray.Dataset
        Of `lam_nb.attribute` or a peer, on the same input.

    Returns
    -------
    xarray.DataArray
        Spearman's correlation of ``|effect|`` with the sum of magnitudes in the block, over the blocks
        beside the region that either uses (attribute ``blocks``); NaN if there are fewer than three.

    Raises
    ------
    InputError
        If the inputs differ in size or the windows differ, or the attribution is of several windows.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, hr = lam.networks.load("fsrcnn"), lam.images.sample("bricks")
    >>> lr, window = lam.images.downscale(hr, 4), lam.Region(96, 96, 32)
    >>> cem = lam.causal_effect(net, lr, window, reference=hr, fine=4, progress=False)
    >>> 0 < float(causal_agreement(cem, lam.attribute(net, lr, window, progress=False))) < 1
    True
    """
    used = magnitude(attribution)
    size = tuple(check(effects, EFFECT, INPUT).sizes[name] for name in (Y, X))
    if used.ndim != 2:
        raise InputError(f"attribution: got dimensions {used.dims}, expected one map; choose one with isel or sel.")
    own = Region.of_facts(effects.attrs)
    if "region_y" in attribution.attrs and Region.of_facts(attribution.attrs) != own:
        raise InputError(
            f"attribution: is of the window {Region.of_facts(attribution.attrs)!r}, expected that of effects, {own!r}."
        )
    if (used.sizes[Y], used.sizes[X]) != size:
        raise InputError(f"attribution: its canvas is {(used.sizes[Y], used.sizes[X])}, expected the input's, {size}.")
    side = int(effects.attrs["block"])
    rows, columns = (np.arange(0, n, side) for n in size)
    sums = np.add.reduceat(np.add.reduceat(used.transpose(Y, X).values, rows, 0), columns, 1)
    effect = abs(effects[EFFECT].values)
    known = np.isfinite(effect) & ((effect != 0) | (sums != 0))
    found = array.rank_correlation(effect[known], sums[known]) if known.sum() > 2 else np.nan
    return named(xr.DataArray(found), "rank correlation of |effect| and attribution", "1", blocks=int(known.sum()))
