"""The figure that papers print: chosen rows, a column for each network, letters that can be read at its width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import xarray as xr

from ...result import (
    ATTRIBUTION,
    EFFECT,
    INPUT,
    OUTPUT_SHARE,
    PEARSON,
    REFERENCE,
    check,
)
from ...validation import InputError, choose, positive, switch
from .. import kit
from ..kit import View
from . import _charts, _grid, _plotly, _ways
from ._painting import INCH, letters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTHS = {"cvpr-column": 82.55, "cvpr-text": 174.6, "ieee": 88.9, "elsevier": 90.0, "column": 85.0, "page": 170.0}
"""Widths in mm by the name of who prints."""
Painter: TypeAlias = Callable[["Figure", Any, float], None]
_PAINTERS: Mapping[str, Painter] = {
    "faithfulness": _charts.curves,
    "di_scatter": _charts.scatter,
    "causal": _charts.causal,
    "progression": _ways.stills,
    "path_panel": _ways.panel,
    "view": _plotly.draw,
}


def publish(
    shown: xr.Dataset | View,
    rows: str | Sequence[str] | None = None,
    *,
    width: float | str = 170.0,
    scale: str = "own",
    best: bool = False,
) -> Figure:
    """Draw a figure for a paper, as matplotlib's, to be amended or saved: letters stay letters, pixels stay sharp.

    Of attribution results a column is drawn for each network, of a single one its pictures in a row; numbers stand
    below: the diffusion index with its error (that of the integration) and the PSNR of the window. The window is
    outlined, and its patch framed, in one colour.

    Parameters
    ----------
    shown : xarray.Dataset or View
        Of `lam_nb.attribute` (one region) or `lam_nb.compare`; of `lam_nb.causal_effect`,
        `lam_nb.faithfulness.curves`, `lam_nb.studies.di_against_psnr`; or what a view of these returned, such as
        ``lam.views.progression(ds)``. Any other view is drawn as it stands on the screen.
    rows : str or sequence of str, optional
        For attribution: "truth" (a column of its own beside several networks), "output", "patch", "overlay",
        "map", "area", "field", from above. By default truth, if there is one, or output; overlay; area; patch.
    width : float or str, default 170
        In mm, or "cvpr-column", "cvpr-text", "ieee", "elsevier", "column" (85), "page" (170).
    scale : "own" or "common", default "own"
        A colour scale for each map, or one for all, in shares of their sums of magnitudes.
    best : bool, default False
        Print the highest PSNR in bold.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If a row or width is unknown, a row needs what was not kept, matplotlib is missing, or the dataset is of
        another kind.

    Examples
    --------
    >>> import lam_nb as lam
    >>> hr = lam.images.sample("facade")
    >>> many = lam.compare(["fsrcnn", "residual"], lam.images.downscale(hr, 4), (160, 184, 16), reference=hr, steps=4)
    >>> figure = publish(many, ["truth", "overlay", "patch"], width="cvpr-column")
    >>> [round(side * 25.4) for side in figure.get_size_inches()][0]
    83
    """
    inches = _inches(width)
    kind, data = what(shown)
    with letters():
        figure = _figure(inches)
        if kind == "grid":
            chosen = _rows(rows, data)
            _grid.draw(figure, data, chosen, inches, common=kit.is_common(scale), best=switch("best", best))
        elif rows is not None:
            raise InputError(f"rows: got {rows!r} for {kind}, expected a result of lam_nb.attribute or lam_nb.compare.")
        else:
            _PAINTERS[kind](figure, data, inches)
    return figure


def what(shown: xr.Dataset | View) -> tuple[str, Any]:
    """Return what is to be drawn, and of what.

    Raises
    ------
    InputError
        If it is neither a view nor a result.
    """
    if isinstance(shown, View):
        return ("view", shown) if shown.made_from is None else shown.made_from
    told = {OUTPUT_SHARE: "faithfulness", PEARSON: "di_scatter", EFFECT: "causal"}
    kinds = [kind for name, kind in told.items() if name in check(shown)]
    if not kinds:
        check(shown, ATTRIBUTION)
    return (kinds or ["grid"])[0], shown


def _rows(rows: str | Sequence[str] | None, dataset: xr.Dataset) -> list[str]:
    if rows is None:
        first, over = "truth" if REFERENCE in dataset else "output", "overlay" if INPUT in dataset else "map"
        return [first, over, "area", "patch"]
    if not isinstance(rows, str) and not isinstance(rows, Iterable):
        raise InputError(f"rows: got {rows!r}, expected names among {', '.join(_grid.ROWS)}.")
    chosen = [choose("rows", one, _grid.ROWS) for one in ([rows] if isinstance(rows, str) else rows)]
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"rows: got {rows!r}, expected different names among {', '.join(_grid.ROWS)}.")
    return chosen


def _inches(width: float | str) -> float:
    if isinstance(width, str):
        return WIDTHS[choose("width", width, WIDTHS)] / INCH
    return positive("width", width, "a width in mm", most=2000) / INCH


def _figure(inches: float) -> Figure:
    try:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ModuleNotFoundError:
        raise InputError('figures for print need matplotlib; install it: pip install "lam-nb[publish]"') from None
    narrow = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.03, wspace=0.01, hspace=0.02)
    return Figure(figsize=(inches, inches), layout=narrow)
