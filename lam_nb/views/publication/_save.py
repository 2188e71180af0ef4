"""Files for print: PDF, SVG or PNG of a stated width, the same bytes for the same result, with its provenance."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from ...result import replacing
from ...validation import InputError, address, whole
from ...version import __version__
from ..kit import View
from ._painting import letters
from ._publish import publish


def save(
    shown: xr.Dataset | View,
    path: str | os.PathLike[str],
    *,
    width: float | str = 170.0,
    dpi: int = 300,
    **settings: Any,
) -> Path:
    """Write the figure of `publish` as a file: whole or not at all, the same bytes for the same result.

    The file tells where it comes from: PDF and SVG in their metadata, PNG in its text.

    Parameters
    ----------
    shown : xarray.Dataset or View
        What `publish` takes.
    path : path-like
        Ends in .pdf, .svg or .png.
    width : float or str, default 170
        In mm, or a name, as for `publish`; a column of a paper is about 85, a page 170.
    dpi : int, default 300
        Of PNGs, and of pictures in the others.
    **settings
        Of `publish`: rows, scale, best.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the ending is another, matplotlib is missing, or a setting does not fit.

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
    fine = whole("dpi", dpi, most=10_000)
    figure = publish(shown, width=width, **settings)
    with letters(), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=fine, metadata=_metadata(shown, path.suffix))
    return path


def _metadata(shown: xr.Dataset | View, ending: str) -> dict[str, Any]:
    """Return what a file tells of itself; nothing in it changes from day to day."""
    told = json.dumps(_provenance(shown), default=str, sort_keys=True)
    maker = f"lam_nb {__version__}"
    if ending == ".pdf":
        return {"Creator": maker, "Producer": maker, "Subject": told, "CreationDate": None}
    if ending == ".svg":
        return {"Creator": maker, "Description": told, "Date": None}
    return {"Software": maker, "Description": told}


def _provenance(shown: xr.Dataset | View) -> Mapping[str, Any]:
    data = shown if isinstance(shown, xr.Dataset) else (shown.made_from or ("", None))[1]
    if isinstance(data, Mapping) and not isinstance(data, xr.Dataset):
        return {str(name): dict(one.attrs) for name, one in data.items()}
    if not isinstance(data, xr.Dataset):
        return {}
    columns = {str(name): one.values.tolist() for name, one in data.coords.items() if one.dtype.kind == "O"}
    return {**columns, **data.attrs}
