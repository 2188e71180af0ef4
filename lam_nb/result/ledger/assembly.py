"""Assembly: rows become a Dataset: a grid where every picture has the same windows, otherwise a row of cells."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from ...validation import readable
from .. import names
from ..names import Word
from ..stacking import numbered
from . import columns, segments
from .place import Place

Again: TypeAlias = Callable[[], pd.DataFrame]
_GRID = (names.MODEL, names.IMAGE, names.REGION)


class Stacked(BackendArray):
    """Arrays of rows, read when they are looked at.

    Parameters
    ----------
    place : Place
    rows : pandas.DataFrame
        Cell, segment and place of each row.
    again : callable
        Gives the rows anew, if segments were merged since.
    at : numpy.ndarray of int
        Which row lies where on the outer axes; −1 where there is none: there it is not a number.
    kind, name : str
        The kind that all rows have, and which of its arrays.
    """

    def __init__(
        self, place: Place, rows: pd.DataFrame, again: Again, at: NDArray[np.int64], kind: str, name: str
    ) -> None:
        inner, dtype = segments.described(kind)[name]
        self.place, self.again, self.at, self.kind, self.name = place, again, at, kind, name
        self.rows = rows[[columns.CELL, columns.SEGMENT, columns.PLACE]]
        self.shape, self.dtype = (*at.shape, *inner), np.dtype(dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[np.generic]:
        """Return a part, read from the store."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to workers: without the lock, and with a ledger of its own to look into."""
        return _unpacked, (self.place.address, self.rows, self.at, self.kind, self.name)

    def _read(self, key: tuple[int | slice | NDArray[np.int64], ...]) -> NDArray[np.generic]:
        outer, inner = key[: self.at.ndim], key[self.at.ndim :]
        at = np.asarray(_taken(self.at, outer, 0), np.int64)
        with readable("store", self.place.address, "store whose maps can be read"):
            found = self._found(at)
        return _taken(found, inner, at.ndim)

    def _found(self, at: NDArray[np.int64]) -> NDArray[np.generic]:
        try:
            return self._parts(at)
        except FileNotFoundError:
            cells, fresh = self.rows[columns.CELL], self.again()
            self.rows = fresh.set_index(columns.CELL).loc[cells, [columns.SEGMENT, columns.PLACE]].reset_index()
            return self._parts(at)

    def _parts(self, at: NDArray[np.int64]) -> NDArray[np.generic]:
        wanted = at.ravel()
        parts = np.full((len(wanted), *self.shape[self.at.ndim :]), np.nan if self.dtype.kind == "f" else 0, self.dtype)
        known = np.flatnonzero(wanted >= 0)
        rows = self.rows.iloc[wanted[known]]
        for segment, mine in rows.reset_index(drop=True).groupby(columns.SEGMENT, observed=True):
            source = segments.opened(self.place, str(segment), self.kind, self.name)
            parts[known[mine.index]] = source.get_orthogonal_selection((mine[columns.PLACE].to_numpy(),))
        return parts.reshape(*at.shape, *parts.shape[1:])


def _unpacked(address: str, rows: pd.DataFrame, at: NDArray[np.int64], kind: str, name: str) -> Stacked:
    from . import Ledger

    ledger = Ledger(address)
    return Stacked(ledger.place, rows, ledger.rows, at, kind, name)


def _taken(
    values: NDArray[np.generic], key: tuple[int | slice | NDArray[np.int64], ...], first: int
) -> NDArray[np.generic]:
    """Return a part along axes from the first on, each taken by itself."""
    for axis, one in reversed(list(enumerate(key))):
        values = values[(slice(None),) * (first + axis) + (one,)]
    return values


def dataset(
    place: Place,
    asked: pd.DataFrame,
    rows: pd.DataFrame,
    again: Again,
    words: Mapping[str, Word],
    facts: Mapping[str, object],
) -> xr.Dataset:
    """Return a Dataset of what was asked, with what is there.

    Parameters
    ----------
    place : Place
    asked : pandas.DataFrame
        A row per cell, in the order of the plan.
    rows : pandas.DataFrame
        What is there, each cell once.
    again : callable
        Gives those rows anew.
    words : mapping
        Dimensions, labels and units.
    facts : mapping
        Attributes.
    """
    layout = _Layout(asked)
    at, failures = matched(asked, rows)
    numbers = {name: np.append(rows[name].to_numpy(float), np.nan) for name in rows if name not in columns.FACTS}
    found = {name: values[at] for name, values in numbers.items()}
    found = {name: values for name, values in found.items() if not np.isnan(values).all()}
    found = {name: np.full(len(asked), np.nan) for name, word in words.items() if _is_number(word)} | found
    variables = {name: layout.of(values, words.get(name)) for name, values in found.items()}
    variables[names.DONE] = layout.every((at >= 0).astype("int8"), np.min, words[names.DONE])
    variables[names.FAILURE] = layout.every(failures, np.max, words[names.FAILURE])
    variables |= _common(layout, rows, at, found)
    variables |= _arrays(place, layout, rows, again, at, words)
    return xr.Dataset(variables, layout.coordinates(), dict(facts))


