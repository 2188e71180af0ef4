"""Tiling: the output of a large picture, part by part, where a network looks no further than their surroundings."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..types import Batch
from ..validation import InputError
from .locality import EXACT, Local, needed
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
    (height, width), scale = picture.shape[-2:], run.scale
    canvas: Batch | None = None
    for rows, above in _along(height, scale):
        for columns, left in _along(width, scale):
            part = needed(rows, found.rows, height, scale, unit), needed(columns, found.columns, width, scale, unit)
            tile = outputs(Local(run, part, (rows, columns)), picture[..., part[0], part[1]])
            if canvas is None:
                canvas = tile.new_zeros(*tile.shape[:2], *run.network.output_size(height, width))
            there = canvas[..., rows, columns]
            for seam in ((..., slice(above), slice(None)), (..., slice(left))):
                if tile[seam].numel() and (tile[seam] - there[seam]).abs().max() > _rounding(tile[seam]):
                    return None
            there[..., above:, left:] = tile[..., above:, left:]
    return canvas


def _rounding(values: Batch) -> float:
    return EXACT * max(1.0, float(values.abs().max()))


def _along(size: int, scale: int) -> Iterator[tuple[slice, int]]:
    """Yield along an axis what a tile gives, in output pixels, and how many of these the one before gave, too."""
    for start in range(0, size, _SIDE):
        seam = min(_SEAM, start)
        yield slice((start - seam) * scale, min(start + _SIDE, size) * scale), seam * scale
