"""Captions: what was computed, of which window, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from ... import statistics
from ...result import DIFFUSION_INDEX_ERROR, QUADRATURE_ERROR, X, Y, check, facts
from .theme import FONT


def caption(dataset: xr.Dataset) -> str:
    """Return two lines for the top of a figure: what was computed, and what came out.

    Examples
    --------
    >>> caption(xr.Dataset())
    Traceback (most recent call last):
    lam_nb.types.InputError: dataset: has no 'quadrature_error'; expected a result of lam_nb.attribute.
    """
    check(dataset, QUADRATURE_ERROR)
    told = facts(dataset)
    how = f"path {told['path']} · detector {told['detector']} · rule {told['rule']}, {told['steps']} steps"
    numbers = (
        f"diffusion index {float(statistics.diffusion_index(dataset)):.2f}{_give_or_take(dataset)} "
        f"on {dataset.sizes[Y]} × {dataset.sizes[X]} px"
        f" · completeness gap {float(statistics.completeness(dataset)):+.1%}"
        f" · estimated error of the map {float(dataset[QUADRATURE_ERROR]):.1%}"
    )
    return f"<b>{told['network']}</b> · {where(told)}{small(how, numbers)}"


def where(told: Mapping[str, Any]) -> str:
    """Return in words which window a result is of.

    Examples
    --------
    >>> where({"region_y": 3, "region_x": 4, "region_size": 5})
    'region y=3, x=4, 5 × 5 px'
    """
    return f"region y={told['region_y']}, x={told['region_x']}, {told['region_size']} × {told['region_size']} px"


def small(*lines: str) -> str:
    """Return lines of small print, to follow a caption's first line.

    Examples
    --------
    >>> small("50 steps")
    "<br><span style='font-size:12px'>50 steps</span>"
    """
    return f"<br><span style='font-size:12px'>{'<br>'.join(lines)}</span>"


def look(dataset: xr.Dataset, height: int) -> dict[str, Any]:
    """Return the layout that all figures of a result share: caption, font, as wide as its place."""
    title = {"text": caption(dataset), "x": 0.01, "y": 1 - 22 / height, "yanchor": "top"}
    return {"title": title, "template": "plotly_white", "font": FONT, "autosize": True, "height": height}


def _give_or_take(dataset: xr.Dataset) -> str:
    if DIFFUSION_INDEX_ERROR not in dataset:
        return ""
    return f" ± {max(float(dataset[DIFFUSION_INDEX_ERROR]), 0.01):.2f}"
