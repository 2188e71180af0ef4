"""The informative view: what every network uses, red, and what only wide-looking ones do, blue."""

from __future__ import annotations

import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ... import statistics
from ...result import INPUT, MODEL, X, Y, check, facts
from .. import kit
from ..kit import View

_HEIGHT = 470
_MEANS = (
    "Red: input pixels that all networks use; they do for the most basic restoration.",
    "Blue: those that only the networks that look widely use. White: no network does.",
)


def informative(many: xr.Dataset) -> View:
    """Show the informative area of several networks beside their input.

    Red: all networks use it, enough for the most basic restoration. Blue: only those that look widely
    do, what looking wider may add (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    many : xarray.Dataset
        Of `lam_nb.compare`, with the input kept.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If there are fewer than two networks.

    Examples
    --------
    >>> import lam_nb as lam
    >>> nets = [lam.networks.load(name) for name in ("rfdn-small", "fsrcnn")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> informative(lam.compare(nets, lr, lam.Region(96, 96), progress=False)).data[-1].z.shape
    (64, 64)
    """
    check(many, INPUT)
    area = statistics.informative_area(many)
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=["network input", "informative area"], horizontal_spacing=0.09
    )
    size = many.sizes[Y], many.sizes[X]
    kit.place(figure, kit.colour_source(many[INPUT].values), size, 1, 1, "input px")
    bar = {"thickness": 12, "len": 0.95, "tickvals": [-0.5, 0, 1], "tickfont_size": 12}
    bar |= {"ticktext": ["only some use it", "none do", "all use it"]}
    hover = "y %{y}, x %{x}<br>%{z:.2f}<extra></extra>"
    heat = go.Heatmap(z=area.values, zmin=-1, zmax=1, colorscale=kit.DIVERGING, colorbar=bar, hovertemplate=hover)
    figure.add_trace(heat, row=1, col=2)
    kit.pixel_axes(figure, size, 1, 2, "input px")
    one = many.isel({MODEL: 0})
    for column in (1, 2):
        kit.box(figure, one, 1, column, facts(one)["scale"])
    names = ", ".join(str(name) for name in many[MODEL].values)
    words = f"<b>What do all networks use, and what only some?</b>{kit.small(names, area.attrs['method'])}"
    kit.dress(figure, words, 900, _HEIGHT, l=60, r=20, t=100, b=50)
    kit.explain(figure, [kit.OUTLINE, *_MEANS])
    return View(figure)
