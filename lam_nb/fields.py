"""Receptive fields: how far a network can look, and how far it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import xarray as xr

from . import gradients, images, result
from .networks import Network
from .types import Batch, Image, InputError, whole

_SHORTEST = 96
_THICKNESSES = (1, 8, 16, 32, 64)
_MARKS = 8


@dataclass(frozen=True)
class Reach:
    """How many input pixels before and after its own an output can depend on, per axis; None where unbounded.

    An output here is all scale × scale output pixels over one input pixel.

    Parameters
    ----------
    rows, columns : (int, int) or None
        Pixels above and below, left and right.
    limit : int
        Sides up to which this was looked at: beyond, "unbounded" is all that is known.

    Examples
    --------
    >>> Reach((1, 1), (2, 2), limit=96).size
    (3, 5)
    """

    rows: tuple[int, int] | None
    columns: tuple[int, int] | None
    limit: int

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Rows and columns of the field, its own pixel included; None where unbounded."""
        height, width = (sum(side) + 1 if side else None for side in (self.rows, self.columns))
        return height, width

    @property
    def is_global(self) -> bool:
        """Whether no bound was found on an axis."""
        return self.rows is None or self.columns is None


def reach(network: Network, *, limit: int = 1536) -> Reach:
    """Find how far a network can look, exactly, from its structure and not from its weights.

    A column of an otherwise grey strip is set to NaN: whatever depends on it becomes NaN, through any
    layer and whatever the weights. Strips grow until both ends stay clean, up to `limit`.

    Raises
    ------
    InputError
        If the network runs on no strip.

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> reach(wrap(torch.nn.Conv2d(3, 3, (3, 7), padding=(1, 3)), check=False)).size
    (3, 7)
    """
    whole("limit", limit)
    with gradients.frozen(network, next((p.device for p in network.parameters()), torch.device("cpu"))), _exact():
        rows, columns = (_extent(network, axis, limit) for axis in (2, 3))
    return Reach(rows, columns, limit)


def measure(
    network: Network,
    pictures: Sequence[Any] | None = None,
    *,
    side: int = 64,
    limit: int = 1536,
    device: str | torch.device | None = None,
) -> xr.Dataset:
    """Measure the receptive field and the effective one; see `lam_nb.statistics.receptive_field`."""
    place = gradients.device(device)
    found = reach(network, limit=limit)
    with gradients.frozen(network, place):
        batch = torch.stack(_pictures(network, pictures, side)).to(place)
        _, slopes, _ = gradients.value_and_gradient(network, _centre(network, batch), batch)
    total = slopes.double().clamp(min=0).sum((0, 1)).cpu()
    shown = torch.log10(total + 1)
    values = {
        result.INFLUENCE: total.numpy(),
        result.EFFECTIVE_FIELD: (shown / shown.max()).numpy(),
        **_bounds(found),
    }
    return result.field(values, {"network": network.name, "limit": limit, "images": len(batch)})


def _bounds(found: Reach) -> dict[str, float]:
    names = (result.ABOVE, result.BELOW), (result.LEFT, result.RIGHT)
    sides = {
        name: float("inf") if side is None else float(side[k])
        for pair, side in zip(names, (found.rows, found.columns), strict=True)
        for k, name in enumerate(pair)
    }
    height, width = (float("inf") if n is None else float(n) for n in found.size)
    return sides | {result.FIELD_HEIGHT: height, result.FIELD_WIDTH: width}


def _pictures(network: Network, given: Sequence[Any] | None, side: int) -> list[Image]:
    if given is None:
        side = network.pad_to * -(-whole("side", side) // network.pad_to)
        given = [images.sample(name) for name in images.samples()]
        given = [images.downscale(one, 2) if min(one.shape[-2:]) >= 2 * side else one for one in given]
        given = [images.crop(one, 0, 0, side, side) for one in given if min(one.shape[-2:]) >= side]
    pictures = [images.as_image(one) for one in given]
    if not pictures or len({one.shape for one in pictures}) > 1:
        raise InputError("pictures: expected at least one image, all of one size; crop them first, or lower side.")
    return pictures


def _centre(network: Network, batch: Batch) -> Any:
    y, x = (side // 2 for side in network.output_size(*batch.shape[-2:]))
    return lambda output: output[:, :, y, x].sum(1)


def _extent(network: Network, axis: int, limit: int) -> tuple[int, int] | None:
    length = min(_SHORTEST, limit)
    while True:
        length = network.pad_to * -(-length // network.pad_to)
        found = _influence(network, axis, length)
        if found is not None or length >= limit:
            return found
        length = min(2 * length, limit)


def _influence(network: Network, axis: int, length: int) -> tuple[int, int] | None:
    """Return pixels before and after, or None if a mark in the middle touches an end of the strip."""
    before = after = 0
    for mark in range(length // 2, length // 2 + _MARKS):
        touched = _touched(network, axis, length, mark)
        if not len(touched):
            continue
        first, last = int(touched[0]) // network.scale, int(touched[-1]) // network.scale
        if first == 0 or last == length - 1:
            return None
        before, after = max(before, last - mark), max(after, mark - first)
    return before, after


def _touched(network: Network, axis: int, length: int, mark: int) -> torch.Tensor:
    """Return which output rows or columns depend on input row or column `mark` of a strip."""
    for thickness in _THICKNESSES:
        shape = [1, 3, thickness, thickness]
        shape[axis] = length
        strip = torch.full(shape, 0.5)
        strip.select(axis, mark).fill_(torch.nan)
        try:
            output = gradients.outputs(network, strip.to(next(iter(network.parameters()), strip).device))
        except InputError as error:
            failure = error
            continue
        lines = output.movedim(axis, 0).flatten(1).isnan().any(1)
        return lines.nonzero().flatten().cpu()
    raise InputError(f"network {network.name!r}: its receptive field cannot be measured ({failure}).")


@contextmanager
def _exact() -> Iterator[None]:
    """Have convolutions that compute every output from its own inputs alone, not in tiles or spectra."""
    # Not their .flags(): those also set switches of precision, and raise or warn where another part has set its own.
    backends: tuple[Any, ...] = torch.backends.cudnn, torch.backends.mkldnn
    before = [backend.enabled for backend in backends]
    try:
        for backend in backends:
            backend.enabled = False
        yield
    finally:
        for backend, enabled in zip(backends, before, strict=True):
            backend.enabled = enabled
