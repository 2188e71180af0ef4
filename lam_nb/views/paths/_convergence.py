"""The convergence view: how the estimates settled while steps were refined, and where the steps went."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ...result import (
    ALPHA,
    DIFFUSION_INDEX_ERROR,
    ERROR_HISTORY,
    INDEX_HISTORY,
    NODE_COUNT,
    STEP_ERROR,
    check,
    facts,
)
from .. import kit
from ..kit import View

_BLUE, _RED, _GREY = "#1f77b4", "#d62728", "#888888"
_MEANS = (
    "Left: how far the map may be off, relative to its sum of magnitudes, after so many gradients of the network.",
    "Middle: the diffusion index by then; the bar is the estimated error of its integration, known at the end.",
    "Right: what each step of the path, from the baseline to the picture, leaves of that error.",
)


def convergence(dataset: xr.Dataset) -> View:
    """Show estimated error and diffusion index against evaluations, and what each step leaves of the error.

    The bars, one for each step from the baseline to the image, add up to the estimated error.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.attribute`.

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
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), tolerance=0.02, progress=False)
    >>> len(convergence(ds).data)
    3
    """
    check(dataset, ERROR_HISTORY, STEP_ERROR)
    facts(dataset)
    titles = ["estimated error of the map", "diffusion index", "error left by each step"]
    figure = make_subplots(rows=1, cols=3, subplot_titles=titles, horizontal_spacing=0.09)
    counts = dataset[NODE_COUNT].values
    line = {"mode": "lines+markers", "showlegend": False, "line_color": _BLUE}
    errors = dataset[ERROR_HISTORY].values * 100
    hover = "%{x} evaluations<br>%{y:.2f}"
    figure.add_trace(go.Scatter(x=counts, y=errors, hovertemplate=hover + " %<extra></extra>", **line), row=1, col=1)
    last = [None] * (len(counts) - 1) + [float(dataset[DIFFUSION_INDEX_ERROR])]
    bars = {"type": "data", "array": last, "color": _BLUE}
    indices = dataset[INDEX_HISTORY].values
    figure.add_trace(
        go.Scatter(x=counts, y=indices, error_y=bars, hovertemplate=hover + "<extra></extra>", **line), row=1, col=2
    )
    steps = dataset[STEP_ERROR]
    alphas = steps[ALPHA].values
    figure.add_trace(
        go.Bar(
            x=np.arange(len(alphas)) + 1,
            y=steps.values * 100,
            customdata=alphas,
            marker={"color": _GREY, "line": {"color": "white", "width": 1}},
            hovertemplate="step %{x}, α %{customdata:.3f}<br>%{y:.2f} %<extra></extra>",
            showlegend=False,
        ),
        row=1,
        col=3,
    )
    _axes(figure, dataset)
    figure.update_annotations(font_size=14)
    figure.update_layout(**kit.look(dataset, 420, "Has the map settled?"), margin={"l": 65, "r": 20, "t": 120, "b": 55})
    kit.explain(figure, [*_MEANS, kit.INDEX])
    return View(figure)


def _axes(figure: go.Figure, dataset: xr.Dataset) -> None:
    last = float(np.nan_to_num(dataset[NODE_COUNT].values[-1]))
    look = {"title_font_size": 12, "tickfont_size": 12}
    evaluations = {
        "title_text": "gradient evaluations",
        "range": [-0.06 * last, 1.1 * last],
    }
    for column in (1, 2):
        figure.update_xaxes(row=1, col=column, **evaluations, **look)
    figure.update_xaxes(title_text="step along the path", row=1, col=3, **look)
    for column, text in ((1, "relative L1 error (%)"), (2, "diffusion index"), (3, "relative L1 error (%)")):
        figure.update_yaxes(title_text=text, row=1, col=column, **look)
    for column in (1, 3):
        figure.update_yaxes(rangemode="tozero", row=1, col=column)
    if "tolerance" in facts(dataset):
        goal = float(facts(dataset)["tolerance"]) * 100
        note = {"text": "tolerance", "font": {"color": _RED, "size": 12}}
        place = {"annotation": note, "annotation_position": "top left", "row": 1, "col": 1}
        figure.add_hline(y=goal, line={"color": _RED, "dash": "dash"}, **place)
