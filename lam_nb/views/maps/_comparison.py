"""The comparison view: networks in columns; output, map, contribution area and receptive field in rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TypeAlias

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
    OUT_X,
    OUT_Y,
    OUTPUT,
    PSNR,
    PSNR_WINDOW,
    REFERENCE,
    X,
    Y,
    check,
    facts,
)
from ...types import Region
from ...validation import InputError, choose
from .. import kit
from ..kit import View, timeline

Values: TypeAlias = NDArray[np.floating]
_QUALITIES = {PSNR_WINDOW: "window", PSNR: "picture"}
"""What PSNR is of."""
_SIDE, _LEAST_SIDE, _PAGE = 250, 150, 1080
_LEAST_WIDTH = 760
"""Width that the lines of the caption need."""
_LEFT, _RIGHT, _TOP, _LOW, _CONTROLS = 70, 130, 212, 60, 90


def comparison(
    many: xr.Dataset,
    *,
    rows: Sequence[str] | None = None,
    beside: Sequence[str] = (),
    scale: str = "own",
    size: int | None = timeline.BUDGET,
) -> View:
    """Show several networks side by side: output with the window, map over its picture, contribution area, numbers.

    Maps are shares of their own sum of magnitudes, shown where any of them lies. With the integrand kept one
    slider scrubs them all; made with ``fields=True`` a last row shows the effective receptive fields. Drag a
    rectangle in one picture to enlarge it for all networks (maps and areas together), double-click to go back.

    Parameters
    ----------
    many : xarray.Dataset
        Of `lam_nb.compare`; made with ``steps=`` and ``keep=["input", "output", "integrand"]`` it scrubs.
    rows : sequence of str, optional
        From above: "output", "patch" (the window of the output), "overlay" (map over the grey input), "map" (bare),
        "area", "field". By default output, overlay (map, where no input was kept), area, and field if there is one.
    beside : sequence of str, optional
        Columns to the left: "truth" (made with ``reference=``), "bicubic" (the input, enlarged).
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
    >>> len(comparison(lam.compare(nets, lr, lam.Region(96, 96), progress=False)).layout.images) >= 6
    True
    """
    check(many, OUTPUT, ATTRIBUTION)
    if MODEL not in many.dims:
        raise InputError("many: has no dimension 'model'; expected the result of lam_nb.compare.")
    common, chosen, extras = kit.is_common(scale), _rows(rows, many), _beside(beside, many)
    nets = [many.isel({MODEL: k}) for k in range(many.sizes[MODEL])]
    columns = len(extras) + len(nets)
    maps = kit.stepwise(statistics.share(many)).transpose(MODEL, ...).values  # (model, step, y, x)
    ends = kit.limits(maps, common)
    titles = [_heading(many, k, None if common else ends[k]) for k in range(len(nets))]
    figure = make_subplots(
        rows=len(chosen),
        cols=columns,
        subplot_titles=[*(f"<b>{_EXTRAS[one]}</b>" for one in extras), *titles],
        horizontal_spacing=0.06 / columns**0.5,
        vertical_spacing=0.15 / len(chosen),
    )
    for column, name in enumerate(extras, start=1):
        _extra(figure, nets[0].assign({OUTPUT: (nets[0][OUTPUT].dims, _picture(nets[0], name))}), chosen, column)
    moving: dict[int, list[str]] = {}
    for k, one in enumerate(nets):
        for row, kind in enumerate(chosen, start=1):
            if kind in _MAPS:
                moving[len(figure.layout.images)] = [_SOURCES[kind](step, ends[k]) for step in maps[k]]
            _PANELS[kind](figure, one, row, len(extras) + k + 1, maps[k, -1], ends[k])
    note = _scrub(figure, many, moving, size)
    _label(figure, chosen, len(extras))
    _link(figure, chosen, len(extras), columns)
    for row, kind in enumerate(chosen, start=1):
        if kind == "overlay":
            _over(figure, many, maps[:, -1], ends, row, len(extras))
    if set(chosen) & set(_MAPS):
        row = next(k for k, kind in enumerate(chosen, start=1) if kind in _MAPS)
        _bar(figure, row, columns, kit.pushes(many.attrs), ends[0] if common else None)
    figure.update_annotations(font_size=13)
    kit.explain(figure, many.attrs, up=112)
    low = _LOW + (_CONTROLS if note is not None else 0)
    side = min(_SIDE, max(_LEAST_SIDE, (_PAGE - _LEFT - _RIGHT) / 1.08 / columns))
    width = max(_LEAST_WIDTH, _LEFT + _RIGHT + int(side * 1.08 * columns))
    words, height = _caption(many, common) + (note or ""), int(len(chosen) * side) + _TOP + low
    kit.dress(figure, words, width, height, l=_LEFT, r=_RIGHT, t=_TOP, b=low)
    figure.update_layout(showlegend=False, dragmode="zoom")
    return View(figure, made_from=("grid", many))


def _rows(rows: Sequence[str] | None, many: xr.Dataset) -> list[str]:
    if rows is None:
        return ["output", "overlay" if INPUT in many else "map", "area"] + ["field"] * (EFFECTIVE_FIELD in many)
    chosen = _named("rows", rows, _PANELS)
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"rows: got {rows!r}, expected different names among {', '.join(_PANELS)}.")
    check(many, *({"overlay": INPUT, "field": EFFECTIVE_FIELD}[one] for one in chosen if one in ("overlay", "field")))
    return chosen


def _named(argument: str, given: Sequence[str], known: Mapping[str, object]) -> list[str]:
    """Return the names that an argument gives, one or several, if they are known."""
    if not isinstance(given, Sequence):
        raise InputError(f"{argument}: got {given!r}, expected names among {', '.join(known)}.")
    return [choose(argument, one, known) for one in ([given] if isinstance(given, str) else given)]


def _beside(beside: Sequence[str], many: xr.Dataset) -> list[str]:
    chosen = _named("beside", beside, _EXTRAS)
    check(many, *({"truth": REFERENCE, "bicubic": INPUT}[one] for one in chosen))
    return chosen


def _picture(one: xr.Dataset, name: str) -> NDArray[np.floating] | NDArray[np.uint8]:
    if name == "truth":
        return np.asarray(one[REFERENCE].values)
    return kit.bicubic(one[INPUT].values, (one.sizes[OUT_Y], one.sizes[OUT_X]))


def _extra(figure: go.Figure, one: xr.Dataset, chosen: list[str], column: int) -> None:
    """Draw a column of what is no network: pictures alone, other places left empty."""
    for row, kind in enumerate(chosen, start=1):
        if kind in ("output", "patch"):
            _PANELS[kind](figure, one, row, column, np.zeros(0), 1.0)
        else:
            figure.update_xaxes(visible=False, row=row, col=column)
            figure.update_yaxes(visible=False, row=row, col=column)


def _label(figure: go.Figure, chosen: list[str], extras: int) -> None:
    """Name rows at their first picture, and columns of pixels below the last row alone."""
    for row, kind in enumerate(chosen, start=1):
        first = 1 if kind in ("output", "patch") else extras + 1
        figure.update_yaxes(title_text=None, row=row)
        figure.update_yaxes(title_text=f"{_TITLES[kind]}<br>y (px)", row=row, col=first)
        if row < len(chosen):
            figure.update_xaxes(title_text=None, row=row)


def _over(
    figure: go.Figure, many: xr.Dataset, maps: NDArray[np.floating], ends: list[float], row: int, extras: int
) -> None:
    """Put the grey picture below all maps, and show where any of them lies."""
    picture, shown = many[INPUT].values, kit.frame(maps)
    below = kit.grey_source(picture)
    for k, (values, end) in enumerate(zip(maps, ends, strict=True), start=extras + 1):
        kit.under(figure, below, values.shape, row, k)
        kit.show(figure, shown, kit.laid_source(values, picture, end), row, k)


def _link(figure: go.Figure, chosen: list[str], extras: int, columns: int) -> None:
    """Have pictures of one kind of pixels zoom together: outputs, patches, inputs, and fields."""
    firsts: dict[str, tuple[int, int]] = {}
    for row, kind in enumerate(chosen, start=1):
        pixels = "input" if kind in (*_MAPS, "area") else kind
        for column in range(1 if pixels in ("output", "patch") else extras + 1, columns + 1):
            first = firsts.setdefault(pixels, (row, column))
            if (row, column) != first:
                x, y = (next(axes(row=first[0], col=first[1])) for axes in (figure.select_xaxes, figure.select_yaxes))
                figure.update_xaxes(matches=kit.axis_name(x), row=row, col=column)
                figure.update_yaxes(matches=kit.axis_name(y), scaleanchor=None, row=row, col=column)


def _bar(figure: go.Figure, row: int, columns: int, words: str, end: float | None) -> None:
    """Draw the maps' colour bar beside their row, in shares, or relative to each map's own end."""
    middle = next(figure.select_yaxes(row=row, col=columns)).domain
    told = [f"▼ ≤ −{end:.2%}", "0", f"▲ ≥ {end:.2%}"] if end else ["▼ own end", "0", "▲ own end"]
    bar = {"thickness": 10, "len": middle[1] - middle[0], "y": sum(middle) / 2, "x": 1.01, "tickfont_size": 12}
    bar |= {"tickvals": [-1, 0, 1], "ticktext": told, "outlinewidth": 0}
    bar |= {"title": {"text": words.replace(" in the window ", "<br>in the window "), "side": "right"}}
    bar |= {"title_font_size": 12}
    marker = {"color": [0], "cmin": -1, "cmax": 1, "colorscale": kit.DIVERGING, "colorbar": bar, "opacity": 0}
    marks = go.Scatter(x=[0], y=[0], mode="markers", marker=marker, hoverinfo="skip", showlegend=False)
    figure.add_trace(marks, row=row, col=columns)


def _heading(many: xr.Dataset, k: int, end: float | None) -> str:
    one = many.isel({MODEL: k})
    numbers = [f"DI {kit.index_words(one)}"]
    quality = [f"{words} {float(one[name]):.2f} dB" for name, words in _QUALITIES.items() if name in many]
    found = kit.doubt(one)
    doubts = [f"map ± {found.value:.1%}"] if found else []
    if FIELD_HEIGHT in many:
        seen = float(one[FIELD_HEIGHT])
        least = "" if one.get(FIELD_EXACT, True) else "≥ "
        doubts.append(f"sees {least}{seen:.0f} px" if np.isfinite(seen) else "sees all")
    scale = [f"colours end at {end:.2%}"] if end else []
    lines = "<br>".join([*numbers, *quality, *([" · ".join(doubts)] if doubts else []), *scale])
    name = str(many[MODEL].values[k])
    colour = kit.colours_of([str(one) for one in many[MODEL].values])[name]
    return f"<span style='color:{colour}'>■</span> <b>{name}</b>{kit.small(lines)}"


def _output(figure: go.Figure, one: xr.Dataset, row: int, column: int, values: Values, end: float) -> None:
    output = one[OUTPUT].values
    kit.place(figure, kit.colour_source(output), output.shape[-2:], row, column, "output px")
    kit.box(figure, one, row, column)


def _patch(figure: go.Figure, one: xr.Dataset, row: int, column: int, values: Values, end: float) -> None:
    rows, columns = Region.of_facts(facts(one)).slices
    patch = one[OUTPUT].values[..., rows, columns]
    kit.place(figure, kit.colour_source(patch), patch.shape[-2:], row, column, "px of the window")


def _overlay(figure: go.Figure, one: xr.Dataset, row: int, column: int, values: Values, end: float) -> None:
    kit.place(figure, kit.over_source(values, end), values.shape, row, column, "input px", "above")
    kit.box(figure, one, row, column, facts(one)["scale"])


def _map(figure: go.Figure, one: xr.Dataset, row: int, column: int, values: Values, end: float) -> None:
    kit.place(figure, kit.signed_source(values, end), values.shape, row, column, "input px")
    kit.box(figure, one, row, column, facts(one)["scale"])


def _area(figure: go.Figure, one: xr.Dataset, row: int, column: int, values: Values, end: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a map without an area is drawn empty
        area = np.nan_to_num(statistics.contribution_area(one).values)
    kit.place(figure, kit.painted(area, "Cividis"), area.shape, row, column, "input px")
    kit.box(figure, one, row, column, facts(one)["scale"])


def _field(figure: go.Figure, one: xr.Dataset, row: int, column: int, values: Values, end: float) -> None:
    field = one[EFFECTIVE_FIELD].values
    kit.place(figure, kit.painted(field, "Viridis"), field.shape, row, column, "input px")


_PANELS = {"output": _output, "patch": _patch, "overlay": _overlay, "map": _map, "area": _area, "field": _field}
_SOURCES = {"overlay": kit.over_source, "map": kit.signed_source}
_MAPS = tuple(_SOURCES)
_EXTRAS = {"truth": "ground truth", "bicubic": "bicubic"}
_TITLES = {
    "output": "output",
    "patch": "window",
    "overlay": "map",
    "map": "map",
    "area": "contribution area",
    "field": "receptive field",
}


def _scrub(figure: go.Figure, many: xr.Dataset, moving: Mapping[int, list[str]], size: int | None) -> str | None:
    """Add the timeline; return what to say of it, or None if nothing moves."""
    if not moving or len(next(iter(moving.values()))) < 2:
        return None
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
