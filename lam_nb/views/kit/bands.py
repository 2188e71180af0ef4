"""Bands: a curve with its interval around it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

__all__ = ["SHADE", "curve"]
SHADE = 0.15
"""Opacity of an interval's band."""


def curve(
    x: NDArray[np.floating],
    middle: NDArray[np.floating],
    ends: tuple[NDArray[np.floating], NDArray[np.floating]],
    colour: str,
    **look: object,
) -> tuple[go.Scatter, go.Scatter]:
    """Return the band of an interval, and the curve in it; infinite numbers have no place.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0]), np.array([3.0, np.inf])
    >>> [len(one.x) for one in curve(x, y, (y - 1, y + 1), "#2f7ed8", name="mine")]
    [2, 2]
    """
    known = np.isfinite(ends[0]) & np.isfinite(ends[1])
    across, low, high = x[known], ends[0][known], ends[1][known]
    shade = {"fillcolor": colour, "opacity": SHADE, "line": {"color": colour}, "mode": "none"}
    around = {"x": [*across, *across[::-1]], "y": [*high, *low[::-1]], "fill": "toself"}
    band = go.Scatter(**around, **shade, hoverinfo="skip", showlegend=False, legendgroup=look.get("legendgroup"))
    line = {"mode": "lines+markers", "line": {"color": colour}, "marker": {"color": colour, "size": 7}}
    return band, go.Scatter(x=x, y=np.where(np.isfinite(middle), middle, np.nan), **line, **look)
