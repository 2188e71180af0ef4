"""The generalisation view: how far features move, against how strongly pictures are degraded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ...result import DEGRADATION, ENDS, GENERALISATION, LEVEL, TEST
from .. import kit
from ..kit import View
from ._drawing import agreed, by_name

_MEANS = (
    "SRGA (arXiv 2205.07019): how far the distribution of the deepest features is from that of clean pictures.",
    "It is 0 where nothing changes; lower generalises better. It is logarithmic: a step of 1 is ten times as far.",
    "Features move also where a network does well; it says nothing of the pictures it makes.",
    "Bands and bars: intervals by drawing the patches again; components stay.",
)
_LABEL = "generalisation index SRGA (lower is better)"
_OTHERS = "without levels"


def generalisation(results: xr.Dataset | Mapping[str, xr.Dataset] | Sequence[xr.Dataset]) -> View:
    """Show the generalisation index against the level of each degradation, a curve for each network, with intervals.

    Tests without several levels, such as folders, stand beside them as bars.

    Parameters
    ----------
    results : xarray.Dataset, mapping of str to Dataset, or sequence of Dataset
        Of `lam_nb.studies.generalisation`, with equal patches and components.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If there is no result, one is something else, or they are not of equal patches and components.

    Examples
    --------
    >>> import lam_nb as lam
    >>> blur = {"blur": [(0, None), (2, lam.images.Blur(2))]}
    >>> few = {"patches": 24, "components": 12, "size": 12, "draws": 20, "progress": False}
    >>> found = lam.studies.generalisation("fsrcnn", ["bricks", "facade"], blur, **few)
    >>> generalisation(found).data[1].x
    array([0., 2.])
    """
    found = by_name(results, "lam_nb.studies.generalisation", GENERALISATION, DEGRADATION, LEVEL)
    told = agreed(found, "patch_count", "component_count", "patch_size", "interval_level")
    panels, colours = _panels(found.values()), kit.colours_of([*found])
    titles = [*panels] if len(panels) > 1 else None
    figure = make_subplots(rows=1, cols=len(panels), subplot_titles=titles, horizontal_spacing=0.08)
    for column, (title, names) in enumerate(panels.items(), start=1):
        for name, one in found.items():
            kept = one.isel({TEST: np.isin(one[DEGRADATION].values.astype(str), names)})
            if kept.sizes[TEST]:
                draw = _bars if title == _OTHERS else _curve
                figure.add_traces([*draw(kept, name, colours[name])], rows=1, cols=column)
        what = "test" if title == _OTHERS else f"level of {title}"
        figure.update_xaxes(title_text=what, row=1, col=column, **kit.AXIS)
    seen: set[str] = set()
    for trace in figure.data:
        if trace.hoverinfo != "skip":
            trace.showlegend = trace.name not in seen
            seen.add(trace.name)
    figure.update_yaxes(range=_range(found.values()), zeroline=False, **kit.AXIS)
    figure.update_yaxes(title_text=_LABEL, row=1, col=1)
    who = f"{len(found)} networks" if len(found) > 1 else next(iter(found))
    words = f"<b>How far do features move?</b>{kit.small(*_how(who, told))}"
    kit.dress(figure, words, 900 if len(panels) == 1 else 1000, 480, l=70, r=20, t=120, b=60)
    figure.update_annotations(font_size=13)
    figure.update_layout(legend={"font_size": 12}, barmode="group")
    kit.explain(figure, _MEANS)
    return View(figure)


def _how(who: str, told: Mapping[str, object]) -> tuple[str, str]:
    """Return what a figure is of, in two lines; only what is known."""
    count, side = told.get("patch_count"), told.get("patch_size")
    made = f" · {count} patches of {side} × {side} px, {told.get('component_count')} components" if count else ""
    share = f"{100 * float(str(told['interval_level'])):g} % " if "interval_level" in told else ""
    return f"<b>{who}</b>{made}", f"when pictures are degraded · {share}intervals by drawing patches again"


def _panels(results: Iterable[xr.Dataset]) -> dict[str, list[str]]:
    """Return degradations with several levels, one by one, then all others."""
    levels: dict[str, set[float]] = {}
    for one in results:
        for name, level in zip(one[DEGRADATION].values.astype(str), one[LEVEL].values, strict=True):
            levels.setdefault(str(name), set()).update({float(level)} if np.isfinite(level) else set())
    panels = {name: [name] for name, known in levels.items() if len(known) > 1}
    others = [name for name in levels if name not in panels]
    return {**panels, _OTHERS: others} if others else panels


def _range(results: Iterable[xr.Dataset]) -> list[float]:
    every = np.concatenate([one[GENERALISATION + end].values for one in results for end in ENDS])
    every = every[np.isfinite(every)]
    high = float(every.max()) if len(every) else 1.0
    return [min(0.0, float(every.min()) if len(every) else 0.0) - 0.03 * high, 1.06 * high or 1.0]


def _told(one: xr.Dataset, name: str) -> dict[str, object]:
    ends = [one[GENERALISATION + end].values for end in ENDS[1:]]
    hover = f"{name}<br>%{{customdata[0]}}<br>SRGA %{{y:.2f}} [%{{customdata[1]:.2f}}, %{{customdata[2]:.2f}}]"
    data = np.stack([one[TEST].values.astype(object), *ends], -1)
    return {"customdata": data, "hovertemplate": f"{hover}<extra></extra>", "name": name, "legendgroup": name}


def _curve(one: xr.Dataset, name: str, colour: str) -> Iterator[go.Scatter]:
    one = one.sortby(LEVEL)
    middle, low, high = (one[GENERALISATION + end].values for end in ENDS)
    yield from kit.curve(one[LEVEL].values, middle, (low, high), colour, **_told(one, name))


def _bars(one: xr.Dataset, name: str, colour: str) -> Iterator[go.Bar]:
    bars = kit.error_bars(one, GENERALISATION, color="#888")
    x = [str(test) for test in one[TEST].values]
    yield go.Bar(x=x, y=one[GENERALISATION].values, error_y=bars, marker_color=colour, **_told(one, name))
