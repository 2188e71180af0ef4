"""Arrays: the numbers behind the statistics, numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..validation import InputError

_SINGULAR = 1e12
"""Condition above which all that counts lies on one line, and there is no area."""


def fewest(values: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    """Return how few values of (…, y, x) ≥ 0 make up `share` of their sum; NaN where the sum is 0.

    Examples
    --------
    >>> fewest(np.array([[[4.0, 3.0, 2.0, 1.0]]]), 0.65)
    array([2.])
    """
    flat = -np.sort(-values.reshape(*values.shape[:-2], -1).astype(np.float64), axis=-1)
    gathered = flat.cumsum(-1)
    total = gathered[..., -1:]
    needed = (gathered < share * total * (1 - 1e-12)).sum(-1) + 1.0
    return np.where(total[..., 0] > 0, needed, np.nan)


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Spearman's correlation over the places where either is not 0; NaN where there is none.

    Examples
    --------
    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
    0.5
    """
    used = (first != 0) | (second != 0)
    used |= used.sum() < 2
    order = [ranks(one[used]) for one in (first, second)]
    if any(np.ptp(one) == 0 for one in order) or not all(np.isfinite(one).all() for one in (first, second)):
        return float("nan")
    return float(np.corrcoef(order[0], order[1])[0, 1].clip(-1, 1))


def top_overlap(first: NDArray[np.floating], second: NDArray[np.floating], top: float) -> float:
    """Return which part of the strongest `top` of all places two maps share.

    Examples
    --------
    >>> top_overlap(np.array([4.0, 3.0, 2.0, 1.0]), np.array([4.0, 1.0, 3.0, 2.0]), 0.5)
    0.5
    """
    if not (first.any() and second.any()):
        return float("nan")
    count = max(1, round(top * first.size))
    strongest = [set(np.argsort(-one.ravel(), kind="stable")[:count].tolist()) for one in (first, second)]
    return len(strongest[0] & strongest[1]) / count


def ranks(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the ranks of a row of numbers from 1, of equal ones their mean.

    Examples
    --------
    >>> ranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    try:
        values = np.asarray(values)
    except (TypeError, ValueError):  # lists of unequal length, tensors elsewhere, Datasets
        raise InputError(f"values: got {type(values).__name__}, expected an array of numbers.") from None
    if values.dtype.kind not in "biuf":
        raise InputError(f"values: got {values.dtype}, expected numbers.")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[inverse]


def gini(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the Gini coefficient of (…, y, x) ≥ 0 over the last two axes; NaN where all is 0.

    Examples
    --------
    >>> float(gini(np.array([[0.0, 0.0], [0.0, 1.0]])))
    0.75
    """
    flat = np.sort(values.reshape(*values.shape[:-2], -1).astype(np.float64), axis=-1)
    count = flat.shape[-1]
    rank = 2 * np.arange(1, count + 1) - count - 1
    total = flat.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (flat @ rank) / (count * total), np.nan)


def density(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a weighted Gaussian kernel density over pixels, by FFT, its maximum 1; NaN if it has no area.

    Examples
    --------
    >>> float(density(np.eye(3) + 0.1).max())
    1.0
    """
    total = values.sum(dtype=np.float64)
    height, width = values.shape
    if not total > 0 or np.count_nonzero(values) < 2:
        return np.full(values.shape, np.nan)
    weights = values.astype(np.float64) / total
    squares = (weights**2).sum()
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij")).reshape(2, -1)
    spread = np.cov(places, aweights=weights.ravel()) * squares ** (1 / 3)
    if np.linalg.cond(spread) > _SINGULAR:
        return np.full(values.shape, np.nan)
    down, right = (np.fft.ifftshift(np.arange(1 - side, side)) for side in (height, width))
    across = np.linalg.inv(spread)
    distance = across[0, 0] * down[:, None] ** 2 + 2 * across[0, 1] * np.outer(down, right) + across[1, 1] * right**2
    size = distance.shape
    spectrum = np.fft.rfft2(weights, size) * np.fft.rfft2(np.exp(-distance / 2))
    density = np.fft.irfft2(spectrum, size)[:height, :width].clip(min=0)
    return density / density.max()


def diffusion_index(values: NDArray[np.floating], share: float = 1.0) -> NDArray[np.float64]:
    """Return (1 − gini) · 100 of (…, y, x) ≥ 0, if they are `share` of a canvas that is 0 elsewhere.

    Examples
    --------
    >>> float(diffusion_index(np.array([[0.0, 0.0], [0.0, 1.0]])))
    25.0
    """
    return (1 - gini(values)) * 100 * share


def pearson(x: NDArray[np.float64], y: NDArray[np.float64], least: int = 3) -> float:
    """Return the correlation of finite pairs; NaN if fewer than `least` are, or one of them does not vary.

    Examples
    --------
    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])), 6)
    1.0
    """
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < least or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
        return float("nan")
    return float(np.corrcoef(x[known], y[known])[0, 1])


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the correlation of ranks; infinite values are the last ones, pairs with NaN are left out.

    Examples
    --------
    >>> round(spearman(np.array([1.0, 2.0, np.inf]), np.array([2.0, 4.0, 6.0])), 6)
    1.0
    """
    known = ~(np.isnan(x) | np.isnan(y))
    if known.sum() < 2:
        return float("nan")
    return pearson(ranks(x[known]), ranks(y[known]), least=2)
