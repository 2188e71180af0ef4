"""Any other view for print: what plotly shows, drawn by matplotlib, so that letters and lines stay what they are."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import plotly.colors
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from .. import kit
from ._painting import LEAST, LETTER, fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Part: TypeAlias = Any
"""A part of a plotly figure, which has no types."""
_DASHES = {"dash": "--", "dot": ":", "dashdot": "-."}
_SHADES = 256
_FEW = 3
"""Names that a legend has room for inside a panel."""


def draw(figure: Figure, view: go.Figure, inches: float) -> None:
    """Draw a view's subplots in their grid, with its title's first line above."""
    layout = view.layout
    wide, tall = float(layout.width or 1000), float(layout.height or 450)
    figure.set_size_inches(inches, max(inches * tall / wide, 1.5))
    panels = _Panels(figure, view)
    for image in layout.images:
        if "domain" not in f"{image.xref} {image.yref}" and str(image.source).startswith("data:"):
            _image(panels.at(image.xref, image.yref), image)
    for k, trace in enumerate(view.data):
        axes = panels.at(trace.xaxis or "x", trace.yaxis or "y")
        if trace.type == "bar":
            _bar(axes, trace, kit.LINES[k % len(kit.LINES)], *_beside(view, trace))
        else:
            _TRACES.get(trace.type, _nothing)(axes, trace, kit.LINES[k % len(kit.LINES)])
    for shape in layout.shapes:
        _shape(panels, shape)
    for name, axes in panels.drawn.items():
        _axis(axes, layout, *name)
    titles = [note for note in layout.annotations if note.xref == "paper" and note.name != "explain"]
    for axes, note in zip(panels.drawn.values(), titles, strict=False):
        axes.set_title(_plain(note.text), fontsize=LEAST, linespacing=1.0)
    if any(trace.showlegend is not False and trace.name for trace in view.data if trace.type == "scatter"):
        named = [axes for axes in figure.axes if axes.get_legend_handles_labels()[1]]
        if named and len(named[0].get_legend_handles_labels()[1]) > _FEW:
            figure.legend(*named[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        else:
            (named or figure.axes)[0].legend(frameon=False)
    words, size = fitted(_plain((layout.title.text or "").split("<br>")[0]), inches * 72 * 0.95)
    figure.suptitle(words, fontsize=size)


class _Panels:
    """Matplotlib's axes by plotly's names of theirs."""

    def __init__(self, figure: Figure, view: go.Figure) -> None:
        self.figure, self.layout = figure, view.layout
        pairs = [(trace.xaxis or "x", trace.yaxis or "y") for trace in view.data]
        pairs += [(one.xref, one.yref) for one in view.layout.images if "domain" not in f"{one.xref} {one.yref}"]
        pairs = [pair for pair in dict.fromkeys(pairs) if not self._axis(pair[1]).overlaying]
        lefts = sorted({round(self._domain(x)[0], 3) for x, _ in pairs})
        tops = sorted({round(self._domain(y)[1], 3) for _, y in pairs}, reverse=True)
        grid = figure.add_gridspec(len(tops), len(lefts))
        self.drawn: dict[tuple[str, str], Axes] = {}
        for x, y in sorted(pairs, key=lambda pair: _number(pair[0])):
            row, column = tops.index(round(self._domain(y)[1], 3)), lefts.index(round(self._domain(x)[0], 3))
            last = sum(left < self._domain(x)[1] - 0.01 for left in lefts)
            self.drawn[x, y] = figure.add_subplot(grid[row, column : max(last, column + 1)])
        self.second: dict[str, Axes] = {}

    def at(self, x: str, y: str) -> Axes:
        """Return a subplot, or the second scale on its right."""
        if (x, y) in self.drawn:
            return self.drawn[x, y]
        if y not in self.second:
            below = str(self._axis(y).overlaying or "y")
            first = next(axes for (_, name), axes in self.drawn.items() if name == below)
            self.second[y] = first.twinx()
            self.second[y].set_ylabel(_plain(self._axis(y).title.text), fontsize=LEAST)
        return self.second[y]

    def _axis(self, name: str) -> Part:
        return self.layout[f"{name[0]}axis{name[1:]}"]

    def _domain(self, name: str) -> tuple[float, float]:
        return self._axis(name).domain or (0.0, 1.0)


def _image(axes: Axes, image: go.layout.Image) -> None:
    picture = Image.open(io.BytesIO(base64.b64decode(image.source.split(",", 1)[1]))).convert("RGBA")
    left, top = float(image.x), float(image.y)
    extent = (left, left + image.sizex, top + image.sizey, top)
    axes.imshow(np.asarray(picture), extent=extent, interpolation="nearest", zorder=1 if image.layer == "below" else 3)


def _heatmap(axes: Axes, trace: go.Heatmap, colour: str) -> None:
    from matplotlib.colors import ListedColormap

    values = np.asarray(trace.z, float)
    low = np.nanmin(values) if trace.zmin is None else trace.zmin
    high = np.nanmax(values) if trace.zmax is None else trace.zmax
    x, y = (_edges(given, side) for given, side in zip((trace.x, trace.y), values.shape[::-1], strict=True))
    colours = ListedColormap(_scale(trace.colorscale))
    look = {"cmap": colours, "vmin": low, "vmax": high, "alpha": trace.opacity}
    drawn = axes.pcolormesh(x, y, np.ma.masked_invalid(values), zorder=2, **look)
    if trace.showscale is not False:
        bar = axes.figure.colorbar(drawn, ax=axes, fraction=0.05, pad=0.02)
        bar.set_label(_plain(trace.colorbar.title.text), fontsize=LEAST)
        if trace.colorbar.ticktext:
            bar.set_ticks(list(trace.colorbar.tickvals), labels=[_plain(one) for one in trace.colorbar.ticktext])
        bar.ax.tick_params(labelsize=LEAST)


def _scatter(axes: Axes, trace: go.Scatter, colour: str) -> None:
    if trace.marker.opacity == 0 or trace.x is None or list(trace.x) == [None]:
        return
    x, y = _numbers(trace.x), _numbers(trace.y)
    mode, line = trace.mode or "lines", trace.line
    if trace.fill == "toself":
        axes.fill(x, y, color=trace.fillcolor or colour, alpha=trace.opacity or 0.2, linewidth=0)
        return
    errors = [_bars(bars, len(x)) for bars in (trace.error_x, trace.error_y)]
    if any(one is not None for one in errors):
        axes.errorbar(x, y, xerr=errors[0], yerr=errors[1], fmt="none", ecolor="#888888", elinewidth=0.6, capsize=1.5)
    if "lines" in mode:
        style = _DASHES.get(str(line.dash), "-")
        axes.plot(x, y, color=line.color or colour, linestyle=style, linewidth=1, label=_label(trace))
    if "markers" in mode:
        ink = trace.marker.color if trace.marker.color is not None else line.color or colour
        label = _label(trace) if isinstance(ink, str) and "lines" not in mode else None
        axes.scatter(x, y, c=ink, s=9, zorder=4, label=label)
    if "text" in mode:
        for words, at, height in zip(trace.text, x, y, strict=True):
            axes.annotate(_plain(words), (at, height), textcoords="offset points", xytext=(3, 3), fontsize=LEAST)


def _label(trace: go.Scatter | go.Bar) -> str | None:
    """Return a trace's name, if the legend tells it."""
    return None if trace.showlegend is False else trace.name or None


