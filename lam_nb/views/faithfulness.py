"""Views of faithfulness: deletion and insertion curves; likeness of maps while layers are shuffled."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ..result import FRACTION, METHOD, MODE, STAGE, check
from . import pictures
from .figure import View

_DASHES = ("solid", "dash", "dot", "dashdot")


def faithfulness(dataset: xr.Dataset) -> View:
    """Show deletion and insertion curves of every method; the area under each is in the legend.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.faithfulness.curves`.

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
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), progress=False)
    >>> found = lam.faithfulness.curves(net, lr, lam.Region(96, 96), {"LAM": ds}, progress=False)
    >>> len(faithfulness(found).data)
    6
    """
    check(dataset, "output_share", "output_area")
    modes = [str(mode) for mode in dataset[MODE].values]
    titles = {"deletion": "deletion: smaller area is better", "insertion": "insertion: larger area is better"}
    figure = make_subplots(rows=1, cols=len(modes), subplot_titles=[titles[mode] for mode in modes])
    told = dataset.attrs
    for column, mode in enumerate(modes, start=1):
        for k, method in enumerate(dataset[METHOD].values):
            one = dataset.sel({METHOD: method, MODE: mode})
            look = {
                "color": pictures.LINES[k % len(pictures.LINES)],
                "dash": _DASHES[k // len(pictures.LINES) % len(_DASHES)],
            }
            share, error = one["output_share"].values, one["output_share_error"].values
            x = np.maximum(dataset[FRACTION].values, 0.5 / told["canvas_pixels"])  # 0 has no place on this axis
            if error.any():
                band = {"x": [*x, *x[::-1]], "y": [*(share + error), *(share - error)[::-1]], "fill": "toself"}
                shade = {"line_width": 0, "fillcolor": look["color"], "opacity": 0.15, "showlegend": False}
                figure.add_trace(go.Scatter(**band, **shade, hoverinfo="skip", mode="lines"), row=1, col=column)
            areas = " · ".join(f"{float(value):.3f}" for value in dataset["output_area"].sel({METHOD: method}))
            hover = f"{method}<br>%{{x:.2%}} of pixels<br>%{{y:.3f}} of the window<extra></extra>"
            line = {"x": x, "y": share, "mode": "lines", "line": look, "name": f"{method}  {areas}"}
            legend = {"legendgroup": str(method), "showlegend": column == 1}
            figure.add_trace(go.Scatter(**line, **legend, hovertemplate=hover), row=1, col=column)
    words = "area, " + " · ".join(modes)
    figure.update_layout(legend={"title_text": words, "title_font_size": 12, "font_size": 12})
    figure.update_xaxes(title_text="part of the pixels replaced", type="log", tickformat=".3~%", **pictures.AXIS)
    figure.update_yaxes(title_text="window restored, 0 baseline … 1 image", row=1, col=1, **pictures.AXIS)
    figure.update_yaxes(range=[-0.25, 1.1], **pictures.AXIS)
    figure.update_annotations(font_size=14)
    how = f"baseline {told['baseline']} · detector {told['detector']} · random: mean of {told['draws']} orders, "
    how += "band one standard error"
    pictures.dress(
        figure,
        f"<b>{told['network']}</b> · {pictures.where(told)}{pictures.small(how)}",
        None,
        460,
        l=70,
        r=20,
        t=110,
        b=60,
    )
    return View(figure)


def randomised(dataset: xr.Dataset) -> View:
    """Show how unlike the map becomes while layers are shuffled, from the output backwards.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.faithfulness.randomised`.

    Returns
    -------
    View

    Raises
    ------
    InputError
        If the dataset is something else.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> found = lam.faithfulness.randomised(net, lr, lam.Region(96, 96), stages=2, steps=4, progress=False)
    >>> len(randomised(found).data)
    2
    """
    check(dataset, "rank_correlation", "top_overlap")
    figure = go.Figure()
    names = {"rank_correlation": "rank correlation", "top_overlap": "overlap of the strongest pixels"}
    for colour, (key, name) in zip(pictures.LINES, names.items(), strict=False):
        hover = "%{x} layers shuffled, last %{customdata}<br>%{y:.3f}<extra>" + name + "</extra>"
        line = {"x": dataset["layers"].values, "y": dataset[key].values, "mode": "lines+markers", "name": name}
        figure.add_trace(go.Scatter(**line, line_color=colour, customdata=dataset["last"].values, hovertemplate=hover))
    figure.update_xaxes(title_text="layers shuffled, from the output backwards", **pictures.AXIS)
    figure.update_yaxes(title_text="likeness to the trained network's map", range=[-0.3, 1.05], **pictures.AXIS)
    words = f"{dataset.sizes[STAGE]} stages; a map that stays alike does not depend on what the network learned"
    told = dataset.attrs
    pictures.dress(
        figure,
        f"<b>{told['network']}</b> · {pictures.where(told)}{pictures.small(words)}",
        None,
        460,
        l=70,
        r=20,
        t=110,
        b=60,
    )
    return View(figure)
