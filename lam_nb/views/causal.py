"""The causal view: which blocks of the input help a window's restoration, and which harm it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from .. import statistics
from ..result import BLOCK_X, BLOCK_Y, INPUT, X, Y, check
from ..types import InputError, positive
from . import pictures
from .figure import View

_HEIGHT, _SPACE = 480, 0.1


def causal(
    dataset: xr.Dataset, *, attribution: xr.Dataset | None = None, clip: float | None = None, power: float = 1.0
) -> View:
    """Show a causal effect map over its input, with the region in green and the draws beside it.

    Red blocks help, blue ones harm; point at one for its effect and standard error. An attribution map
    of the same window answers another question: it says which pixels the output was made of, this
    which content there raises or lowers the quality; beside each other, their rank correlation is told.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.causal_effect`.
    attribution : xarray.Dataset, optional
        Of `lam_nb.attribute` on the same input and window, to stand beside it.
    clip : float, optional
        End of the colour scale in dB; by default the strongest effect. Published figures take 2.5 for
        super-resolution, 1 for denoising, 2 for deraining.
    power : float, default 1
        Colours follow |effect| to 1 / `power`; published figures take 1.2.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If the dataset is something else, or a number is not positive.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, hr = lam.networks.load("fsrcnn"), lam.images.sample("bricks")
    >>> given = {"reference": hr, "fine": 6, "progress": False}
    >>> cem = lam.causal_effect(net, lam.images.downscale(hr, 4), lam.Region(96, 96, 32), **given)
    >>> causal(cem).data[2].z.shape
    (32, 32)
    """
    _check(dataset)
    end, exponent = _scale([dataset], clip, power)
    titles = ["network input", "causal effect", "interventions"]
    if attribution is not None:
        alike = float(statistics.causal_agreement(dataset, attribution))
        titles.append("attribution" + (f"<br>rank correlation of blocks {alike:+.2f}" if np.isfinite(alike) else ""))
    figure = make_subplots(rows=1, cols=len(titles), subplot_titles=titles, horizontal_spacing=_SPACE)
    size = dataset.sizes[Y], dataset.sizes[X]
    pictures.place(figure, pictures.colour_source(dataset[INPUT].values), size, 1, 1, "input px")
    _effect(figure, dataset, 2, end, exponent, _bar(figure, 2, dataset.attrs["units"], end, exponent))
    count = {"title": {"text": "draws", "side": "top"}, "thickness": 12, "len": 0.9, "tickfont_size": 12}
    count["x"] = _right(figure, 3)
    place = {"x": dataset[BLOCK_X].values, "y": dataset[BLOCK_Y].values}
    told = {"hovertemplate": "%{z} interventions<extra></extra>", "colorscale": "Greys", "colorbar": count}
    figure.add_trace(go.Heatmap(z=dataset["draws"].values, **place, **told), row=1, col=3)
    pictures.pixel_axes(figure, size, 1, 3, "input px")
    if attribution is not None:
        values = statistics.signed(attribution).values
        source = pictures.signed_source(values, pictures.limit(values))
        pictures.place(figure, source, size, 1, 4, "input px")
    for column in range(1, len(titles) + 1):
        pictures.box(figure, dataset, 1, column, dataset.attrs["scale"])
    pictures.dress(
        figure,
        _caption(dataset),
        min(1080, 370 * len(titles)),
        _HEIGHT - 60 * (len(titles) - 3),
        l=60,
        r=60,
        t=120,
        b=50,
    )
    figure.update_layout(showlegend=False)
    figure.update_annotations(font_size=13)
    return View(figure)


def causal_comparison(
    maps: Sequence[xr.Dataset], *, scale: str = "common", clip: float | None = None, power: float = 1.0
) -> View:
    """Show causal effect maps of several networks, or tasks, side by side.

    Parameters
    ----------
    maps : sequence of xarray.Dataset
        Of `lam_nb.causal_effect`, in one metric.
    scale : "common" or "own", default "common"
        One colour scale for all, or one for each.
    clip, power
        As for `causal`.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If a dataset is something else, or their metrics differ.

    Examples
    --------
    >>> import lam_nb as lam
    >>> hr = lam.images.sample("bricks")
    >>> lr, given = lam.images.downscale(hr, 4), {"reference": hr, "fine": 4, "progress": False}
    >>> nets = [lam.networks.load(name) for name in ("fsrcnn", "residual")]
    >>> maps = [lam.causal_effect(net, lr, lam.Region(96, 96, 32), **given) for net in nets]
    >>> len(causal_comparison(maps).data)
    4
    """
    if not maps or len({_check(one).attrs["metric"] for one in maps}) > 1:
        raise InputError("maps: expected at least one result of lam_nb.causal_effect, all in one metric.")
    if scale not in ("own", "common"):
        raise InputError(f"scale: got {scale!r}, expected 'own' or 'common'.")
    titles = [f"<b>{one.attrs['network']}</b><br>{_counts(one)}<br>{_range(one)}" for one in maps]
    figure = make_subplots(rows=1, cols=len(maps), subplot_titles=titles, horizontal_spacing=_SPACE)
    for column, one in enumerate(maps, start=1):
        end, exponent = _scale(maps if scale == "common" else [one], clip, power)
        units = one.attrs["units"]
        bar = _bar(figure, column, units, end, exponent) if scale == "own" or column == len(maps) else None
        _effect(figure, one, column, end, exponent, bar)
        pictures.box(figure, one, 1, column, one.attrs["scale"])
    colours = "one colour scale for all" if scale == "common" else "a colour scale each"
    words = f"<b>{pictures.where(maps[0].attrs)}</b>{pictures.small('causal effects, red helps; ' + colours)}"
    pictures.dress(figure, words, max(480, min(1080, 340 * len(maps))), _HEIGHT, l=60, r=70, t=140, b=50)
    figure.update_layout(showlegend=False)
    figure.update_annotations(font_size=12)
    return View(figure)


def _check(dataset: xr.Dataset) -> xr.Dataset:
    check(dataset, INPUT)
    if "effect" not in dataset:
        raise InputError("dataset: has no 'effect'; expected a result of lam_nb.causal_effect.")
    return dataset


def _scale(maps: Sequence[xr.Dataset], clip: float | None, power: float) -> tuple[float, float]:
    """Return where the colour scale ends, and the exponent that colours follow."""
    strongest = max(float(np.nanmax(np.abs(one["effect"].values))) for one in maps) or 1.0
    end = strongest if clip is None else positive("clip", clip, "an effect in the metric's units")
    return end, 1 / positive("power", power, "a power")


def _effect(
    figure: go.Figure, dataset: xr.Dataset, column: int, end: float, exponent: float, bar: dict[str, Any] | None
) -> None:
    """Draw a map over its faint input."""
    grey = np.repeat(dataset[INPUT].values.mean(0, keepdims=True), 3, 0)
    size, effect = (dataset.sizes[Y], dataset.sizes[X]), dataset["effect"].values
    pictures.place(figure, pictures.colour_source(grey), size, 1, column, "input px")
    shown = np.sign(effect) * np.minimum(np.abs(effect) / end, 1) ** exponent
    data = np.stack([effect, dataset["standard_error"].values, dataset["draws"].values], -1)
    units = _units(dataset)
    hover = f"block at y %{{y}}, x %{{x}}<br>%{{customdata[0]:+.3f}} ± %{{customdata[1]:.3f}} {units}"
    hover += "<br>%{customdata[2]} interventions<extra></extra>"
    place = {"x": dataset[BLOCK_X].values, "y": dataset[BLOCK_Y].values, "customdata": data, "hovertemplate": hover}
    look = {"zmin": -1, "zmax": 1, "colorscale": pictures.DIVERGING, "opacity": 0.8, "showscale": bar is not None}
    figure.add_trace(go.Heatmap(z=shown, colorbar=bar, **place, **look), row=1, col=column)


def _bar(figure: go.Figure, column: int, units: str, end: float, exponent: float) -> dict[str, Any]:
    ticks = np.array([-1, -0.5, 0, 0.5, 1])
    words = [f"{np.sign(t) * end * abs(t) ** (1 / exponent):.2g}" for t in ticks]
    bar = {"title": {"text": units if units != "1" else "effect", "side": "top"}, "x": _right(figure, column)}
    return bar | {"thickness": 12, "len": 0.9, "tickfont_size": 12, "tickvals": ticks, "ticktext": words}


def _right(figure: go.Figure, column: int) -> float:
    return float(next(figure.select_xaxes(row=1, col=column)).domain[1]) + 0.005


def _caption(dataset: xr.Dataset) -> str:
    told = dataset.attrs
    how = f"blocks of {told['block']} px, {told['pictures_computed']:,} interventions, seed {told['seed']}"
    origin = f"without intervention {float(dataset['quality_origin']):.4g} {_units(dataset)}"
    counts = f"{_range(dataset)} · {_counts(dataset)}"
    return f"<b>{told['network']}</b> · {pictures.where(told)}{pictures.small(f'{how} · {origin}', counts)}"


def _units(dataset: xr.Dataset) -> str:
    return "dB" if dataset.attrs["units"] == "dB" else str(dataset.attrs["metric"])


def _range(dataset: xr.Dataset) -> str:
    effect = dataset["effect"].values
    return f"{np.nanmin(effect):+.3g} to {np.nanmax(effect):+.3g} {_units(dataset)}"


def _counts(dataset: xr.Dataset) -> str:
    return ", ".join(f"{int(dataset[name])} {word}" for name, word in _WORDS.items())


_WORDS = {"positive": "help", "negative": "harm", "zero": "no effect", "own": "own"}
