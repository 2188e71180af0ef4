"""A second renderer: a figure as it is first shown, drawn without a browser."""

from __future__ import annotations

import base64
import io
from typing import TypeAlias

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from .markup import plain, spelled

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
                names = trace.xaxis or "x", trace.yaxis or "y"
                if not _downwards(self.axis(names[1])):
                    picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
                elif trace.x is None:
                    picture = self.framed(picture, *names, picture.size)
                _paste(self.canvas, picture, self.place(*names))

    def draw_images(self, layer: str) -> None:
        for image in self.layout.images:
            known = isinstance(image.source, str) and image.source.startswith("data:")
            if (
                not known
                or image.layer != layer
                or str(image.yref).endswith("domain") != str(image.xref).endswith("domain")
            ):
                continue
            data = base64.b64decode(image.source.split(",", 1)[1])
            picture = Image.open(io.BytesIO(data)).convert("RGBA")
            place = self.place(image.xref, image.yref)
            if image.xref.endswith("domain"):  # a small picture in the corner
                _paste(self.canvas, picture, _part(place, image.x, image.y, image.sizex, image.sizey))
            else:
                shown = self.framed(picture, image.xref, image.yref, (image.sizex, image.sizey))
                _paste(self.canvas, shown, place)

    def draw_windows(self) -> None:
        """Draw the outlines of rectangles, such as the window."""
        for shape in self.layout.shapes:
            names = shape.xref or "x", shape.yref or "y"
            if all(name.endswith("domain") for name in names) and shape.type == "rect":
                left, top, width, height = self.place(*names)
                x, y = sorted((shape.x0, shape.x1)), sorted((1 - shape.y0, 1 - shape.y1))
                edges = [left + x[0] * width, top + y[0] * height, left + x[1] * width, top + y[1] * height]
                self.pen.rectangle(edges, outline=shape.line.color, width=int(shape.line.width))
                continue
            if any("domain" in name or name == "paper" for name in names):
                continue
            across, up = (self.axis(name) for name in names)
            if shape.type != "rect" or not (across.range and up.range):
                continue
            left, top, width, height = self.place(*names)
            x = sorted(left + _share(across, at) * width for at in (shape.x0, shape.x1))
            y = sorted(top + (1 - _share(up, at)) * height for at in (shape.y0, shape.y1))
            self.pen.rectangle([x[0], y[0], x[1], y[1]], outline=shape.line.color, width=int(shape.line.width))

    def draw_curves(self) -> None:
        for k, trace in enumerate(filter(_is_curve, self.figure.data)):
            x, y = trace.xaxis or "x", trace.yaxis or "y"
            if trace.orientation == "h":
                _rows(self.pen, trace, self.place(x, y), _COLOURS[k % len(_COLOURS)])
                continue
            second = bool(self.axis(y).overlaying)
            axis = self.axis(str(self.axis(y).anchor or x) if second else x)
            _curve(self.pen, trace, axis, self.place(x, y), _COLOURS[k % len(_COLOURS)], second)

    def draw_points(self) -> None:
        for k, trace in enumerate(filter(_is_cloud, self.figure.data)):
            x, y = trace.xaxis or "x", trace.yaxis or "y"
            _points(self.pen, trace, self.axis(x), self.place(x, y), _COLOURS[k % len(_COLOURS)])

    def draw_words(self) -> None:
        font = ImageFont.load_default(size=14)
        left, top, width, height = self.field
        for note in self.layout.annotations:
            if note.xref == "paper" and note.yref == "paper" and note.name != "explain":
                for k, row in enumerate(reversed(_lines(note.text))):
                    at = left + note.x * width, top + (1 - note.y) * height - 5 - 18 * k
                    self.pen.text(at, row, "black", font, anchor="ms")
        for k, row in enumerate(_lines(self.layout.title.text)):
            self.pen.text((10, 8 + 20 * k), row, "black", font)

    def framed(self, picture: Image.Image, x: str, y: str, size: tuple[float, float]) -> Image.Image:
        """Return the part of a picture of so many columns and rows of pixels that its axes show."""
        across, down = self.axis(x).range, self.axis(y).range
        if not (across and down):
            return picture
        unit = picture.width / size[0], picture.height / size[1]
        edges = (across[0] + 0.5) * unit[0], (min(down) + 0.5) * unit[1], (across[1] + 0.5) * unit[0]
        return picture.crop(tuple(round(at) for at in (*edges, (max(down) + 0.5) * unit[1])))

    def axis(self, name: str) -> go.layout.XAxis | go.layout.YAxis:
        return self.layout[f"{name[0]}axis{name.removesuffix(' domain')[1:]}"]

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
    sheet = _Sheet(_finished(figure))
    sheet.draw_images("below")
    sheet.draw_heatmaps()
    sheet.draw_images("above")
    sheet.draw_windows()
    sheet.draw_curves()
    sheet.draw_points()
    sheet.draw_words()
    return sheet.canvas


def _finished(figure: go.Figure) -> go.Figure:
    """Return a figure at its last step: at the first there may be nothing to see."""
    if not figure.frames:
        return figure
    last = go.Figure(figure.data, figure.layout)
    last.layout.images = images_at(figure, figure.frames[-1])
    return last


