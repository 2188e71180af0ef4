"""What the views of features share: several networks by name, and a curve with its interval."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray

from ...result import MODEL, check, numbered
from ...validation import InputError
from .. import kit

_SHADE = 0.15


def by_name(results: object, maker: str, *names: str) -> dict[str, xr.Dataset]:
    """Return results by network: of one result, a stack of networks, a list, or a mapping whose names are kept.

    Raises
    ------
    InputError
        If there is none, or one of them is something else.

    Examples
    --------
    >>> [*by_name([xr.Dataset(attrs={"network": "rfdn"})] * 2, "lam_nb.representations")]
    ['rfdn (1)', 'rfdn (2)']
    """
    if isinstance(results, Mapping) and not isinstance(results, xr.Dataset):
        found = dict(zip(map(str, results), kit.listed("results", [*results.values()], maker), strict=True))
    else:
        given = _apart(results) if isinstance(results, xr.Dataset) else kit.listed("results", results, maker)  # type: ignore[arg-type] # checked there
        called = [str(one.attrs.get("network", one.coords.get(MODEL, "network"))) for one in given]
        found = dict(zip(numbered(called).tolist(), given, strict=True))
    for one in found.values():
        check(one, *names)
    return found


def _apart(dataset: xr.Dataset) -> list[xr.Dataset]:
    """Return the networks of a stack, each called by its name there."""
    if MODEL not in dataset.dims:
        return [dataset]
    each = [dataset.isel({MODEL: k}) for k in range(dataset.sizes[MODEL])]
    return [one.assign_attrs(network=str(one[MODEL].item())) if MODEL in one.coords else one for one in each]


def agreed(results: Mapping[str, xr.Dataset], *names: str) -> dict[str, object]:
    """Return attributes that all results must share to be compared.

    Raises
    ------
    InputError
        If they differ in one.

    Examples
    --------
    >>> agreed({"rfdn": xr.Dataset(attrs={"by": "content"})}, "by")
    {'by': 'content'}
    """
    first, *others = results.items()
    for name in names:
        for called, one in others:
            if one.attrs.get(name) != first[1].attrs.get(name):
                raise InputError(
                    f"results: {first[0]} has {name} {first[1].attrs.get(name)!r} and {called} "
                    f"{one.attrs.get(name)!r}, expected the same; only then they can be compared."
                )
    return {name: first[1].attrs[name] for name in names if name in first[1].attrs}


def curve(
    x: NDArray[np.floating],
    middle: NDArray[np.floating],
    ends: tuple[NDArray[np.floating], NDArray[np.floating]],
    colour: str,
    **look: object,
) -> tuple[go.Scatter, go.Scatter]:
    """Return the band of an interval, and the curve in it; infinite numbers have no place."""
    known = np.isfinite(ends[0]) & np.isfinite(ends[1])
    across, low, high = x[known], ends[0][known], ends[1][known]
    shade = {"fillcolor": colour, "opacity": _SHADE, "line": {"color": colour}, "mode": "none"}
    around = {"x": [*across, *across[::-1]], "y": [*high, *low[::-1]], "fill": "toself"}
    band = go.Scatter(**around, **shade, hoverinfo="skip", showlegend=False, legendgroup=look.get("legendgroup"))
    line = {"mode": "lines+markers", "line": {"color": colour}, "marker": {"color": colour, "size": 7}}
    return band, go.Scatter(x=x, y=np.where(np.isfinite(middle), middle, np.nan), **line, **look)