def matched(asked: pd.DataFrame, rows: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Return which row has the numbers of each cell that is asked, -1 where none has, and what failed, if it did."""
    at = pd.Index(rows[columns.CELL]).get_indexer(asked[columns.CELL])
    failures = np.append(rows[columns.FAILURE].astype(str).to_numpy(object), "")[at]
    return np.where(failures == "", at, -1), failures


def _is_number(word: Word) -> bool:
    """Whether it is a number of every window, that every call finds."""
    return word[0] == _GRID


def _common(
    layout: _Layout, rows: pd.DataFrame, at: NDArray[np.int64], found: Mapping[str, NDArray[np.float64]]
) -> dict[str, xr.Variable]:
    """Return the diffusion index on one canvas that holds all maps, where they differ in size."""
    sizes = rows[[columns.ROWS, columns.COLUMNS]].to_numpy()
    here = sizes[at[at >= 0]]
    if names.DIFFUSION_INDEX not in found or len(np.unique(here, axis=0)) < 2:
        return {}
    canvas = here.max(0)
    share = np.append(sizes.prod(1), 0)[at] / canvas.prod()
    word = (_GRID, f"diffusion index on a canvas of {canvas[0]} × {canvas[1]} pixels", "1")
    return {names.DIFFUSION_INDEX_COMMON: layout.of(found[names.DIFFUSION_INDEX] * share, word)}


def _arrays(
    place: Place,
    layout: _Layout,
    rows: pd.DataFrame,
    again: Again,
    at: NDArray[np.int64],
    words: Mapping[str, Word],
) -> dict[str, xr.Variable]:
    """Return arrays that all rows have in one shape, unread; where shapes differ there is none."""
    kinds = rows[columns.ARRAYS].iloc[at[at >= 0]].astype(str).unique()
    if len(kinds) != 1 or not kinds[0]:
        return {}
    found, numbers = {}, np.asarray(layout.placed(at))
    for name in segments.described(kinds[0]):
        lazy = indexing.LazilyIndexedArray(Stacked(place, rows, again, numbers, kinds[0], name))
        dims, label, units = words[name]
        inner = tuple(one for one in dims if one not in _GRID)
        found[name] = xr.Variable((*layout.dims, *inner), lazy, {"long_name": label, "units": units})
    return found


class _Layout:
    """Where the rows of a plan go."""

    def __init__(self, asked: pd.DataFrame) -> None:
        self.asked = asked
        self.models, models = _labels(asked, columns.NETWORK_ID, columns.NETWORK)
        self.pictures, pictures = _labels(asked, columns.PICTURE_ID, columns.PICTURE)
        self.settings, settings = _labels(asked, columns.SETTING_ID, columns.SETTING)
        window = pd.MultiIndex.from_frame(asked[list(columns.WINDOW)])
        regions, self.windows = pd.factorize(window)
        labels = (self.settings,) if len(self.settings) > 1 else ()
        counts = tuple(len(one) for one in (*labels, self.models, self.pictures, self.windows))
        self.is_grid = 0 < len(asked) == math.prod(counts)
        self.dims: tuple[str, ...] = (*((columns.SETTING,) if labels else ()), *_GRID)
        self.axes, self.sizes = (*((settings,) if labels else ()), models, pictures, regions), counts
        if not self.is_grid:
            self.dims, self.axes, self.sizes = (columns.CELL,), (np.arange(len(asked)),), (len(asked),)

    def placed(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the rows' values at their places."""
        placed = np.empty(self.sizes, values.dtype)
        placed[self.axes] = values
        return placed

    def of(self, values: NDArray[np.float64], word: Word | None) -> xr.Variable:
        """Return a number of every window, or one that all windows of a picture share."""
        dims, label, units = word or (_GRID, "", "1")
        attributes = {"long_name": label, "units": units} if label else {"units": units}
        if not self.is_grid or names.REGION in dims:
            return xr.Variable(self.dims, self.placed(values), attributes)
        placed = self.placed(values)
        first = np.argmax(~np.isnan(placed.astype(float)), axis=-1)[..., None]
        return xr.Variable(self.dims[:-1], np.take_along_axis(placed, first, -1)[..., 0], attributes)

    def every(self, values: NDArray[np.generic], chosen: Callable[..., object], word: Word) -> xr.Variable:
        """Return what holds of a picture by all its windows' values."""
        placed, (_, label, units) = self.placed(values), word
        attributes = {"long_name": label, "units": units}
        if not self.is_grid:
            return xr.Variable(self.dims, placed, attributes)
        return xr.Variable(self.dims[:-1], chosen(placed, axis=-1), attributes)

    def coordinates(self) -> dict[str, xr.Variable]:
        """Return names and windows."""
        if not self.is_grid:
            labels = {columns.NETWORK: self.models, columns.PICTURE: self.pictures, columns.SETTING: self.settings}
            named = {name: self._texts(name) for name in labels}
            named |= {name: self.asked[name].to_numpy() for name in columns.WINDOW}
            return {name: xr.Variable((columns.CELL,), values) for name, values in named.items()}
        labels = {columns.SETTING: self.settings, names.MODEL: self.models, names.IMAGE: self.pictures}
        found = {
            name: xr.Variable((name,), np.array(ones, object)) for name, ones in labels.items() if name in self.dims
        }
        sides = {name: np.array([one[k] for one in self.windows]) for k, name in enumerate(columns.WINDOW)}
        height, width = sides[names.REGION_HEIGHT], sides[names.REGION_WIDTH]
        if (height == width).all():
            sides = {name: sides[name] for name in (names.REGION_Y, names.REGION_X)} | {names.REGION_SIZE: height}
        return found | {name: xr.Variable((names.REGION,), values) for name, values in sides.items()}

    def _texts(self, name: str) -> NDArray[np.object_]:
        return np.asarray(self.asked[name].astype(object))


def _labels(asked: pd.DataFrame, identity: str, name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of what differs, numbered where two have one name, and which of them each row has."""
    codes, _ = pd.factorize(asked[identity].astype(str) + "\0" + asked[name].astype(str))
    first = np.unique(codes, return_index=True)[1]
    return [str(one) for one in numbered(list(asked[name].astype(object).iloc[first]))], codes.astype(np.int64)


def today() -> str:
    """Return the time, as text that sorts.

    Examples
    --------
    >>> len(today())
    25
    """
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
