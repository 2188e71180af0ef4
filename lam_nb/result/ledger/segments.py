"""Segments: what one writer finished. Its arrays come first; its table of rows, one file, says that they are there.

Nothing is ever changed: who wants fewer and larger segments writes a new one that names those it stands for.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...validation import readable
from ..files import checked
from . import columns
from .place import Place

if TYPE_CHECKING:
    import pyarrow as pa
    import zarr

ROWS, MAPS = "rows", "maps"
_ENDING = ".parquet"
_CHUNK = 2**20
"""Bytes of a chunk, about: what one map costs to read."""
_SHARD = 2**27
"""Bytes of a file of many chunks."""
Row: TypeAlias = dict[str, object]
Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Segment:
    """What is kept of a segment: how many rows, which of its cells have their numbers, sorted, and whom it replaces."""

    name: str
    count: int
    finished: NDArray[np.int64]
    replaces: tuple[str, ...]


def kind_of(arrays: Arrays) -> str:
    """Return names and shapes of arrays as one word: rows of one kind are stacked.

    Examples
    --------
    >>> kind_of({"attribution": np.zeros((4, 5), "float32")})
    'attribution 4x5 float32'
    """
    return ", ".join(f"{name} {'x'.join(map(str, one.shape))} {one.dtype}" for name, one in sorted(arrays.items()))


def described(kind: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return shapes and dtypes by name, of a kind.

    Examples
    --------
    >>> described("attribution 4x5 float32")
    {'attribution': ((4, 5), 'float32')}
    """
    parts = (one.split(" ") for one in kind.split(", ") if one)
    return {name: (tuple(int(n) for n in shape.split("x") if n), dtype) for name, shape, dtype in parts}


def folder_of(segment: str, kind: str, name: str) -> str:
    """Return where an array of a segment lies."""
    shape, dtype = described(kind)[name]
    return f"{MAPS}/{segment}/{name}-{'x'.join(map(str, shape))}-{dtype}"


def written(place: Place, name: str, rows: Sequence[Row], arrays: Sequence[Arrays]) -> None:
    """Write a segment of rows and each one's arrays; it is there when this returns, and not before."""
    rows = [dict(row) for row in rows]
    by_kind: dict[str, list[int]] = {}
    for k, one in enumerate(arrays):
        by_kind.setdefault(kind_of(one), []).append(k)
    for kind, members in by_kind.items():
        for place_there, k in enumerate(members):
            rows[k] |= {columns.ARRAYS: kind, columns.PLACE: place_there}
        for array in described(kind):
            values = np.stack([arrays[k][array] for k in members])
            with place.writing():
                made(place, name, kind, array, len(members))[:] = values
    write_rows(place, name, frame(rows))


def made(place: Place, segment: str, kind: str, name: str, count: int, *, sharded: bool = False) -> zarr.Array[Any]:
    """Return a new array for `count` rows' values."""
    import zarr

    shape, dtype = described(kind)[name]
    each = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
    chunk = min(count, max(1, _CHUNK // each))
    shard = chunk * max(1, min(_SHARD // (each * chunk), math.ceil(count / chunk)))
    return zarr.create_array(
        place.array(folder_of(segment, kind, name)),
        shape=(count, *shape),
        chunks=(chunk, *shape),
        shards=(shard, *shape) if sharded and shard > chunk else None,
        dtype=dtype,
        compressors=checked(),
        zarr_format=3,
    )


def opened(place: Place, segment: str, kind: str, name: str) -> zarr.Array[Any]:
    """Return an array of a segment, to read from."""
    import zarr

    return zarr.open_array(place.array(folder_of(segment, kind, name)), mode="r", zarr_format=3)


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return rows as a table with the columns that all have."""
    found = pd.DataFrame(list(rows))
    for name in columns.WHOLE:
        found[name] = found[name].fillna(-1).astype("int64") if name in found else np.int64(-1)
    if columns.SECONDS not in found:
        found[columns.SECONDS] = np.nan
    for name in columns.TOLD:
        found[name] = found[name].fillna("").astype(str) if name in found else ""
    return found


def write_rows(place: Place, name: str, rows: pd.DataFrame, replaces: Sequence[str] = ()) -> None:
    """Write the table of a segment: from now on it counts, and those that it replaces do not."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(rows.drop(columns=columns.SEGMENT, errors="ignore"), preserve_index=False)
    table = table.replace_schema_metadata({"replaces": json.dumps(list(replaces))})
    held = io.BytesIO()
    parquet.write_table(table, held, compression="zstd", write_page_checksum=True)
    place.write(f"{ROWS}/{name}{_ENDING}", held.getvalue())


def names(place: Place) -> list[str]:
    """Return the segments that are there."""
    return [one.removesuffix(_ENDING) for one in place.names(ROWS) if one.endswith(_ENDING)]


def read(place: Place, name: str, only: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of a segment, or a few of their columns; raise FileNotFoundError if it was replaced meanwhile."""
    import pyarrow as pa
    from pyarrow import parquet

    file = f"{ROWS}/{name}{_ENDING}"
    held = pa.BufferReader(place.read(file))
    with _readable(place, file):
        few = {"columns": None if only is None else list(only), "read_dictionary": list(columns.TOLD)}
        table = parquet.read_table(held, **few, page_checksum_verification=True)
    which = pa.DictionaryArray.from_arrays(np.zeros(len(table), "int32"), [name])
    return table.append_column(columns.SEGMENT, which)


def known(place: Place, name: str) -> Segment:
    """Read what is kept in memory of a segment; raise FileNotFoundError if it was replaced meanwhile."""
    import pyarrow as pa
    from pyarrow import compute, parquet

    named = f"{ROWS}/{name}{_ENDING}"
    held = pa.BufferReader(place.read(named))
    with _readable(place, named):
        file = parquet.ParquetFile(held, page_checksum_verification=True)
        table = file.read(columns=[columns.CELL, columns.FAILURE])
        replaces = replaced(file.schema_arrow)
    finished = table[columns.CELL].filter(compute.equal(table[columns.FAILURE].cast(pa.string()), ""))
    return Segment(name, len(table), np.sort(finished.to_numpy()), replaces)


def replaced(told: pa.Table | pa.Schema) -> tuple[str, ...]:
    """Return which segments a table, or its schema, says that it stands for."""
    metadata = (told.schema if hasattr(told, "schema") else told).metadata or {}
    return tuple(json.loads(metadata.get(b"replaces", b"[]")))


def _readable(place: Place, file: str) -> AbstractContextManager[None]:
    return readable("store", place.at(file), "table of a sweep; delete it, and its cells are computed again")


def arrays_of(place: Place, row: Mapping[str, object]) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of one row; raise FileNotFoundError if its segment was replaced."""
    kind, segment, at = str(row[columns.ARRAYS]), str(row[columns.SEGMENT]), int(str(row[columns.PLACE]))
    return {name: np.asarray(opened(place, segment, kind, name)[at]) for name in described(kind)}


def deleted(place: Place, *segments: str) -> None:
    """Delete segments: rows first, so that nobody looks for arrays that are gone."""
    place.delete(*(f"{ROWS}/{one}{_ENDING}" for one in segments))
    place.delete_folders(*(f"{MAPS}/{one}" for one in segments))
