"""The progression view: drag the slider, and the blur lifts while the attribution gathers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ... import statistics
from ...result import ALPHA, DETECTOR_END, DETECTOR_START, INPUT, OUTPUT, OUTPUT_PATH, PATH, check, facts
from ...validation import switch
from .. import kit
from ..kit import View, timeline

_CURSOR = (200, 60, 0)
_DETECTOR, _SHARE = kit.LINES[0], kit.LINES[1]
_CURVE = {"row": 2, "col": 3}


@dataclass(frozen=True)
class _Panel:
    title: str
    sources: list[str]
    size: tuple[int, int]
    units: str
    end: float | None = None
    measured_in: str = ""

    @property
    def heading(self) -> str:
        factor = kit.reduction(self.size)
        reduced = f"shown at 1/{factor}" if factor > 1 else ""
        notes = [note for note in (self.measured_in, reduced) if note]
        return f"{self.title} <span style='font-size:12px'>({', '.join(notes)})</span>" if notes else self.title


def progression(dataset: xr.Dataset, *, bare: bool = False, size: int | None = timeline.BUDGET) -> View:
    """Show the integration step by step, from its start; scrubs and plays without a kernel.

    Panels: image on the path, network output, and over the grey picture gradient, what the step adds and the
    map as it gathers, where 99 % of them lie; the curves of the detector and of the gathered share. Each
    signed panel keeps one symmetric colour scale over all steps; the strongest fifth of the pixels that
    count are shown in its end colours, which are marked.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.attribute`, with ``path``, ``gradient``, ``integrand``, ``detector`` and ``output``
        kept (the default). With ``output_path`` (``keep="all"``) the output moves, too.
    bare : bool, default False
        Show maps alone, without the grey picture below.
    size : int, optional
        Bytes that the pictures may take: with more, steps are left out, and the caption says so.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If a variable was not kept, or four steps do not fit `size`.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("imdn-small"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), steps=6, keep="all", progress=False)
    >>> len(progression(ds).layout.sliders[0].steps)
    6
    """
    check(dataset, PATH, OUTPUT)
    facts(dataset)
    switch("bare", bare)
    laid = {
        "gradient": statistics.sensitivity(dataset).transpose(ALPHA, ...),
        "this step adds": statistics.contributions(dataset).transpose(ALPHA, ...),
        "gathered so far": statistics.cumulative(dataset).transpose(ALPHA, ...),
    }
    panels = [*_pictures(dataset), *(_signed(title, stack, bare) for title, stack in laid.items())]
    figure = make_subplots(
        rows=2,
        cols=3,
        specs=[[{}] * 3, [{}, {}, {"secondary_y": True}]],
        subplot_titles=[*(panel.heading for panel in panels), "detector and gathered share"],
        horizontal_spacing=0.12,
        vertical_spacing=0.15,
    )
    told, whole = facts(dataset), laid["gathered so far"].values[-1]
    below = dataset[INPUT].values if INPUT in dataset else dataset[PATH].values[-1]
    for number, panel in enumerate(panels):
        _draw(figure, panel, *divmod(number, 3))
    framed = kit.frame(np.stack([np.abs(stack.values).sum(0) for stack in laid.values()]))  # of all steps
    inset = kit.laid_source(whole, below, kit.limit(whole))
    for number, panel in enumerate(panels):
        row, column = number // 3 + 1, number % 3 + 1
        kit.box(figure, dataset, row, column, 1 if number == 1 else told["scale"])
        if panel.end is not None:
            if not bare:
                kit.under(figure, kit.grey_source(below), panel.size, row, column)
            kit.show(figure, framed, inset, row, column)
    _draw_curves(figure, dataset)
    shown = _animate(figure, dataset, panels, size)
    figure.update_annotations(font_size=14)
    figure.update_layout(
        **kit.look(dataset, height=840), showlegend=False, margin={"l": 65, "r": 65, "t": 120, "b": 150}
    )
    if shown < dataset.sizes[ALPHA]:
        figure.layout.title.text += f" · {shown} of {dataset.sizes[ALPHA]} steps shown, to save space"
    kit.explain(figure, kit.glossary(told))
    return View(figure, made_from=("progression", dataset))


def _pictures(dataset: xr.Dataset) -> list[_Panel]:
    moving = OUTPUT_PATH in dataset
    outputs = dataset[OUTPUT_PATH] if moving else dataset[OUTPUT].expand_dims({ALPHA: dataset[ALPHA]})
    return [
        _picture("image on the path", dataset[PATH], "input px"),
        _picture("network output" if moving else "network output, sharp image", outputs, "output px"),
    ]


def _picture(title: str, stack: xr.DataArray, units: str) -> _Panel:
    sources = _encoded(stack, kit.colour_source)
    return _Panel(title, sources, _size(stack), units)


def _signed(title: str, stack: xr.DataArray, bare: bool) -> _Panel:
    end, encode = kit.limit(stack.values), kit.signed_source if bare else kit.over_source
    sources = _encoded(stack, lambda values: encode(values, end))
    return _Panel(title, sources, _size(stack), "input px", end, stack.attrs["units"])


def _size(stack: xr.DataArray) -> tuple[int, int]:
    rows, columns = stack.shape[-2:]
    return rows, columns


def _encoded(stack: xr.DataArray, encode: Callable[[NDArray[np.floating]], str]) -> list[str]:
    frames = stack.transpose(ALPHA, ...).values
    if np.ndim(frames) and frames.strides[0] == 0:
        return [encode(frames[0])] * len(frames)
    return [encode(frame) for frame in frames]


def _draw(figure: go.Figure, panel: _Panel, row: int, column: int) -> None:
    layer = "below" if panel.end is None else "above"
    kit.place(figure, panel.sources[-1], panel.size, row + 1, column + 1, panel.units, layer)
    if panel.end is None:
        return
    ticks, labels = kit.ends(panel.end)
    x, y = (next(select(row=row + 1, col=column + 1)).domain for select in (figure.select_xaxes, figure.select_yaxes))
    bar: dict[str, object] = {"thickness": 10, "tickfont": {"size": 12}}
    bar |= {"x": x[1] + 0.002, "xanchor": "left", "y": (y[0] + y[1]) / 2, "len": y[1] - y[0]}
    bar |= {"tickvals": ticks, "ticktext": labels}
    marker = {"color": [0], "cmin": -panel.end, "cmax": panel.end, "colorscale": kit.DIVERGING, "opacity": 0}
    figure.add_trace(
        go.Scatter(
            x=[0], y=[0], mode="markers", marker={**marker, "colorbar": bar}, showlegend=False, hoverinfo="skip"
        ),
        row=row + 1,
        col=column + 1,
    )


def _draw_curves(figure: go.Figure, dataset: xr.Dataset) -> None:
    alphas = dataset[ALPHA].values
    ends = [float(dataset[name]) for name in (DETECTOR_START, DETECTOR_END)]
    detector = np.concatenate([ends[:1], statistics.response(dataset).values, ends[1:]])
    hover = {"mode": "lines", "hovertemplate": "α %{x:.3f}<br>%{y:.3g}<extra>%{fullData.name}</extra>"}
    curve = go.Scatter(x=[0, *alphas, 1], y=detector, name="detector", line={"color": _DETECTOR}, **hover)
    figure.add_trace(curve, **_CURVE)
    nodes = {"x": [0, 1], "y": ends, "mode": "markers", "marker": {"color": _DETECTOR, "size": 7}, "meta": "ends"}
    hover_ends = "%{text}<br>%{y:.3g}<extra>detector</extra>"
    figure.add_trace(go.Scatter(**nodes, text=["baseline", "image"], hovertemplate=hover_ends), **_CURVE)
    share = statistics.cumulative_share(dataset)
    tick = {"tickfont_size": 12, "title_font_size": 12, "title_standoff": 2}
    line = {"color": _SHARE, "dash": "dot"}
    gathered = [0, *share.values, share.values[-1]]
    curve = go.Scatter(x=[0, *alphas, 1], y=gathered, name="gathered share", line=line, **hover)
    figure.add_trace(curve, secondary_y=True, **_CURVE)
    figure.update_xaxes(title_text="α (0 baseline, 1 image)", range=[-0.02, 1.02], **tick, **_CURVE)
    figure.update_yaxes(title_text="detector (line)", secondary_y=False, nticks=6, **tick, **_CURVE)
    percent = {"tickformat": ".0%", "tickmode": "linear", "dtick": 0.25, "showgrid": False}
    figure.update_yaxes(title_text="gathered share (dots)", secondary_y=True, **percent, **tick, **_CURVE)


def _animate(figure: go.Figure, dataset: xr.Dataset, panels: list[_Panel], size: int | None) -> int:
    """Add cursor and timeline; return how many steps are shown."""
    alphas = dataset[ALPHA].values
    axis = kit.axis_name(next(figure.select_xaxes(**_CURVE)))
    cursor = {"source": kit.dot_source(_CURSOR), "xref": axis, "yref": f"{axis.replace('x', 'y')} domain"}
    stretch = {"y": 1, "sizex": 0.008, "sizey": 1, "sizing": "stretch", "xanchor": "center", "layer": "above"}
    figure.add_layout_image(x=float(alphas[-1]), **cursor, **stretch)
    moving = {number: panel.sources for number, panel in enumerate(panels) if number != 1 or OUTPUT_PATH in dataset}
    kept = timeline.affordable(moving, size)
    names = kit.labels(dataset)
    chosen = {number: [sources[k] for k in kept] for number, sources in moving.items()}
    marked = len(figure.layout.images) - 1, [float(alphas[k]) for k in kept]
    timeline.add(figure, chosen, [names[k] for k in kept], marked)
    return len(kept)
