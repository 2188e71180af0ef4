"""The content view: which images make networks look widely."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ...result import IMAGE, LARGEST, MEAN, WIDEST, check
from ...validation import whole
from .. import kit
from ..kit import View

_MEANS = (
    "Bars: the largest index that any network has on a picture; diamonds: the mean over networks.",
    "What makes them look widely stands at the top, what they restore from nearby at the bottom.",
)
_LOOK = {**kit.AXIS, "zeroline": False}


def content(study: xr.Dataset, *, most: int = 30) -> View:
    """Show images by the widest look that any network took at them, and the mean over networks.

    Parameters
    ----------
    study : xarray.Dataset
        Of `lam_nb.studies.content`.
    most : int, default 30
        Images to show: half from the wide end, half from the narrow one.

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
    >>> import tempfile, lam_nb as lam
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(["fsrcnn", "residual"], ["bricks", "facade"], [lam.Region(96, 96)], **settings)
    >>> len(content(lam.studies.content(table)).data[0].y)
    2
    """
    check(study, LARGEST, MEAN, WIDEST)
    whole("most", most)
    count = study.sizes[IMAGE]
    kept = np.arange(count) if count <= most else np.r_[: most // 2, count - most // 2 : count]
    one = study.isel({IMAGE: kept[::-1]})
    names = [str(name) for name in one[IMAGE].values]
    hover = "%{y}<br>%{x:.2f} (%{customdata})<extra></extra>"
    bars = go.Bar(x=one[LARGEST].values, y=names, orientation="h", name="widest network", marker_color=kit.LINES[0])
    bars.update(customdata=one[WIDEST].values, hovertemplate=hover)
    marks = go.Scatter(x=one[MEAN].values, y=names, mode="markers", name="mean over networks")
    marks.update(marker={"color": kit.LINES[1], "size": 9, "symbol": "diamond"})
    figure = go.Figure([bars, marks])
    figure.update_xaxes(title_text="diffusion index", rangemode="tozero", **_LOOK)
    figure.update_yaxes(type="category", automargin=True, **_LOOK)
    how = f"{len(kept)} of {count} images, widest first" if len(kept) < count else f"{count} images, widest first"
    words = f"<b>What makes networks look widely?</b>{kit.small(how)}"
    kit.dress(figure, words, 820, 190 + 24 * len(kept), l=90, r=20, t=90, b=60)
    figure.update_layout(legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"})
    kit.explain(figure, [*_MEANS, kit.INDEX])
    return View(figure)
