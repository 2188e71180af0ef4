"""Theme: colours, letters and the looks of axes that all figures share."""

from __future__ import annotations

import plotly.graph_objects as go

from ...validation import choose

DIVERGING = "RdBu_r"
"""Red adds to the detector, blue takes away, white is nothing; told apart by colour-blind readers."""
FONT = {"family": "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif", "size": 13, "color": "#222"}
AXIS = {"title_font_size": 12, "tickfont_size": 12, "ticks": "outside"}
"""How axes of curves look."""
BOX = "#00a651"
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Colours of curves; told apart by colour-blind readers."""


def dress(figure: go.Figure, words: str, width: int | None, height: int, **margins: int) -> None:
    """Give a figure that is of no single result its caption, font, size and margins (l, r, t, b)."""
    title = {"text": words, "x": 0.01, "y": 1 - 22 / height, "yanchor": "top"}
    figure.update_layout(title=title, template="plotly_white", font=FONT, width=width, height=height, margin=margins)


def is_common(scale: str) -> bool:
    """Return whether maps share one colour scale: of "common" and "own".

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> is_common("own")
    False
    """
    return choose("scale", scale, ("own", "common")) == "common"


def scale_words(common: bool) -> str:
    """Return in words whose colour scale it is.

    Examples
    --------
    >>> scale_words(False)
    'a colour scale each'
    """
    return "one colour scale for all" if common else "a colour scale each"
