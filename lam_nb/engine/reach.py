"""Reach: how far a network can look, exactly, from its structure and not from its weights."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch

from ..networks import Network
from ..types import Batch
from ..validation import InputError, whole
from .running import Leased, outputs
from .sampling import value_and_gradient

_SHORTEST = 96
"""Length of the first strip, in input pixels: most small networks end within it."""
_THICKNESSES = (1, 8, 16, 32, 64)
"""Thickness of strips to try: networks with windows or inner strides run on no line of one pixel."""
_FEW = 8
"""Successive columns that are marked at first: one for every phase of an inner stride up to 8."""
_ENOUGH = 128
"""Successive columns after which a gradient that reaches further is no matter of strides."""
_PLACES = (0, 5, 13)
"""Outputs beside the middle whose gradients are looked at."""
_ENDLESS = -1, -1
"""Stands for what touches an end of a strip."""
_Answer = TypeVar("_Answer")
_KNOWN: weakref.WeakKeyDictionary[Network, Reach] = weakref.WeakKeyDictionary()
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
    exact : bool
        Whether nothing contradicts it; if not, the network looks at least so far.
    period : int
        How many successive pixels were marked, at most.

    Examples
    --------
    >>> Reach((1, 1), (2, 2), limit=96).size
    (3, 5)
    """

    rows: tuple[int, int] | None
    columns: tuple[int, int] | None
    limit: int
    exact: bool = True
    period: int = 1

    def holds(self, limit: int) -> bool:
        """Whether it says all of pictures of such a side: what is bounded, and sure, is so on larger ones."""
        return limit <= self.limit or (self.exact and None not in (self.rows, self.columns))

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Rows and columns of the field, its own pixel included; None where unbounded."""
        height, width = (sum(side) + 1 if side else None for side in (self.rows, self.columns))
        return height, width

    @property
    def is_global(self) -> bool:
        """Whether no bound was found on an axis."""
        return self.rows is None or self.columns is None


def reach(run: Leased, *, limit: int = 1536, period: int | None = None) -> Reach:
    """Find how far a network can look, exactly, from its structure and not from its weights.

    A column of an otherwise grey strip is set to NaN: whatever depends on it becomes NaN, through any
    layer and whatever the weights. Strips grow until both ends stay clean, up to `limit`. Neighbouring
    columns may reach unequally far, as in windows and behind strides, so that twice as many are marked
    until nothing grows. Gradients of a few outputs must not reach further: they do where a network
    compares and replaces, which NaN does not survive. A longer strip must tell the same: it does not where a
    network interpolates to its picture's size. In either case it looks "at least" as far as all of them say.

    Parameters
    ----------
    run : Leased
    limit : int
        Length of the longest strip, in input pixels.
    period : int, optional
        How many successive columns are marked, without the gradients' check: faster.

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
    found = [_Strips(run, axis).extent(limit, period) for axis in (2, 3)]
    rows, columns = (one.sides for one in found)
    return Reach(rows, columns, limit, all(one.exact for one in found), max(one.phases for one in found))


def known_reach(run: Leased, limit: int) -> Reach:
    """Return `reach` of a few successive pixels, measured once for each network, and again for larger pictures only."""
    with _LOCK:
        known = _KNOWN.get(run.network)
    if known is None or not known.holds(limit):  # two threads may both measure it: the same, twice
        known = reach(run, limit=limit, period=_FEW)
        with _LOCK:
            _KNOWN[run.network] = known
    return known


@dataclass(frozen=True)
class _Extent:
    """What was found along one axis."""

    sides: tuple[int, int] | None
    exact: bool = True
    phases: int = 1


