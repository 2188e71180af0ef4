"""The modulation view: pictures before and after, with a slider from the target's kernels to the baseline's."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ... import statistics
from ...result import (
    AMOUNT,
    CHANNEL,
    CONTENT,
    DEGRADATION,
    ENDS,
    OUT_X,
    OUT_Y,
    OUTPUT,
    PSNR_LOST,
    REFERENCE,
    SKILL,
    check,
    facts,
)
from .. import kit
from ..kit import View, timeline

_MEANS = (
    "The slider goes from the target's values of the chosen kernels (0) to the baseline's (1), and beyond.",
    "The first row is the target's output, which stays; below, kernels for one degradation after the other are moved.",
    "If kernels carry one skill, their row changes in the column of that degradation, and not in the others.",
    "The curves: PSNR lost over all pictures, with 95 % intervals; below 0 the network does better than the target.",
)
_CURSOR = (200, 60, 0)
_SIDE = 250
_LETTERS = 18
"""Height of a line of letters, in pixels."""


def modulation(table: xr.Dataset, *, size: int | None = timeline.BUDGET) -> View:
    """Show pictures as chosen kernels go from the target's values to the baseline's, with a slider; curves beside them.

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.studies.modulation_curve`.
    size : int, optional
        Bytes that the pictures may take: with more, steps are left out.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If the table is something else, or four steps do not fit `size`.

    Examples
    --------
    >>> import lam_nb as lam
    >>> pair, given = ("srresnet-residual-restoring", "srresnet-residual-mse"), {"size": 16, "progress": False}
    >>> spoilt = {"blur": lam.images.Blur(2), "noise": lam.images.Noise(0.1)}
    >>> ds = lam.filters(*pair, ["bricks"], spoilt, steps=2, **given)
    >>> found = lam.studies.modulation_curve(*pair, ds, ["cat"], spoilt, amounts=[0, 0.5, 1], **given)
    >>> [step.label for step in modulation(found).layout.sliders[0].steps]
    ['λ 0', 'λ 0.5', 'λ 1']
    """
    told = facts(check(table, OUTPUT, PSNR_LOST, REFERENCE))
    skills, tried = ([str(one) for one in table[name].values] for name in (SKILL, DEGRADATION))
    amounts = table[AMOUNT].values
    titles = [_title(row, column, skills, tried) for row in range(len(skills) + 1) for column in range(len(tried) + 1)]
    figure = make_subplots(
        rows=len(skills) + 1,
        cols=len(tried) + 1,
        subplot_titles=titles,
        horizontal_spacing=0.07,
        vertical_spacing=0.085,
    )
    moving = _draw_pictures(figure, table, len(skills), len(tried))
    kept = timeline.affordable(moving, size)
    places = _draw_curves(figure, table, skills, tried)
    chosen = {number: [sources[k] for k in kept] for number, sources in moving.items()}
    cursors = {number: [float(amounts[k]) for k in kept] for number in places}
    _animate(figure, chosen, cursors, [f"λ {amounts[k]:g}" for k in kept], _low(len(skills)))
    first = f"<b>{told['network']}</b>, kernels of {told.get('baseline', 'its baseline')}"
    share = f"the first {100 * float(told['share']):g} % of the kernels" if "share" in told else "chosen kernels"
    picture = f"picture: {table[CONTENT].values[0]}" if CONTENT in table.coords else ""
    lines = f"{first} · {share} for each degradation", f"{picture} · curves: {table.sizes[CONTENT]} pictures"
    words = f"<b>What do these kernels do?</b>{kit.small(*lines)}"
    width = 120 + (_SIDE + 60) * (len(tried) + 1)
    kit.dress(figure, words, width, 280 + (_SIDE + 30) * (len(skills) + 1), l=60, r=20, t=140, b=140)
    figure.update_annotations(font_size=12)
    figure.update_layout(showlegend=False)
    kit.explain(figure, _MEANS)
    return View(figure)


def _title(row: int, column: int, skills: list[str], tried: list[str]) -> str:
    if column == len(tried):
        return "the truth" if row == 0 else f"kernels for {skills[row - 1]}: PSNR lost"
    return f"{tried[column]}: the target" if row == 0 else f"{tried[column]}: kernels for {skills[row - 1]} moved"


def _draw_pictures(figure: go.Figure, table: xr.Dataset, skills: int, tried: int) -> dict[int, list[str]]:
    """Draw all pictures; return the moving ones by the number of their image, source by source."""
    outputs = table[OUTPUT].transpose(SKILL, DEGRADATION, AMOUNT, CHANNEL, OUT_Y, OUT_X).values
    side = outputs.shape[-2], outputs.shape[-1]
    start = int(np.abs(table[AMOUNT].values).argmin())
    moving = {}
    for column in range(tried):
        _draw(figure, outputs[0, column, start], side, 1, column + 1)
    _draw(figure, kit.as_bytes(table[REFERENCE].values), side, 1, tried + 1)
    for row in range(skills):
        for column in range(tried):
            sources = [kit.colour_source(one) for one in outputs[row, column]]
            moving[len(figure.layout.images)] = sources
            kit.place(figure, sources[0], side, row + 2, column + 1, "output px")
            _bare(figure, row + 2, column + 1)
    return moving


def _draw(figure: go.Figure, picture: NDArray[np.uint8], side: tuple[int, int], row: int, column: int) -> None:
    kit.place(figure, kit.colour_source(picture), side, row, column, "output px")
    _bare(figure, row, column)


def _bare(figure: go.Figure, row: int, column: int) -> None:
    figure.update_xaxes(title_text="", showticklabels=False, ticks="", row=row, col=column)
    figure.update_yaxes(title_text="", showticklabels=False, ticks="", row=row, col=column)


def _draw_curves(figure: go.Figure, table: xr.Dataset, skills: list[str], tried: list[str]) -> list[int]:
    """Draw the curves of each skill; return the numbers of the images that mark the step."""
    found = statistics.masking_effect(table, PSNR_LOST)
    x, places = table[AMOUNT].values.astype(float), []
    for row, skill in enumerate(skills, start=2):
        at = {"row": row, "col": len(tried) + 1}
        for k, one in enumerate(tried):
            middle, low, high = (found[PSNR_LOST + end].sel({SKILL: skill, DEGRADATION: one}).values for end in ENDS)
            hover = f"{one}<br>λ %{{x:g}}: %{{y:.2f}} dB<extra></extra>"
            colour = kit.LINES[k % len(kit.LINES)]
            for trace in kit.curve(x, middle, (low, high), colour, name=one, hovertemplate=hover):
                figure.add_trace(trace, **at)
        _name_ends(figure, found.sel({SKILL: skill}).isel({AMOUNT: -1}), at)
        room = 0.3 * float(x.max() - x.min() or 1)
        figure.update_xaxes(title_text="λ (0 target, 1 baseline)", **kit.AXIS, **at)
        figure.update_xaxes(range=[x.min() - 0.05, x.max() + room], **at)
        figure.update_yaxes(title_text="dB", zeroline=True, nticks=6, **kit.AXIS, **at)
        axis = kit.axis_name(next(figure.select_xaxes(**at)))
        stretch = {"y": 1, "sizex": 0.02, "sizey": 1, "sizing": "stretch", "xanchor": "center", "layer": "above"}
        refs = {"xref": axis, "yref": f"{axis.replace('x', 'y')} domain"}
        places.append(len(figure.layout.images))
        figure.add_layout_image(x=float(x[0]), source=kit.dot_source(_CURSOR), **refs, **stretch)
    return places


def _name_ends(figure: go.Figure, ends: xr.Dataset, at: dict[str, int]) -> None:
    """Name curves where they end, from the lowest up; names that would meet are moved apart."""
    low, high = (float(one) for one in (ends[f"{PSNR_LOST}_low"].min(), ends[f"{PSNR_LOST}_high"].max()))
    before = -np.inf
    for k in np.argsort(ends[PSNR_LOST].values):
        y = float(ends[PSNR_LOST].values[k])
        shown = max((y - low) / (high - low or 1) * _SIDE, before + _LETTERS)
        shift = shown - (y - low) / (high - low or 1) * _SIDE
        words = {"text": str(ends[DEGRADATION].values[k]), "xanchor": "left", "showarrow": False}
        figure.add_annotation(x=float(ends[AMOUNT]), y=y, xshift=6, yshift=shift, **words, **at)
        before = shown


def _animate(
    figure: go.Figure,
    moving: dict[int, list[str]],
    cursors: dict[int, list[float]],
    names: list[str],
    low: float,
) -> None:
    """Have the slider swap pictures and move the marks on all curves."""
    placed = [image.to_plotly_json() for image in figure.layout.images]
    frames = []
    for k, name in enumerate(names):
        images = [{**image, "source": moving[n][k]} if n in moving else image for n, image in enumerate(placed)]
        images = [{**image, "x": cursors[n][k]} if n in cursors else image for n, image in enumerate(images)]
        frames.append(go.Frame(name=name, layout={"images": images}))
    first = min(range(len(names)), key=lambda k: abs(next(iter(cursors.values()))[k] - 1))
    figure.layout.images = frames[first].layout.images
    timeline.step_through(figure, frames, low, first)


def _low(skills: int) -> float:
    return -60 / ((_SIDE + 30) * (skills + 1))
