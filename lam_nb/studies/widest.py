"""Widest: at which pictures networks look widely."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .. import result
from .tabular import of_pictures

TABLE = result.Table(
    {
        result.LARGEST: ((result.IMAGE,), "largest diffusion index over networks", "1"),
        result.MEAN: ((result.IMAGE,), "mean diffusion index over networks", "1"),
        result.WIDEST: ((result.IMAGE,), "network that looks most widely", "1"),
    },
    maker="lam_nb.studies.content",
    coordinates={result.IMAGE: ((result.IMAGE,), "picture", "1")},
)


def content(table: xr.Dataset) -> xr.Dataset:
    """Sort images by the widest look that any network took at them: what makes networks look widely.

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.sweep`.

    Returns
    -------
    xarray.Dataset
        ``largest``, ``mean`` diffusion index (image), widest first, and the ``widest`` network's name.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(["fsrcnn", "residual"], ["bricks", "facade"], [lam.Region(96, 96)], **settings)
    >>> bool(content(table).largest[0] >= content(table).largest[1])
    True
    """
    table = of_pictures(result.check(table, result.DIFFUSION_INDEX))
    index = table[result.DIFFUSION_INDEX].mean(result.REGION)
    largest = index.max(result.MODEL)
    order = np.argsort(-largest.values, kind="stable")
    names = table[result.MODEL].values[index.fillna(-np.inf).argmax(result.MODEL).values]
    values = {result.LARGEST: largest.values, result.MEAN: index.mean(result.MODEL).values, result.WIDEST: names}
    pictures = table[result.IMAGE].values[order]
    facts = {"images": len(order), "networks": table.sizes[result.MODEL]}
    return TABLE.build({name: row[order] for name, row in values.items()}, {result.IMAGE: pictures}, facts=facts)
