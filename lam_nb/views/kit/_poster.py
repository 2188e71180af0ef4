"""A second renderer: a figure as it is first shown, drawn without a browser."""

from __future__ import annotations

import base64
import html
import io
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageColor, ImageDraw, ImageFont

_WIDTH, _HEIGHT = 1000, 450
_MARGINS = {"l": 80, "r": 80, "t": 100, "b": 80}
_COLOURS = ("#1f77b4", "#c24e00", "#5a8a3c", "#7f3c8d")


def poster(figure: go.Figure) -> Image.Image:
    layout = figure.layout
    size = int(layout.width or _WIDTH), int(layout.height or _HEIGHT)
    margins = {side: int(getattr(layout.margin, side) or default) for side, default in _MARGINS.items()}
    canvas = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(canvas)
    field = (margins["l"], margins["t"], size[0] - margins["l"] - margins["r"], size[1] - margins["t"] - margins["b"])
    for trace in figure.data:
        if trace.type == "heatmap":
            _paste(canvas, _heat(trace), _place(layout, trace.xaxis or "x", trace.yaxis or "y", field))
    for image in layout.images:
        if isinstance(image.source, str) and image.source.startswith("data:") and "domain" not in str(image.yref):
            data = base64.b64decode(image.source.split(",", 1)[1])
            _paste(canvas, Image.open(io.BytesIO(data)).convert("RGB"), _place(layout, image.xref, image.yref, field))
    curves = [t for t in figure.data if _is_curve(t)]
    for k, trace in enumerate(curves):
        x, y = trace.xaxis or "x", trace.yaxis or "y"
        second = bool(layout[_axis_name(y)].overlaying)
        axis = layout[_axis_name(str(layout[_axis_name(y)].anchor or x) if second else x)]
        _curve(pen, trace, axis, _place(layout, x, y, field), _COLOURS[k % len(_COLOURS)], second)
    font = ImageFont.load_default(size=14)
    for note in layout.annotations:
        if note.xref == "paper" and note.yref == "paper":
            at = field[0] + note.x * field[2], field[1] + (1 - note.y) * field[3]
            pen.text((at[0], at[1] - 5), _plain(note.text), "black", font, anchor="ms")
    for k, row in enumerate(re.split("<br ?/?>", str(layout.title.text or ""))):
        pen.text((10, 8 + 20 * k), _plain(row), "black", font)
    return canvas


def _place(layout: Any, x: str, y: str, field: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    """Return left, top, width and height of a subplot in pixels; those of pictures keep their shape."""
    across, down = (layout[_axis_name(name)] for name in (x, y))
    if down.overlaying:
        down = layout[f"yaxis{str(down.overlaying)[1:]}"]
    left, right = across.domain or (0, 1)
    low, high = down.domain or (0, 1)
    width, height = (right - left) * field[2], (high - low) * field[3]
    box = field[0] + left * field[2], field[1] + (1 - high) * field[3], width, height
    if not ((down.scaleanchor or down.matches) and across.range and down.range):
        return box
    wide, tall = (abs(axis.range[1] - axis.range[0]) for axis in (across, down))
    unit = min(box[2] / wide, box[3] / tall)
    width, height = wide * unit, tall * unit
    return box[0] + (box[2] - width) / 2, box[1] + (box[3] - height) / 2, width, height


def _paste(canvas: Image.Image, picture: Image.Image, box: tuple[float, float, float, float]) -> None:
    left, top, width, height = (round(value) for value in box)
    canvas.paste(picture.resize((max(1, width), max(1, height)), Image.Resampling.NEAREST), (left, top))


def _heat(trace: go.Heatmap) -> Image.Image:
    values = np.asarray(trace.z, float)
    known = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
    low = known.min() if trace.zmin is None else trace.zmin
    high = known.max() if trace.zmax is None else trace.zmax
    share = np.clip((np.nan_to_num(values, nan=low) - low) / ((high - low) or 1), 0, 1)
    colours = np.array([ImageColor.getrgb(_hexadecimal(colour)) for _, colour in trace.colorscale])
    places = [place for place, _ in trace.colorscale]
    return Image.fromarray(np.stack([np.interp(share, places, colours[:, k]) for k in range(3)], -1).astype(np.uint8))


def _hexadecimal(colour: str) -> str:
    return colour.replace(" ", "")


def _axis_name(name: str) -> str:
    return f"{name[0]}axis{name[1:].split()[0] if name[1:] else ''}"


def _is_curve(trace: Any) -> bool:
    drawn = trace.type == "bar" or (trace.type == "scatter" and "lines" in str(trace.mode or "lines"))
    return bool(drawn and trace.x is not None and len(trace.x) > 1)


def _curve(
    pen: ImageDraw.ImageDraw,
    trace: Any,
    axis: Any,
    box: tuple[float, float, float, float],
    colour: str,
    second: bool,
) -> None:
    """Draw a line or bars, from the smallest to the largest value, with the numbers at the ends."""
    left, top, width, height = box
    x, y = np.asarray(trace.x), np.asarray(trace.y, float)
    x = x.astype(float) if np.issubdtype(x.dtype, np.number) else np.arange(len(y), dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2:
        return
    x, y = x[known], y[known]
    low = min(0.0, y.min()) if trace.type == "bar" else y.min()
    first, last = axis.range or (x.min(), x.max())
    across = left + (x - first) / ((last - first) or 1) * width
    down = top + (1 - (y - low) / ((y.max() - low) or 1)) * height
    pen.rectangle([left, top, left + width, top + height], outline="#bbbbbb")
    if trace.type == "bar":
        for at, tip in zip(across, down, strict=True):
            pen.rectangle([at - 2, tip, at + 2, top + height], fill=colour)
    else:
        pen.line(list(zip(across, down, strict=True)), fill=colour, width=2)
    font = ImageFont.load_default(size=12)
    edge, side = (left + width + 4, "l") if second else (left - 4, "r")
    for value, at, anchor in ((y.max(), top, "a"), (low, top + height, "s")):
        pen.text((edge, at), f"{value:.3g}", colour, font, anchor=side + anchor)
    for value, at, anchor in ((first, left, "la"), (last, left + width, "ra")):
        pen.text((at, top + height + 4), f"{value:.3g}", "black", font, anchor=anchor)
    pen.text((left + width / 2, top + height + 20), _plain(axis.title.text or ""), "black", font, anchor="ma")


def _plain(text: str) -> str:
    """Return text without marks, in the letters that the built-in font has."""
    words = html.unescape(re.sub("<[^>]+>", "", text or ""))
    return words.replace("α", "alpha").replace("σ", "sigma").replace("×", "x")
