"""The comparison view: networks in columns; output, map, contribution area and receptive field in rows."""

from __future__ import annotations

import warnings

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ... import statistics
from ...result import (
    ATTRIBUTION,
    EFFECTIVE_FIELD,
    FIELD_EXACT,
    FIELD_HEIGHT,
    INPUT,
    MODEL,
    OUTPUT,
    PSNR,
    PSNR_WINDOW,
    X,
    Y,
    check,
)
from ...validation import InputError
from .. import kit
from ..kit import View, timeline

_QUALITIES = {PSNR_WINDOW: "window", PSNR: "picture"}
"""What PSNR is of."""
_SIDE, _LEAST_SIDE, _PAGE = 250, 150, 1080
_LEFT, _RIGHT, _TOP, _LOW, _CONTROLS = 70, 130, 195, 60, 90


def comparison(many: xr.Dataset, *, scale: str = "own", size: int | None = timeline.BUDGET) -> View:
    """Show several networks side by side: output with the window, map, contribution area, numbers.

    Maps are shares of their own sum of magnitudes. With the integrand kept one slider scrubs them all;
    made with ``fields=True`` a last row shows the effective receptive fields. Drag a rectangle in one
    picture to enlarge it for all networks (maps and areas together), double-click to go back.

    Parameters
    ----------
    many : xarray.Dataset
        Of `lam_nb.compare`; made with ``steps=`` and ``keep=["output", "integrand"]`` it scrubs.
    scale : "own" or "common", default "own"
        A colour scale for each map, or one for all.
    size : int, optional
        Bytes that the pictures may take: with more, steps are left out, and the caption says so.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If the dataset is no comparison, or four steps do not fit `size`.

    Examples
    --------
    >>> import lam_nb as lam
    >>> nets = [lam.networks.load(name) for name in ("residual", "fsrcnn")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> len(comparison(lam.compare(nets, lr, lam.Region(96, 96), progress=False)).layout.images)
    6
    """
    check(many, OUTPUT, ATTRIBUTION)
    if MODEL not in many.dims:
        raise InputError("many: has no dimension 'model'; expected the result of lam_nb.compare.")
    common = kit.is_common(scale)
    names = [str(name) for name in many[MODEL].values]
    rows = ["output", "map", "contribution area"] + ["receptive field"] * (EFFECTIVE_FIELD in many)
    figure = make_subplots(
        rows=len(rows),
        cols=len(names),
        subplot_titles=[_heading(many, k) for k in range(len(names))],
        horizontal_spacing=0.06 / len(names) ** 0.5,
        vertical_spacing=0.15 / len(rows),
    )
    maps, ends = _maps(many, common)
    draw = kit.over_source if INPUT in many else kit.signed_source
    sources = [[draw(step, end) for step in one] for one, end in zip(maps, ends, strict=True)]
    for k, steps in enumerate(sources):
        _column(figure, many.isel({MODEL: k}), k + 1, steps[-1])
    note = _scrub(figure, many, sources, len(rows), size)
    for row, title in enumerate(rows, start=1):
        figure.update_yaxes(title_text=f"{title}<br>y (px)", row=row, col=1)
        if row < len(rows):
            figure.update_xaxes(title_text=None, row=row)
    _link(figure, len(rows), len(names))
    if INPUT in many:
        _over(figure, many, maps[:, -1], ends)
    _bar(figure, len(names), kit.pushes(many.attrs), ends[0] if common else None)
    figure.update_annotations(font_size=13)
    kit.explain(figure, many.attrs, up=95)
    low = _LOW + (_CONTROLS if note is not None else 0)
    side = min(_SIDE, max(_LEAST_SIDE, (_PAGE - _LEFT - _RIGHT) / 1.08 / len(names)))
    width = max(620, _LEFT + _RIGHT + int(side * 1.08 * len(names)))
    words, height = _caption(many, common) + (note or ""), int(len(rows) * side) + _TOP + low
    kit.dress(figure, words, width, height, l=_LEFT, r=_RIGHT, t=_TOP, b=low)
    figure.update_layout(showlegend=False, dragmode="zoom")
    return View(figure, made_from=("grid", many))


def _over(figure: go.Figure, many: xr.Dataset, maps: NDArray[np.floating], ends: list[float]) -> None:
    """Put the grey picture below all maps, and show where any of them lies."""
    picture, shown = many[INPUT].values, kit.frame(maps)
    below = kit.grey_source(picture)
    for k, (values, end) in enumerate(zip(maps, ends, strict=True), start=1):
        kit.under(figure, below, values.shape, 2, k)
        kit.show(figure, shown, kit.laid_source(values, picture, end), 2, k)


