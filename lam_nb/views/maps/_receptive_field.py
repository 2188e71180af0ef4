"""The receptive-field view: how far a network can look, and how far it does."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ...result import (
    ABOVE,
    BELOW,
    EFFECTIVE_FIELD,
    FIELD_EXACT,
    FIELD_HEIGHT,
    FIELD_WIDTH,
    INFLUENCE,
    LEFT,
    RIGHT,
    X,
    Y,
    check,
)
from .. import kit
from ..kit import View

_NOTHING_TO_ALL = "Viridis"
_MEANS = (
    "Colours: how strongly the output pixel in the middle answers to each input pixel around it, over the pictures.",
    "Dotted: what it can see at all; what lies outside changes it by exactly nothing.",
    "“At least”: it sees no less, and may see more than was measured.",
)


def receptive_field(dataset: xr.Dataset) -> View:
    """Show the effective receptive field, with the outline of what the network can see at all.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.receptive_field`.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If the dataset is something else.

    Examples
    --------
    >>> import lam_nb as lam
    >>> field = lam.receptive_field(lam.networks.load("residual"), side=48)
    >>> receptive_field(field).data[0].z.shape
    (48, 48)
    """
    check(dataset, EFFECTIVE_FIELD, FIELD_HEIGHT)
    values = dataset[EFFECTIVE_FIELD]
    bar = {
        "title": {"text": str(values.attrs["long_name"]).partition(", ")[2], "side": "right", "font": {"size": 12}},
        "thickness": 12,
    }
    heatmap = go.Heatmap(
        z=values.values,
        x=values[X].values,
        y=values[Y].values,
        zmin=0,
        zmax=1,
        colorscale=_NOTHING_TO_ALL,
        colorbar=bar,
        customdata=dataset[INFLUENCE].values,
        hovertemplate="rows %{y}, columns %{x}<br>%{z:.3g}, positive gradient %{customdata:.3g}<extra></extra>",
    )
    figure = go.Figure(heatmap)
    _outline(figure, dataset)
    units: dict[str, object] = {**kit.AXIS, "showgrid": False, "zeroline": False, "constrain": "domain"}
    figure.update_xaxes(title_text="columns from the output pixel (input px)", **units)
    figure.update_yaxes(
        title_text="rows from the output pixel (input px)", autorange="reversed", scaleanchor="x", **units
    )
    kit.dress(figure, _caption(dataset), 720, 560, l=70, r=20, t=110, b=60)
    kit.explain(figure, _MEANS)
    return View(figure)


def _outline(figure: go.Figure, dataset: xr.Dataset) -> None:
    """Draw the structural field where it ends inside the picture."""
    above, below, left, right = (float(dataset[name]) for name in (ABOVE, BELOW, LEFT, RIGHT))
    edges = {"x0": -left - 0.5, "x1": right + 0.5, "y0": -above - 0.5, "y1": below + 0.5}
    shown = max(dataset.sizes[Y], dataset.sizes[X]) / 2
    if max(above, below, left, right) < shown:
        figure.add_shape(type="rect", line={"color": "#ffffff", "width": 2, "dash": "dot"}, **edges)


def _caption(dataset: xr.Dataset) -> str:
    sides = [float(dataset[name]) for name in (FIELD_HEIGHT, FIELD_WIDTH)]
    if np.isfinite(sides).all():
        least = "" if dataset.get(FIELD_EXACT, True) else "at least "
        words = f"can see {least}{sides[0]:.0f} × {sides[1]:.0f} input px"
        inside = max(sides) <= max(dataset.sizes[Y], dataset.sizes[X])
        words += " (dotted)" if inside else ", more than is shown"
    else:
        words = f"can see the whole image (no end within {dataset.attrs['limit']} px)"
    how = f"gradient of the centre output pixel, {dataset.attrs['images']} pictures of {dataset.sizes[Y]} × "
    how += f"{dataset.sizes[X]} px"
    who = f"<b>{dataset.attrs['network']}</b> {words}"
    return f"<b>How far can it see, and how far does it look?</b>{kit.small(who, how)}"
