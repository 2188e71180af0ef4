"""The causal view: which blocks of the input help a window's restoration, and which harm it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ..result import BLOCK_X, BLOCK_Y, INPUT, X, Y, check
from ..types import InputError, positive
from . import pictures
from .figure import View

_HEIGHT = 480


def causal(dataset: xr.Dataset, *, clip: float | None = None, power: float = 1.0) -> View:
    """Show a causal effect map over its input, with the region in green and the draws beside it.

    Red blocks help, blue ones harm; point at one for its effect and standard error. An attribution map
    of the same window answers another question: it says which pixels the output was made of, this
    which content there raises or lowers the quality.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.causal_effect`.
    clip : float, optional
        End of the colour scale in dB; by default the strongest effect. Published figures take 2.5 for
        super-resolution, 1 for denoising, 2 for deraining.
    power : float, default 1
        Colours follow |effect| to 1 / `power`; published figures take 1.2.

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
    >>> given = {"reference": hr, "fine": 6, "progress": False}
    >>> cem = lam.causal_effect(net, lam.images.downscale(hr, 4), lam.Region(96, 96, 32), **given)
    >>> causal(cem).data[1].z.shape
    (32, 32)
    """
    check(dataset, INPUT)
    if "effect" not in dataset:
        raise InputError("dataset: has no 'effect'; expected a result of lam_nb.causal_effect.")
    effect = dataset["effect"].values
    strongest = float(np.nanmax(np.abs(effect))) or 1.0
    end = strongest if clip is None else positive("clip", clip, "an effect in dB")
    exponent = 1 / positive("power", power, "a power")
    shown = np.sign(effect) * np.minimum(np.abs(effect) / end, 1) ** exponent
    titles = ["network input", "causal effect", "interventions"]
    figure = make_subplots(rows=1, cols=3, subplot_titles=titles, horizontal_spacing=0.09)
    size = dataset.sizes[Y], dataset.sizes[X]
    pictures.place(figure, pictures.colour_source(dataset[INPUT].values), size, 1, 1, "input px")
    ticks = np.array([-1, -0.5, 0, 0.5, 1])
    bar = {"title": {"text": "dB", "side": "right"}, "thickness": 12, "len": 0.9, "x": 0.64, "tickfont_size": 12}
    bar |= {"tickvals": ticks, "ticktext": [f"{np.sign(t) * end * abs(t) ** (1 / exponent):.2g}" for t in ticks]}
    data = np.stack([effect, dataset["standard_error"].values, dataset["draws"].values], -1)
    hover = "block at y %{y}, x %{x}<br>%{customdata[0]:+.3f} ± %{customdata[1]:.3f} dB"
    hover += "<br>%{customdata[2]} interventions<extra></extra>"
    place = {"x": dataset[BLOCK_X].values, "y": dataset[BLOCK_Y].values, "customdata": data, "hovertemplate": hover}
    colours = {"zmin": -1, "zmax": 1, "colorscale": pictures.DIVERGING, "colorbar": bar}
    figure.add_trace(go.Heatmap(z=shown, **place, **colours), row=1, col=2)
    count = {"title": {"text": "draws", "side": "right"}, "thickness": 12, "len": 0.9, "x": 1.0, "tickfont_size": 12}
    figure.add_trace(go.Heatmap(z=dataset["draws"].values, **place, colorscale="Greys", colorbar=count), row=1, col=3)
    for column in (2, 3):
        pictures.pixel_axes(figure, size, 1, column, "input px")
    for column in (1, 2, 3):
        pictures.box(figure, dataset, 1, column, dataset.attrs["scale"])
    pictures.dress(figure, _caption(dataset), 1120, _HEIGHT, l=60, r=40, t=120, b=50)
    figure.update_layout(showlegend=False)
    return View(figure)


def _caption(dataset: xr.Dataset) -> str:
    told, effect = dataset.attrs, dataset["effect"].values
    counts = [f"{int(dataset[name])} {word}" for name, word in _WORDS.items()]
    how = f"blocks of {told['block']} px, {told['pictures_computed']:,} interventions, seed {told['seed']}"
    numbers = f"{np.nanmin(effect):+.2f} to {np.nanmax(effect):+.2f} dB · {', '.join(counts)}"
    origin = f"without intervention {float(dataset['quality_origin']):.2f} dB"
    small = f"<span style='font-size:12px'>{how} · {origin}<br>{numbers}</span>"
    return f"<b>{told['network']}</b> · {pictures.where(told)}<br>{small}"


_WORDS = {"positive": "help", "negative": "harm", "zero": "without effect", "own": "of the region"}
