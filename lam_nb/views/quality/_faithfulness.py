"""The faithfulness view: what a window loses, or gets back, as pixels are replaced."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ...result import (
    DETECTOR_AREA,
    DETECTOR_SHARE,
    FRACTION,
    METHOD,
    MODE,
    OUTPUT_AREA,
    OUTPUT_SHARE,
    OUTPUT_SHARE_ERROR,
    check,
)
from .. import kit
from ..kit import View

_MEANS = (
    "Deletion: pixels are replaced by the baseline's, those marked most first; if they matter, the area is small.",
    "Insertion: the other way round, from the baseline to the picture; a large area is good.",
    "Random: pixels in any order; its band is one standard error over orders.",
)
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
    check(dataset, OUTPUT_SHARE, OUTPUT_AREA)
    modes = [str(mode) for mode in dataset[MODE].values]
    titles = {"deletion": "deletion: smaller area is better", "insertion": "insertion: larger area is better"}
    figure = make_subplots(rows=1, cols=len(modes), subplot_titles=[titles[mode] for mode in modes])
    for column, mode in enumerate(modes, start=1):
        for k, method in enumerate(dataset[METHOD].values):
            one = dataset.sel({METHOD: method, MODE: mode})
            areas = " · ".join(f"{float(value):.3f}" for value in dataset[OUTPUT_AREA].sel({METHOD: method}))
            _draw(figure, one, column, k, f"{method}  {areas}")
    words = "area, " + " · ".join(modes)
    figure.update_layout(legend={"title_text": words, "title_font_size": 12, "font_size": 12})
    figure.update_xaxes(title_text="part of the pixels replaced", type="log", dtick=1, tickformat=".3~%", **kit.AXIS)
    figure.update_yaxes(title_text="window restored, 0 baseline … 1 image", row=1, col=1, **kit.AXIS)
    figure.update_yaxes(range=[-0.25, 1.1], **kit.AXIS)
    figure.update_annotations(font_size=14)
    told = dataset.attrs
    how = f"baseline {told['baseline']} · detector {told['detector']} · random: mean of {told['draws']} orders, "
    who = f"<b>{told['network']}</b> · {kit.where(told)}"
    words = f"<b>Do the marked pixels matter?</b>{kit.small(who, how + 'band one standard error')}"
    kit.dress(figure, words, None, 460, l=70, r=20, t=110, b=60)
    kit.explain(figure, _MEANS)
    return View(figure, made_from=("faithfulness", dataset))


def _draw(figure: go.Figure, one: xr.Dataset, column: int, k: int, name: str) -> None:
    """Draw a curve, and the band of its error if it has one."""
    method = str(one[METHOD].item())
    colour, dash = kit.LINES[k % len(kit.LINES)], _DASHES[k // len(kit.LINES) % len(_DASHES)]
    share, error = one[OUTPUT_SHARE].values, one[OUTPUT_SHARE_ERROR].values
    x = np.maximum(one[FRACTION].values, 0.5 / one.attrs["canvas_pixels"])  # 0 has no place on this axis
    if error.any():
        band = {"x": [*x, *x[::-1]], "y": [*(share + error), *(share - error)[::-1]], "fill": "toself"}
        shade = {"line_width": 0, "fillcolor": colour, "opacity": 0.15, "showlegend": False}
        figure.add_trace(go.Scatter(**band, **shade, hoverinfo="skip", mode="lines"), row=1, col=column)
    hover = f"{method}<br>%{{x:.2%}} of pixels<br>%{{y:.3f}} of the window<br>%{{customdata:.3f}} of the detector's "
    hover += f"change (area {float(one[DETECTOR_AREA]):.3f})<extra></extra>"
    line = {"x": x, "y": share, "mode": "lines", "line": {"color": colour, "dash": dash}, "name": name}
    line["customdata"] = one[DETECTOR_SHARE].values
    legend = {"legendgroup": method, "showlegend": column == 1}
    figure.add_trace(go.Scatter(**line, **legend, hovertemplate=hover), row=1, col=column)
