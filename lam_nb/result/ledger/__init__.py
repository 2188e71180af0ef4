"""The ledger: rows of findings and their arrays, written by many at once, that grows and is never changed.

Beneath its address lie ``rows`` (Parquet, a table for each writer's segment), ``maps`` (Zarr, the arrays of a
segment), ``plans`` (what was asked) and ``claims`` (who is at work on what).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ...types import Region
from ...validation import InputError, readable
from ..files import MARK
from ..names import Word
from ..table import stamp
from . import assembly, columns, compaction, segments
from .assembly import today
from .claims import FOLDER, Claims
from .place import Place, contents_of, listed
from .segments import Arrays, Row, Segment
from .wholes import packed, together

__all__ = [
    "FOLDER",
    "VERSION",
    "Arrays",
    "Claims",
    "Each",
    "Ledger",
    "Place",
    "Row",
    "cell_of",
    "columns",
    "contents_of",
    "listed",
    "packed",
    "today",
    "window_of",
]


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    import pyarrow as pa


Each: TypeAlias = Callable[[Callable[[list[str]], None], list[list[str]]], None]
"""Has a function called with every item of a list: groups of segments."""
VERSION = 2
"""Of the layout; version 1 had a place for each cell of one grid."""
_GROUP, _PLANS, _COMPACTION = "zarr.json", "plans", "compaction"
_PLAN = (columns.CELL, columns.NETWORK, columns.PICTURE, columns.SETTING, *columns.IDENTITIES, *columns.WINDOW)


def window_of(region: Region | None) -> tuple[int, int, int, int]:
    """Return the sides of a window as rows keep them; of none, that of a set of pictures, -1.

    Examples
    --------
    >>> window_of(Region(1, 2, 3)), window_of(None)
    ((1, 2, 3, 3), (-1, -1, -1, -1))
    """
    return (-1, -1, -1, -1) if region is None else (region.y, region.x, region.height, region.width)


def cell_of(network: str, picture: str, setting: str, window: Iterable[int]) -> int:
    """Return the number of a cell: what decides it, in 64 bits.

    Examples
    --------
    >>> one, other = (cell_of("a", "b", "c", (1, 2, 3, side)) for side in (4, 5))
    >>> one == cell_of("a", "b", "c", (1, 2, 3, 4)) != other
    True
    """
    text = "\\0".join((network, picture, setting, *map(str, window)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


class Ledger:
    """A store that grows.

    Parameters
    ----------
    store : path-like or str
        A path, or an address of fsspec; ends in .zarr.
    only : sequence of str, optional
        Columns that are read, `columns.CELL` and `columns.FAILURE` among them; all by default.

    Raises
    ------
    InputError
        If the ending is another, or it cannot be addressed.
    """

    def __init__(self, store: str | os.PathLike[str], only: Sequence[str] | None = None) -> None:
        self.place, self.only = Place(store), only
        self._known: dict[str, Segment] = {}
        self._tables: dict[str, pa.Table] = {}

    @property
    def facts(self) -> dict[str, object]:
        """What the store says of itself; nothing if there is none."""
        try:
            contents = self.place.read(_GROUP)
        except FileNotFoundError:
            return {}
        with readable("store", self.place.at(_GROUP), "description of a sweep's store; give another name"):
            return dict(json.loads(contents)["attributes"])

    @property
    def words(self) -> dict[str, Word]:
        """Dimensions, labels and units of what it holds."""
        return _words(self.facts)

    def begin(self, kind: str, words: Mapping[str, Word]) -> bool:
        """Make the store, or go on with it; return whether it is new.

        Raises
        ------
        InputError
            If something else is there: a folder of others, a store of another version or kind.
        """
        facts = self.facts
        if not facts and self.place.is_empty:
            told = {MARK: kind, "version": VERSION, "words": words, **stamp()}
            self.place.write(_GROUP, _group(told))
        elif not facts.get(MARK) and "plan" not in facts:
            raise InputError(f"store: {self.place.address} is a folder that lam_nb did not write; give another name.")
        elif facts.get("version") != VERSION:
            raise InputError(
                f"store: {self.place.address} is of {_version(facts)}, which opens with lam_nb.open and is left as it "
                "is; move it to a new one with `lam-nb migrate OLD.zarr NEW.zarr`, or give another name."
            )
        elif facts[MARK] != kind:
            raise InputError(
                f"store: {self.place.address} holds results of {facts[MARK]}, not {kind}; give another name."
            )
        else:
            known = _words(facts)
            if other := [name for name, word in words.items() if name in known and known[name][2] != word[2]]:
                had = known[other[0]][2]
                raise InputError(
                    f"store: {self.place.address} holds {other[0]} in {had}; give another name for others."
                )
            if not known.keys() >= words.keys():
                self.place.write(_GROUP, _group(facts | {"words": {**words, **known}}))
        return not facts

    def segments(self) -> list[Segment]:
        """Return the segments that count, those that are new read."""
        gone = {name for one in self._look().values() for name in one.replaces}
        return [one for name, one in self._known.items() if name not in gone]

    def _look(self) -> dict[str, Segment]:
        while True:
            there = segments.names(self.place)
            try:
                self._known = {name: self._known.get(name) or segments.known(self.place, name) for name in there}
            except FileNotFoundError:  # replaced by a larger one meanwhile, which is there now
                continue
            return self._known

    def finished(self) -> NDArray[np.int64]:
        """Return the cells that have their numbers: what a sweep remembers of a store while it runs."""
        found = [one.finished for one in self.segments()]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)

    def holds(self, cells: Iterable[int]) -> bool:
        """Whether all these cells have their numbers by now."""
        wanted = np.array(list(cells), np.int64)
        for one in self.segments():
            at = np.searchsorted(one.finished, wanted)
            wanted = wanted[np.append(one.finished, 0)[at] != wanted] if len(one.finished) else wanted
        return not len(wanted)

    def rows(self) -> pd.DataFrame:
        """Return what is there, each cell once: with its numbers if any writer had them."""
        while True:
            with suppress(FileNotFoundError):  # replaced by a larger one meanwhile, which is there now
                tables = {name: self._table(name) for name in segments.names(self.place)}
                self._tables = {} if self.only is None else tables  # few columns are kept for the next look
                gone = {name for one in tables.values() for name in segments.replaced(one)}
                return _rows([one for name, one in tables.items() if name not in gone])

    def _table(self, name: str) -> pa.Table:
        return self._tables[name] if name in self._tables else segments.read(self.place, name, self.only)

    def write(self, name: str, rows: list[Row], arrays: list[Arrays]) -> None:
        """Write a segment of finished rows."""
        segments.written(self.place, name, rows, arrays)

    def ask(self, plan: pd.DataFrame) -> None:
        """Keep what is asked; what was asked before stays."""
        import pyarrow as pa
        from pyarrow import parquet

        held = io.BytesIO()
        parquet.write_table(pa.Table.from_pandas(plan[list(_PLAN)], preserve_index=False), held, compression="zstd")
        digest = hashlib.sha256(np.ascontiguousarray(plan[columns.CELL].to_numpy()).tobytes()).hexdigest()[:12]
        if not any(name.endswith(f"{digest}.parquet") for name in self.place.names(_PLANS)):
            self.place.write(f"{_PLANS}/{today()}-{digest}.parquet".replace(":", ""), held.getvalue())
        _give_back()

    def asked(self) -> pd.DataFrame:
        """Return all that was asked, in order, and whatever else is there."""
        return self._asked(self.rows())

    def _asked(self, rows: pd.DataFrame) -> pd.DataFrame:
        kept = [name for name in _PLAN if self.only is None or name in self.only]
        plans = []
        for name in self.place.names(_PLANS):
            with readable("store", self.place.at(f"{_PLANS}/{name}"), "plan of a sweep; delete it"):
                held = io.BytesIO(self.place.read(f"{_PLANS}/{name}"))
                plans.append(pd.read_parquet(held, columns=kept))
        texts = [name for name in columns.IDENTITIES if name in kept]
        every = pd.concat([*plans, rows[kept].astype(dict.fromkeys(texts, object))])
        return every.drop_duplicates(columns.CELL).reset_index(drop=True)

    def dataset(self, asked: pd.DataFrame | None = None) -> xr.Dataset:
        """Return numbers in memory, arrays unread, of what is asked or of all that ever was."""
        if not (facts := self.facts):
            raise InputError(f"path: there is no {self.place.address}; check it.")
        rows = self.rows()
        wanted = self._asked(rows) if asked is None else asked.reset_index(drop=True)
        told = {name: value for name, value in facts.items() if name not in ("words", MARK)}
        if facts.get(MARK) != "sweep":
            return together(self.place, wanted, rows).assign_attrs(told)
        return assembly.dataset(self.place, wanted, rows, self.rows, _words(facts), told)

    def arrays(self, row: Mapping[str, object]) -> Arrays:
        """Return the arrays of a row, read now; where they lie is looked up again if segments were merged since.

        Raises
        ------
        KeyError
            If its cell is gone.
        """
        try:
            return segments.arrays_of(self.place, row)
        except FileNotFoundError:
            rows = self.rows().set_index(columns.CELL)
            return segments.arrays_of(self.place, rows.loc[row[columns.CELL]])

    def compact(self, *, last: bool = False, each: Each | None = None) -> int:
        """Merge small segments if that is due, and nobody else is at it; return how many are left.

        Parameters
        ----------
        last : bool
            Nobody writes any more.
        each : callable, optional
            Has a function called with every item of a list, wherever; here, one after the other, if there is none.
        """
        claims = Claims(self.place, uuid.uuid4().hex)
        known = self.segments()
        counting = {one.name for one in known}
        replaced = [name for name in self._known if name not in counting]  # of one who was killed while merging
        groups = compaction.due(known, last=last)
        if not (groups or replaced) or not claims.take(_COMPACTION):
            return len(known)
        try:
            segments.deleted(self.place, *replaced)
            known = self.segments()
            while groups := compaction.due(known, last=last):
                (each or _each)(partial(merge, self.place.address), [[one.name for one in group] for group in groups])
                before, known = len(known), self.segments()
                if not last or len(known) >= before:
                    break
        finally:
            claims.release()
        return len(known)

    def discard(self) -> None:
        """Delete the store."""
        self.place.delete_folders("")


def _give_back() -> None:
    """Give memory back that tables took: what made them keeps it for the next, and a sweep's next comes late."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def merge(store: str, names: Sequence[str]) -> None:
    """Merge segments of a store into one; those that another has merged meanwhile are left."""
    place = Place(store)
    with suppress(FileNotFoundError):
        tables = [segments.read(place, one) for one in names]
        replaced = {gone for one in tables for gone in segments.replaced(one)}
        compaction.merged(place, names, _rows(tables), replaced)
    _give_back()


def _each(function: Callable[[list[str]], None], groups: list[list[str]]) -> None:
    for group in groups:
        function(group)


def _words(facts: Mapping[str, object]) -> dict[str, Word]:
    told = facts.get("words", {})
    return {name: (tuple(dims), label, units) for name, (dims, label, units) in dict(told).items()}  # type: ignore[call-overload]


def _rows(tables: list[pa.Table]) -> pd.DataFrame:
    import pyarrow as pa

    if not tables:
        return segments.frame([]).assign(**{columns.SEGMENT: ""})
    table = pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()
    rows = table.to_pandas()
    if not rows[columns.CELL].is_unique:
        failed = rows[columns.FAILURE].astype(str) != ""
        rows = rows.iloc[np.argsort(failed.to_numpy(), kind="stable")].drop_duplicates(columns.CELL).sort_index()
    return rows.reset_index(drop=True)


def _group(attributes: Mapping[str, object]) -> bytes:
    return json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attributes}, indent=1).encode()


def _version(facts: Mapping[str, object]) -> str:
    version = facts.get("version", 1)
    return f"another version ({version}, not {VERSION})"
