"""Views of studies: width and depth, content, and how much a choice of path or detector changes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ..result import AXIS, CHOICE, DIFFUSION_INDEX, IMAGE, MODEL, PSNR, check
from . import pictures
from .figure import View

_LOOK = {**pictures.AXIS, "zeroline": False}


def scaling(study: xr.Dataset) -> View:
    """Show diffusion index and PSNR over width and over depth of a family, with 95 % intervals.

    Parameters
    ----------
    study : xarray.Dataset
        Of `lam_nb.studies.di_against_size`.

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
    >>> import tempfile, lam_nb as lam
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(["fsrcnn", "residual", "residual-wide"], ["bricks"], [lam.Region(96, 96)], **settings)
    >>> sizes = {"fsrcnn": (8, 1), "residual": (16, 1), "residual-wide": (32, 1)}
    >>> len(scaling(lam.studies.di_against_size(table, sizes)).data)
    2
    """
    check(study, DIFFUSION_INDEX, PSNR, "compared", "spearman")
    axes = [str(one) for one in study[AXIS].values]
    titles, specs = [_correlated(study, axis) for axis in axes], [[{"secondary_y": True}] * len(axes)]
    figure = make_subplots(rows=1, cols=len(axes), specs=specs, horizontal_spacing=0.16, subplot_titles=titles)
    for column, axis in enumerate(axes, start=1):
        one = study.isel({MODEL: study["compared"].sel({AXIS: axis}).values}).sortby(axis)
        for k, (quantity, label) in enumerate({DIFFUSION_INDEX: "diffusion index", PSNR: "PSNR (dB)"}.items()):
            place = {"row": 1, "col": column, "secondary_y": bool(k)}
            figure.add_trace(_line(one, axis, quantity, label, k), **place)
            figure.update_yaxes(
                title_text=label,
                title_font_color=pictures.LINES[k],
                showgrid=not k,
                tickformat=".1f" if k else "",
                **place,
                **_LOOK,
            )
        look = {"type": "log", "tickvals": np.unique(one[axis].values), **_LOOK}
        figure.update_xaxes(title_text=f"{axis} ({one[axis].attrs['units']})", row=1, col=column, **look)
    told = study.attrs
    how = f"{study.sizes[MODEL]} networks, {told['images']} images, 95 % intervals by drawing images again"
    words = f"<b>What width and depth do</b>{pictures.small(how)}"
    pictures.dress(figure, words, 1000, 440, l=70, r=70, t=120, b=60)
    figure.update_annotations(font_size=12)
    return View(figure)


def content(study: xr.Dataset, *, most: int = 30) -> View:
    """Show images by the widest look that any network took at them, and the mean over networks.

    Parameters
    ----------
    study : xarray.Dataset
        Of `lam_nb.studies.content`.
    most : int, default 30
        Images to show: half from the wide end, half from the narrow one.

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
    >>> import tempfile, lam_nb as lam
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(["fsrcnn", "residual"], ["bricks", "facade"], [lam.Region(96, 96)], **settings)
    >>> len(content(lam.studies.content(table)).data[0].y)
    2
    """
    check(study, "largest", "mean", "widest")
    count = study.sizes[IMAGE]
    kept = np.arange(count) if count <= most else np.r_[: most // 2, count - most // 2 : count]
    one = study.isel({IMAGE: kept[::-1]})
    names = [str(name) for name in one[IMAGE].values]
    hover = "%{y}<br>%{x:.2f} (%{customdata})<extra></extra>"
    bars = go.Bar(
        x=one["largest"].values, y=names, orientation="h", name="widest network", marker_color=pictures.LINES[0]
    )
    bars.update(customdata=one["widest"].values, hovertemplate=hover)
    marks = go.Scatter(x=one["mean"].values, y=names, mode="markers", name="mean over networks")
    marks.update(marker={"color": pictures.LINES[1], "size": 9, "symbol": "diamond"})
    figure = go.Figure([bars, marks])
    figure.update_xaxes(title_text="diffusion index", rangemode="tozero", **_LOOK)
    figure.update_yaxes(type="category", automargin=True, **_LOOK)
    how = f"{len(kept)} of {count} images, widest first" if len(kept) < count else f"{count} images, widest first"
    words = f"<b>What makes networks look widely</b>{pictures.small(how)}"
    pictures.dress(figure, words, 820, 190 + 24 * len(kept), l=90, r=20, t=90, b=60)
    figure.update_layout(legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"})
    return View(figure)


def sensitivity(study: xr.Dataset) -> View:
    """Show how alike maps stay, and what becomes of the networks' order, under other paths or detectors.

    Parameters
    ----------
    study : xarray.Dataset
        Of `lam_nb.studies.path_sensitivity` or `detector_sensitivity`.

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
    >>> nets = [lam.networks.load(name) for name in ("fsrcnn", "residual")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> study = lam.studies.path_sensitivity(nets, lr, lam.Region(96, 96), steps=6, progress=False)
    >>> len(sensitivity(study).data)
    4
    """
    check(study, "rank_correlation", "ranking", DIFFUSION_INDEX)
    choices = [str(one) for one in study[CHOICE].values]
    ranks = [f"<br>order {rank:+.2f}" if np.isfinite(rank) else "" for rank in study["ranking"].values]
    order = [one + rank for one, rank in zip(choices, ranks, strict=True)]
    titles = (f"likeness to the map of {choices[0]}", "diffusion index (logarithmic)")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    for k, model in enumerate(study[MODEL].values):
        one = study.sel({MODEL: model})
        look = {"name": str(model), "legendgroup": str(model), "marker_color": pictures.LINES[k % len(pictures.LINES)]}
        hover = f"{model}, %{{customdata}}<br>%{{y:.3f}}<extra></extra>"
        shared = {"x": order, "customdata": choices, "hovertemplate": hover, **look}
        figure.add_trace(go.Bar(y=one["rank_correlation"].values, **shared), row=1, col=1)
        line = {"mode": "lines+markers", "showlegend": False}
        figure.add_trace(go.Scatter(y=one[DIFFUSION_INDEX].values, **line, **shared), row=1, col=2)
    figure.update_yaxes(title_text="rank correlation of pixels", range=[-0.1, 1.05], row=1, col=1, **pictures.AXIS)
    figure.update_yaxes(
        title_text="diffusion index",
        type="log",
        tickvals=pictures.index_ticks(study[DIFFUSION_INDEX].values),
        row=1,
        col=2,
        **_LOOK,
    )
    figure.update_xaxes(type="category", **_LOOK)
    varied = study.attrs["varied"]
    how = "order: rank correlation of the networks' order by diffusion index with the first choice's"
    words = f"<b>What the choice of {varied} changes</b>{pictures.small(how)}"
    pictures.dress(figure, words, 1000, 460, l=70, r=20, t=110, b=70)
    figure.update_annotations(font_size=13)
    return View(figure)


def _line(one: xr.Dataset, axis: str, quantity: str, label: str, k: int) -> go.Scatter:
    hover = f"%{{customdata}}<br>{axis} %{{x}}<br>{label} %{{y:.3f}}<extra></extra>"
    look = {"mode": "lines+markers", "line": {"color": pictures.LINES[k], "dash": "dot" if k else "solid"}}
    data = {"x": one[axis].values, "y": one[quantity].values, "error_y": pictures.error_bars(one, quantity)}
    return go.Scatter(**data, **look, name=label, customdata=one[MODEL].values, hovertemplate=hover, showlegend=False)


def _correlated(study: xr.Dataset, axis: str) -> str:
    one = study.sel({AXIS: axis})
    words = []
    for quantity, name in ((DIFFUSION_INDEX, "DI"), (PSNR, "PSNR")):
        middle, low, high = (float(one["spearman" + end].sel(quantity=quantity)) for end in ("", "_low", "_high"))
        words.append(f"{name} {middle:+.2f} [{low:+.2f}, {high:+.2f}]")
    return f"<b>{axis}</b><br>Spearman: {' · '.join(words)}"
