"""The path panel of the paper: what happens along paths, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ... import statistics
from ...result import ALPHA, DETECTOR_END, DETECTOR_START, GRADIENT, INTEGRAND, PATH, X, Y, check, facts
from .. import kit
from ..kit import View

_SHOWN, _LINE = 5, 18
_MEANS = (
    "Above: pictures on the way from the baseline to the image, and below each how the detector answers to its pixels.",
    "Curves: the detector; how fast the path changes the picture; what has been gathered, and the line it must reach.",
)


def path_panel(results: xr.Dataset | Mapping[str, xr.Dataset]) -> View:
    """Show images and gradients along the way, the detector, the path's speed, and attribution as it gathers.

    After a figure of Gu & Dong (arXiv 2011.11036): for each path, five images on it with the gradients
    there, D along alpha, how fast the image changes, and the gathered sum with the line it must reach.

    Parameters
    ----------
    results : xarray.Dataset, or mapping of str to xarray.Dataset
        Of `lam_nb.attribute`, one or several to compare, such as LAM and integrated gradients.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.

    Raises
    ------
    InputError
        If path, gradient or integrand were not kept.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), steps=8, progress=False)
    >>> len(path_panel({"LAM": ds}).layout.images)
    10
    """
    named = results if isinstance(results, Mapping) and not isinstance(results, xr.Dataset) else {"": results}
    kit.listed("results", list(named.values()), "lam_nb.attribute")
    count = len(named)
    stills: list[dict[str, int] | None] = [{} for _ in range(_SHOWN)]
    curve: list[dict[str, int] | None] = [{"colspan": _SHOWN}, *[None] * (_SHOWN - 1)]
    specs = [stills] * (2 * count) + [curve] * 3
    heights = [1.0] * (2 * count) + [0.9] * 3
    figure = make_subplots(rows=2 * count + 3, cols=_SHOWN, specs=specs, row_heights=heights, vertical_spacing=0.035)
    colours = kit.LINES
    for k, (name, one) in enumerate(named.items()):
        facts(check(one, PATH, GRADIENT, INTEGRAND))
        _stills(figure, one, 2 * k + 1, str(name))
        _curves(figure, one, 2 * count + 1, str(name) or "result", colours[k % len(colours)])
    labels = ["detector D", "speed of the path<br>(intensity per α)", "gathered attribution<br>dotted: must reach"]
    for k, label in enumerate(labels):
        figure.update_yaxes(title_text=label, row=2 * count + 1 + k, col=1, **kit.AXIS)
        figure.update_xaxes(range=[0, 1], row=2 * count + 1 + k, col=1, **kit.AXIS)
    figure.update_xaxes(title_text="α, position on the path (0 baseline, 1 image)", row=2 * count + 3, col=1)
    height = 150 * 2 * count + 170 * 3 + 150 + _LINE * (count - 1)
    first = next(iter(named.values()))
    margins = {"l": 90, "r": 20, "t": 110 + _LINE * (count - 1), "b": 60}
    question = "What happens on the way from the baseline to the picture?"
    figure.update_layout(**kit.look(first, height, question) | {"width": 900}, margin=margins)
    if count > 1:
        kit.dress(figure, _caption(named, question), 900, height, **margins)
    figure.update_layout(legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right"})
    kit.explain(figure, [*_MEANS, *kit.glossary(first.attrs)])
    return View(figure, made_from=("path_panel", named))


def _caption(named: Mapping[str, xr.Dataset], question: str) -> str:
    """Return the question, the window, and how each result was made and what came out."""
    network, settings, _ = kit.lines(next(iter(named.values())))
    how = {name: f"{kit.how(one.attrs)} · diffusion index {kit.index_words(one)}" for name, one in named.items()}
    who = f"<b>{network}</b> · {settings.partition(' · ')[0]}"
    each = (f"<b>{name}</b> · {words}" for name, words in how.items())
    return f"<b>{question}</b>{kit.small(who, *each)}"


def _stills(figure: go.Figure, one: xr.Dataset, row: int, name: str) -> None:
    size = one.sizes[Y], one.sizes[X]
    chosen = kit.spread(one.sizes[ALPHA], _SHOWN)
    slopes = statistics.sensitivity(one)
    end = kit.limit(slopes.values)
    for column, k in enumerate(chosen, start=1):
        image = one[PATH].isel({ALPHA: k}).values
        kit.place(figure, kit.colour_source(image), size, row, column, "")
        source = kit.laid_source(slopes.isel({ALPHA: k}).values, image, end)
        kit.place(figure, source, size, row + 1, column, "")
        figure.update_xaxes(title_text=f"α {float(one[ALPHA][k]):.2f}", row=row + 1, col=column)
        for line in (row, row + 1):
            figure.update_xaxes(showticklabels=False, ticks="", row=line, col=column)
            figure.update_yaxes(showticklabels=False, ticks="", title_text=None, row=line, col=column)
        figure.update_xaxes(title_text=None, row=row, col=column)
    for line, label in ((row, "image"), (row + 1, "gradient")):
        figure.update_yaxes(title_text=f"{name}<br>{label}" if name else label, row=line, col=1)


def _curves(figure: go.Figure, one: xr.Dataset, row: int, name: str, colour: str) -> None:
    alphas = one[ALPHA].values
    start, end = float(one[DETECTOR_START]), float(one[DETECTOR_END])
    style: dict[str, object] = {"mode": "lines", "line": {"color": colour, "width": 2}}
    style |= {"legendgroup": name, "name": name}
    lines = {
        row: ([0, *alphas, 1], [start, *statistics.response(one).values, end]),
        row + 1: (alphas, statistics.speed(one).values),
        row + 2: (alphas, statistics.gathered(one).values),
    }
    for line, (x, y) in lines.items():
        figure.add_trace(go.Scatter(x=x, y=y, **style, showlegend=line == row), row=line, col=1)
    goal = {"mode": "lines", "line": {"color": colour, "width": 1, "dash": "dot"}, "showlegend": False}
    figure.add_trace(go.Scatter(x=[0, 1], y=[end - start] * 2, **goal, hoverinfo="skip"), row=row + 2, col=1)