def _link(figure: go.Figure, rows: int, columns: int) -> None:
    """Have pictures of one kind of pixels zoom together: outputs, inputs, and fields."""
    for row in range(1, rows + 1):
        first = {"row": 2 if row == 3 else row, "col": 1}
        x, y = (next(axes(**first)) for axes in (figure.select_xaxes, figure.select_yaxes))
        for column in range(1, columns + 1):
            if (row, column) != (first["row"], 1):
                figure.update_xaxes(matches=kit.axis_name(x), row=row, col=column)
                figure.update_yaxes(matches=kit.axis_name(y), scaleanchor=None, row=row, col=column)


def _bar(figure: go.Figure, columns: int, words: str, end: float | None) -> None:
    """Draw the maps' colour bar beside their row, in shares, or relative to each map's own end."""
    middle = next(figure.select_yaxes(row=2, col=columns)).domain
    told = [f"▼ ≤ −{end:.2%}", "0", f"▲ ≥ {end:.2%}"] if end else ["▼ own end", "0", "▲ own end"]
    bar = {"thickness": 10, "len": middle[1] - middle[0], "y": sum(middle) / 2, "x": 1.01, "tickfont_size": 12}
    bar |= {"tickvals": [-1, 0, 1], "ticktext": told, "outlinewidth": 0}
    bar |= {"title": {"text": words.replace(" in the window ", "<br>in the window "), "side": "right"}}
    bar |= {"title_font_size": 12}
    marker = {"color": [0], "cmin": -1, "cmax": 1, "colorscale": kit.DIVERGING, "colorbar": bar, "opacity": 0}
    marks = go.Scatter(x=[0], y=[0], mode="markers", marker=marker, hoverinfo="skip", showlegend=False)
    figure.add_trace(marks, row=2, col=columns)


def _heading(many: xr.Dataset, k: int) -> str:
    one = many.isel({MODEL: k})
    numbers = [f"DI {kit.index_words(one)}"]
    quality = [f"{words} {float(one[name]):.2f} dB" for name, words in _QUALITIES.items() if name in many]
    found = kit.doubt(one)
    doubts = [f"map ± {found.value:.1%}"] if found else []
    if FIELD_HEIGHT in many:
        seen = float(one[FIELD_HEIGHT])
        least = "" if one.get(FIELD_EXACT, True) else "≥ "
        doubts.append(f"sees {least}{seen:.0f} px" if np.isfinite(seen) else "sees all")
    lines = "<br>".join([*numbers, *quality, " · ".join(doubts)])
    return f"<b>{many[MODEL].values[k]}</b>{kit.small(lines)}"


def _maps(many: xr.Dataset, common: bool) -> tuple[NDArray[np.floating], list[float]]:
    """Return maps as shares (model, step, y, x), and where their colour scales end."""
    maps = kit.stepwise(statistics.share(many)).transpose(MODEL, ...).values
    return maps, [kit.limit(maps)] * len(maps) if common else [kit.limit(one) for one in maps]


def _column(figure: go.Figure, one: xr.Dataset, column: int, source: str) -> None:
    output, size = one[OUTPUT].values, (one.sizes[Y], one.sizes[X])
    kit.place(figure, kit.colour_source(output), output.shape[-2:], 1, column, "output px")
    kit.place(figure, source, size, 2, column, "input px", "above" if INPUT in one else "below")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a map without an area is drawn empty
        area = np.nan_to_num(statistics.contribution_area(one).values)
    kit.place(figure, kit.painted(area, "Cividis"), size, 3, column, "input px")
    if EFFECTIVE_FIELD in one:
        field = one[EFFECTIVE_FIELD].values
        kit.place(figure, kit.painted(field, "Viridis"), field.shape, 4, column, "input px")
    kit.box(figure, one, 1, column)
    for row in (2, 3):
        kit.box(figure, one, row, column, output.shape[-1] / size[1])


def _scrub(figure: go.Figure, many: xr.Dataset, sources: list[list[str]], rows: int, size: int | None) -> str | None:
    """Add the timeline; return what to say of it, or None if nothing moves."""
    if len(sources[0]) < 2:
        return None
    moving = {rows * k + 1: steps for k, steps in enumerate(sources)}
    kept = timeline.affordable(moving, size)
    names = kit.labels(many)
    chosen = {number: [steps[k] for k in kept] for number, steps in moving.items()}
    timeline.add(figure, chosen, [names[k] for k in kept], low=-0.07, first=-1)
    return f" · {len(kept)} of {len(names)} steps shown, to save space" if len(kept) < len(names) else ""


def _caption(many: xr.Dataset, common: bool) -> str:
    canvas = f"diffusion index on {many.sizes[Y]} × {many.sizes[X]} px"
    maps = f"maps: share of their own sum of magnitudes, {kit.scale_words(common)}"
    how = f"<b>{kit.where(many.attrs)}</b> · {kit.how(many.attrs)}"
    return f"<b>Which input pixels made this window, network by network?</b>{kit.small(how, f'{canvas} · {maps}')}"
