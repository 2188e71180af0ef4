"""Reach: how far a network can look, exactly, from its structure and not from its weights."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

import torch

from ..networks import Network
from ..validation import InputError, whole
from .running import Leased, outputs

_SHORTEST = 96
"""Length of the first strip, in input pixels: most small networks end within it."""
_THICKNESSES = (1, 8, 16, 32, 64)
"""Thickness of strips to try: networks with windows or inner strides run on no line of one pixel."""
_FEW = 8
"""Successive columns that are marked at least: one for every phase of an inner stride up to 8."""
LONGEST_PERIOD = 32
"""Period of inner strides that `lam_nb.receptive_field` looks for."""
_KNOWN: weakref.WeakKeyDictionary[Network, dict[int, Reach]] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


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


def reach(run: Leased, *, limit: int = 1536, period: int = _FEW) -> Reach:
    """Find how far a network can look, exactly, from its structure and not from its weights.

    A column of an otherwise grey strip is set to NaN: whatever depends on it becomes NaN, through any
    layer and whatever the weights. Strips grow until both ends stay clean, up to `limit`. Where neighbouring
    columns reach unequally far, as behind a stride, as many are marked as a `period` has phases.

    Raises
    ------
    InputError
        If the network runs on no strip.

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> net = wrap(torch.nn.Conv2d(3, 3, (3, 7), padding=(1, 3)), check=False)
    >>> reach(Leased(net, torch.device("cpu"))).size
    (3, 7)
    """
    whole("limit", limit)
    with run.lease(exact=True):
        rows, columns = (_extent(run, axis, limit, period) for axis in (2, 3))
    return Reach(rows, columns, limit)


def known_reach(run: Leased, limit: int) -> Reach:
    """Return `reach`, measured once for each network and limit."""
    with _LOCK:
        known = _KNOWN.setdefault(run.network, {})
    if limit not in known:  # two threads may both measure it: the same, twice
        known[limit] = reach(run, limit=limit)
    return known[limit]


def _extent(run: Leased, axis: int, limit: int, period: int) -> tuple[int, int] | None:
    length = min(_SHORTEST, limit)
    while True:
        length = run.pad_to * -(-length // run.pad_to)
        found = _influence(run, axis, length, period)
        if found is not None or length >= limit:
            return found
        length = min(2 * length, limit)


def _influence(run: Leased, axis: int, length: int, period: int) -> tuple[int, int] | None:
    """Return pixels before and after, or None if a mark in the middle touches an end of the strip."""
    seen: set[tuple[int, int]] = set()
    middle = max(0, (length - period) // 2)
    for k, mark in enumerate(range(middle, min(middle + period, length))):
        if k >= _FEW and len(seen) == 1:  # all alike: there is no stride
            break
        touched = _touched(run, axis, length, mark)
        if not len(touched):
            continue
        first, last = int(touched[0]) // run.scale, int(touched[-1]) // run.scale
        if first == 0 or last == length - 1:
            return None
        seen.add((last - mark, mark - first))
    return max([0, *(before for before, _ in seen)]), max([0, *(after for _, after in seen)])


def _touched(run: Leased, axis: int, length: int, mark: int) -> torch.Tensor:
    """Return which output rows or columns depend on input row or column `mark` of a strip."""
    for thickness in _THICKNESSES:
        shape = [1, *run.network.axes.shape(thickness, thickness)]
        shape[axis] = length
        strip = torch.full(shape, 0.5)
        strip.select(axis, mark).fill_(torch.nan)
        try:
            output = outputs(run, strip.to(run.device))
        except InputError as error:
            failure = error
            continue
        lines = output.movedim(axis, 0).flatten(1).isnan().any(1)
        return lines.nonzero().flatten().cpu()
    raise InputError(f"network {run.name!r}: its receptive field cannot be measured ({failure}).")
