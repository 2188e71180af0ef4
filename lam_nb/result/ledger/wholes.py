"""Wholes: a result that a row keeps as it is: numbers as arrays, what is text, and how they belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from .. import names
from ..stacking import numbered, stacked
from . import columns, segments
from .assembly import matched
from .place import Place
from .segments import Arrays, Row


def packed(dataset: xr.Dataset) -> tuple[Row, Arrays]:
    """Return what a row keeps of a result, and its arrays.

    Examples
    --------
    >>> row, arrays = packed(xr.Dataset({"score": ("layer", [1.0, 2.0])}, {"layer": ["a", "b"]}))
    >>> list(arrays), json.loads(row["whole"])["text"]
    (['score'], {'layer': ['a', 'b']})
    """
    known = dataset.variables
    arrays = {str(name): np.asarray(one.values) for name, one in known.items() if one.dtype.kind in "biuf"}
    told = {
        "dims": {str(name): [str(dim) for dim in one.dims] for name, one in known.items()},
        "attributes": {str(name): one.attrs for name, one in known.items()},
        "text": {str(name): one.values.tolist() for name, one in known.items() if str(name) not in arrays},
        "coordinates": [str(name) for name in dataset.coords],
        "facts": dataset.attrs,
    }
    return {columns.WHOLE_RESULT: json.dumps(told, default=_plain)}, arrays


def unpacked(told: Mapping[str, dict[str, dict[str, str]]], arrays: Arrays) -> xr.Dataset:
    """Return the result that was packed."""
    texts = {name: np.array(values, object) for name, values in told["text"].items()}
    values = {**arrays, **texts}
    dims, attributes = told["dims"], told["attributes"]
    variables = {name: xr.Variable(dims[name], values[name], attributes[name]) for name in dims}
    coordinates = {name: one for name, one in variables.items() if name in told["coordinates"]}
    return xr.Dataset(
        {name: one for name, one in variables.items() if name not in coordinates}, coordinates
    ).assign_attrs(told["facts"])


def together(place: Place, asked: pd.DataFrame, rows: pd.DataFrame) -> xr.Dataset:
    """Return the results of rows along the dimension ``model``: labels that some do not have are not numbers there.

    Where rows are of several sets of pictures, or settings, the coordinates ``picture`` and ``setting`` tell which.
    """
    at, failures = matched(asked, rows)
    known = at >= 0
    labels = numbered([str(one) for one in asked[columns.NETWORK]])
    about = {
        names.DONE: known.astype("int8"),
        names.FAILURE: failures,
    } | {name: asked[name].astype(str).to_numpy(object) for name in (columns.PICTURE, columns.SETTING)}
    whole = xr.Dataset({name: (names.MODEL, values) for name, values in about.items()}, {names.MODEL: labels})
    whole = whole.set_coords([columns.PICTURE, columns.SETTING])
    if not known.any():
        return whole
    parts = _alike([_read(place, row) for row in rows.iloc[at[known]].to_dict("records")])
    held = stacked(parts, names.MODEL).assign_coords({names.MODEL: labels[known]})
    return held.reindex({names.MODEL: labels}).assign(whole.data_vars).assign_coords(whole.coords)


def _read(place: Place, row: Mapping[str, object]) -> xr.Dataset:
    return unpacked(json.loads(str(row[columns.WHOLE_RESULT])), segments.arrays_of(place, row))


def _alike(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Return results with the same labels along every dimension, in the order in which they first occur."""
    dims = {str(name) for one in parts for name in one.indexes}
    labels = {
        name: list(dict.fromkeys(x for one in parts if name in one for x in one[name].values.tolist())) for name in dims
    }
    return [
        one.reindex({name: known for name, known in labels.items() if list(one[name].values) != known}) for one in parts
    ]


def _plain(value: object) -> object:
    """Return a number of numpy as one of Python."""
    return value.item() if isinstance(value, np.generic) else str(value)
