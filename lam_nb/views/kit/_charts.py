"""Charts: curves, bars and points with the numbers at their ends, drawn without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import ImageDraw

from .letters import font, written

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""
Trace: TypeAlias = go.Scatter | go.Bar


def is_curve(trace: Trace) -> bool:
    drawn = trace.type == "bar" or (trace.type == "scatter" and "lines" in str(trace.mode or "lines"))
    return bool(drawn and trace.x is not None and len(trace.x) > (trace.type != "bar"))


def numbers(values: NDArray[np.generic], axis: go.layout.XAxis | go.layout.YAxis) -> NDArray[np.floating]:
    """Return where values stand along an axis: names one after another, logarithms where the axis is logarithmic."""
    if not np.issubdtype(values.dtype, np.number):
        return np.arange(len(values), dtype=float)
    with np.errstate(all="ignore"):
        return np.log10(values.astype(float)) if axis.type == "log" else values.astype(float)


def reach(traces: Sequence[Trace], axis: go.layout.YAxis) -> tuple[float, float]:
    """Return what an axis of values begins and ends with: as set, or at the ends of its curves; bars stand on 0."""
    if axis.range:
        return float(axis.range[0]), float(axis.range[1])
    values = np.concatenate([numbers(np.asarray(trace.y), axis) for trace in traces])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    return (min(0.0, low) if any(trace.type == "bar" for trace in traces) else low), high


def curve(
    pen: ImageDraw.ImageDraw,
    trace: Trace,
    axes: tuple[go.layout.XAxis, go.layout.YAxis],
    box: Box,
    colour: str,
    reached: tuple[float, float],
    place: tuple[int, int] = (0, 1),
) -> None:
    """Draw a line, broken where numbers are missing, or bars, by their place among others."""
    left, top, width, height = box
    across, y = numbers(np.asarray(trace.x), axes[0]), numbers(np.asarray(trace.y), axes[1])
    known = np.isfinite(across) & np.isfinite(y)
    first, last = _sides(np.asarray(trace.x), axes[0])
    across = left + (across[known] - first) / ((last - first) or 1) * width
    down = top + (1 - (y[known] - reached[0]) / ((reached[1] - reached[0]) or 1)) * height
    pen.rectangle([left, top, left + width, top + height], outline="#bbbbbb")
    if trace.type != "bar":
        parts = np.cumsum(~known)[known]
        for part in np.unique(parts):
            pen.line(list(zip(across[parts == part], down[parts == part], strict=True)), fill=colour, width=2)
        return
    half = max(1.5, 0.35 * width / max(1, len(across)) / place[1])
    for at, tip in zip(across + (2 * place[0] - place[1] + 1) * half, down, strict=True):
        pen.rectangle([at - half + 0.5, tip, at + half - 0.5, top + height], fill=colour)


def frame_numbers(
    pen: ImageDraw.ImageDraw,
    trace: Trace,
    axes: tuple[go.layout.XAxis, go.layout.YAxis],
    box: Box,
    reached: tuple[float, float],
    second: bool,
) -> None:
    """Write the numbers at the ends of a chart's axes, the names that stand along it, and what is below."""
    left, top, width, height = box
    letters = font(11)
    edge, side = (left + width + 4, "l") if second else (left - 4, "r")
    for value, at, anchor in ((reached[1], top, "a"), (reached[0], top + height, "s")):
        pen.text((edge, at), _told(value, axes[1]), "black", letters, anchor=side + anchor)
    if second:
        return
    first, last = _sides(np.asarray(trace.x), axes[0])
    if np.issubdtype(np.asarray(trace.x).dtype, np.number):
        for value, at, anchor in ((first, left, "la"), (last, left + width, "ra")):
            pen.text((at, top + height + 4), _told(value, axes[0]), "black", letters, anchor=anchor)
    else:
        for k, name in enumerate(trace.x):
            at = left + (k - first) / (last - first) * width
            pen.text((at, top + height + 4), written(str(name)), "black", letters, anchor="ma")
    pen.text((left + width / 2, top + height + 20), written(axes[0].title.text or ""), "black", letters, anchor="ma")


def _sides(values: NDArray[np.generic], axis: go.layout.XAxis) -> tuple[float, float]:
    """Return what an axis begins and ends with."""
    if axis.range:
        return float(axis.range[0]), float(axis.range[1])
    if not np.issubdtype(values.dtype, np.number):
        return -0.5, len(values) - 0.5
    known = numbers(values, axis)
    known = known[np.isfinite(known)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)


