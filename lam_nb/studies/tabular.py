"""Tabular: what a sweep's table says of networks and pictures, also where each picture has windows of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .. import result
from ..result.ledger import columns
from ..validation import InputError


def one_setting(table: xr.Dataset) -> xr.Dataset:
    """Return a table of one setting; refuse one of several, and say how to select.

    Examples
    --------
    >>> two = xr.Dataset({"diffusion_index": ("setting", [1.0, 2.0])}, {"setting": ["steps 4", "steps 5"]})
    >>> one_setting(two)
    Traceback (most recent call last):
    lam_nb.InputError: table: holds 2 settings (steps 4, steps 5); select one: table.sel(setting='steps 4').
    """
    if columns.SETTING not in result.check(table).coords:
        return table
    found = list(dict.fromkeys(np.atleast_1d(table[columns.SETTING].values).tolist()))
    if len(found) > 1:
        how = f"table.sel(setting={found[0]!r})"
        if columns.CELL in table.dims:
            how = f"table.isel(cell=table.setting == {found[0]!r})"
        shown = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise InputError(f"table: holds {len(found)} settings ({shown}); select one: {how}.")
    return table.squeeze(columns.SETTING, drop=True) if columns.SETTING in table.dims else table


def of_pictures(table: xr.Dataset) -> xr.Dataset:
    """Return numbers of networks and pictures (model, image, region), of any table of `lam_nb.sweep`.

    Where pictures have windows of their own, each number is the mean over a picture's windows, of pictures that all
    networks have seen. Where maps differ in size, the diffusion index is that on a common canvas. Maps are not read.

    Parameters
    ----------
    table : xarray.Dataset

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    InputError
        If it is of several settings, or networks have no picture in common.

    Examples
    --------
    >>> cells = {"network": ("cell", ["a", "a", "b"]), "picture": ("cell", ["x", "x", "x"])}
    >>> flat = xr.Dataset({"diffusion_index": ("cell", [1.0, 3.0, 5.0])}, cells)
    >>> of_pictures(flat).diffusion_index.values.tolist()
    [[[2.0]], [[5.0]]]
    """
    table = one_setting(table)
    if result.DIFFUSION_INDEX_COMMON in table:
        table = table.assign({result.DIFFUSION_INDEX: table[result.DIFFUSION_INDEX_COMMON]})
    return _grouped(table) if columns.CELL in table.dims else table


def _grouped(table: xr.Dataset) -> xr.Dataset:
    numbers = [name for name in (result.DIFFUSION_INDEX, result.PSNR) if name in table]
    keys = {name: table[name].values for name in (columns.NETWORK, columns.PICTURE)}
    frame = pd.DataFrame({**keys, **{name: table[name].values for name in numbers}})
    means = frame.groupby(list(keys), sort=False)[numbers].mean()
    models, pictures = (list(dict.fromkeys(one)) for one in keys.values())
    seen = {name: set(frame[columns.PICTURE][frame[columns.NETWORK] == name]) for name in models}
    common = [one for one in pictures if all(one in found for found in seen.values())]
    if not common:
        raise InputError("table: no picture was seen by all networks; select networks that saw the same pictures.")
    places = pd.MultiIndex.from_product([models, common])
    shape = len(models), len(common)
    grids = {name: means[name].reindex(places).to_numpy().reshape(shape) for name in numbers}
    dims = (result.MODEL, result.IMAGE)
    variables = {name: xr.Variable(dims, values, table[name].attrs) for name, values in grids.items()}
    index = variables[result.DIFFUSION_INDEX]
    variables[result.DIFFUSION_INDEX] = xr.Variable((*dims, result.REGION), index.values[..., None], index.attrs)
    labels = {result.MODEL: np.array(models, object), result.IMAGE: np.array(common, object)}
    return xr.Dataset(variables, labels, table.attrs)
