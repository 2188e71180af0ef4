"""The scatter of a study: how widely networks look against something else, with intervals."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ...result import AGAINST, DIFFUSION_INDEX, ENDS, MODEL, PEARSON, SPEARMAN, check
from .. import kit
from ..kit import View

_MEANS = (
    "Each point is a network, by its mean over the images.",
    "Pearson and Spearman: how well points follow a line, and an order; 1 fully, 0 not at all, of few also by chance.",
)
_AXIS = {**kit.AXIS, "zeroline": False}


def di_scatter(study: xr.Dataset) -> View:
    """Show networks as points: diffusion index (logarithmic) against PSNR or what the study took.

    Bars are 95 % intervals over images; the caption states both correlations with theirs.

    Parameters
    ----------
    study : xarray.Dataset
        Of `lam_nb.studies.di_against_psnr` or `di_against`.

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
    >>> nets, regions = ["fsrcnn", "residual", "rfdn-small"], [lam.Region(96, 96)]
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> study = lam.studies.di_against_psnr(lam.sweep(nets, ["bricks", "facade"], regions, **settings))
    >>> len(di_scatter(study).data[0].x)
    3
    """
    check(study, DIFFUSION_INDEX, AGAINST, PEARSON, SPEARMAN)
    names = [str(name) for name in study[MODEL].values]
    label, units = study.attrs["against"], study.attrs["against_units"]
    x_values, y_values = study[DIFFUSION_INDEX].values, study[AGAINST].values
    limits = (*np.log(_ends(study, DIFFUSION_INDEX)), *_ends(study, AGAINST))
    places = kit.name_places(names, np.log(x_values), y_values, limits, (730, 370), 12)
    figure = go.Figure(
        go.Scatter(
            x=x_values,
            y=y_values,
            error_x=kit.error_bars(study, DIFFUSION_INDEX, color="#888"),
            error_y=kit.error_bars(study, AGAINST, color="#888"),
            mode="markers+text",
            text=names,
            textposition=places,
            textfont_size=12,
            cliponaxis=False,
            marker={"size": 10, "color": [kit.colours_of(names)[name] for name in names]},
            hovertemplate="%{text}<br>DI %{x:.3g}<br>%{y:.3f} " + units + "<extra></extra>",
        )
    )
    ticks = kit.index_ticks(np.array(_ends(study, DIFFUSION_INDEX)))
    figure.update_xaxes(title_text="diffusion index (logarithmic)", type="log", tickvals=ticks, **_AXIS)
    figure.update_yaxes(title_text=f"{label} ({units})" if units != "1" else label, **_AXIS)
    numbers = [f"{name.capitalize()} {_interval(study, name)}" for name in (PEARSON, SPEARMAN)]
    drawn = "images and networks" if study.attrs.get("over") == "both" else "images"
    how = f"{len(names)} networks, {study.attrs['images']} images, 95 % intervals by drawing {drawn} again"
    lines = kit.small(f"{label} against ln DI: {' · '.join(numbers)}", how)
    words = f"<b>Does looking wide go with {label}?</b>{lines}"
    kit.dress(figure, words, 820, 520, l=70, r=20, t=110, b=60)
    kit.explain(figure, [*_MEANS, kit.INTERVALS, kit.INDEX])
    return View(figure, made_from=("di_scatter", study))


def _ends(study: xr.Dataset, name: str) -> tuple[float, float]:
    """Return the ends of all intervals, infinite ones left out."""
    values = np.concatenate([study[name + end].values for end in ENDS])
    values = values[np.isfinite(values)]
    return (values.min(), values.max()) if len(values) and np.ptp(values) else (0.5, 2.0)


def _interval(study: xr.Dataset, name: str) -> str:
    value, low, high = (float(study[name + suffix]) for suffix in ENDS)
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
