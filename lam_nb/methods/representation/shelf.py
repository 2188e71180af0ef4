"""The shelf: features of all samples, in memory while they fit and in a Zarr store otherwise."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ... import identity, result
from ...engine.running import in_words
from ...validation import InputError, address, readable

if TYPE_CHECKING:
    import zarr

FEATURES = "features"
_PIECE = 2**16
"""Numbers of a sample that are read and written together: small enough for many samples, large enough for a disk."""
_SPARE = 1.05
"""How much more than the features a disk must have free."""


class Matrix(Protocol):
    """Features of one layer, (sample, feature); an array, or something that is read like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples and features."""

    def __getitem__(self, places: tuple[slice, slice], /) -> NDArray[np.float32]:
        """Return a part."""


class _Writable(Matrix, Protocol):
    """Features that are still being filled in."""

    def __setitem__(self, places: slice, values: NDArray[np.floating] | int, /) -> None:
        """Fill in rows."""


class Shelf(Protocol):
    """Somebody who keeps features."""

    done: NDArray[np.bool_]
    """Whose features are there, (sample,)."""
    place: str
    """Where they are, for a result's attributes."""

    def write(self, start: int, rows: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep features by layer, of samples from `start` on."""

    def matrix(self, layer: str) -> Matrix:
        """Return the features of a layer."""


class Held:
    """Features in memory.

    Parameters
    ----------
    samples : int
    counts : mapping of str to int
        Layer -> its number of features.

    Examples
    --------
    >>> shelf = Held(2, {"body": 3})
    >>> shelf.write(1, {"body": np.ones((1, 3), np.float32)})
    >>> shelf.done.tolist(), shelf.matrix("body").shape
    ([False, True], (2, 3))
    """

    place = "memory"

    def __init__(self, samples: int, counts: Mapping[str, int]) -> None:
        self.done = np.zeros(samples, bool)
        self._rows = {name: np.zeros((samples, count), np.float32) for name, count in counts.items()}

    def write(self, start: int, rows: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep features."""
        for name, values in rows.items():
            self._rows[name][start : start + len(values)] = values
            self.done[start : start + len(values)] = True

    def matrix(self, layer: str) -> Matrix:
        """Return the features of a layer."""
        return self._rows[layer]


class Filed:
    """Features in a Zarr store: a file for each sample and layer, and only then that they are there.

    Killed in between, a sample is computed again; what is there is not.

    Parameters
    ----------
    path : path-like
        Ends in .zarr; made, or continued.
    samples : int
    counts : mapping of str to int
    plan : mapping
        What decides the features.
    kind : str
        What the numbers are.
    precision : {"float32", "float64"}

    Raises
    ------
    InputError
        If the store is of other features, or the disk too small.
    """

    place = "Zarr store"

    def __init__(
        self,
        path: str | os.PathLike[str],
        samples: int,
        counts: Mapping[str, int],
        plan: Mapping[str, object],
        kind: str = FEATURES,
        precision: str = "float32",
    ) -> None:
        self.path, self._kind, self._precision = address("store", path), kind, precision
        if self.path.suffix != ".zarr":
            raise InputError(f"store: got {self.path.name}, expected a name that ends in .zarr.")
        self._names = {name: f"layer {k}" for k, name in enumerate(counts)}
        self._opened: dict[str, _Writable] = {}
        result.recover(self.path)
        known = self.path.exists()
        if not known:
            self._make(samples, counts, plan)
        with readable("store", self.path, "store that lam_nb can go on with; give another name, or delete it"):
            if known:
                self._check(plan, samples, counts)
            self.done = np.asarray(self._array("done")) == 1

    def _make(self, samples: int, counts: Mapping[str, int], plan: Mapping[str, object]) -> None:
        import zarr

        needed = _SPARE * np.dtype(self._precision).itemsize * samples * sum(counts.values())
        free = shutil.disk_usage(result.writable_folder(self.path)).free
        if needed > free:
            raise InputError(
                f"store: {samples} samples have {in_words(needed)} of {self._kind}, and {in_words(free)} are "
                f"free at {self.path.parent}; ask for fewer layers or pictures, features='pooled', or another disk "
                "(TMPDIR)."
            )
        with result.replacing(self.path) as temporary:
            group = zarr.open_group(str(temporary), mode="w", zarr_format=3)
            group.attrs.update({result.files.MARK: self._kind, "plan": json.dumps(plan), "layers": [*counts]})
            group.create_array("done", shape=(samples,), chunks=(1,), dtype="int8", fill_value=0)
            for name, count in counts.items():
                _create(group, self._names[name], samples, count, self._precision)

    def _check(self, plan: Mapping[str, object], samples: int, counts: Mapping[str, int]) -> None:
        group = self._group
        if group.attrs.get(result.files.MARK) != self._kind:
            raise InputError(f"store: {self.path} holds something else than {self._kind}; give another name.")
        other = json.loads(str(group.attrs["plan"]))
        if differing := identity.differences(json.loads(json.dumps(plan)), other):
            raise InputError(
                f"store: {self.path} holds other {self._kind} (not the same: {', '.join(differing)}); "
                "give another name, or delete it."
            )
        for name, count in counts.items():
            if self._array(self._names[name]).shape != (samples, count):
                raise ValueError(f"{name} has shape {self._array(self._names[name]).shape}")

    @cached_property
    def _group(self) -> zarr.Group:
        import zarr

        return zarr.open_group(str(self.path), mode="r+")

    def _array(self, name: str) -> _Writable:
        if name not in self._opened:  # opening takes as long as writing
            self._opened[name] = cast("_Writable", self._group[name])
        return self._opened[name]

    def write(self, start: int, rows: Mapping[str, NDArray[np.floating]]) -> None:
        """Keep features."""
        end = start
        for name, values in rows.items():
            end = start + len(values)
            self._array(self._names[name])[start:end] = values
        self._array("done")[start:end] = 1
        self.done[start:end] = True

    def matrix(self, layer: str) -> Matrix:
        """Return the features of a layer."""
        return self._array(self._names[layer])


def _create(group: zarr.Group, name: str, samples: int, count: int, precision: str) -> None:
    """Make the array of a layer: a shard for every sample, so that none shares a file; pieces with check sums."""
    from zarr.codecs import Crc32cCodec

    pieces = -(-count // _PIECE)
    group.create_array(
        name,
        shape=(samples, count),
        chunks=(1, min(count, _PIECE)),
        shards=(1, pieces * _PIECE) if pieces > 1 else None,
        dtype=precision,
        compressors=Crc32cCodec(),  # features are nearly noise: packing them takes four times as long for a tenth less
        fill_value=0,
    )


@contextmanager
def shelved(
    path: str | os.PathLike[str] | None,
    samples: int,
    counts: Mapping[str, int],
    plan: Mapping[str, object],
    allowed: int,
    kind: str = FEATURES,
) -> Iterator[Shelf]:
    """Yield a shelf: a store, if one is named, else memory if features take half of what is allowed, else a file.

    The file is temporary, where TMPDIR says, and deleted at the end, unless the process is killed.

    Parameters
    ----------
    path : path-like, optional
    samples, counts, plan, kind
        As for `Filed`.
    allowed : int
        Bytes.
    """
    if path is not None:
        yield Filed(path, samples, counts, plan, kind)
    elif 4 * samples * sum(counts.values()) <= allowed / 2:
        yield Held(samples, counts)
    else:
        with tempfile.TemporaryDirectory(prefix="lam_nb-") as folder:
            yield Filed(Path(folder) / "features.zarr", samples, counts, plan, kind)
