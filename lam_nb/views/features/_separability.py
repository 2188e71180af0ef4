"""The separability view: how clearly features gather by what is asked about, against depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ...result import CHANCE, DEPTH, ENDS, LAYER, MEASURE, P_VALUE, SEPARABILITY
from ...validation import InputError, choose
from .. import kit
from ..kit import View
from ._drawing import agreed, by_name

_MEASURES = {
    "calinski_harabasz": (
        "Caliński–Harabasz index",
        "Caliński–Harabasz: how far groups lie apart, beside how wide they are; ≥ 0, about 1 by chance.",
    ),
    "calinski_harabasz_plane": (
        "Caliński–Harabasz index of the plane",
        "Of the plane: it depends on how the plane was made, too.",
    ),
    "silhouette": (
        "silhouette",
        "Silhouette: 1 if every sample is far nearer to its own group than to others, 0 or less if not.",
    ),
    "probe": (
        "accuracy of a linear probe",
        "Probe: how often a linear rule is right about samples that it was told nothing of; 1 is always.",
    ),
}
_MEANS = (
    "Each curve is a network; depth is the share of its layers with weights that have answered.",
    "Dotted: the mean when labels are permuted, what chance gives; a curve well above it has found something.",
    "Bands: intervals by drawing the pictures again; p, on hover: the share of permutations as separable.",
)


def separability(
    results: xr.Dataset | Mapping[str, xr.Dataset] | Sequence[xr.Dataset], *, measure: str = "calinski_harabasz"
) -> View:
    """Show how separable features are against depth, a curve for each network, with intervals and chance.

    Indices stand on a logarithmic axis, where all are positive.

    Parameters
    ----------
    results : xarray.Dataset, mapping of str to Dataset, or sequence of Dataset
        Of `lam_nb.statistics.separability`, all by the same: degradation or content.
    measure : {"calinski_harabasz", "calinski_harabasz_plane", "silhouette", "probe"}

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If there is no result, one is something else or has no such measure, or they are not by the same.

    Examples
    --------
    >>> import lam_nb as lam
    >>> given = {"size": 24, "components": 4, "features": "pooled", "progress": False}
    >>> ds = lam.representations("residual", ["bricks", "facade", "cat"], {"blur": lam.images.Blur(3)}, **given)
    >>> found = lam.statistics.separability(ds, draws=20, permutations=19)
    >>> [trace.name for trace in separability({"mine": found}, measure="probe").data if trace.name]
    ['mine', 'mine, by chance']
    """
    label, meaning = _MEASURES[choose("measure", measure, _MEASURES)]
    found = by_name(results, "lam_nb.statistics.separability", SEPARABILITY, CHANCE, P_VALUE)
    told = agreed(found, "by", "level")
    each = {name: _row(one, name, measure) for name, one in found.items()}
    colours, figure = kit.colours_of([*each]), go.Figure()
    for name, one in each.items():
        figure.add_traces(_traces(one, name, colours[name], label))
    every = np.concatenate([one[name].values for one in each.values() for name in (*_ends(), CHANCE)])
    figure.update_xaxes(title_text="depth (share of the layers with weights)", range=[-0.02, 1.04], **kit.AXIS)
    figure.update_yaxes(title_text=label, zeroline=False, **_scale(every, measure), **kit.AXIS)
    level = f"{100 * float(str(told['level'])):g} % intervals by drawing pictures again · " if "level" in told else ""
    lost = int((~np.isfinite(every)).sum())
    note = f" · {lost} numbers are not finite and not drawn" if lost else ""
    words = f"<b>Do features gather by {told.get('by', 'degradation')}?</b>"
    words += kit.small(f"{label} against depth, {_counted(each)}", f"{level}dotted: by chance{note}")
    kit.dress(figure, words, 900, 500, l=80, r=20, t=110, b=60)
    figure.update_layout(legend={"font_size": 12})
    kit.explain(figure, [*_MEANS, meaning])
    return View(figure)


def _ends() -> list[str]:
    return [SEPARABILITY + end for end in ENDS]


def _counted(each: Mapping[str, xr.Dataset]) -> str:
    return f"{len(each)} networks" if len(each) > 1 else next(iter(each))


def _row(one: xr.Dataset, name: str, measure: str) -> xr.Dataset:
    """Return one measure of a network, by depth."""
    if measure not in one[MEASURE].values or DEPTH not in one.coords:
        raise InputError(f"results: {name} has no {measure!r} by depth; expected what separability returned.")
    return one.sel({MEASURE: measure}).sortby(DEPTH)


def _scale(values: np.ndarray, measure: str) -> dict[str, object]:
    """Return the looks of an axis of values: indices are logarithmic, if all have a place there."""
    known = values[np.isfinite(values)]
    if measure.startswith("calinski") and known.size and (known > 0).all():
        return {"type": "log", "tickvals": kit.index_ticks(known)}
    return {}


def _traces(one: xr.Dataset, name: str, colour: str, label: str) -> list[go.Scatter]:
    x = one[DEPTH].values
    middle, low, high = (one[end].values for end in _ends())
    data = np.stack([one[LAYER].values.astype(object), low, high, one[CHANCE].values, one[P_VALUE].values], -1)
    hover = f"{name}, %{{customdata[0]}}<br>{label} %{{y:.3g}} [%{{customdata[1]:.3g}}, %{{customdata[2]:.3g}}]"
    hover += "<br>by chance %{customdata[3]:.3g}, p %{customdata[4]:.3g}<extra></extra>"
    group = {"name": name, "legendgroup": name}
    drawn = kit.curve(x, middle, (low, high), colour, customdata=data, hovertemplate=hover, **group)
    chance = {"x": x, "y": one[CHANCE].values, "mode": "lines", "line": {"color": colour, "dash": "dot", "width": 1.5}}
    never = {"showlegend": False, "hoverinfo": "skip", "legendgroup": name, "name": f"{name}, by chance"}
    return [*drawn, go.Scatter(**chance, **never)]
