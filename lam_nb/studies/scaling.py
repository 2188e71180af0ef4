"""Scaling: what width and depth do, in a family of one architecture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .. import result
from ..statistics import array
from ..validation import InputError
from .correlation import DRAWS, drawn_images, interval, mean_index, needs_psnr, spread
from .tabular import of_pictures

_LABELS = {"": "", "_low": ", low", "_high": ", high"}
_ORDER = (result.AXIS, result.QUANTITY)
TABLE = result.Table(
    {result.DIFFUSION_INDEX + end: ((result.MODEL,), f"diffusion index{_LABELS[end]}", "1") for end in result.ENDS},
    {result.PSNR + end: ((result.MODEL,), f"peak signal-to-noise ratio{_LABELS[end]}", "dB") for end in result.ENDS},
    {result.SPEARMAN + end: (_ORDER, f"rank correlation with the size{_LABELS[end]}", "1") for end in result.ENDS},
    {result.COMPARED: ((result.AXIS, result.MODEL), "whether the network is on the axis", "1")},
    maker="lam_nb.studies.di_against_size",
    coordinates={
        result.MODEL: ((result.MODEL,), "network", "1"),
        result.AXIS: ((result.AXIS,), "what is varied", "1"),
        result.QUANTITY: ((result.QUANTITY,), "what is measured", "1"),
        result.WIDTH: ((result.MODEL,), "width", "channels"),
        result.DEPTH: ((result.MODEL,), "depth", "blocks"),
    },
)


def di_against_size(
    table: xr.Dataset, sizes: Mapping[str, tuple[int, int]], *, draws: int = DRAWS, seed: int = 0
) -> xr.Dataset:
    """Ask what width and depth do to diffusion index and PSNR, in a family of one architecture.

    `lam_nb.networks.training.train_family` trains one. The paper found that both numbers rise with width
    and depth of FSRCNN (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.sweep`, with ground truth.
    sizes : mapping of str to (int, int)
        Network's name -> its width and depth. Networks that share the commonest depth show the effect
        of width, and the other way round.
    draws, seed : int
        Of the bootstrap over images.

    Returns
    -------
    xarray.Dataset
        ``width``, ``depth``, ``diffusion_index``, ``psnr`` (model) with ``_low`` and ``_high`` of 95 %
        intervals over images; ``spearman`` (axis, quantity) of both numbers with each size, with interval.

    Raises
    ------
    InputError
        If a network has no size, PSNR is missing, or fewer than three networks differ along an axis.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> nets = ["fsrcnn", "residual", "residual-wide"]  # no family, but enough to show the call
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(nets, ["bricks"], [lam.Region(96, 96)], **settings)
    >>> sizes = {"fsrcnn": (8, 1), "residual": (16, 1), "residual-wide": (32, 1)}
    >>> di_against_size(table, sizes).spearman.sizes["axis"]
    1
    """
    table = of_pictures(table)
    needs_psnr(table)
    if not isinstance(sizes, Mapping):
        raise InputError(f"sizes: got {type(sizes).__name__}, expected a dictionary: name -> (width, depth).")
    names = [str(name) for name in table[result.MODEL].values]
    missing = [name for name in names if name not in sizes]
    if missing:
        raise InputError(f"sizes: has no width and depth for {missing[0]!r}; give them for each of {', '.join(names)}.")
    width, depth = np.array([sizes[name] for name in names], float).T
    held = {result.WIDTH: (width, depth), result.DEPTH: (depth, width)}
    on = {axis: other == _commonest(other) for axis, (_, other) in held.items()}
    on = {axis: rows for axis, rows in on.items() if len(np.unique(held[axis][0][rows])) >= 3}
    if not on:
        raise InputError("sizes: expected at least three networks of one depth, or of one width.")
    index = mean_index(table)
    quantities = {result.DIFFUSION_INDEX: index, result.PSNR: table[result.PSNR].transpose(result.MODEL, ...).values}
    every = drawn_images(index.shape[1], draws, seed)
    means = {name: np.array([np.nanmean(values[:, row], 1) for row in every]) for name, values in quantities.items()}

    def along(axis: str, drawn: NDArray[np.float64]) -> tuple[ArrayLike, ArrayLike, ArrayLike]:
        return interval(np.array([array.spearman(held[axis][0][on[axis]], row[on[axis]]) for row in drawn]))

    order = np.array([[along(axis, drawn) for drawn in means.values()] for axis in on], float)
    values = spread({name: interval(one) for name, one in means.items()})
    values |= {result.SPEARMAN + end: order[..., k] for k, end in enumerate(result.ENDS)}
    axes = {result.MODEL: names, result.AXIS: list(on), result.QUANTITY: list(quantities)}
    facts = {"draws": draws, "seed": seed, "images": index.shape[1]}
    return TABLE.build(
        values | {result.COMPARED: list(on.values())},
        {**axes, result.WIDTH: width, result.DEPTH: depth},
        facts=facts,
    )


def _commonest(values: NDArray[np.float64]) -> float:
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])
