"""Stacking: results along a new dimension, such as networks or windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import xarray as xr

from ..validation import InputError, text
from .names import ALPHA, INPUT, MODEL, OUTPUT, PATH, REFERENCE, REFINEMENT

_SHARED = (INPUT, OUTPUT, PATH, REFERENCE)
"""Pictures that stay single where they are the same in all."""


def stacked(results: Sequence[xr.Dataset], dimension: str) -> xr.Dataset:
    """Return results as one, along a new first dimension.

    Pictures that are the same in all stay single, but for the outputs of several networks. Attributes
    that differ become coordinates, so that a result selected from the stack still tells them. What belongs
    to nodes is dropped where the nodes differ; shorter histories are continued with their last value.

    Parameters
    ----------
    results : sequence of xarray.Dataset
    dimension : str

    Returns
    -------
    xarray.Dataset

    Examples
    --------
    >>> both = stacked([xr.Dataset({"a": k}, attrs={"seed": k, "task": "x"}) for k in (1, 2)], "run")
    >>> both.a.values, both.seed.values, both.attrs
    (array([1, 2]), array([1, 2]), {'task': 'x'})
    """
    listed = isinstance(results, Sequence) and not isinstance(results, str | bytes)
    if not listed or not results or not all(isinstance(one, xr.Dataset) for one in results):
        raise InputError(f"results: got {type(results).__name__}, expected a list of results, at least one.")
    text("dimension", dimension, "the name of a dimension")
    first, *others = results
    if not all(ALPHA in one and first[ALPHA].equals(one[ALPHA]) for one in results):
        results = [one.drop_dims(ALPHA, errors="ignore") for one in results]
    rounds = max(one.sizes.get(REFINEMENT, 0) for one in results)
    results = [_continued(one, rounds) for one in results]
    same = {k: v for k, v in first.attrs.items() if all(k in o.attrs and o.attrs[k] == v for o in others)}
    varying = sorted({k for one in results for k in one.attrs} - set(same))
    columns = {key: (dimension, _column([one.attrs.get(key) for one in results])) for key in varying}
    single = [name for name in _SHARED if name in results[0] and (name, dimension) != (OUTPUT, MODEL)]
    alike = [name for name in single if all(results[0][name].identical(one[name]) for one in results)]
    parts = [one.drop_vars(alike).drop_attrs(deep=False) for one in results]
    whole = xr.concat(parts, dimension, combine_attrs="override").assign(results[0][alike].data_vars)
    return whole.assign_coords(columns).assign_attrs(same)


def _continued(dataset: xr.Dataset, rounds: int) -> xr.Dataset:
    missing = rounds - dataset.sizes.get(REFINEMENT, 0)
    if not missing or REFINEMENT not in dataset.sizes:
        return dataset
    return dataset.pad({REFINEMENT: (0, missing)}, mode="edge")


def _column(values: Sequence[object]) -> np.ndarray:
    """Return attributes of a stack as one array that files can hold; missing ones are NaN or empty."""
    if any(isinstance(value, str) for value in values):
        return np.array(["" if value is None else str(value) for value in values], dtype=object)
    return np.array([np.nan if value is None else value for value in values])


def numbered(names: Sequence[str]) -> np.ndarray:
    """Return names as a coordinate, numbered where they occur twice.

    Examples
    --------
    >>> numbered(["edsr", "san", "edsr"]).tolist()
    ['edsr (1)', 'san', 'edsr (2)']
    """
    if not isinstance(names, Sequence) or isinstance(names, str | bytes):
        raise InputError(f"names: got {type(names).__name__}, expected a list of names.")
    often, seen = Counter(names), Counter[str]()
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(f"{name} ({seen[name]})" if often[name] > 1 else name)
    return np.array(labels, dtype=object)
