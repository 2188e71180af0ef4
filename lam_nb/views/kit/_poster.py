"""A second renderer: a figure as it is first shown, drawn without a browser."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageColor, ImageDraw

from ._charts import Box, Trace, curve, frame_numbers, is_cloud, is_curve, points, reach, rows
from .letters import font, written
from .theme import LINES

_WIDTH, _HEIGHT = 1000, 450
_BAR_ROOM = 120
"""Pixels to the right of the plots that a colour bar needs with its words."""
_NUMBERS = 38
"""Pixels beside a chart that the numbers of its axis take."""
_MARGINS = {"l": 80, "r": 80, "t": 100, "b": 80}


class _Sheet:
    """A canvas, and where a figure's subplots are on it."""

    def __init__(self, figure: go.Figure) -> None:
        self.figure, self.layout = figure, figure.layout
        width, height = int(self.layout.width or _WIDTH), int(self.layout.height or _HEIGHT)
        sides = {side: int(getattr(self.layout.margin, side) or default) for side, default in _MARGINS.items()}
        self.field = sides["l"], sides["t"], width - sides["l"] - sides["r"], height - sides["t"] - sides["b"]
        barred = any(trace.type in ("heatmap", "scatter") and _bar(trace) for trace in figure.data)
        self.canvas = Image.new("RGB", (width + max(0, _BAR_ROOM - sides["r"]) * barred, height), "white")
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
        curves = [trace for trace in self.figure.data if is_curve(trace)]
        inks = {id(trace): _ink(trace, k) for k, trace in enumerate(curves)}
        for trace in curves:
            if trace.orientation == "h":
                rows(self.pen, trace, self.place(trace.xaxis or "x", trace.yaxis or "y"), inks[id(trace)])
        upright = [trace for trace in curves if trace.orientation != "h"]
        for y in dict.fromkeys(trace.yaxis or "y" for trace in upright):
            shared = [trace for trace in upright if (trace.yaxis or "y") == y]
            self._draw_axis(y, shared, [inks[id(trace)] for trace in shared])

    def _draw_axis(self, y: str, traces: list[Trace], inks: list[str]) -> None:
        """Draw the curves that share an axis of values, between its smallest and its largest."""
        second = bool(self.axis(y).overlaying)
        x = str(self.axis(y).anchor or "x") if second else traces[0].xaxis or "x"
        axes, box, reached = (self.axis(x), self.axis(y)), self.place(x, y), reach(traces, self.axis(y))
        bars = [trace for trace in traces if trace.type == "bar"]
        for trace, ink in zip(traces, inks, strict=True):
            beside = (bars.index(trace), len(bars)) if trace in bars else (0, 1)
            curve(self.pen, trace, axes, box, ink, reached, beside)
        frame_numbers(self.pen, traces[0], axes, box, reached, second)

    def draw_names(self) -> None:
        """Write the names of curves, and of points, below all, each in its colour."""
        letters, left, done = font(11), 10.0, set()
        named = filter(is_curve, self.figure.data), filter(is_cloud, self.figure.data)
        for k, trace in (pair for kind in named for pair in enumerate(kind)):
            name = written(trace.name)
            if self.layout.showlegend is False or trace.showlegend is False or not name or name in done:
                continue
            done.add(name)
            self.pen.text((left, self.canvas.height - 18), f"— {name}", _ink(trace, k), letters)
            left += self.pen.textlength(f"— {name}   ", letters)

    def draw_points(self) -> None:
        for k, trace in enumerate(filter(is_cloud, self.figure.data)):
            x, y = trace.xaxis or "x", trace.yaxis or "y"
            points(self.pen, trace, (self.axis(x), self.axis(y)), self.place(x, y), _ink(trace, k))

    def draw_words(self) -> None:
        letters = font(13)
        left, top, width, height = self.field
        for note in self.layout.annotations:
            if note.xref == "paper" and note.yref == "paper" and note.name != "explain":
                for k, row in enumerate(reversed(written(note.text).split("\n"))):
                    at = left + note.x * width, top + (1 - note.y) * height - 5 - 18 * k
                    self.pen.text(at, row, "black", letters, anchor="ms")
        for k, row in enumerate(self._wrapped(written(self.layout.title.text))):
            self.pen.text((10, 8 + 20 * k), row, "black", letters)

    def _wrapped(self, text: str) -> list[str]:
        """Return the lines of a caption, broken between its parts where one is wider than the canvas."""
        lines: list[str] = []
        for line in text.split("\n"):
            first, *parts = line.split(" · ")
            lines.append(first)
            for part in parts:
                longer = f"{lines[-1]} · {part}"
                fits = self.pen.textlength(longer, font(13)) < self.canvas.width - 20
                lines[-1:] = [longer] if fits else [lines[-1], part]
        return lines

    def draw_bars(self) -> None:
        """Draw colour bars beside their panels, with their ends, and what they measure."""
        letters = font(11)
        for trace in self.figure.data:
            if trace.type not in ("heatmap", "scatter"):
                continue
            holder, bar = trace if trace.type == "heatmap" else trace.marker, _bar(trace)
            if not bar:
                continue
            left, top, width, height = self.place(trace.xaxis or "x", trace.yaxis or "y")
            left, wide = round(left + width + 6), 8
            _paste(self.canvas, _scale(holder.colorscale), (left, top, wide, height))
            self.pen.rectangle([left, top, left + wide, top + height], outline="#bbbbbb")
            right = left + wide + 4
            for share, words in _ticks(trace, holder):
                self.pen.text((right, top + (1 - share) * height), words, "black", letters, anchor="lm")
            ends = right + max((self.pen.textlength(words, letters) for _, words in _ticks(trace, holder)), default=0)
            self.write_upwards(written(bar.title.text), ends + 4, top + height / 2)

    def draw_rows(self) -> None:
        """Write what a row of pictures is beside its first one; numbers of pixels are left out."""
        seen = {
            (image.xref, image.yref) for image in self.layout.images if "domain" not in f"{image.xref} {image.yref}"
        }
        for x, y in seen:
            told = [
                line for line in written(self.axis(y).title.text).split("\n") if line and not line.startswith("y (")
            ]
            if told:
                left, top, _, height = self.place(x, y)
                self.write_upwards("\n".join(told), left - 8 - 14 * len(told), top + height / 2)

    def draw_upright_titles(self) -> None:
        """Write what curves and points measure beside the numbers of their axes."""
        standing = [one for one in self.figure.data if is_curve(one) and one.orientation != "h"]
        scattered, curved = (_axes(traces) for traces in (filter(is_cloud, self.figure.data), standing))
        for x, y in scattered | curved:
            axis = self.axis(y)
            words = written(axis.title.text)
            lines = words.split("\n")
            left, top, width, height = self.place(str(axis.anchor or x) if axis.overlaying else x, y)
            long = max(self.pen.textlength(line, font(11)) for line in lines) > height - 2 * _NUMBERS
            away = _NUMBERS if long or (x, y) in scattered else 8  # between the numbers at a curve's ends, if it fits
            beside = left + width + away if axis.overlaying else left - away - 14 * len(lines)
            self.write_upwards(words, max(2, beside), top + height / 2)

    def write_upwards(self, words: str, left: float, middle: float) -> None:
        """Write lines that are read from below, from so far left, around a height."""
        if not words:
            return
        letters = font(11)
        _, _, width, height = self.pen.multiline_textbbox((0, 0), words, letters)
        sheet = Image.new("L", (int(width) + 2, int(height) + 2))
        ImageDraw.Draw(sheet).multiline_text((0, 0), words, 255, letters, align="center")
        upright = sheet.transpose(Image.Transpose.ROTATE_90)
        self.canvas.paste("black", (round(left), round(middle - upright.height / 2)), upright)

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
    sheet.draw_names()
    sheet.draw_points()
    sheet.draw_upright_titles()
    sheet.draw_bars()
    sheet.draw_rows()
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


