"""The scaling view: what width and depth do to the diffusion index and to quality."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from ...result import AXIS, COMPARED, DIFFUSION_INDEX, ENDS, MODEL, PSNR, QUANTITY, SPEARMAN, check
from .. import kit
from ..kit import View

_MEANS = (
    "Each point is a network of one family, by its mean over the images; lines join widths, or depths.",
    "Spearman: whether more goes with more: 1 always, 0 not at all, −1 always with less.",
)
_LOOK = {**kit.AXIS, "zeroline": False}


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
    check(study, DIFFUSION_INDEX, PSNR, COMPARED, SPEARMAN)
    axes = [str(one) for one in study[AXIS].values]
    titles, specs = [_correlated(study, axis) for axis in axes], [[{"secondary_y": True}] * len(axes)]
    figure = make_subplots(rows=1, cols=len(axes), specs=specs, horizontal_spacing=0.16, subplot_titles=titles)
    for column, axis in enumerate(axes, start=1):
        one = study.isel({MODEL: study[COMPARED].sel({AXIS: axis}).values}).sortby(axis)
        for k, (quantity, label) in enumerate({DIFFUSION_INDEX: "diffusion index", PSNR: "PSNR (dB)"}.items()):
            place = {"row": 1, "col": column, "secondary_y": bool(k)}
            figure.add_trace(_line(one, axis, quantity, label, k), **place)
            figure.update_yaxes(
                title_text=f"{label} ({'dots' if k else 'line'})",
                showgrid=not k,
                tickformat=".1f" if k else "",
                **place,
                **_LOOK,
            )
        look = {"type": "log", "tickvals": np.unique(one[axis].values), **_LOOK}
        figure.update_xaxes(title_text=f"{axis} ({one[axis].attrs['units']})", row=1, col=column, **look)
    told = study.attrs
    how = f"{study.sizes[MODEL]} networks, {told['images']} images, 95 % intervals by drawing images again"
    words = f"<b>What do width and depth do?</b>{kit.small(how)}"
    kit.dress(figure, words, 1000, 440, l=70, r=70, t=120, b=60)
    figure.update_annotations(font_size=12)
    kit.explain(figure, [*_MEANS, kit.INTERVALS, kit.INDEX])
    return View(figure)


def _line(one: xr.Dataset, axis: str, quantity: str, label: str, k: int) -> go.Scatter:
    hover = f"%{{customdata}}<br>{axis} %{{x}}<br>{label} %{{y:.3f}}<extra></extra>"
    look = {"mode": "lines+markers", "line": {"color": kit.LINES[k], "dash": "dot" if k else "solid"}}
    data = {"x": one[axis].values, "y": one[quantity].values, "error_y": kit.error_bars(one, quantity)}
    return go.Scatter(**data, **look, name=label, customdata=one[MODEL].values, hovertemplate=hover, showlegend=False)


def _correlated(study: xr.Dataset, axis: str) -> str:
    one = study.sel({AXIS: axis})
    words = []
    for quantity, name in ((DIFFUSION_INDEX, "DI"), (PSNR, "PSNR")):
        middle, low, high = (float(one[SPEARMAN + end].sel({QUANTITY: quantity})) for end in ENDS)
        words.append(f"{name} {middle:+.2f} [{low:+.2f}, {high:+.2f}]")
    return f"<b>{axis}</b><br>Spearman: {words[0]}<br>{words[1]}"
