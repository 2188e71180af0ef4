"""Kernels: which of them count most, where those lie, and what putting them back does."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..result import (
    AGAINST,
    CHANGE,
    CONTENT,
    DEGRADATION,
    DEPTH,
    DISCRIMINATIVE,
    DRAW,
    FUNCTION_LOST,
    KERNEL,
    KERNELS,
    LAYER,
    PART,
    PSNR_LOST,
    SCORE,
    SPREAD,
    TARGET_GRADIENT,
    TOP_SHARE,
    check,
)
from ..validation import choose, fraction, whole

RANKINGS = (DISCRIMINATIVE, SCORE, CHANGE, TARGET_GRADIENT, "random")
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def kernel_ranking(
    dataset: xr.Dataset, degradation: str, *, against: str | None = None, by: str = DISCRIMINATIVE, seed: int = 0
) -> xr.DataArray:
    """Return what kernels are ranked by, the more the higher.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.filters`.
    degradation : str
        Whose skill is looked for.
    against : str, optional
        The degradation that is compared; the mean of all others by default, nothing where there is no other.
    by : {"discriminative", "score", "change", "target_gradient", "random"}
        The score less that in the other degradation; the score alone; how far the weights have moved; the gradient's
        magnitude at the target, less that in the other degradation; nothing, for comparison.
    seed : int
        Of a random ranking.

    Returns
    -------
    xarray.DataArray (kernel,)

    Raises
    ------
    InputError
        If the dataset is something else or has no such degradation.

    Examples
    --------
    >>> kernel_ranking(example(), "blur").values.tolist()
    [3.0, 0.0, -1.0, 0.0]
    """
    check(dataset, SCORE, DISCRIMINATIVE, CHANGE, TARGET_GRADIENT)
    known = [str(one) for one in np.atleast_1d(dataset[DEGRADATION].values)]
    own = choose("degradation", degradation, known)
    others = [one for one in known if one != own] if against is None else [choose("against", against, known)]
    by = choose("by", by, RANKINGS)
    if by == "random":
        drawn = np.random.default_rng(whole("seed", seed, 0)).random(dataset.sizes[KERNEL])
        return dataset[CHANGE].copy(data=drawn)
    if by == CHANGE:
        return dataset[CHANGE]
    values = dataset[TARGET_GRADIENT if by == TARGET_GRADIENT else SCORE]
    one = values.sel({DEGRADATION: own}, drop=True)
    if by == SCORE or not others:
        return one
    return one - values.sel({DEGRADATION: others}).mean(DEGRADATION)


def top_kernels(
    dataset: xr.Dataset,
    degradation: str,
    share: float = 0.01,
    *,
    against: str | None = None,
    by: str = DISCRIMINATIVE,
    seed: int = 0,
) -> xr.DataArray:
    """Return which kernels are the first of a ranking, as `lam_nb.networks.masked` takes them.

    Parameters
    ----------
    dataset, degradation, against, by, seed
        As for `kernel_ranking`.
    share : float, default 0.01
        Of all kernels; at least one is chosen.

    Returns
    -------
    xarray.DataArray of bool (kernel,)

    Raises
    ------
    InputError
        As of `kernel_ranking`, or if the share is not in (0, 1].

    Examples
    --------
    >>> top_kernels(example(), "noise", share=0.5).values.tolist()
    [False, True, True, False]
    """
    ranking = kernel_ranking(dataset, degradation, against=against, by=by, seed=seed)
    count = max(1, round(fraction("share", share, "a part of all kernels") * ranking.sizes[KERNEL]))
    chosen = np.zeros(ranking.sizes[KERNEL], bool)
    chosen[np.argsort(-ranking.values, kind="stable")[:count]] = True
    attrs = {"long_name": f"first {share:g} of the kernels by {by}, for {degradation}", "units": "1"}
    return ranking.copy(data=chosen).assign_attrs(attrs)


def kernel_layers(
    dataset: xr.Dataset, degradation: str, share: float = 0.01, *, against: str | None = None, by: str = DISCRIMINATIVE
) -> xr.Dataset:
    """Return how kernels are ranked layer by layer, and how many of the first lie in each.

    Parameters
    ----------
    dataset, degradation, share, against, by
        As for `top_kernels`.

    Returns
    -------
    xarray.Dataset
        By layer: ``spread`` (layer, part), what kernels are ranked by at the quantiles 0, 0.25, 0.5, 0.75 and 1;
        ``kernels``, how many there are; ``top_share``, which part of the first kernels lies there; coordinate
        ``depth``.

    Examples
    --------
    >>> found = kernel_layers(example(), "blur", share=0.25)
    >>> found.layer.values.tolist(), found.top_share.values.tolist()
    (['first', 'last'], [1.0, 0.0])
    """
    ranking = kernel_ranking(dataset, degradation, against=against, by=by)
    top = top_kernels(dataset, degradation, share, against=against, by=by).values
    names = ranking[LAYER].values.astype(str)
    layers = list(dict.fromkeys(names.tolist()))
    within = [names == name for name in layers]
    built = xr.Dataset(
        {
            SPREAD: ((LAYER, PART), [np.quantile(ranking.values[one], _QUANTILES) for one in within]),
            KERNELS: ((LAYER,), [int(one.sum()) for one in within]),
            TOP_SHARE: ((LAYER,), [float(top[one].sum() / top.sum()) for one in within]),
        },
        coords={
            LAYER: np.array(layers, dtype=object),
            PART: list(_QUANTILES),
            DEPTH: ((LAYER,), [float(ranking[DEPTH].values[one][0]) for one in within]),
        },
        attrs={"degradation": degradation, "share": share, "by": by},
    )
    return built.sortby(DEPTH)


def masking_effect(
    table: xr.Dataset, name: str = FUNCTION_LOST, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> xr.Dataset:
    """Return what putting kernels back does on average, with intervals over pictures and random choices of kernels.

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.studies.masking_curve` or `lam_nb.studies.modulation_curve`.
    name : {"function_lost", "psnr_lost"}
    level : float, default 0.95
    draws, seed : int
        Of the bootstrap: pictures are drawn again, and so are random choices of kernels.

    Returns
    -------
    xarray.Dataset
        The mean, with ``_low`` and ``_high``, in the variable's units.

    Raises
    ------
    InputError
        If the table is something else, or a number does not fit.

    Examples
    --------
    >>> values = xr.DataArray([[1.0, 3.0]], dims=("draw", "content"))
    >>> found = masking_effect(xr.Dataset({"psnr_lost": values}), "psnr_lost")
    >>> float(found.psnr_lost), float(found.psnr_lost_low), float(found.psnr_lost_high)
    (2.0, 1.0, 3.0)
    """
    choose("name", name, (FUNCTION_LOST, PSNR_LOST))
    values = check(table, name)[name]
    level = fraction("level", level, "a probability such as 0.95", whole_too=False)
    values = values if DRAW in values.dims else values.expand_dims(DRAW)
    rest = [str(one) for one in values.dims if one not in (DRAW, CONTENT)]
    array = values.transpose(*rest, DRAW, CONTENT).values
    drawn = _drawn(array, whole("draws", draws, most=1_000_000), np.random.default_rng(whole("seed", seed, 0)))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    mean = values.mean((DRAW, CONTENT))
    ends = {f"{name}_low": mean.copy(data=low), f"{name}_high": mean.copy(data=high)}
    attrs = {"units": values.attrs.get("units", "1"), "level": level, "draws": draws, "seed": seed}
    return xr.Dataset({key: one.assign_attrs(attrs) for key, one in {name: mean, **ends}.items()}, attrs=table.attrs)


def _drawn(values: NDArray[np.float64], draws: int, source: np.random.Generator) -> NDArray[np.float64]:
    """Return means over draws and pictures, both drawn again, (draw, …); rows that are NaN are no draws."""
    choices, pictures = values.shape[-2:]
    known = np.isfinite(values).any(-1).reshape(-1, choices).sum(1)
    flat = values.reshape(-1, choices, pictures)
    found = np.empty((draws, len(flat)))
    for k, (one, count) in enumerate(zip(flat, known, strict=True)):
        rows = source.integers(0, max(1, count), (draws, choices if count > 1 else 1))
        columns = source.integers(0, pictures, (draws, pictures))
        found[:, k] = one[rows[:, :, None], columns[:, None, :]].mean((1, 2))
    return found.reshape(draws, *values.shape[:-2])


def example() -> xr.Dataset:
    """Return a small result as of `lam_nb.filters`, for examples.

    Examples
    --------
    >>> example().score.shape
    (2, 4)
    """
    score = np.array([[4.0, 2.0, 0.0, 1.0], [1.0, 2.0, 1.0, 1.0]])
    kernels = {
        LAYER: ((KERNEL,), np.array(["first", "first", "last", "last"], dtype=object)),
        DEPTH: ((KERNEL,), [0.5, 0.5, 1.0, 1.0]),
    }
    return xr.Dataset(
        {
            SCORE: ((DEGRADATION, KERNEL), score),
            DISCRIMINATIVE: ((DEGRADATION, AGAINST, KERNEL), score[:, None] - score[None]),
            CHANGE: ((KERNEL,), np.ones(4)),
            TARGET_GRADIENT: ((DEGRADATION, KERNEL), score),
        },
        coords={DEGRADATION: ["blur", "noise"], AGAINST: ["blur", "noise"], **kernels},
    )
