"""The store: a Zarr that is written cell by cell, and knows what it is the answer to."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from .. import identity, result
from ..result.files import MARK
from ..types import Region
from ..validation import InputError, address, readable

_CELL = (result.MODEL, result.IMAGE)
_ROW = (*_CELL, result.REGION)
TABLE = result.Table(
    {
        result.DIFFUSION_INDEX: (_ROW, "diffusion index", "1"),
        result.DIFFUSION_INDEX_ERROR: (_ROW, "estimated integration error of the diffusion index", "1"),
        result.QUADRATURE_ERROR: (_ROW, "estimated relative L1 error of the map", "1"),
        result.COMPLETENESS_GAP: (_ROW, "relative completeness gap", "1"),
        result.DETECTOR_START: (_ROW, "detector at the baseline", "detector"),
        result.DETECTOR_END: (_ROW, "detector at the image", "detector"),
        result.ATTRIBUTION: ((*_ROW, result.Y, result.X), "local attribution, summed over channels", "detector"),
        result.PSNR: (_CELL, "peak signal-to-noise ratio of the output, all channels", "dB"),
        result.DONE: (_CELL, "whether it is there", "1"),
        result.FAILURE: (_CELL, "traceback of what failed last", "1"),
    },
    maker="lam_nb.sweep",
    optional=(result.PSNR,),
)


class Store:
    """A sweep's results on disk.

    Parameters
    ----------
    path : path-like
        Ends in .zarr.

    Raises
    ------
    InputError
        If it does not.
    """

    scalars = tuple(name for name, word in TABLE.words.items() if word[0] == _ROW and name != result.DIFFUSION_INDEX)
    """Numbers of a window that a result of `lam_nb.attribute` holds."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = address("store", path)
        if self.path.suffix != ".zarr":
            raise InputError(f"store: got {self.path.name}, expected a name that ends in .zarr.")

    def begin(
        self,
        plan: Mapping[str, object],
        models: Sequence[str],
        pictures: Sequence[str],
        windows: Sequence[Region],
        size: tuple[int, ...],
        scale: int,
    ) -> None:
        """Make the store of a plan, or go on with it.

        Raises
        ------
        InputError
            If the store is of another plan: says in what it differs.
        """
        result.recover(self.path)
        sides = dict(zip((result.Y, result.X), size, strict=True))
        axes = {result.MODEL: len(models), result.IMAGE: len(pictures), result.REGION: len(windows), **sides}
        if self.path.exists():
            with self._readable():
                self._check(plan)
                _check_arrays(self._group, axes)
            return
        facts = {MARK: "sweep", "plan": json.dumps(plan), "scale": scale, **result.stamp()}
        names = {result.MODEL: _text(models), result.IMAGE: _text(pictures)}
        places = {name: (result.REGION, row) for name, row in _places(windows).items()}
        with result.replacing(self.path) as temporary:
            xr.Dataset(coords=names | places, attrs=facts).to_zarr(temporary, zarr_format=3, consolidated=False)
            _fill(_group(temporary), axes)

    def _check(self, plan: Mapping[str, object]) -> None:
        try:
            other = json.loads(str(self._group.attrs.get("plan")))
        except (ValueError, OSError, KeyError):
            other = {}
        if "numbers" not in other:  # version 0.1 did not tell value ranges, code or files apart
            raise InputError(
                f"store: {self.path} holds another sweep, or one of an older version, which does not tell all that "
                "decides it; it opens with lam_nb.open; to compute, give another name, or delete it."
            )
        if differing := identity.differences(json.loads(json.dumps(plan)), other):
            raise InputError(
                f"store: {self.path} holds another sweep (not the same: {', '.join(differing)}); "
                "give another name, or delete it."
            )

    def missing(self) -> list[tuple[int, int]]:
        """Return the cells that are not there yet."""
        with self._readable():
            return [(int(m), int(i)) for m, i in np.argwhere(np.asarray(self._group[result.DONE][:]) == 0)]

    def write(self, m: int, i: int, values: Mapping[str, ArrayLike]) -> None:
        """Write a cell, and only then that it is there: killed in between, it is computed again."""
        group = self._group
        for name, value in values.items():
            group[name][m, i] = value
        if result.FAILURE in group:
            group[result.FAILURE][m, i] = ""
        group[result.DONE][m, i] = 1

    def fail(self, m: int, i: int, trace: str) -> None:
        """Keep where an error came from."""
        group = self._group
        if result.FAILURE in group:  # stores of version 0.1 have no place for it
            group[result.FAILURE][m, i] = trace

    def discard(self) -> None:
        """Delete the store."""
        shutil.rmtree(self.path)

    def _readable(self) -> AbstractContextManager[None]:
        return readable("store", self.path, "store that lam_nb can go on with; give another name, or delete it")

    @property
    def _group(self) -> Any:
        return _group(self.path)


def _group(path: Path) -> Any:
    import zarr

    return zarr.open_group(str(path), mode="r+")


def _fill(group: Any, axes: Mapping[str, int]) -> None:
    """Make the arrays, a chunk for every cell: two workers never write one file."""
    kinds = {result.DONE: "int8", result.ATTRIBUTION: "float32", result.FAILURE: str}
    empty: dict[str, int | str] = {result.DONE: 0, result.FAILURE: ""}
    for name, (dims, label, units) in TABLE.words.items():
        group.create_array(
            name,
            shape=tuple(axes[one] for one in dims),
            chunks=tuple(1 if one in _CELL else axes[one] for one in dims),
            dtype=kinds.get(name, "float64"),
            compressors=None if kinds.get(name) is str else result.checked(),
            fill_value=empty.get(name, float("nan")),
            dimension_names=dims,
            attributes={"long_name": label, "units": units},
        )


def _check_arrays(group: Any, axes: Mapping[str, int]) -> None:
    """Refuse a store whose arrays are not as they were made."""
    for name, (dims, *_) in TABLE.words.items():
        known = name in group or name == result.FAILURE  # stores of version 0.1 have no place for failures
        if not known or (name in group and group[name].shape != tuple(axes[one] for one in dims)):
            raise ValueError(f"{name} is missing, or of another size")


def _places(windows: Sequence[Region]) -> dict[str, list[int]]:
    rows = [window.facts for window in windows]
    return {name: [row[name] for row in rows] for name in rows[0] if all(name in row for row in rows)}


def _text(names: Sequence[str]) -> np.ndarray:
    return np.array(names, dtype=object)