class _Strips:
    """Strips along one axis, on which pixels are marked."""

    def __init__(self, run: Leased, axis: int) -> None:
        self.run, self.axis = run, axis
        self.thicknesses, self.works = list(_THICKNESSES), False

    def extent(self, limit: int, period: int | None) -> _Extent:
        """Return how far it reaches, on strips that grow until both ends stay clean."""
        length = min(_SHORTEST, limit)
        while True:
            length = self.run.pad_to * -(-length // self.run.pad_to)
            found = self._influence(length, period, is_longest=length >= limit)
            if found is not None:
                return found
            length = min(2 * length, limit)

    def _influence(self, length: int, period: int | None, *, is_longest: bool) -> _Extent | None:
        """Return what strips of a length tell; None if longer ones are needed."""
        start, room = max(0, length // 2 - _FEW // 2), max(1, length // 3)
        seen = {self._touched(length, start)}
        unbounded = _Extent(None) if is_longest else None
        pulled = None if period or _ENDLESS in seen else self._pulled(length)
        if _ENDLESS in (*seen, pulled):
            return unbounded
        before: tuple[int, int] | None = None
        done, goal = 1, min(period or _FEW, length - start)
        while True:
            for mark in range(start + done, start + goal):
                seen.add(self._touched(length, mark))
                if _ENDLESS in seen:
                    return unbounded
            done, bound = goal, _furthest(seen)
            if period:
                return _Extent(bound, phases=done)
            alike = len(seen) == 1 and None not in seen
            settled, agreed = alike or bound == before, pulled is not None and bound == _furthest({bound, pulled})
            last = done >= _ENOUGH or pulled is None
            if (settled and (agreed or last)) or (2 * goal > room and is_longest):
                other = () if alike else self._elsewhere(length, start)
                exact = settled and agreed and seen.issuperset(other)
                return _Extent(_furthest({bound, pulled, *other} - {_ENDLESS}), exact, phases=done)
            if 2 * goal > room:
                return None
            before, goal = bound, 2 * goal

    def _elsewhere(self, length: int, start: int) -> set[tuple[int, int] | None]:
        """Return what a few marks tell on a longer strip: the same, unless the picture's size matters."""
        longer = length + _FEW * self.run.pad_to
        return {self._touched(longer, mark) for mark in range(start, start + _FEW)}

    def _touched(self, length: int, mark: int) -> tuple[int, int] | None:
        """Return how far before and after it outputs depend on row or column `mark`, if any do."""

        def marked(strip: Batch) -> Batch:
            strip.fill_(0.5).select(self.axis, mark).fill_(torch.nan)
            return outputs(self.run, strip)

        with self.run.lease(exact=True):
            output = self._asked(length, marked)
        lines = output.movedim(self.axis, 0).flatten(1).isnan().any(1).nonzero().flatten().cpu()
        if not len(lines):
            return None
        first, last = int(lines[0]) // self.run.scale, int(lines[-1]) // self.run.scale
        return _ENDLESS if first == 0 or last == length - 1 else (last - mark, mark - first)

    def _pulled(self, length: int) -> tuple[int, int] | None:
        """Return how far before and after them a few outputs are moved by the input; None if that cannot be told."""
        cells = [length // 2 + place for place in _PLACES if place < length // 3]
        scale = self.run.scale

        def chosen(output: Batch) -> torch.Tensor:
            lines = output.movedim(self.axis, -1)
            parts = [one[..., cell * scale : (cell + 1) * scale] for one, cell in zip(lines, cells, strict=True)]
            weights = [torch.linspace(1, 2, part.numel()).to(part).view_as(part) for part in parts]
            return torch.stack([(part * weight).sum() for part, weight in zip(parts, weights, strict=True)])

        def slopes_of(strip: Batch) -> Batch:
            seeded = torch.rand(strip.shape, generator=torch.Generator().manual_seed(0)).to(strip)
            return value_and_gradient(self.run, chosen, seeded.expand(len(cells), -1, -1, -1))[1]

        try:
            slopes = self._asked(length, slopes_of)
        except InputError:  # it has no gradient, or none that is finite
            return None
        seen: set[tuple[int, int] | None] = set()
        for cell, slope in zip(cells, slopes, strict=True):
            lines = slope.movedim(self.axis - 1, 0).flatten(1).any(1).nonzero().flatten().cpu()
            if len(lines):
                seen.add((cell - int(lines[0]), int(lines[-1]) - cell))
                if int(lines[0]) == 0 or int(lines[-1]) == length - 1:
                    return _ENDLESS
        return _furthest(seen)

    def _asked(self, length: int, ask: Callable[[Batch], _Answer]) -> _Answer:
        """Return an answer for a strip of the first thickness that the network runs on."""
        while True:
            thickness = self.thicknesses[0]
            shape = [1, *self.run.network.axes.shape(thickness, thickness)]
            shape[self.axis] = length
            try:
                answer = ask(torch.empty(shape, device=self.run.device))
            except InputError as failure:
                if len(self.thicknesses) == 1 or self.works:
                    words = f"network {self.run.name!r}: its receptive field cannot be measured ({failure})."
                    raise InputError(words) from failure
                self.thicknesses.pop(0)
            else:
                self.works = True
                return answer


def _furthest(seen: Iterable[tuple[int, int] | None]) -> tuple[int, int]:
    """Return the most before and after of what was seen."""
    sides = [one for one in seen if one is not None]
    return max((0, *(before for before, _ in sides))), max((0, *(after for _, after in sides)))
