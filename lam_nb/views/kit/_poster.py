"""A second renderer: a figure as it is first shown, drawn without a browser."""

from __future__ import annotations

import base64
import html
import io
import re
from typing import TypeAlias

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageColor, ImageDraw, ImageFont

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""
Trace: TypeAlias = go.Scatter | go.Bar
_WIDTH, _HEIGHT = 1000, 450
_MARGINS = {"l": 80, "r": 80, "t": 100, "b": 80}
_COLOURS = ("#1f77b4", "#c24e00", "#5a8a3c", "#7f3c8d")


class _Sheet:
    """A canvas, and where a figure's subplots are on it."""

    def __init__(self, figure: go.Figure) -> None:
        self.figure, self.layout = figure, figure.layout
        width, height = int(self.layout.width or _WIDTH), int(self.layout.height or _HEIGHT)
        sides = {side: int(getattr(self.layout.margin, side) or default) for side, default in _MARGINS.items()}
        self.field = sides["l"], sides["t"], width - sides["l"] - sides["r"], height - sides["t"] - sides["b"]
        self.canvas = Image.new("RGB", (width, height), "white")
        self.pen = ImageDraw.Draw(self.canvas)

    def draw_heatmaps(self) -> None:
        for trace in self.figure.data:
            if trace.type == "heatmap":
                picture = _heat(trace)
                if not _downwards(self.axis(trace.yaxis or "y")):
                    picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
                _paste(self.canvas, picture, self.place(trace.xaxis or "x", trace.yaxis or "y"))

    def draw_images(self) -> None:
        for image in self.layout.images:
            if isinstance(image.source, str) and image.source.startswith("data:") and "domain" not in str(image.yref):
                data = base64.b64decode(image.source.split(",", 1)[1])
                picture = Image.open(io.BytesIO(data)).convert("RGB")
                _paste(self.canvas, picture, self.place(image.xref, image.yref))

    def draw_windows(self) -> None:
        """Draw the outlines of rectangles, such as the window."""
        for shape in self.layout.shapes:
            axes = [] if "domain" in f"{shape.xref}{shape.yref}" else [self.axis(shape.xref), self.axis(shape.yref)]
            if shape.type != "rect" or not axes or not all(axis.range for axis in axes):
                continue
            left, top, width, height = self.place(shape.xref, shape.yref)
            x = sorted(left + _share(axes[0], at) * width for at in (shape.x0, shape.x1))
            y = sorted(top + (1 - _share(axes[1], at)) * height for at in (shape.y0, shape.y1))
            self.pen.rectangle([x[0], y[0], x[1], y[1]], outline=shape.line.color, width=int(shape.line.width))

    def draw_curves(self) -> None:
        for k, trace in enumerate(filter(_is_curve, self.figure.data)):
            x, y = trace.xaxis or "x", trace.yaxis or "y"
            second = bool(self.axis(y).overlaying)
            axis = self.axis(str(self.axis(y).anchor or x) if second else x)
            _curve(self.pen, trace, axis, self.place(x, y), _COLOURS[k % len(_COLOURS)], second)

    def draw_words(self) -> None:
        font = ImageFont.load_default(size=14)
        left, top, width, height = self.field
        for note in self.layout.annotations:
            if note.xref == "paper" and note.yref == "paper":
                at = left + note.x * width, top + (1 - note.y) * height - 5
                self.pen.text(at, _plain(note.text), "black", font, anchor="ms")
        for k, row in enumerate(re.split("<br ?/?>", str(self.layout.title.text or ""))):
            self.pen.text((10, 8 + 20 * k), _plain(row), "black", font)

    def axis(self, name: str) -> go.layout.XAxis | go.layout.YAxis:
        return self.layout[f"{name[0]}axis{name[1:].split()[0] if name[1:] else ''}"]

    def place(self, x: str, y: str) -> Box:
        """Return left, top, width and height of a subplot in pixels; those of pictures keep their shape."""
        across, down = self.axis(x), self.axis(y)
        if down.overlaying:
            down = self.axis(str(down.overlaying))
        left, right = across.domain or (0, 1)
        low, high = down.domain or (0, 1)
        width, height = (right - left) * self.field[2], (high - low) * self.field[3]
        box = self.field[0] + left * self.field[2], self.field[1] + (1 - high) * self.field[3], width, height
        if not ((down.scaleanchor or down.matches) and across.range and down.range):
            return box
        wide, tall = (abs(axis.range[1] - axis.range[0]) for axis in (across, down))
        unit = min(box[2] / wide, box[3] / tall)
        width, height = wide * unit, tall * unit
        return box[0] + (box[2] - width) / 2, box[1] + (box[3] - height) / 2, width, height


def poster(figure: go.Figure) -> Image.Image:
    """Return a picture of a figure as it is first shown: its pictures, windows, curves and words."""
    sheet = _Sheet(figure)
    sheet.draw_heatmaps()
    sheet.draw_images()
    sheet.draw_windows()
    sheet.draw_curves()
    sheet.draw_words()
    return sheet.canvas


def _share(axis: go.layout.XAxis | go.layout.YAxis, at: float) -> float:
    first, last = axis.range
    return float((at - first) / (last - first))


def _downwards(axis: go.layout.YAxis) -> bool:
    return axis.range[0] > axis.range[1] if axis.range else axis.autorange == "reversed"


def _paste(canvas: Image.Image, picture: Image.Image, box: Box) -> None:
    left, top, width, height = (round(value) for value in box)
    canvas.paste(picture.resize((max(1, width), max(1, height)), Image.Resampling.NEAREST), (left, top))


def _heat(trace: go.Heatmap) -> Image.Image:
    values = np.asarray(trace.z, float)
    known = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
    low = known.min() if trace.zmin is None else trace.zmin
    high = known.max() if trace.zmax is None else trace.zmax
    share = np.clip((np.nan_to_num(values, nan=low) - low) / ((high - low) or 1), 0, 1)
    colours = np.array([ImageColor.getrgb(colour.replace(" ", "")) for _, colour in trace.colorscale])
    places = [place for place, _ in trace.colorscale]
    return Image.fromarray(np.stack([np.interp(share, places, colours[:, k]) for k in range(3)], -1).astype(np.uint8))


def _is_curve(trace: Trace) -> bool:
    drawn = trace.type == "bar" or (trace.type == "scatter" and "lines" in str(trace.mode or "lines"))
    return bool(drawn and trace.x is not None and len(trace.x) > 1)


def _curve(
    pen: ImageDraw.ImageDraw,
    trace: Trace,
    axis: go.layout.XAxis,
    box: Box,
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
