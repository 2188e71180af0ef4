"""The causal view: which blocks of the input help a window's restoration, and which harm it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ... import statistics
from ...result import BLOCK_X, BLOCK_Y, DRAW, DRAWS, EVERY_DRAW, INPUT, QUALITY_ORIGIN, X, Y
from .. import kit
from ..kit import View
from ._drawing import BAR, HEIGHT, MEANS, SPACE, WIDEST, Colours, checked, counts, draw, measured_in, right, span


def causal(
    dataset: xr.Dataset, *, attribution: xr.Dataset | None = None, clip: float | None = None, power: float = 1.0
) -> View:
    """Show a causal effect map over its input, with the region outlined and the draws beside it.

    Red blocks help, blue ones harm; point at one for its effect and standard error. An attribution map
    of the same window answers another question: it says which pixels the output was made of, this
    which content there raises or lowers the quality; beside each other, their rank correlation is told.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.causal_effect`.
    attribution : xarray.Dataset, optional
        Of `lam_nb.attribute` on the same input and window, to stand beside it.
    clip : float, optional
        End of the colour scale in dB; by default the strongest effect. Published figures take 2.5 for
        super-resolution, 1 for denoising, 2 for deraining.
    power : float, default 1
        Colours follow ``|effect|`` to 1 / `power`; published figures take 1.2.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If the dataset is something else, or a number is not positive.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, hr = lam.networks.load("fsrcnn"), lam.images.sample("bricks")
    >>> given = {"reference": hr, "block": 8, "fine": 2, "progress": False}
    >>> cem = lam.causal_effect(net, lam.images.downscale(hr, 4), lam.Region(96, 96, 32), **given)
    >>> causal(cem).data[2].z.shape
    (8, 8)
    """
    checked(dataset)
    colours = Colours.of([dataset], clip, power)
    titles = ["network input", "causal effect", "interventions"]
    if attribution is not None:
        alike = float(statistics.causal_agreement(dataset, attribution))
        titles.append("attribution" + (f"<br>rank correlation of blocks {alike:+.2f}" if np.isfinite(alike) else ""))
    count = len(titles)
    figure = make_subplots(rows=1, cols=count, subplot_titles=titles, horizontal_spacing=SPACE)
    size = dataset.sizes[Y], dataset.sizes[X]
    kit.place(figure, kit.colour_source(dataset[INPUT].values), size, 1, 1, "input px")
    draw(figure, dataset, 2, colours, colours.bar(figure, 2, dataset.attrs["units"]))
    _interventions(figure, dataset)
    if attribution is not None:
        values = statistics.signed(attribution).values
        source = kit.laid_source(values, dataset[INPUT].values, kit.limit(values))
        kit.place(figure, source, size, 1, 4, "input px")
    for column in range(1, count + 1):
        kit.box(figure, dataset, 1, column, dataset.attrs["scale"])
    kit.dress(figure, _caption(dataset), min(WIDEST, 370 * count), HEIGHT - 60 * (count - 3), l=60, r=60, t=120, b=50)
    figure.update_layout(showlegend=False)
    figure.update_annotations(font_size=13)
    kit.explain(figure, [*MEANS, "Interventions: how often each block was given other content."])
    return View(figure, made_from=("causal", dataset))


def _interventions(figure: go.Figure, dataset: xr.Dataset) -> None:
    bar = {"title": {"text": "draws", "side": "top"}, "x": right(figure, 3), **BAR}
    kit.place(figure, kit.grey_source(dataset[INPUT].values), (dataset.sizes[Y], dataset.sizes[X]), 1, 3, "input px")
    place = {"x": dataset[BLOCK_X].values, "y": dataset[BLOCK_Y].values}
    hover = "%{z} interventions"
    told: dict[str, object] = {"colorscale": "Cividis", "colorbar": bar, "opacity": 0.8}
    if EVERY_DRAW in dataset:
        every = dataset[EVERY_DRAW]
        told["customdata"] = np.stack([every.min(DRAW).values, every.max(DRAW).values], -1)
        hover += f"<br>effects %{{customdata[0]:+.3f}} to %{{customdata[1]:+.3f}} {dataset.attrs['units']}"
    drawn = dataset[DRAWS].where(dataset[DRAWS] > 0).values
    figure.add_trace(go.Heatmap(z=drawn, hovertemplate=f"{hover}<extra></extra>", **place, **told), row=1, col=3)


def _caption(dataset: xr.Dataset) -> str:
    told = dataset.attrs
    how = f"blocks of {told['block']} px, {told['pictures_computed']:,} interventions, seed {told['seed']}"
    origin = f"without intervention {float(dataset[QUALITY_ORIGIN]):.4g} {measured_in(dataset)}"
    who = f"<b>{told['network']}</b> · {kit.where(told)} · {span(dataset)} · {counts(dataset)}"
    lines = kit.small(who, f"{how} · {origin}; ± is the standard error over draws")
    return f"<b>Which blocks help this window, and which harm it?</b>{lines}"