def _beside(view: go.Figure, trace: go.Bar) -> tuple[int, int]:
    """Return which of the bars that stand beside each other these are, and of how many."""
    every = [one for one in view.data if one.type == "bar" and (one.xaxis, one.yaxis) == (trace.xaxis, trace.yaxis)]
    return next(k for k, one in enumerate(every) if one is trace), len(every)


def _bar(axes: Axes, trace: go.Bar, colour: str, place: int, count: int) -> None:
    painted = trace.marker.color if isinstance(trace.marker.color, str) else colour
    if trace.orientation == "h":
        axes.barh([str(one) for one in trace.y], np.asarray(trace.x, float), color=painted, height=0.7)
    else:
        x, errors, wide = _numbers(trace.x), _bars(trace.error_y, len(trace.x)), 0.8 / count
        at, line = x + (place - (count - 1) / 2) * wide, {"elinewidth": 0.6, "ecolor": "#888888"}
        height = np.asarray(trace.y, float)
        axes.bar(at, height, wide, yerr=errors, color=painted, label=_label(trace), error_kw=line)
        if np.asarray(trace.x).dtype.kind not in "iufb":
            axes.set_xticks(x, [_plain(str(one)) for one in trace.x])


def _nothing(axes: Axes, trace: Part, colour: str) -> None:
    """Draw nothing."""


_TRACES = {"heatmap": _heatmap, "scatter": _scatter}


