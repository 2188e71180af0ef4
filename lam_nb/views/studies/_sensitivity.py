"""The sensitivity view: how much a choice of path or detector changes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ...result import CHOICE, DIFFUSION_INDEX, MODEL, RANK_CORRELATION, RANKING, check
from .. import kit
from ..kit import View

_LOOK = {**kit.AXIS, "zeroline": False}


def sensitivity(study: xr.Dataset) -> View:
    """Show how alike maps stay, and what becomes of the networks' order, under other paths or detectors.

    Parameters
    ----------
    study : xarray.Dataset
        Of `lam_nb.studies.path_sensitivity` or `detector_sensitivity`.

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
    >>> nets = [lam.networks.load(name) for name in ("fsrcnn", "residual")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> study = lam.studies.path_sensitivity(nets, lr, lam.Region(96, 96), steps=6, progress=False)
    >>> len(sensitivity(study).data)
    4
    """
    check(study, RANK_CORRELATION, RANKING, DIFFUSION_INDEX)
    choices = [str(one) for one in study[CHOICE].values]
    ranks = [f"<br>order {rank:+.2f}" if np.isfinite(rank) else "" for rank in study[RANKING].values]
    order = [one + rank for one, rank in zip(choices, ranks, strict=True)]
    titles = (f"likeness to the map of {choices[0]}", "diffusion index (logarithmic)")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    for k, model in enumerate(study[MODEL].values):
        one = study.sel({MODEL: model})
        look = {"name": str(model), "legendgroup": str(model), "marker_color": kit.LINES[k % len(kit.LINES)]}
        hover = f"{model}, %{{customdata}}<br>%{{y:.3f}}<extra></extra>"
        shared = {"x": order, "customdata": choices, "hovertemplate": hover, **look}
        figure.add_trace(go.Bar(y=one[RANK_CORRELATION].values, **shared), row=1, col=1)
        line = {"mode": "lines+markers", "showlegend": False}
        figure.add_trace(go.Scatter(y=one[DIFFUSION_INDEX].values, **line, **shared), row=1, col=2)
    figure.update_yaxes(title_text="rank correlation of pixels", range=[-0.1, 1.05], row=1, col=1, **kit.AXIS)
    figure.update_yaxes(
        title_text="diffusion index",
        type="log",
        tickvals=kit.index_ticks(study[DIFFUSION_INDEX].values),
        row=1,
        col=2,
        **_LOOK,
    )
    figure.update_xaxes(type="category", **_LOOK)
    varied = study.attrs["varied"]
    how = "order: rank correlation of the networks' order by diffusion index with the first choice's"
    words = f"<b>What the choice of {varied} changes</b>{kit.small(how)}"
    kit.dress(figure, words, 1000, 460, l=70, r=20, t=110, b=70)
    figure.update_annotations(font_size=13)
    return View(figure)
