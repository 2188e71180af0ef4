"""The representations view: samples in the plane, layer by layer, coloured by what was done to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ...result import AXIS, CONTENT, DEGRADATION, DEPTH, LAYER, LEVEL, PLANE, SAMPLE, check, facts
from ...validation import InputError
from .. import kit
from ..kit import View

_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star", "hexagon")
_MEANS = (
    "Each point is a picture in one condition, by the features of a layer; neighbours have features that are alike.",
    "Points of one colour in a heap: the features know what was done to a picture (arXiv 2108.00406).",
    "Points of one symbol together: they know what it shows. Both at once is possible, too.",
    "The slider goes through the depth. The plane is made anew for each layer: its axes and turns have no meaning.",
    "Nor has the size of a heap or the gap between two: lam.statistics.separability measures, this only shows.",
)
_MARGIN = 0.07
_MISLEADING = ("select", "lasso")
"""Plotly keeps what was drawn around points and not the points: in the next layer others would be marked."""
_UNSEEN = {"size": 1, "color": "rgba(0,0,0,0)"}
_LOOK = {**kit.AXIS, "zeroline": False, "showticklabels": False, "ticks": "", "showgrid": False}
_LOOK |= {"showline": True, "mirror": True}


def representations(dataset: xr.Dataset) -> View:
    """Show samples in the plane, a layer at a time, with a slider through the depth; the deepest is shown first.

    Colours are degradations; symbols are contents, if there are at most eight. Pictures, conditions and levels are
    told on hover. A click on a name hides its points. `lam_widgets.Samples` shows the pictures themselves, and keeps
    those marked that are chosen.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.representations`, or some of its layers or samples.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If the dataset is something else, of several networks, or has no layer or sample.

    Examples
    --------
    >>> import lam_nb as lam
    >>> given = {"layers": ["first_part.0", "last_part"], "size": 24, "components": 4, "progress": False}
    >>> ds = lam.representations("fsrcnn", ["bricks", "facade", "cat"], {"blur": lam.images.Blur(2)}, **given)
    >>> figure = representations(ds)
    >>> len(figure.frames), [trace.name for trace in figure.data]
    (2, ['clean', 'blur', 'bricks', 'facade', 'cat'])
    """
    told = facts(check(dataset, PLANE, CONTENT, DEGRADATION, LEVEL))
    dataset = dataset if LAYER in dataset[PLANE].dims else dataset.expand_dims(LAYER)
    if not dataset[PLANE].size:
        sizes = ", ".join(f"{dataset.sizes[name]} {name}s" for name in (LAYER, SAMPLE))
        raise InputError(f"dataset: has {sizes}, expected at least one of each; select fewer away.")
    layers = _titles(dataset)
    degradations, contents = _names(dataset, DEGRADATION), _names(dataset, CONTENT)
    symbols = dict(zip(contents, _SYMBOLS, strict=False)) if len(contents) <= len(_SYMBOLS) else {}
    frames = [go.Frame(name=name, **_frame(dataset.isel({LAYER: k}), degradations)) for k, name in enumerate(layers)]
    figure = go.Figure(layout=frames[-1].layout)
    for k, (name, place) in enumerate(zip(degradations, frames[-1].data, strict=True)):
        figure.add_trace(_points(_of(dataset, name), name, kit.LINES[k % len(kit.LINES)], symbols).update(place))
    figure.add_traces(list(_legend(symbols)))
    figure.update_xaxes(title_text=f"first axis of the plane ({told['plane_by'].split(',')[0]}, no units)", **_LOOK)
    figure.update_xaxes(constrain="domain", constraintoward="left")
    figure.update_yaxes(title_text="second axis of the plane", scaleanchor="x", **_LOOK)
    figure.update_layout(legend={"font_size": 12, "tracegroupgap": 14, "itemsizing": "constant"})
    figure.update_layout(modebar_remove=_MISLEADING)
    kit.dress(figure, _caption(dataset, told, layers), 720, 780, l=60, r=20, t=120, b=160)
    if len(layers) > 1:
        kit.step_through(figure, frames, low=-0.13, first=-1, redraw=True)
        figure.layout.sliders[0].font = _UNSEEN  # long names would be cut; that of the layer shown stands above
    kit.explain(figure, _MEANS)
    return View(figure)


def _names(dataset: xr.Dataset, name: str) -> list[str]:
    return [*dict.fromkeys(map(str, dataset[name].values))]


def _titles(dataset: xr.Dataset) -> list[str]:
    """Return layers by name, with their depth if it is known."""
    names = [str(name) for name in dataset[LAYER].values]
    if DEPTH not in dataset.coords:
        return names
    return [f"{name}, depth {depth:.2f}" for name, depth in zip(names, np.atleast_1d(dataset[DEPTH]), strict=True)]


def _of(dataset: xr.Dataset, degradation: str) -> xr.Dataset:
    return dataset.isel({SAMPLE: dataset[DEGRADATION].values.astype(str) == degradation})


def _frame(layer: xr.Dataset, degradations: Sequence[str]) -> dict[str, object]:
    """Return where points of each degradation are in a layer, and the ends of its axes."""
    each = (_of(layer, name)[PLANE].transpose(SAMPLE, AXIS).values for name in degradations)
    data = [go.Scatter(x=points[:, 0], y=points[:, 1]) for points in each]
    ranges = _ranges(layer[PLANE].transpose(SAMPLE, AXIS).values)
    layout = {"xaxis": {"range": ranges[0]}, "yaxis": {"range": ranges[1]}}
    return {"data": data, "layout": layout, "traces": [*range(len(data))]}


def _ranges(places: np.ndarray) -> list[list[float]]:
    """Return the ends of both axes, equally far apart: the field is square, and as far is as far across as along."""
    known = places[np.isfinite(places).all(1)]
    low, high = (known.min(0), known.max(0)) if len(known) else (np.zeros(2), np.zeros(2))
    half = (0.5 + _MARGIN) * float((high - low).max()) or 1.0
    return [[float(at) - half, float(at) + half] for at in (low + high) / 2]


def _points(one: xr.Dataset, name: str, colour: str, symbols: dict[str, str]) -> go.Scatter:
    contents = [str(content) for content in one[CONTENT].values]
    levels = [f", level {level:g}" if np.isfinite(level) else "" for level in one[LEVEL].values]
    marks = [symbols.get(content, _SYMBOLS[0]) for content in contents]
    marker = {"color": colour, "symbol": marks, "size": 9, "opacity": 0.85, "line": {"width": 0.5, "color": "#fff"}}
    hover = f"%{{customdata[0]}}<br>{name}%{{customdata[1]}}<extra></extra>"
    told = np.stack([np.array(contents, object), np.array(levels, object)], -1)
    group = {"legendgroup": DEGRADATION, "legendgrouptitle_text": "degradation"}
    return go.Scatter(mode="markers", name=name, marker=marker, customdata=told, hovertemplate=hover, **group)


def _legend(symbols: dict[str, str]) -> Iterator[go.Scatter]:
    """Yield a trace without points for each content, which the legend shows."""
    group = {"legendgroup": CONTENT, "legendgrouptitle_text": "picture", "hoverinfo": "skip"}
    for content, symbol in symbols.items():
        look = {"mode": "markers", "marker": {"color": "#888", "symbol": symbol, "size": 9}}
        yield go.Scatter(x=[None], y=[None], name=content, **look, **group)


def _caption(dataset: xr.Dataset, told: dict[str, object], layers: Sequence[str]) -> str:
    pairs = zip(*(dataset[name].values.astype(str) for name in (DEGRADATION, LEVEL)), strict=True)
    of = f"{len(_names(dataset, CONTENT))} pictures in {len({*pairs})} conditions"
    near = "perplexity" if str(told["plane_by"]).startswith("t-SNE") else "neighbours"
    made = f"{told['feature_kind']} features · plane: {told['plane_by']}, {near} {told['perplexity']:.3g}"
    shown = f"{len(layers)} layers; the slider goes through the depth" if len(layers) > 1 else layers[0]
    lines = kit.small(f"<b>{told['network']}</b> · {of} · {shown}", made)
    return f"<b>What do the features know?</b>{lines}"