def images_at(figure: go.Figure, frame: go.Frame) -> list[go.layout.Image]:
    """Return a figure's pictures at a frame, as plotly shows them: those that the frame does not have stay."""
    moved = frame.layout.images
    return [*moved, *figure.layout.images[len(moved) :]]


def _part(box: Box, x: float, y: float, wide: float, tall: float) -> Box:
    """Return a part of a box, whose corner and sides are given in its own sides, from below."""
    left, top, width, height = box
    return left + x * width, top + (1 - y) * height, wide * width, tall * height


def _share(axis: go.layout.XAxis | go.layout.YAxis, at: float) -> float:
    first, last = axis.range
    return float((at - first) / (last - first))


def _downwards(axis: go.layout.YAxis) -> bool:
    return axis.range[0] > axis.range[1] if axis.range else axis.autorange == "reversed"


def _paste(canvas: Image.Image, picture: Image.Image, box: Box) -> None:
    left, top, width, height = (round(value) for value in box)
    shown = picture.resize((max(1, width), max(1, height)), Image.Resampling.NEAREST)
    canvas.paste(shown, (left, top), shown)


def _heat(trace: go.Heatmap) -> Image.Image:
    """Return a heatmap's colours; what is NaN is seen through."""
    values = np.asarray(trace.z, float)
    known = np.isfinite(values)
    some = values[known] if known.any() else np.zeros(1)
    low = some.min() if trace.zmin is None else trace.zmin
    high = some.max() if trace.zmax is None else trace.zmax
    share = np.clip((np.where(known, values, low) - low) / ((high - low) or 1), 0, 1)
    colours = np.array([_rgba(colour) for _, colour in trace.colorscale])
    places = [place for place, _ in trace.colorscale]
    layers = [np.interp(share, places, colours[:, k]) for k in range(4)]
    layers[3] = layers[3] * known * (1 if trace.opacity is None else trace.opacity)
    return Image.fromarray(np.stack(layers, -1).round().astype(np.uint8), "RGBA")


def _rgba(colour: str) -> tuple[float, ...]:
    """Return red, green, blue and opacity of a colour, 0 … 255."""
    words = colour.replace(" ", "")
    if not words.startswith("rgba"):
        return (*ImageColor.getrgb(words)[:3], 255)
    *three, opacity = (float(part) for part in words[5:-1].split(","))
    return (*three, 255 * opacity)


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


def _is_cloud(trace: Trace) -> bool:
    """Whether it is points that are seen; those that only carry a colour bar are not."""
    points = trace.type == "scatter" and trace.mode in ("markers", "markers+text") and trace.marker.opacity != 0
    points = points and trace.meta != "ends"
    return bool(points and np.issubdtype(np.asarray(trace.y).dtype, np.number))


def _points(pen: ImageDraw.ImageDraw, trace: go.Scatter, axis: go.layout.XAxis, box: Box, colour: str) -> None:
    """Draw points with their names, and the smallest and largest numbers at the sides."""
    left, top, width, height = box
    x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
    names = np.asarray([""] * len(x) if trace.text is None else trace.text)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return
    x, y, names = x[known], y[known], names[known]
    across = left + _inside(np.log10(x) if axis.type == "log" else x) * width
    down = top + (1 - _inside(y)) * height
    font = ImageFont.load_default(size=12)
    pen.rectangle([left, top, left + width, top + height], outline="#bbbbbb")
    for name, at, tip in zip(names, across, down, strict=True):
        pen.ellipse([at - 4, tip - 4, at + 4, tip + 4], fill=colour)
        pen.text((at + 7, tip), _plain(str(name)), "black", font, anchor="lm")
    for k in {int(x.argmin()), int(x.argmax())}:
        pen.text((across[k], top + height + 4), f"{x[k]:.3g}", "black", font, anchor="ma")
    for k in {int(y.argmin()), int(y.argmax())}:
        pen.text((left - 4, down[k]), f"{y[k]:.3g}", "black", font, anchor="rm")
    pen.text((left + width / 2, top + height + 20), _plain(axis.title.text or ""), "black", font, anchor="ma")


def _inside(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return where values stand between the sides of a field, with room at both."""
    return 0.1 + 0.8 * (values - values.min()) / (np.ptp(values) or 1)


def _rows(pen: ImageDraw.ImageDraw, trace: go.Bar, box: Box, colour: str) -> None:
    """Draw bars that lie, the first at the bottom, with their names and numbers."""
    left, top, width, height = box
    values, font = np.asarray(trace.x, float), ImageFont.load_default(size=12)
    most, step = 1.1 * (np.nanmax(values) or 1), height / len(values)  # room for the number of the longest
    for k, (name, value) in enumerate(zip(trace.y, values, strict=True)):
        middle = top + height - (k + 0.5) * step
        end = left + max(value, 0) / most * width
        pen.rectangle([left, middle - 0.35 * step, end, middle + 0.35 * step], fill=colour)
        pen.text((left - 4, middle), _plain(str(name)), "black", font, anchor="rm")
        pen.text((end + 4, middle), f"{value:.3g}", colour, font, anchor="lm")


def _lines(text: str | None) -> list[str]:
    return spelled(plain(text)).split("\n")


def _plain(text: str) -> str:
    return spelled(plain(text))