def _shape(panels: _Panels, shape: go.layout.Shape) -> None:
    from matplotlib.patches import Rectangle

    x, y = str(shape.xref or "x"), str(shape.yref or "y")
    look = {"color": shape.line.color, "linewidth": (shape.line.width or 2) / 3}
    if "domain" in y:
        return
    if "domain" in x or x == "paper":
        for (_, name), axes in panels.drawn.items():
            if name == y:
                axes.axhline(shape.y0, linestyle=_DASHES.get(str(shape.line.dash), "-"), **look)
        return
    axes = panels.at(x, y)
    corner, sides = (shape.x0, shape.y0), (shape.x1 - shape.x0, shape.y1 - shape.y0)
    axes.add_patch(Rectangle(corner, *sides, fill=False, zorder=5, **look))


def _axis(axes: Axes, layout: go.Layout, x: str, y: str) -> None:
    from matplotlib.collections import QuadMesh

    across, up = (layout[f"{name[0]}axis{name[1:]}"] for name in (x, y))
    painted = axes.images or any(isinstance(one, QuadMesh) for one in axes.collections)
    pictures = bool(up.scaleanchor or up.matches) and painted
    for axis, told, limits in ((axes.xaxis, across, axes.set_xlim), (axes.yaxis, up, axes.set_ylim)):
        if told.type == "log":
            (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
        if told.range:
            limits(*(10 ** np.asarray(told.range, float) if told.type == "log" else told.range))
        elif told.autorange == "reversed":
            axis.set_inverted(True)
        if told.tickvals is not None and told.type == "log":
            axis.set_ticks([float(one) for one in told.tickvals], [f"{float(one):g}" for one in told.tickvals])
            axis.set_ticks([], minor=True)
        elif told.ticktext is not None and told.tickvals is not None:
            axis.set_ticks([float(one) for one in told.tickvals], [_plain(one) for one in told.ticktext])
            axis.set_tick_params(labelrotation=-float(told.tickangle or 0))
        axis.set_label_text(_plain(told.title.text), fontsize=LEAST)
        axis.set_visible(told.visible is not False)
        if told.showticklabels is False:
            axis.set_ticks([])
    if up.scaleanchor or pictures:
        axes.set_aspect("equal", adjustable="box")
    if pictures:
        axes.set(xticks=[], yticks=[], xlabel="")
    axes.tick_params(labelsize=LEAST, length=2, width=0.5)


def _bars(bars: Part, count: int) -> NDArray[np.floating] | None:
    """Return error bars below and above, if there are any."""
    if bars is None or bars.array is None:
        return None
    above = np.nan_to_num(np.array([np.nan if one is None else one for one in bars.array], float))
    below = above if bars.arrayminus is None else np.nan_to_num(np.asarray(bars.arrayminus, float))
    return np.stack([below, above])[:, :count] if above.any() or below.any() else None


def _edges(given: Part, count: int) -> NDArray[np.floating]:
    if given is None:
        return np.arange(count + 1) - 0.5
    centres = _numbers(given)
    inner = (centres[1:] + centres[:-1]) / 2 if count > 1 else np.zeros(0)
    step = float(centres[1] - centres[0]) if count > 1 else 1.0
    return np.concatenate([[centres[0] - step / 2], inner, [centres[-1] + step / 2]])


def _numbers(given: Part) -> NDArray[np.floating]:
    values = np.asarray(given)
    return values.astype(float) if values.dtype.kind in "iufb" else np.arange(len(values), dtype=float)


def _scale(colours: Part) -> NDArray[np.floating]:
    """Return a colour scale as so many colours with their opacity."""
    places, rgba = zip(*((place, _rgba(colour)) for place, colour in colours), strict=True)
    at = np.linspace(0, 1, _SHADES)
    return np.stack([np.interp(at, places, channel) for channel in np.array(rgba).T], -1)


def _rgba(colour: str) -> tuple[float, ...]:
    parts = [float(one) for one in re.findall(r"[\d.]+", colour)] if colour.startswith("rgb") else []
    if not parts:
        parts = [float(one) for one in plotly.colors.hex_to_rgb(colour)]
    return (*(one / 255 for one in parts[:3]), parts[3] if len(parts) > 3 else 1.0)


def _number(name: str) -> int:
    return int(name[1:] or 1)


def _plain(text: str | None) -> str:
    return kit.plain(text).strip()[: 40 * int(LETTER)]
