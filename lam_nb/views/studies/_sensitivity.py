"""The sensitivity view: how much a choice of path or detector changes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ...result import CHOICE, DIFFUSION_INDEX, MODEL, RANK_CORRELATION, RANKING, check
from .. import kit
from ..kit import View

_MEANS = (
    "Left: how alike a network's maps are under another choice and under the first, by the ranks of their pixels.",
    "Right: its diffusion index. Order: 1 where networks stand in the same order by it as at first, −1 reversed.",
)
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
    ranks = dict(zip(choices, study[RANKING].values, strict=True))
    known = [f"{one} {rank:+.2f}" for one, rank in list(ranks.items())[1:] if np.isfinite(rank)]
    titles = (f"likeness to the map of {choices[0]}", "diffusion index (logarithmic)")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    colours = kit.colours_of([str(model) for model in study[MODEL].values])
    for model in study[MODEL].values:
        one = study.sel({MODEL: model})
        look = {"name": str(model), "legendgroup": str(model), "marker_color": colours[str(model)]}
        hover = f"{model}, %{{customdata}}<br>%{{y:.3f}}<extra></extra>"
        shared = {"x": choices, "customdata": choices, "hovertemplate": hover, **look}
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
    how = f"order of the networks by diffusion index, beside that of {choices[0]}: {' · '.join(known) or 'not known'}"
    words = f"<b>What does the choice of {varied} change?</b>{kit.small(how)}"
    kit.dress(figure, words, 1000, 460, l=70, r=20, t=110, b=70)
    figure.update_annotations(font_size=13)
    kit.explain(figure, [*_MEANS, kit.INDEX])
    return View(figure)
