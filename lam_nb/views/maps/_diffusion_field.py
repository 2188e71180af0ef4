"""The diffusion field view: where a network looks widely, beside what it made there."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ...result import (
    DIFFUSION_INDEX,
    DIFFUSION_INDEX_ERROR,
    OUT_X,
    OUT_Y,
    OUTPUT,
    PRECISION_ERROR,
    REGION_SIZE,
    WINDOW_X,
    WINDOW_Y,
    check,
)
from .. import kit
from ..kit import View

_COLOURS = "Cividis"
_MEANS = (
    "Each square is a window of the output; its colour is the diffusion index of that window's map.",
    "Empty squares: windows that are flat, in which the detector finds nothing.",
)
_WIDTH, _HEIGHT = 860, 460


def diffusion_field(dataset: xr.Dataset) -> View:
    """Show the diffusion index of every window beside the output, on the same axes.

    Point at a window for its index and the index's error; empty windows were flat and have none.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.diffusion_field`.

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
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> field = lam.diffusion_field(net, lr, stride=64, steps=4, progress=False)
    >>> diffusion_field(field).data[-1].z.shape
    (4, 4)
    """
    check(dataset, DIFFUSION_INDEX, OUTPUT)
    figure = make_subplots(rows=1, cols=2, subplot_titles=["output", "diffusion index"], horizontal_spacing=0.09)
    canvas = dataset.sizes[OUT_Y], dataset.sizes[OUT_X]
    kit.place(figure, kit.colour_source(dataset[OUTPUT].values), canvas, 1, 1, "output px")
    figure.add_trace(_heatmap(dataset), row=1, col=2)
    kit.pixel_axes(figure, canvas, 1, 2, "output px")
    figure.update_xaxes(matches="x", row=1, col=2)
    figure.update_yaxes(matches="y", scaleanchor=None, row=1, col=2)
    kit.dress(figure, _caption(dataset), _WIDTH, _HEIGHT, l=60, r=20, t=110, b=50)
    kit.explain(figure, [*_MEANS, kit.INDEX, kit.GIVE_OR_TAKE])
    return View(figure)


def _heatmap(dataset: xr.Dataset) -> go.Heatmap:
    index, error = dataset[DIFFUSION_INDEX], dataset[DIFFUSION_INDEX_ERROR]
    bar = {"title": {"text": "diffusion index", "side": "right", "font": {"size": 12}}, "thickness": 12, "len": 0.9}
    return go.Heatmap(
        z=index.values,
        x=index[WINDOW_X].values,
        y=index[WINDOW_Y].values,
        customdata=error.values,
        colorscale=_COLOURS,
        colorbar=bar,
        hovertemplate="window at y %{y}, x %{x}<br>diffusion index %{z:.2f} ± %{customdata:.2f}<extra></extra>",
    )


def _caption(dataset: xr.Dataset) -> str:
    told, index = dataset.attrs, dataset[DIFFUSION_INDEX].values
    windows = f"windows of {told[REGION_SIZE]} px, {told['stride']} px apart"
    numbers = f"{int(np.isfinite(index).sum())} of {index.size} windows · on {told['canvas_pixels']:,} input pixels"
    if np.isfinite(index).any():
        numbers += f" · {np.nanmin(index):.2f} to {np.nanmax(index):.2f}, median {np.nanmedian(index):.2f}"
    if PRECISION_ERROR in dataset and np.isfinite(dataset[PRECISION_ERROR]).any():
        numbers += f" · error of the maps by low precision up to {float(dataset[PRECISION_ERROR].max()):.1%}"
    who = f"<b>{told['network']}</b> · {windows} · {kit.how(told)}"
    return f"<b>How widely does it look, and where?</b>{kit.small(who, numbers)}"
