"""Compaction: many small segments become few whole ones, in shards; who reads meanwhile sees the same rows."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from . import columns, segments
from .place import Place
from .segments import Segment

if TYPE_CHECKING:
    import zarr

_FEW = 16
"""Segments of about one size that are worth merging: each row is then rewritten once for every factor of 16."""
_MANY = 128
"""Segments that are merged at once: what one worker reads one after the other."""
_WHOLE = 2**16
"""Rows from which a segment stays as it is."""


def due(known: Sequence[Segment], *, last: bool) -> list[list[Segment]]:
    """Return which segments to merge: those of about one size when they are many; at the last all that are not whole.

    Parameters
    ----------
    known : sequence of Segment
    last : bool
        Nobody writes any more.
    """
    small = [one for one in known if one.count < _WHOLE]
    if last:
        return _filled(small)
    by_size: dict[int, list[Segment]] = {}
    for one in small:
        by_size.setdefault(int(math.log(max(1, one.count), _FEW)), []).append(one)
    groups = (every[k : k + _MANY] for every in by_size.values() for k in range(0, len(every), _MANY))
    return [group for group in groups if len(group) >= _FEW]


def _filled(small: Sequence[Segment]) -> list[list[Segment]]:
    """Return groups that make about one whole segment each: no more rows are held at once."""
    groups: list[list[Segment]] = [[]]
    held = 0
    for one in small:
        if (held + one.count > _WHOLE and groups[-1]) or len(groups[-1]) >= _MANY:
            groups.append([])
            held = 0
        groups[-1].append(one)
        held += one.count
    return [group for group in groups if len(group) > 1]


def merged(place: Place, old: Sequence[str], rows: pd.DataFrame, replaced: Iterable[str] = ()) -> str:
    """Write one segment for many, then delete those.

    Parameters
    ----------
    place : Place
    old : sequence of str
        Their names.
    rows : pandas.DataFrame
        What counts of their rows, each cell once.
    replaced : iterable of str
        Segments for which those stand, and which may still be there.

    Returns
    -------
    str
        The new segment's name; its rows count before the old ones go, so that none is ever missing.
    """
    name = f"whole-{uuid.uuid4().hex[:12]}"
    rows = rows.reset_index(drop=True)
    places = np.full(len(rows), -1)
    for kind, members in rows.groupby(columns.ARRAYS, observed=True, sort=False).groups.items():
        if not kind:
            continue
        members = np.asarray(members)
        places[members] = np.arange(len(members))
        for array in segments.described(str(kind)):
            _stack(place, name, str(kind), array, rows.loc[members])
    rows[columns.PLACE] = places
    segments.write_rows(place, name, rows, sorted({*old, *set(replaced) & set(segments.names(place))}))
    segments.deleted(place, *old)
    return name


def _stack(place: Place, name: str, kind: str, array: str, rows: pd.DataFrame) -> None:
    """Copy an array of many segments into one, a shard at a time."""
    target = segments.made(place, name, kind, array, len(rows), sharded=True)
    step = (target.shards or target.chunks)[0]
    sources: dict[str, zarr.Array[Any]] = {}
    for start in range(0, len(rows), step):
        part = rows.iloc[start : start + step]
        values = np.empty((len(part), *target.shape[1:]), target.dtype)
        for segment, mine in part.groupby(columns.SEGMENT, observed=True, sort=False):
            if segment not in sources:
                sources[str(segment)] = segments.opened(place, str(segment), kind, array)
            wanted = mine[columns.PLACE].to_numpy()
            first, last = int(wanted.min()), int(wanted.max()) + 1
            values[part.index.get_indexer(mine.index)] = np.asarray(sources[str(segment)][first:last])[wanted - first]
        target[start : start + len(part)] = values
