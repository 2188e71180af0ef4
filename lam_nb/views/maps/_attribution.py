"""The attribution view: one map beside the pictures it explains."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from ... import statistics
from ...result import INPUT, OUTPUT, REFERENCE, check, facts
from ...validation import switch
from .. import kit
from ..kit import View


def attribution(dataset: xr.Dataset, *, bare: bool = False) -> View:
    """Show the map over the grey picture, the network's input and its output, with the region; hover reads values.

    Red pixels add to the detector, blue ones take away; the stronger, the more opaque. The colour scale is
    symmetric; the strongest fifth of the pixels that count are shown in its end colours, which are marked. The
    map is shown where 99 % of it lies, with the whole beside; double-click shows the whole. A ground truth that
    was given stands beside the output.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.attribute`, with ``input`` and ``output`` kept (the default).
    bare : bool, default False
        Show the map alone, on white, and the whole of it.

    Returns
    -------
    View
        A plotly figure, with ``to_html(path)``.
        Its first trace holds the map (`lam_nb.statistics.signed`).

    Raises
    ------
    InputError
        If a variable was not kept.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("imdn-small"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), steps=6, progress=False)
    >>> attribution(ds).data[0].z.shape
    (64, 64)
    """
    check(dataset, INPUT, OUTPUT)
    switch("bare", bare)
    told = facts(dataset)
    pictures = {INPUT: "network input", OUTPUT: "network output", REFERENCE: "ground truth"}
    shown = [name for name in pictures if name in dataset]
    titles = [*(pictures[name] for name in shown), "attribution"]
    figure = make_subplots(
        rows=1,
        cols=len(titles),
        subplot_titles=titles,
        horizontal_spacing=0.07 if len(titles) == 3 else 0.05,
    )
    _draw_map(
        figure, statistics.signed(dataset), None if bare else dataset[INPUT].values, kit.pushes(told), len(titles)
    )
    for column, name in enumerate(shown, start=1):
        values = dataset[name].values
        units = "input px" if name == INPUT else "output px"
        kit.place(figure, kit.colour_source(values), values.shape[-2:], 1, column, units)
        kit.box(figure, dataset, 1, column, facts(dataset)["scale"] if name == INPUT else 1)
    kit.box(figure, dataset, 1, len(titles), told["scale"])
    figure.update_annotations(font_size=14)
    figure.update_layout(**kit.look(dataset, height=460), margin={"l": 65, "r": 20, "t": 120, "b": 50})
    kit.explain(figure, kit.glossary(told))
    return View(figure, made_from=("grid", dataset))


def _draw_map(
    figure: go.Figure, values: xr.DataArray, picture: NDArray[np.floating] | None, words: str, column: int
) -> None:
    end = kit.limit(values.values)
    title = {"text": f"{words} ({values.attrs['units']})", "side": "right", "font": {"size": 12}}
    ticks, labels = kit.ends(end)
    figure.add_trace(
        go.Heatmap(
            z=values.values,
            zmin=-end,
            zmax=end,
            colorscale=kit.DIVERGING if picture is None else kit.over_scale(),
            colorbar={"title": title, "thickness": 12, "tickvals": ticks, "ticktext": labels, "tickfont_size": 12},
            hovertemplate="y %{y}, x %{x}<br>%{z:.3g} " + values.attrs["units"] + "<extra></extra>",
        ),
        row=1,
        col=column,
    )
    rows, columns = values.shape
    kit.pixel_axes(figure, (rows, columns), 1, column, "input px")
    if picture is not None:
        kit.under(figure, kit.grey_source(picture), (rows, columns), 1, column)
        kit.show(figure, kit.frame(values.values), kit.laid_source(values.values, picture, end), 1, column)
