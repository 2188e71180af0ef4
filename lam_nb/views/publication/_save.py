"""Files for print: PDF, SVG or PNG of a stated width, drawn by matplotlib without a browser."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ...result import INPUT, MODEL, OUTPUT, OUTPUT_SHARE, PEARSON, check, facts, replacing
from ...validation import InputError, address, positive, whole
from ..kit import View
from . import _charts, _maps
from ._painting import LETTER, image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INCH = 25.4


def save(shown: xr.Dataset | View, path: str | os.PathLike[str], *, width: float = 170.0, dpi: int = 300) -> Path:
    """Write a figure for a paper: letters stay letters, lines stay lines, pixels stay sharp.

    Results are drawn anew for print: of `lam_nb.attribute` (input, output, map), `lam_nb.compare` (a
    column per network), `lam_nb.faithfulness.curves` and studies (scatter). Of any other view its
    picture is written.

    Parameters
    ----------
    shown : xarray.Dataset or View
    path : path-like
        Ends in .pdf, .svg or .png; written whole or not at all.
    width : float, default 170
        In mm; a column of a paper is about 85, a page 170.
    dpi : int, default 300
        Of PNGs, and of pictures in the others.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the ending is another, matplotlib is missing, or the dataset is of another kind.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), progress=False)
    >>> save(ds, tempfile.mkdtemp() + "/map.pdf").name
    'map.pdf'
    """
    path = address("path", path)
    if path.suffix not in {".pdf", ".svg", ".png"}:
        raise InputError(f"path: got {path.name}, expected a name that ends in .pdf, .svg or .png.")
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise InputError("path: figures for print need matplotlib; install it: pip install matplotlib") from None
    inches = positive("width", width, "a width in mm", most=2000) / _INCH
    with _letters(), replacing(path) as temporary:
        figure = Figure(figsize=(inches, inches), layout="constrained")
        _paint(figure, shown, inches)
        figure.savefig(temporary, format=path.suffix[1:], dpi=whole("dpi", dpi, most=10_000))
    return path


def _letters() -> AbstractContextManager[None]:
    """Have matplotlib write small letters, and as letters, not as outlines."""
    from matplotlib import rc_context

    return rc_context(
        {
            "font.size": LETTER,
            "axes.titlesize": LETTER,
            "axes.linewidth": 0.5,
            "pdf.fonttype": 42,
            "svg.fonttype": "none",
        }
    )


def _paint(figure: Figure, shown: xr.Dataset | View, inches: float) -> None:
    if isinstance(shown, View):
        return _picture(figure, shown, inches)
    check(shown)
    if OUTPUT_SHARE in shown:
        return _charts.curves(figure, shown, inches)
    if PEARSON in shown:
        return _charts.scatter(figure, shown, inches)
    if MODEL in shown.dims and OUTPUT in shown:
        return _maps.grid(figure, shown, inches)
    check(shown, INPUT, OUTPUT)
    facts(shown)
    return _maps.result(figure, shown, inches)


def _picture(figure: Figure, view: View, inches: float) -> None:
    picture = np.asarray(view.picture())
    figure.set_size_inches(inches, inches * picture.shape[0] / picture.shape[1])
    image(figure.subplots(), picture)
