"""Correlation: how widely networks look against how well they restore, or anything else that is known of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .. import result
from ..statistics import array
from ..validation import InputError, choose, text, whole
from .tabular import of_pictures

OVER = ("pictures", "both")
DRAWS = 2000
"""Draws of a bootstrap: the ends of a 95 % interval then stand on fifty of them each."""
_LABELS = {"": "", "_low": ", low", "_high": ", high"}
TABLE = result.Table(
    {
        name + end: ((), f"{name.capitalize()} correlation{_LABELS[end]}", "1")
        for name in (result.PEARSON, result.SPEARMAN)
        for end in result.ENDS
    },
    {
        name + end: ((result.MODEL,), f"{label}{_LABELS[end]}", "1")
        for name, label in ((result.DIFFUSION_INDEX, "diffusion index"), (result.AGAINST, "what it is held against"))
        for end in result.ENDS
    },
    maker="lam_nb.studies.di_against_psnr",
    coordinates={result.MODEL: ((result.MODEL,), "network", "1")},
)


def di_against_psnr(table: xr.Dataset, *, over: str = "pictures", draws: int = DRAWS, seed: int = 0) -> xr.Dataset:
    """Correlate how widely networks look with how well they restore: ln DI against PSNR.

    The paper found Pearson 0.85 and Spearman 0.88 over some forty networks (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.sweep`, with ground truth; of one setting. Where pictures have windows of their own, the means over
        them count, of pictures that all networks have seen; where maps differ in size, ``diffusion_index_common``.
    over : {"pictures", "both"}
        What intervals of the correlations are over: other pictures of the kind for these networks, or also other
        networks of the kind, which is wider. Those of each network are over pictures.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    xarray.Dataset
        ``pearson``, ``spearman`` with ``_low`` and ``_high`` of 95 % intervals; per model ``diffusion_index`` and
        ``against``, means with intervals over pictures.

    Raises
    ------
    InputError
        If there are fewer than three networks, or no PSNR.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> nets, regions = ["fsrcnn", "residual", "rfdn-small"], [lam.Region(96, 96)]
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> study = di_against_psnr(lam.sweep(nets, ["bricks", "facade"], regions, **settings))
    >>> -1 <= float(study.spearman) <= 1
    True
    """
    table = of_pictures(table)
    needs_psnr(table)
    return _correlated(table, by_pair(table, result.PSNR), "PSNR", "dB", draws, seed, choose("over", over, OVER))


def di_against(table: xr.Dataset, values: Mapping[str, float], label: str, units: str = "1") -> xr.Dataset:
    """Correlate ln DI with a number per network, such as its receptive field, width, depth or parameters.

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.sweep`.
    values : mapping of str to float
        Network's name -> number; infinite ones, such as global receptive fields, count as larger than all.
    label, units : str
        For the axis.

    Returns
    -------
    xarray.Dataset
        As of `di_against_psnr`; Pearson's leaves infinite values out.

    Raises
    ------
    InputError
        If a network has no number.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> nets, regions = ["fsrcnn", "residual", "rfdn-small"], [lam.Region(96, 96)]
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(nets, ["bricks"], regions, **settings)
    >>> float(di_against(table, {"fsrcnn": 15, "residual": 39, "rfdn-small": 200}, "receptive field").spearman)
    1.0
    """
    if not isinstance(values, Mapping):
        raise InputError(f"values: got {type(values).__name__}, expected a dictionary: name of a network -> number.")
    table = of_pictures(result.check(table, result.DIFFUSION_INDEX))
    index = by_pair(result.check(table, result.DIFFUSION_INDEX, result.MODEL), result.DIFFUSION_INDEX)
    names = [str(name) for name in index[result.MODEL].values]
    missing = [name for name in names if name not in values]
    if missing:
        raise InputError(f"values: has no number for {missing[0]!r}; give one for each of {', '.join(names)}.")
    row = xr.DataArray([float(values[name]) for name in names], dims=result.MODEL)
    spread = row.expand_dims({result.IMAGE: index.sizes[result.IMAGE]}).transpose(result.MODEL, result.IMAGE)
    return _correlated(table, spread, label, units, DRAWS, 0)


def _correlated(
    table: xr.Dataset, against: xr.DataArray, label: str, units: str, draws: int, seed: int, over: str = OVER[0]
) -> xr.Dataset:
    """Correlate ln of the mean index with a mean, over models, with intervals by drawing images, or both, again."""
    text("label", label), text("units", units)
    paired = by_pair(table, result.DIFFUSION_INDEX)
    index, other = paired.values, against.transpose(result.MODEL, result.IMAGE).values
    if len(index) < 3:
        raise InputError(f"table: has {len(index)} networks, expected at least three to correlate.")
    every = drawn_images(index.shape[1], draws, seed)
    means = [(np.nanmean(index[:, row], 1), other[:, row].mean(1)) for row in every]
    curves = {result.PEARSON: array.pearson, result.SPEARMAN: array.spearman}
    chosen = _drawn_networks(len(index), draws, seed, over)
    drawn = [(np.log(x[row]), y[row], len(set(row.tolist()))) for (x, y), row in zip(means, chosen, strict=True)]
    found = {
        name: interval(np.array([curve(x, y) if several > 2 else np.nan for x, y, several in drawn]))
        for name, curve in curves.items()
    }
    for k, name in enumerate((result.DIFFUSION_INDEX, result.AGAINST)):
        found[name] = interval(np.array([one[k] for one in means]))
    facts = {"against": label, "against_units": units, "draws": draws, "seed": seed, "images": index.shape[1]}
    facts |= {"over": over}
    held = [result.AGAINST + end for end in result.ENDS]
    return TABLE.build(
        spread(found),
        {result.MODEL: paired[result.MODEL].values},
        facts=facts,
        units=dict.fromkeys(held, units),
        labels={name: label + _LABELS[end] for name, end in zip(held, result.ENDS, strict=True)},
    )


def needs_psnr(table: xr.Dataset) -> None:
    """Refuse a table without PSNR."""
    result.check(table, result.DIFFUSION_INDEX)
    if result.PSNR not in table or bool(table[result.PSNR].isnull().all()):
        raise InputError("table: has no PSNR; make it with lam_nb.sweep(..., as_truth=True).")


def mean_index(table: xr.Dataset) -> NDArray[np.float64]:
    """Return the diffusion index, mean over regions, (model, image)."""
    return np.asarray(by_pair(table, result.DIFFUSION_INDEX).values)


def by_pair(table: xr.Dataset, name: str) -> xr.DataArray:
    """Return a number of a sweep, mean over the windows of each picture, (model, image).

    Examples
    --------
    >>> table = xr.Dataset({"psnr": (("model", "image", "region"), [[[20.0, 30.0]], [[40.0, 40.0]]])})
    >>> by_pair(table, "psnr").values.tolist()
    [[25.0], [40.0]]
    """
    values = table[name]
    values = values.mean(result.REGION) if result.REGION in values.dims else values
    return values.transpose(result.MODEL, result.IMAGE, ...)


def _drawn_networks(count: int, draws: int, seed: int, over: str) -> list[NDArray[np.int64]]:
    """Return which networks count: all, then for every draw all again, or as many with replacement."""
    every = np.arange(count)
    if over == OVER[0]:
        return [every] * (draws + 1)
    generator = np.random.default_rng([seed, 1])  # other numbers than those of the pictures
    return [every, *generator.integers(0, count, (draws, count))]


def drawn_images(count: int, draws: int, seed: int) -> list[NDArray[np.int64]]:
    """Return which images count: all of them, then as many again with replacement, for every draw."""
    again = np.random.default_rng(whole("seed", seed, 0)).integers(
        0, count, (whole("draws", draws, most=1_000_000), count)
    )
    return [np.arange(count), *again]


def interval(drawn: NDArray[np.float64]) -> tuple[ArrayLike, ArrayLike, ArrayLike]:
    """Return the first row, and the ends of the 95 % interval of the others."""
    with np.errstate(invalid="ignore"):  # an infinite field has no interval
        low, high = np.nanquantile(drawn[1:], [0.025, 0.975], axis=0)
    return drawn[0], low, high


def spread(found: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]]) -> dict[str, ArrayLike | None]:
    """Return numbers and the ends of their intervals by variable name."""
    return {name + end: value for name, row in found.items() for end, value in zip(result.ENDS, row, strict=True)}
