"""A montage: pictures beside each other with their titles, for places that show only pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .letters import font, written
from .theme import BOX, HALO

_TILE, _GAP, _LINE = 256, 10, 20


def montage(
    panels: Sequence[tuple[str, NDArray[np.uint8]]], caption: str = "", columns: int = 0, box: Sequence[float] = ()
) -> Image.Image:
    """Return pictures (y, x, 3) beside each other with their titles, for places that show only pictures.

    Parameters
    ----------
    panels : sequence of (str, numpy.ndarray)
        Titles and pictures; of several lines in a title each is drawn.
    caption : str
        A line above all.
    columns : int
        Pictures in a row; all in one when not given.
    box : sequence of float
        Top, left, height and width of the window, in shares of each picture, to be outlined.

    Examples
    --------
    >>> montage([("a", np.zeros((4, 6, 3), np.uint8))] * 2).size
    (542, 201)
    """
    columns = columns or len(panels)
    rows = [panels[k : k + columns] for k in range(0, len(panels), columns)]
    letters = font(13)
    tops, bottom, tiles = [], _LINE if caption else 0, []
    for row in rows:
        tiles.append([_tile(picture, box) for _, picture in row])
        lines = max(title.count("\n") + 1 for title, _ in row)
        tops.append((bottom, bottom + lines * _LINE))
        bottom += lines * _LINE + max(one.height for one in tiles[-1]) + _GAP
    canvas = Image.new("RGB", (columns * (_TILE + _GAP) + _GAP, bottom), "white")
    pen = ImageDraw.Draw(canvas)
    pen.text((_GAP, 2), written(caption), "black", letters)
    for row, shown, (text, top) in zip(rows, tiles, tops, strict=True):
        for k, ((title, _), one) in enumerate(zip(row, shown, strict=True)):
            left = _GAP + k * (_TILE + _GAP)
            pen.multiline_text((left, text + 2), written(title), "black", letters)
            canvas.paste(one, (left, top))
    return canvas


def _tile(picture: NDArray[np.uint8], box: Sequence[float]) -> Image.Image:
    shown = Image.fromarray(np.ascontiguousarray(picture))
    tile = shown.resize((_TILE, max(1, round(_TILE * shown.height / shown.width))), Image.Resampling.NEAREST)
    if box:
        top, left, height, width = (round(share * side) for share, side in zip(box, tile.size[::-1] * 2, strict=True))
        outline = (left - 1, top - 1, left + width, top + height)
        pen = ImageDraw.Draw(tile)
        pen.rectangle((outline[0] - 1, outline[1] - 1, outline[2] + 1, outline[3] + 1), outline=HALO)
        pen.rectangle(outline, outline=BOX)
    return tile
