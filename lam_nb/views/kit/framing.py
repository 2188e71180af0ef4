"""Framing: a map is shown where it lies, with a small picture of the whole and of where that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from .axes import axis_name
from .theme import BOX, HALO

_SHARE = 0.99
"""Part of a map's magnitude that a frame holds at least."""
_LEAST = 24
"""Fewest pixels a side."""
_WORTH = 0.6
"""Part of the picture's sides above which the whole is shown."""
_INSET = 0.3
"""Side of the small picture, in sides of the panel."""


@dataclass(frozen=True)
class Frame:
    """Rows and columns that are shown, whether they are all, and in which corner there is most room."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    size: tuple[int, int]
    at_right: bool = True
    at_top: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.rows == (0, self.size[0]) and self.columns == (0, self.size[1])

    @property
    def zoom(self) -> tuple[float, float, float]:
        """By how much the whole is enlarged to show this, and where its left and top then are, in sides of the frame.

        Examples
        --------
        >>> [round(one, 2) for one in Frame((8, 32), (12, 48), (60, 90)).zoom]
        [2.5, -0.33, -0.33]
        """
        (top, bottom), (left, right), (height, width) = self.rows, self.columns, self.size
        by = min(height / (bottom - top), width / (right - left))
        x, y = (min(0.0, max(1 - by, -by * at / side)) for at, side in ((left, width), (top, height)))
        return by, x, y


def frame(values: NDArray[np.floating]) -> Frame:
    """Return where 99 % of maps (…, y, x) lie, in the shape of the picture; the whole if that is most of it.

    Examples
    --------
    >>> spot = np.zeros((60, 90))
    >>> spot[20, 30] = 1.0
    >>> frame(spot).rows, frame(spot).columns, frame(np.ones((60, 90))).is_whole
    ((8, 32), (12, 48), True)
    """
    size = values.shape[-2], values.shape[-1]
    weight = np.abs(np.nan_to_num(values)).astype(np.float64).reshape(-1, *size)
    if not weight.any():
        return Frame((0, size[0]), (0, size[1]), size)
    weight = (weight / np.maximum(weight.sum((1, 2), keepdims=True), 1e-300)).max(0)
    sides = [_held(weight.sum(1)), _held(weight.sum(0))]
    unit = max(max(side, _LEAST) / whole for (side, _), whole in zip(sides, size, strict=True))
    if unit > _WORTH:
        return Frame((0, size[0]), (0, size[1]), size)
    shown = [min(whole, round(unit * whole)) for whole in size]
    first = [
        int(np.clip(round(middle - side / 2), 0, whole - side))
        for (_, middle), side, whole in zip(sides, shown, size, strict=True)
    ]
    (top, left), (tall, wide) = first, shown
    return Frame((top, top + tall), (left, left + wide), size, *_corner(weight[top : top + tall, left : left + wide]))


def _corner(weight: NDArray[np.floating]) -> tuple[bool, bool]:
    """Return whether the corner that holds least is at the right, and at the top; the top right one if others tie."""
    tall, wide = (round(_INSET * side) for side in weight.shape)
    rows = {True: slice(tall), False: slice(weight.shape[0] - tall, None)}
    columns = {True: slice(weight.shape[1] - wide, None), False: slice(wide)}
    held = {
        (right, top): round(float(weight[rows[top], columns[right]].sum()), 3)
        for right, top in ((True, True), (False, True), (True, False), (False, False))
    }
    return min(held, key=held.__getitem__)


def _held(weight: NDArray[np.floating]) -> tuple[int, float]:
    """Return how long a stretch is that holds nearly all of a row of weights, and its middle."""
    total = np.cumsum(weight) / max(float(weight.sum()), 1e-300)
    cut = (1 - _SHARE) / 4
    first, last = int(np.searchsorted(total, cut, side="right")), int(np.searchsorted(total, 1 - cut))
    last = min(last, len(weight) - 1)
    return last - first + 1, (first + last + 1) / 2


def show(figure: go.Figure, shown: Frame, source: str, row: int, column: int) -> None:
    """Have a subplot of pixels show a frame, with a small picture of the whole in the corner that holds least.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    shown : Frame
    source : str
        The whole, as the address of a picture.
    row, column : int
        Of the subplot.
    """
    if shown.is_whole:
        return
    x, y = next(figure.select_xaxes(row=row, col=column)), next(figure.select_yaxes(row=row, col=column))
    x.range = [shown.columns[0] - 0.5, shown.columns[1] - 0.5]
    y.range = [shown.rows[1] - 0.5, shown.rows[0] - 0.5]
    across, down = f"{axis_name(x)} domain", f"{axis_name(y)} domain"
    left, top = (1 - _INSET) * shown.at_right, 1.0 if shown.at_top else _INSET
    place = {"xref": across, "yref": down}
    corner = {"x": left, "y": top, "sizex": _INSET, "sizey": _INSET, "xanchor": "left", "yanchor": "top"}
    figure.add_layout_image(source=source, sizing="stretch", layer="above", **place, **corner)
    edges = {"x0": left, "x1": left + _INSET, "y0": top - _INSET, "y1": top}
    figure.add_shape(type="rect", line={"color": HALO, "width": 1}, **place, **edges)
    rows, columns = (
        [at / whole for at in ends] for ends, whole in zip((shown.rows, shown.columns), shown.size, strict=True)
    )
    inner = {"x0": left + _INSET * columns[0], "x1": left + _INSET * columns[1]}
    inner |= {"y0": top - _INSET * rows[0], "y1": top - _INSET * rows[1]}
    for colour, width in ((HALO, 3), (BOX, 1)):
        figure.add_shape(type="rect", line={"color": colour, "width": width}, **place, **inner)