def _ink(trace: Trace, k: int) -> str:
    """Return the colour of a trace: its own, or the next of all."""
    own = (trace.line.color if trace.type == "scatter" else None) or trace.marker.color
    return own if isinstance(own, str) else LINES[k % len(LINES)]


def _axes(traces: Iterable[Trace]) -> dict[tuple[str, str], None]:
    """Return the names of axes that traces stand on, each pair once."""
    return dict.fromkeys((trace.xaxis or "x", trace.yaxis or "y") for trace in traces)


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


def _scale(colours: list[tuple[float, str]]) -> Image.Image:
    """Return a colour scale from its end, at the top, to its start."""
    at = np.linspace(1, 0, 64)
    parts = np.array([_rgba(colour) for _, colour in colours])
    layers = [np.interp(at, [place for place, _ in colours], parts[:, k]) for k in range(4)]
    return Image.fromarray(np.stack(layers, -1).round().astype(np.uint8)[:, None], "RGBA")


def _bar(trace: go.Heatmap | go.Scatter) -> go.heatmap.ColorBar | None:
    """Return the colour bar of a trace, if it has one."""
    holder = trace if trace.type == "heatmap" else trace.marker
    return holder.colorbar if holder.colorbar.thickness and holder.showscale is not False else None


def _ticks(trace: go.Heatmap | go.Scatter, holder: go.Heatmap | go.scatter.Marker) -> list[tuple[float, str]]:
    """Return where a colour bar is labelled, in shares of its height, and how."""
    heat = trace.type == "heatmap"
    low, high = (holder.zmin, holder.zmax) if heat else (holder.cmin, holder.cmax)
    if low is None:
        known = np.asarray(trace.z, float)
        low, high = (float(np.nanmin(known)), float(np.nanmax(known))) if np.isfinite(known).any() else (0.0, 1.0)
    bar = holder.colorbar
    if bar.ticktext is None:
        return [(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")]
    return [
        ((at - low) / ((high - low) or 1), written(words)) for at, words in zip(bar.tickvals, bar.ticktext, strict=True)
    ]


def _rgba(colour: str) -> tuple[float, ...]:
    """Return red, green, blue and opacity of a colour, 0 … 255."""
    words = colour.replace(" ", "")
    if not words.startswith("rgba"):
        return (*ImageColor.getrgb(words)[:3], 255)
    *three, opacity = (float(part) for part in words[5:-1].split(","))
    return (*three, 255 * opacity)
