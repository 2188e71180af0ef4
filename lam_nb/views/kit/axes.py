"""Axes: pictures on axes that count their pixels, the window on them, error bars, ticks."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray

from ...result import ENDS, facts
from ...types import Region
from .theme import BOX, HALO


def place(
    figure: go.Figure, source: str, size: tuple[int, int], row: int, column: int, units: str, layer: str = "below"
) -> None:
    """Put a picture of `size` (rows, columns) into a subplot whose axes count its pixels."""
    height, width = size
    x, y = next(figure.select_xaxes(row=row, col=column)), next(figure.select_yaxes(row=row, col=column))
    x_name, y_name = axis_name(x), axis_name(y)
    figure.add_trace(
        go.Scatter(x=[0, width], y=[0, height], mode="markers", marker_opacity=0, showlegend=False, hoverinfo="skip"),
        row=row,
        col=column,
    )
    corner = {"x": -0.5, "y": -0.5, "sizex": width, "sizey": height}
    figure.add_layout_image(source=source, xref=x_name, yref=y_name, sizing="stretch", layer=layer, **corner)
    pixel_axes(figure, size, row, column, units)


def pixel_axes(figure: go.Figure, size: tuple[int, int], row: int, column: int, units: str) -> None:
    """Have a subplot count pixels from the top left, square, labelled with their units."""
    height, width = size
    look: dict[str, object] = {"showgrid": False, "zeroline": False, "constrain": "domain", "ticks": "outside"}
    look |= {"nticks": 5, "title_standoff": 2, "title_font_size": 12, "tickfont_size": 12}
    figure.update_xaxes(range=[-0.5, width - 0.5], title_text=f"x ({units})", row=row, col=column, **look)
    label = f"y ({units})" if column == 1 else None
    figure.update_yaxes(
        range=[height - 0.5, -0.5], title_text=label, row=row, col=column, **look | {"title_standoff": 8}
    )
    name = axis_name(next(figure.select_xaxes(row=row, col=column)))
    figure.update_yaxes(scaleanchor=name, row=row, col=column)


def box(figure: go.Figure, dataset: xr.Dataset, row: int, column: int, scale: float = 1.0) -> None:
    """Draw the region's outline into a subplot, in output pixels over `scale`."""
    window = Region.of_facts(facts(dataset))
    rows, columns = window.slices
    left, right, top, bottom = (edge / scale - 0.5 for edge in (columns.start, columns.stop, rows.start, rows.stop))
    edges = {"x0": left, "x1": right, "y0": top, "y1": bottom}
    for colour, thick in ((HALO, 4), (BOX, 2)):
        figure.add_shape(type="rect", line={"color": colour, "width": thick}, row=row, col=column, **edges)


def under(figure: go.Figure, source: str, size: tuple[int, int], row: int, column: int) -> None:
    """Put a picture below what a subplot shows."""
    x, y = next(figure.select_xaxes(row=row, col=column)), next(figure.select_yaxes(row=row, col=column))
    corner = {"x": -0.5, "y": -0.5, "sizex": size[1], "sizey": size[0]}
    figure.add_layout_image(
        source=source, xref=axis_name(x), yref=axis_name(y), sizing="stretch", layer="below", **corner
    )


def axis_name(axis: go.layout.XAxis | go.layout.YAxis) -> str:
    """Return how traces and pictures refer to an axis of a figure.

    Examples
    --------
    >>> axis_name(go.Figure(go.Scatter(y=[1])).layout.xaxis)
    'x'
    """
    return str(axis.plotly_name).replace("axis", "")


def error_bars(dataset: xr.Dataset, name: str, **look: str) -> dict[str, object]:
    """Return error bars from a number to the ends of its interval, ``name_low`` and ``name_high``.

    Examples
    --------
    >>> study = xr.Dataset({"psnr": ("x", [2.0]), "psnr_low": ("x", [1.5]), "psnr_high": ("x", [3.0])})
    >>> bars = error_bars(study, "psnr")
    >>> bars["array"], bars["arrayminus"]
    (array([1.]), array([0.5]))
    """
    below, above = interval(dataset, name)
    return {"array": above, "arrayminus": below, "thickness": 1, "width": 3, **look}


def interval(dataset: xr.Dataset, name: str) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return how far the ends of a number's interval lie below and above it.

    Examples
    --------
    >>> study = xr.Dataset({"psnr": ("x", [2.0]), "psnr_low": ("x", [1.5]), "psnr_high": ("x", [3.0])})
    >>> interval(study, "psnr")
    (array([0.5]), array([1.]))
    """
    middle, low, high = (dataset[name + end].values for end in ENDS)
    return middle - low, high - middle


def index_ticks(values: NDArray[np.floating]) -> list[float]:
    """Return where a logarithmic axis, as of indices, is labelled: round numbers, at least two in its range.

    Examples
    --------
    >>> index_ticks(np.array([0.4, 6.0])), index_ticks(np.array([0.55, 0.66]))
    ([0.5, 1.0, 2.0, 5.0], [0.56, 0.58, 0.6, 0.62, 0.64, 0.66])
    """
    known = values[np.isfinite(values) & (values > 0)]
    low, high = (known.min(), known.max()) if known.size else (1.0, 10.0)
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), np.arange(1, 10, 0.2)):
        every = [round(float(a) * 10.0**b, 10) for b in range(-4, 9) for a in steps]
        found = [tick for tick in every if low <= tick <= high]
        if len(found) > 2:
            break
    return found if len(found) > 1 else [round(float(low), 3), round(float(high), 3)]
