"""The randomisation view: how unlike the map becomes while layers are shuffled."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ...result import LAST, LAYERS, RANK_CORRELATION, STAGE, TOP_OVERLAP, check
from .. import kit
from ..kit import View

_MEANS = (
    "The network's layers are shuffled one after another, from the output backwards, and its map is made anew.",
    "A map that stays like the trained network's does not depend on what was learned; a faithful one falls to 0.",
    "Likeness: rank correlation of all pixels, and how many of the strongest ones are the same.",
)


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
    check(dataset, RANK_CORRELATION, TOP_OVERLAP)
    figure = go.Figure()
    names = {RANK_CORRELATION: "rank correlation", TOP_OVERLAP: "overlap of the strongest pixels"}
    for colour, (key, name) in zip(kit.LINES, names.items(), strict=False):
        hover = "%{x} layers shuffled, last %{customdata}<br>%{y:.3f}<extra>" + name + "</extra>"
        line = {"x": dataset[LAYERS].values, "y": dataset[key].values, "mode": "lines+markers", "name": name}
        figure.add_trace(go.Scatter(**line, line_color=colour, customdata=dataset[LAST].values, hovertemplate=hover))
    low = min(0.0, *(float(np.nanmin(dataset[key].values, initial=0)) for key in names))
    figure.update_xaxes(title_text="layers shuffled, from the output backwards", **kit.AXIS)
    figure.update_yaxes(title_text="likeness to the trained network's map", range=[low - 0.05, 1.05], **kit.AXIS)
    words = f"{dataset.sizes[STAGE]} stages; a map that stays alike does not depend on what the network learned"
    told = dataset.attrs
    who = f"<b>{told['network']}</b> · {kit.where(told)}"
    caption = f"<b>Does the map know the network?</b>{kit.small(who, words)}"
    kit.dress(figure, caption, None, 460, l=70, r=20, t=110, b=60)
    kit.explain(figure, _MEANS)
    return View(figure)
