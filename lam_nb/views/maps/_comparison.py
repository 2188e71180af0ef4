"""The comparison view: networks in columns; output, map, contribution area and receptive field in rows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
_SIDE, _LEAST_SIDE, _PAGE = 225, 150, 930
_MOST, _HEAD = 6, 130
"""Most columns of a band, and the room for the headings of the next one."""
_LEAST_WIDTH = 800
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

    Maps are shares of their own sum of magnitudes, shown where any of them lies. More than six columns go on
    below. With the integrand kept one slider scrubs them all; made with ``fields=True`` a last row shows the
    effective receptive fields. Drag a rectangle in one picture to enlarge it for all networks (maps and areas
    together), double-click to go back.

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
    grid = _Grid(chosen, len(extras), len(nets))
    maps = kit.stepwise(statistics.share(many)).transpose(MODEL, ...).values  # (model, step, y, x)
    ends = kit.limits(maps, common)
    titles = [_heading(many, k, None if common else ends[k]) for k in range(len(nets))]
    figure = grid.figure([*(f"<b>{_EXTRAS[one]}</b>" for one in extras), *titles])
    for k, name in enumerate(extras):
        _extra(figure, nets[0].assign({OUTPUT: (nets[0][OUTPUT].dims, _picture(nets[0], name))}), grid, k)
    moving: dict[int, list[str]] = {}
    for k, one in enumerate(nets):
        for kind in chosen:
            if kind in _MAPS:
                moving[len(figure.layout.images)] = [_SOURCES[kind](step, ends[k]) for step in maps[k]]
            _PANELS[kind](figure, one, *grid.place(len(extras) + k, kind), maps[k, -1], ends[k])
    note = _scrub(figure, many, moving, size)
    _label(figure, grid)
    _link(figure, grid)
    if "overlay" in chosen:
        _over(figure, many, maps[:, -1], ends, grid)
    if drawn := [kind for kind in chosen if kind in _MAPS]:
        _bar(figure, *grid.place(grid.columns - 1, drawn[0]), kit.pushes(many.attrs), ends[0] if common else None)
    figure.update_annotations(font_size=13)
    low = _LOW + (_CONTROLS if note is not None else 0)
    width = max(_LEAST_WIDTH, _LEFT + _RIGHT + int(grid.side * 1.08 * grid.columns))
    words, height = _caption(many, common) + (note or ""), grid.height + _TOP + low
    kit.dress(figure, words, width, height, l=_LEFT, r=_RIGHT, t=_TOP, b=low)
    figure.update_layout(showlegend=False, dragmode="zoom")
    kit.explain(figure, kit.glossary(many.attrs))
    return View(figure, made_from=("grid", many))


@dataclass(frozen=True)
class _Grid:
    """Where panels stand: rows of one column are a network's; columns that do not fit go on in a band below."""

    kinds: list[str]
    extras: int
    networks: int

    @property
    def count(self) -> int:
        """Number of columns, of all bands."""
        return self.extras + self.networks

    @property
    def bands(self) -> int:
        """Number of bands, each with a heading above its columns."""
        return -(-self.count // _MOST)

    @property
    def columns(self) -> int:
        """Number of columns of a band; the last band may have fewer."""
        return -(-self.count // self.bands)

    @property
    def side(self) -> float:
        """Side of a panel in pixels of the screen."""
        return min(_SIDE, max(_LEAST_SIDE, (_PAGE - _LEFT - _RIGHT) / 1.08 / self.columns))

    @property
    def height(self) -> int:
        """Height of all bands in pixels of the screen."""
        return int(1.15 * self.bands * len(self.kinds) * self.side) + (self.bands - 1) * _HEAD

    def place(self, k: int, kind: str) -> tuple[int, int]:
        """Return row and column, from 1, of a kind of picture in column `k`."""
        band, column = divmod(k, self.columns)
        return band * (len(self.kinds) + 1) + self.kinds.index(kind) + 1, column + 1

    def figure(self, titles: list[str]) -> go.Figure:
        """Return a figure of so many subplots; between bands stands an empty row, as high as a heading."""
        heights: list[float] = []
        specs: list[list[dict[str, int] | None]] = []
        heads: list[str] = []
        for band in range(self.bands):
            named = titles[band * self.columns : (band + 1) * self.columns]
            heights += [_HEAD] * (band > 0) + [self.side] * len(self.kinds)
            specs += [[None] * self.columns] * (band > 0)
            specs += [[{}] * len(named) + [None] * (self.columns - len(named))] * len(self.kinds)
            heads += named + [""] * len(named) * (len(self.kinds) - 1)
        return make_subplots(
            rows=len(heights),
            cols=self.columns,
            specs=specs,
            row_heights=heights,
            subplot_titles=heads,
            horizontal_spacing=0.06 / self.columns**0.5,
            vertical_spacing=0.15 / len(self.kinds) / self.bands,
        )


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


def _extra(figure: go.Figure, one: xr.Dataset, grid: _Grid, k: int) -> None:
    """Draw a column of what is no network: pictures alone, other places left empty."""
    for kind in grid.kinds:
        row, column = grid.place(k, kind)
        if kind in _PICTURES:
            _PANELS[kind](figure, one, row, column, np.zeros(0), 1.0)
        else:
            figure.update_xaxes(visible=False, row=row, col=column)
            figure.update_yaxes(visible=False, row=row, col=column)


def _label(figure: go.Figure, grid: _Grid) -> None:
    """Name rows at their first picture in each band, and columns of pixels below its last row alone."""
    for kind in grid.kinds:
        begins = 0 if kind in _PICTURES else grid.extras
        for k in range(begins, grid.count):
            row, column = grid.place(k, kind)
            title = f"{_TITLES[kind]}<br>y (px)" if k == begins or column == 1 else None
            figure.update_yaxes(title_text=title, row=row, col=column)
            if kind != grid.kinds[-1]:
                figure.update_xaxes(title_text=None, row=row, col=column)


def _over(figure: go.Figure, many: xr.Dataset, maps: NDArray[np.floating], ends: list[float], grid: _Grid) -> None:
    """Put the grey picture below all maps, and show where any of them lies."""
    picture, shown = many[INPUT].values, kit.frame(maps)
    below = kit.grey_source(picture)
    for k, (values, end) in enumerate(zip(maps, ends, strict=True), start=grid.extras):
        place = grid.place(k, "overlay")
        kit.under(figure, below, values.shape, *place)
        kit.show(figure, shown, kit.laid_source(values, picture, end), *place)


def _link(figure: go.Figure, grid: _Grid) -> None:
    """Have pictures of one kind of pixels zoom together: outputs, patches, inputs, and fields."""
    firsts: dict[str, tuple[int, int]] = {}
    for kind in grid.kinds:
        pixels = "input" if kind in (*_MAPS, "area") else kind
        for k in range(0 if kind in _PICTURES else grid.extras, grid.count):
            row, column = grid.place(k, kind)
            first = firsts.setdefault(pixels, (row, column))
            if (row, column) != first:
                x, y = (next(axes(row=first[0], col=first[1])) for axes in (figure.select_xaxes, figure.select_yaxes))
                figure.update_xaxes(matches=kit.axis_name(x), row=row, col=column)
                figure.update_yaxes(matches=kit.axis_name(y), scaleanchor=None, row=row, col=column)


def _bar(figure: go.Figure, row: int, column: int, words: str, end: float | None) -> None:
    """Draw the maps' colour bar beside their row, in shares, or relative to each map's own end."""
    middle = next(figure.select_yaxes(row=row, col=column)).domain
    told = [f"▼ ≤ −{end:.2%}", "0", f"▲ ≥ {end:.2%}"] if end else ["▼ own end", "0", "▲ own end"]
    bar = {"thickness": 10, "len": middle[1] - middle[0], "y": sum(middle) / 2, "x": 1.01, "tickfont_size": 12}
    bar |= {"tickvals": [-1, 0, 1], "ticktext": told, "outlinewidth": 0}
    bar |= {"title": {"text": words.replace(" in the window ", "<br>in the window "), "side": "right"}}
    bar |= {"title_font_size": 12}
    marker = {"color": [0], "cmin": -1, "cmax": 1, "colorscale": kit.DIVERGING, "colorbar": bar, "opacity": 0}
    marks = go.Scatter(x=[0], y=[0], mode="markers", marker=marker, hoverinfo="skip", showlegend=False)
    figure.add_trace(marks, row=row, col=column)


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
_PICTURES = ("output", "patch")
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
