"""The filters view: scores of kernels over depth, a strip for each layer, the first ones marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ... import statistics
from ...result import (
    COMPLETENESS_GAP,
    DEGRADATION,
    DEPTH,
    DISCRIMINATIVE,
    INTO,
    KERNEL,
    KERNELS,
    LAYER,
    NODE_COUNT,
    OUT,
    QUADRATURE_ERROR,
    SCORE,
    SCORE_ERROR,
    SPREAD,
    TOP_SHARE,
    check,
    facts,
)
from ...validation import choose
from .. import kit
from ..kit import View

_MEANS = (
    "Each strip is a layer: a thin line from its lowest kernel to its highest, a thick one for the middle half.",
    "Points are the first kernels of all, the share that the caption names.",
    "Score: how much of the loss's change from baseline to target goes through a kernel (Xie et al., NeurIPS 2021).",
    "Magnitudes are added over a kernel's taps. Discriminative: less the score with the other degradations.",
    "Bars: which part of the first kernels lies in each layer. Layers have unequal numbers of kernels: see on hover.",
)
_NAMES = 20
"""Layers that are named along the axis at most: so many stand side by side on a phone."""
_LABELS = {DISCRIMINATIVE: "discriminative score", SCORE: "score"}
_BARS = 150
_STRIP = 230


def filters(dataset: xr.Dataset, *, share: float = 0.01, by: str = DISCRIMINATIVE) -> View:
    """Show what kernels score over depth, a strip for each layer; below, in which layers the first ones lie.

    A row for each degradation.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.filters`.
    share : float, default 0.01
        Of the kernels that are marked.
    by : {"discriminative", "score"}

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If the dataset is something else, or the share is not in (0, 1].

    Examples
    --------
    >>> import lam_nb as lam
    >>> pair = "srresnet-residual-restoring", "srresnet-residual-mse"
    >>> spoilt = {"blur": lam.images.Blur(2), "noise": lam.images.Noise(0.1)}
    >>> ds = lam.filters(*pair, ["bricks", "cat"], spoilt, steps=3, size=16, progress=False)
    >>> [trace.name for trace in filters(ds).data if trace.type == "bar"]
    ['blur', 'noise']
    """
    check(dataset, SCORE, DISCRIMINATIVE, SCORE_ERROR)
    told, label = facts(dataset), _LABELS[choose("by", by, _LABELS)]
    skills = [str(one) for one in np.atleast_1d(dataset[DEGRADATION].values)]
    layers = {skill: statistics.kernel_layers(dataset, skill, share, by=by) for skill in skills}
    heights = [_STRIP] * len(skills) + [_BARS]
    figure = make_subplots(
        rows=len(heights), cols=1, shared_xaxes=True, row_heights=heights, vertical_spacing=30 / sum(heights)
    )
    for k, (skill, one) in enumerate(layers.items()):
        colour = kit.LINES[k % len(kit.LINES)]
        figure.add_traces([*_strips(one)], rows=k + 1, cols=1)
        figure.add_trace(_first(dataset, skill, share, by, one, colour), row=k + 1, col=1)
        figure.add_trace(_bars(one, skill, colour), row=len(heights), col=1)
        figure.update_yaxes(title_text=f"{skill}: {label}", range=_range(one), row=k + 1, col=1, **kit.AXIS)
    _name_layers(figure, next(iter(layers.values())), len(heights))
    figure.update_yaxes(title_text="part of the first", tickformat=".0%", row=len(heights), col=1, **kit.AXIS)
    words = f"<b>Which kernels make the difference?</b>{kit.small(*_how(dataset, told, share))}"
    kit.dress(figure, words, 960, sum(heights) + 260, l=80, r=20, t=120, b=120)
    figure.update_layout(showlegend=False, bargap=0.2)
    kit.explain(figure, _MEANS)
    return View(figure)


def _range(layers: xr.Dataset) -> list[float]:
    """Return where an axis of scores begins and ends, with some room."""
    low, high = float(layers[SPREAD].min()), float(layers[SPREAD].max())
    room = 0.06 * (high - low or 1)
    return [low - room, high + room]


def _how(dataset: xr.Dataset, told: Mapping[str, object], share: float) -> tuple[str, str]:
    pictures = f"{told.get('images', '?')} pictures"
    first = f"<b>{told['network']}</b> beside {told.get('baseline', 'its baseline')} · {pictures} · {_counted(dataset)}"
    known = [f"points: the first {100 * share:g} %"]
    if COMPLETENESS_GAP in dataset:
        gap, error = (np.abs(dataset[name]).max().item() for name in (COMPLETENESS_GAP, QUADRATURE_ERROR))
        known += [f"completeness gap at most {gap:.1%}", f"estimated quadrature error at most {error:.1%}"]
        known += [f"{int(dataset[NODE_COUNT].max())} steps, rule {told.get('rule', '?')}"]
    return first, " · ".join(known)


def _counted(dataset: xr.Dataset) -> str:
    return f"{dataset.sizes[KERNEL]:,} kernels"


def _strips(layers: xr.Dataset) -> Iterator[go.Scatter]:
    """Yield the lines of all layers, from lowest to highest, and their middle halves, each one trace with gaps."""
    look = {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    for parts, width, colour in (((0, 4), 1, "#9aa4ae"), ((1, 3), 5, "#9aa4ae")):
        ends = layers[SPREAD].values[:, list(parts)]
        y = np.concatenate([ends, np.full((len(ends), 1), np.nan)], 1).ravel()
        x = np.repeat(np.arange(len(ends), dtype=float), 3)
        yield go.Scatter(x=x, y=y, line={"color": colour, "width": width}, **look)


def _first(dataset: xr.Dataset, skill: str, share: float, by: str, layers: xr.Dataset, colour: str) -> go.Scatter:
    """Return the first kernels as points in their layers."""
    top = statistics.top_kernels(dataset, skill, share, by=by)
    some = statistics.kernel_ranking(dataset, skill, by=by)[top.values]
    error = dataset[SCORE_ERROR].sel({DEGRADATION: skill})[top.values] if DEGRADATION in dataset.dims else None
    place = {str(name): k for k, name in enumerate(layers[LAYER].values)}
    x = [place[str(name)] for name in some[LAYER].values]
    told = [some[name].values.astype(object) for name in (LAYER, OUT, INTO)]
    told.append(np.full(len(x), np.nan) if error is None else error.values)
    hover = "%{customdata[0]}, out %{customdata[1]}, in %{customdata[2]}<br>%{y:.3g}"
    hover += f" (standard error of its score %{{customdata[3]:.2g}})<extra>{skill}</extra>"
    marker = {"color": colour, "size": 6, "line": {"color": "#ffffff", "width": 0.5}}
    data = {"x": x, "y": some.values, "customdata": np.stack(told, -1), "hovertemplate": hover}
    return go.Scatter(**data, mode="markers", marker=marker, name=skill, showlegend=False)


def _bars(layers: xr.Dataset, skill: str, colour: str) -> go.Bar:
    data = np.stack([layers[LAYER].values.astype(object), layers[KERNELS].values, layers[DEPTH].values], -1)
    hover = "%{customdata[0]}, depth %{customdata[2]:.2f}: %{y:.1%} of the first<br>%{customdata[1]:,} kernels"
    hover += f"<extra>{skill}</extra>"
    x = np.arange(layers.sizes[LAYER])
    look = {"marker_color": colour, "name": skill, "legendgroup": skill, "showlegend": False}
    return go.Bar(x=x, y=layers[TOP_SHARE].values, customdata=data, hovertemplate=hover, **look)


def _name_layers(figure: go.Figure, layers: xr.Dataset, rows: int) -> None:
    """Name layers along the lowest axis, all or some."""
    count = layers.sizes[LAYER]
    shown = kit.spread(count, _NAMES)
    names = [str(layers[LAYER].values[k]) for k in shown]
    figure.update_xaxes(
        range=[-0.7, count - 0.3], showgrid=False, zeroline=False, ticks="outside", tickvals=shown, ticktext=names
    )
    small = kit.AXIS | {"tickfont_size": 11}
    figure.update_xaxes(title_text="layer, from the first to the last", tickangle=-90, row=rows, col=1, **small)
    figure.update_xaxes(title_standoff=12, row=rows, col=1)
