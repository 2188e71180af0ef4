"""Tiling: the output of a large picture, part by part, where a network looks no further than their surroundings."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..types import Batch
from ..validation import InputError
from .locality import EXACT
from .reach import Reach, known_reach
from .running import Leased, outputs

_LARGE = 2**19
"""Pixels of the input up to which it is computed at once."""
_SIDE = 256
"""Of a tile, in input pixels, without its surroundings."""
_SEAM = 2
"""Input pixels that neighbours both compute, to see that they agree."""
_GRID = 64
"""What tiles begin at multiples of, where neighbours on the finest grid do not agree: windows of attention."""


def whole_output(run: Leased, picture: Batch) -> Batch:
    """Return a network's output of a picture (1, 3, y, x); of a large one in tiles, if those agree to rounding.

    Examples
    --------
    >>> import torch
    >>> from lam_nb.networks import wrap
    >>> whole_output(Leased(wrap(torch.nn.Identity()), torch.device("cpu")), torch.zeros(1, 3, 24, 32)).shape
    torch.Size([1, 3, 24, 32])
    """
    height, width = picture.shape[-2:]
    if height * width <= _LARGE:
        return outputs(run, picture)
    try:
        found = known_reach(run, max(height, width))
    except InputError:  # it runs on no strip, only on pictures such as this one
        return outputs(run, picture)
    if found.rows is None or found.columns is None:
        return outputs(run, picture)
    for unit in dict.fromkeys((run.pad_to, math.lcm(run.pad_to, _GRID))):
        tiled = _tiled(run, picture, found, unit)
        if tiled is not None:
            return tiled
    return outputs(run, picture)


def _tiled(run: Leased, picture: Batch, found: Reach, unit: int) -> Batch | None:
    """Return the output, or None if two tiles disagree where they meet."""
    height, width = picture.shape[-2:]
    canvas: Batch | None = None
    for rows, above, above_seen in _along(height, found.rows or (0, 0), unit):
        for columns, left, left_seen in _along(width, found.columns or (0, 0), unit):
            part = outputs(run, picture[..., above_seen, left_seen])
            if canvas is None:
                canvas = part.new_zeros(*part.shape[:2], *run.network.output_size(height, width))
            first_row, first_column = above_seen.start * run.scale, left_seen.start * run.scale
            own = part[..., _scaled(rows, run, first_row), _scaled(columns, run, first_column)]
            for tall, wide in ((slice(above, rows.start), columns), (rows, slice(left, columns.start))):
                seam = part[..., _scaled(tall, run, first_row), _scaled(wide, run, first_column)]
                before = canvas[..., _scaled(tall, run), _scaled(wide, run)]
                if seam.numel() and (seam - before).abs().max() > EXACT * max(1.0, float(seam.abs().max())):
                    return None
            canvas[..., _scaled(rows, run), _scaled(columns, run)] = own
    return canvas


def _along(size: int, reach: tuple[int, int], unit: int) -> Iterator[tuple[slice, int, slice]]:
    """Yield along an axis what a tile gives, where its seam begins, and what it sees."""
    for start in range(0, size, _SIDE):
        stop, seam = min(start + _SIDE, size), max(0, start - _SEAM)
        first, last = max(0, seam - reach[0]), min(size, stop + reach[1])
        yield slice(start, stop), seam, slice(first // unit * unit, min(size, -(-last // unit) * unit))


def _scaled(part: slice, run: Leased, first: int = 0) -> slice:
    return slice(part.start * run.scale - first, part.stop * run.scale - first)
