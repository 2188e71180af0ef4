"""The masking view: what is lost as kernels are put back, in the own degradation and in others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ... import statistics
from ...result import (
    CHANGE,
    CONTENT,
    DEGRADATION,
    DISCRIMINATIVE,
    ENDS,
    FUNCTION_GAP,
    FUNCTION_LOST,
    METHOD,
    PSNR_GAP,
    PSNR_LOST,
    SCORE,
    SHARE,
    SKILL,
    TARGET_GRADIENT,
    check,
    facts,
)
from ...validation import choose
from .. import kit
from ..kit import View

_GAPS = {FUNCTION_LOST: FUNCTION_GAP, PSNR_LOST: PSNR_GAP}
_LABELS = {FUNCTION_LOST: "lost function (× 1000)", PSNR_LOST: "PSNR lost (dB)"}
_NAMES = {
    DISCRIMINATIVE: "attribution, discriminative",
    SCORE: "attribution",
    CHANGE: "change of weights",
    TARGET_GRADIENT: "gradient at the target",
    "random": "random",
}
_MEANS = (
    "The first kernels of each ranking are put back to the baseline's values; what does the network lose by that?",
    "A row: for which degradation kernels are chosen. A column: with which degradation the network is tried.",
    "A good ranking loses much where both are the same, and little where they are not.",
    "Dashed: what the whole baseline lacks. Below 0 dB the masked network does better than the target.",
    "Lost function: 1000 × the mean squared difference of gradient magnitudes from the target's output.",
    "Bands: intervals by drawing pictures again, and random choices of kernels.",
)


def masking(table: xr.Dataset, *, measure: str = PSNR_LOST, level: float = 0.95) -> View:
    """Show what is lost as kernels are put back, a curve for each ranking, with intervals.

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.studies.masking_curve`.
    measure : {"psnr_lost", "function_lost"}
    level : float, default 0.95
        Of the intervals, of `lam_nb.statistics.masking_effect`.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If the table is something else, or the measure unknown.

    Examples
    --------
    >>> import lam_nb as lam
    >>> pair, given = ("srresnet-residual-restoring", "srresnet-residual-mse"), {"size": 16, "progress": False}
    >>> spoilt = {"blur": lam.images.Blur(2), "noise": lam.images.Noise(0.1)}
    >>> ds = lam.filters(*pair, ["bricks"], spoilt, steps=2, **given)
    >>> found = lam.studies.masking_curve(*pair, ds, ["cat"], spoilt, shares=[0.01, 0.1], draws=2, **given)
    >>> len(masking(found).data)
    36
    """
    measure = choose("measure", measure, _LABELS)
    told = facts(check(table, measure, _GAPS[measure], SHARE, METHOD))
    found = statistics.masking_effect(table, measure, level=level)
    skills, tried = ([str(one) for one in table[name].values] for name in (SKILL, DEGRADATION))
    titles = [f"kernels for {skill}, tried with {one}" for skill in skills for one in tried]
    figure = make_subplots(
        rows=len(skills),
        cols=len(tried),
        shared_xaxes=True,
        subplot_titles=titles,
        horizontal_spacing=0.07,
        vertical_spacing=0.11,
    )
    for number in range(len(titles)):
        row, column = divmod(number, len(tried))
        cell = found.sel({SKILL: skills[row], DEGRADATION: tried[column]})
        gap = float(table[_GAPS[measure]].sel({DEGRADATION: tried[column]}).mean(CONTENT))
        figure.add_traces([*_curves(cell, measure, gap, number == 0)], rows=row + 1, cols=column + 1)
    for column, one in enumerate(tried, start=1):
        figure.update_yaxes(range=_range(table, found.sel({DEGRADATION: one}), measure, one), col=column)
    _dress_axes(figure, table, len(skills), _LABELS[measure])
    counts = f"{told.get('images', table.sizes[CONTENT])} pictures"
    first = f"<b>{told['network']}</b>, kernels of {told.get('baseline', 'its baseline')} put back · {counts}"
    words = f"<b>Which skill is lost with which kernels?</b>{kit.small(first, _intervals(level))}"
    kit.dress(figure, words, 960, 220 + 270 * len(skills), l=75, r=20, t=130, b=100)
    figure.update_layout(legend={"font_size": 12, "orientation": "h", "y": -70 / (270 * len(skills)), "yanchor": "top"})
    figure.update_annotations(font_size=13)
    kit.explain(figure, _MEANS)
    return View(figure)


def _range(table: xr.Dataset, found: xr.Dataset, measure: str, tried: str) -> list[float]:
    """Return where the axes of a column begin and end: intervals and the whole baseline have room."""
    gap = table[_GAPS[measure]].sel({DEGRADATION: tried}).mean(CONTENT)
    every = np.concatenate([[0.0, float(gap)], *(found[measure + end].values.ravel() for end in ENDS)])
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    room = 0.06 * (high - low or 1)
    return [low - room, high + room]


def _intervals(level: float) -> str:
    return f"{100 * level:g} % intervals by drawing pictures and random choices again · dashed: the whole baseline"


def _curves(cell: xr.Dataset, measure: str, gap: float, named: bool) -> Iterator[go.Scatter]:
    x = cell[SHARE].values * 100
    for k, method in enumerate(cell[METHOD].values.astype(str)):
        one = cell.sel({METHOD: method})
        middle, low, high = (one[measure + end].values for end in ENDS)
        name = _NAMES.get(method, method)
        hover = f"{name}<br>first %{{x:.3g}} %<br>%{{y:.3g}} [%{{customdata[0]:.3g}}, %{{customdata[1]:.3g}}]"
        look = {"name": name, "legendgroup": name, "showlegend": named, "customdata": np.stack([low, high], -1)}
        colour = kit.LINES[k % len(kit.LINES)]
        yield from kit.curve(x, middle, (low, high), colour, hovertemplate=f"{hover}<extra></extra>", **look)
    whole = {"mode": "lines", "line": {"color": "#767676", "dash": "dash", "width": 1.5}, "name": "the whole baseline"}
    hover = f"the whole baseline<br>{gap:.3g}<extra></extra>"
    yield go.Scatter(x=[x.min(), x.max()], y=[gap, gap], showlegend=named, hovertemplate=hover, **whole)


def _dress_axes(figure: go.Figure, table: xr.Dataset, rows: int, label: str) -> None:
    percent = table[SHARE].values * 100
    ticks = {"tickvals": percent, "ticktext": [f"{one:g}" for one in percent]}
    figure.update_xaxes(type="log", **ticks, **kit.AXIS)
    figure.update_yaxes(zeroline=True, **kit.AXIS)
    for row in range(1, rows + 1):
        figure.update_yaxes(title_text=label, row=row, col=1)
    figure.update_xaxes(title_text="kernels put back (%)", row=rows)
