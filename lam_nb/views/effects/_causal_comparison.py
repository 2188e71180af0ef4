"""The causal comparison: effects of several networks, or tasks, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr
from plotly.subplots import make_subplots

from ...result import facts
from ...validation import InputError
from .. import kit
from ..kit import View
from ._drawing import HEIGHT, MEANS, SPACE, WIDEST, Colours, checked, counts, draw, span


def causal_comparison(
    maps: Sequence[xr.Dataset], *, scale: str = "common", clip: float | None = None, power: float = 1.0
) -> View:
    """Show causal effect maps of several networks, or tasks, side by side.

    Parameters
    ----------
    maps : sequence of xarray.Dataset
        Of `lam_nb.causal_effect`, in one metric.
    scale : "common" or "own", default "common"
        One colour scale for all, or one for each.
    clip, power
        As for `causal`.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If a dataset is something else, or their metrics differ.

    Examples
    --------
    >>> import lam_nb as lam
    >>> hr = lam.images.sample("bricks")
    >>> lr, given = lam.images.downscale(hr, 4), {"reference": hr, "block": 8, "fine": 2, "progress": False}
    >>> nets = [lam.networks.load(name) for name in ("fsrcnn", "residual")]
    >>> maps = [lam.causal_effect(net, lr, lam.Region(96, 96, 32), **given) for net in nets]
    >>> len(causal_comparison(maps).data)
    4
    """
    maps = kit.listed("maps", maps, "lam_nb.causal_effect")
    if len({facts(checked(one))["metric"] for one in maps}) > 1:
        raise InputError("maps: expected results of lam_nb.causal_effect, all in one metric.")
    common = kit.is_common(scale)
    titles = [f"<b>{one.attrs['network']}</b><br>{counts(one)}<br>{span(one)}" for one in maps]
    figure = make_subplots(rows=1, cols=len(maps), subplot_titles=titles, horizontal_spacing=SPACE)
    for column, one in enumerate(maps, start=1):
        colours = Colours.of(maps if common else [one], clip, power)
        has_bar = column == len(maps) or not common
        draw(figure, one, column, colours, colours.bar(figure, column, one.attrs["units"]) if has_bar else None)
        kit.box(figure, one, 1, column, one.attrs["scale"])
    how = f"causal effects, red helps; {kit.scale_words(common)}"
    question = "Which blocks help, and which harm?"
    words = f"<b>{question}</b>{kit.small(f'<b>{kit.where(maps[0].attrs)}</b> · {how}')}"
    kit.dress(figure, words, max(480, min(WIDEST, 340 * len(maps))), HEIGHT, l=60, r=70, t=140, b=50)
    figure.update_layout(showlegend=False)
    figure.update_annotations(font_size=12)
    kit.explain(figure, MEANS)
    return View(figure)