def _told(value: float, axis: go.layout.XAxis | go.layout.YAxis) -> str:
    return f"{10**value if axis.type == 'log' else value:.3g}"


def is_cloud(trace: Trace) -> bool:
    """Whether it is points that are seen; those that only carry a colour bar are not."""
    if trace.type != "scatter" or trace.marker.opacity == 0 or trace.meta == "ends":
        return False
    alone = trace.mode == "lines+markers" and trace.x is not None and len(trace.x) == 1  # no line goes through one
    points = alone or trace.mode in ("markers", "markers+text")
    return bool(points and np.issubdtype(np.asarray(trace.y).dtype, np.number))


def points(
    pen: ImageDraw.ImageDraw,
    trace: go.Scatter,
    axes: tuple[go.layout.XAxis, go.layout.YAxis],
    box: Box,
    colour: str,
) -> None:
    """Draw points with their names, and the smallest and largest numbers at the sides, if their axes have any."""
    left, top, width, height = box
    x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
    names = np.asarray([""] * len(x) if trace.text is None else trace.text)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return
    x, y, names = x[known], y[known], names[known]
    across = left + _inside(np.log10(x) if axes[0].type == "log" else x, axes[0]) * width
    down = top + (1 - _inside(y, axes[1])) * height
    letters = font(11)
    pen.rectangle([left, top, left + width, top + height], outline="#bbbbbb")
    own = trace.marker.color
    inks = [colour] * len(x) if own is None or isinstance(own, str) else np.asarray(own)[known].tolist()
    taken = [(at - 4, tip - 4, at + 4, tip + 4) for at, tip in zip(across, down, strict=True)]
    for at, tip, ink in zip(across, down, inks, strict=True):
        pen.ellipse([at - 4, tip - 4, at + 4, tip + 4], fill=ink)
    for name, at, tip in zip(map(written, map(str, names)), across, down, strict=True):
        if name:
            taken.append(_name_beside(pen, name, at, tip, taken))
    for k in {int(x.argmin()), int(x.argmax())} if axes[0].showticklabels is not False else ():
        pen.text((across[k], top + height + 4), f"{x[k]:.3g}", "black", letters, anchor="ma")
    for k in {int(y.argmin()), int(y.argmax())} if axes[1].showticklabels is not False else ():
        pen.text((left - 4, down[k]), f"{y[k]:.3g}", "black", letters, anchor="rm")
    pen.text((left + width / 2, top + height + 20), written(axes[0].title.text or ""), "black", letters, anchor="ma")


def _name_beside(pen: ImageDraw.ImageDraw, name: str, x: float, y: float, taken: Sequence[Box]) -> Box:
    """Write a point's name at its right, or at another side where that is free; return the corners of its place."""
    letters = font(11)
    sides = [((x + 7, y), "lm"), ((x - 7, y), "rm"), ((x, y - 7), "md"), ((x, y + 7), "ma")]
    places = [pen.textbbox(at, name, letters, anchor=anchor) for at, anchor in sides]
    free = [k for k, place in enumerate(places) if not any(_meet(place, other) for other in taken)]
    chosen = free[0] if free else 0
    pen.text(sides[chosen][0], name, "black", letters, anchor=sides[chosen][1])
    return places[chosen]


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _inside(values: NDArray[np.floating], axis: go.layout.XAxis | go.layout.YAxis) -> NDArray[np.floating]:
    """Return where values stand between the sides of a field: as its axis is set, or with room at both."""
    if axis.range:
        low, high = (float(end) for end in axis.range)
        return (values - low) / ((high - low) or 1)
    return 0.1 + 0.8 * (values - values.min()) / (np.ptp(values) or 1)


def rows(pen: ImageDraw.ImageDraw, trace: go.Bar, box: Box, colour: str) -> None:
    """Draw bars that lie, the first at the bottom, with their names and numbers."""
    left, top, width, height = box
    values, letters = np.asarray(trace.x, float), font(11)
    most, step = 1.1 * (np.nanmax(values) or 1), height / len(values)  # room for the number of the longest
    for k, (name, value) in enumerate(zip(trace.y, values, strict=True)):
        middle = top + height - (k + 0.5) * step
        end = left + max(value, 0) / most * width
        pen.rectangle([left, middle - 0.35 * step, end, middle + 0.35 * step], fill=colour)
        pen.text((left - 4, middle), written(str(name)), "black", letters, anchor="rm")
        pen.text((end + 4, middle), f"{value:.3g}", colour, letters, anchor="lm")
