"""Migration: a store of version 1, one grid, becomes a ledger with the same numbers, which grows."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from .. import result
from ..result.ledger import Arrays, Ledger, Row, cell_of, columns
from ..types import Region
from ..validation import InputError, address
from .planning import digest_of
from .verbs import ATTRIBUTION

_PLAN, _SCALE = "plan", "scale"
_UNTOLD = "version 0.1"
"""Marks identities of stores that do not tell all that decides a map: equal to no other."""
_NUMBERS = tuple(name for name, word in ATTRIBUTION.words.items() if name not in (result.DONE, result.FAILURE))


def migrate(old: str | os.PathLike[str], new: str | os.PathLike[str]) -> xr.Dataset:
    """Copy a store of version 1 into a new one that a sweep goes on with; the old one is left as it is.

    A sweep into the new store that asks the same question computes nothing anew, with two exceptions. Pictures that
    were given as files were known by their pixels and are known by the file's bytes now, so that they are computed
    again (tensors, arrays and samples are not). Stores that version 0.1.0 wrote do not tell value ranges, code or
    checkpoints apart: their numbers are kept to be looked at, and none is taken for an answer.

    Parameters
    ----------
    old : path-like
        A Zarr of `lam_nb.sweep`.
    new : path-like or str
        Ends in .zarr. An interrupted migration goes on when it is called again.

    Returns
    -------
    xarray.Dataset
        What the new store holds, as `lam_nb.open` does.

    Raises
    ------
    InputError
        If `old` is no such store, or `new` holds something else.

    Examples
    --------
    >>> migrate("none.zarr", "new.zarr")
    Traceback (most recent call last):
    lam_nb.validation.InputError: old: there is no store none.zarr.
    """
    dataset, plan = _opened(old)
    ledger = Ledger(new)
    ledger.begin("sweep", dict(ATTRIBUTION.words))
    told = _Told(plan, dataset)
    asked = pd.DataFrame([row for m, i in told.pairs for row in told.rows(m, i)])
    ledger.ask(asked)
    there = set(ledger.rows()[columns.CELL].tolist())
    for m in range(dataset.sizes[result.MODEL]):
        found = [one for i in range(dataset.sizes[result.IMAGE]) for one in _found(dataset, told, m, i)]
        missing = [one for one in found if one[0][columns.CELL] not in there]
        if missing:
            name = hashlib.sha256(str(missing[0][0][columns.CELL]).encode()).hexdigest()[:16]
            ledger.write(f"migrated-{name}", [row for row, _ in missing], [arrays for _, arrays in missing])
    ledger.compact(last=True)
    return ledger.dataset()


def _opened(old: str | os.PathLike[str]) -> tuple[xr.Dataset, Mapping[str, object]]:
    path = address("old", old)
    if not Path(path).exists():
        raise InputError(f"old: there is no store {path}.")
    dataset = result.open(path)
    try:
        plan = json.loads(dataset.attrs[_PLAN])
    except (KeyError, TypeError, ValueError):
        version = dataset.attrs.get("version")
        words = "is of version 2 already, and grows as it is" if version else "is no store of lam_nb.sweep"
        raise InputError(f"old: {path} {words}.") from None
    return dataset, plan


class _Told:
    """What a plan of version 1 tells, in the identities of now."""

    def __init__(self, plan: Mapping[str, object], dataset: xr.Dataset) -> None:
        self.names = [[str(one) for one in dataset[axis].values] for axis in (result.MODEL, result.IMAGE)]
        shape = dataset.sizes[result.MODEL], dataset.sizes[result.IMAGE]
        self.pairs = [(m, i) for m in range(shape[0]) for i in range(shape[1])]
        self.windows = _windows(dataset)
        if "numbers" in plan:
            nets, pictures = (dict(plan[key]) for key in ("networks", "images"))  # type: ignore[call-overload]
            self.networks = [digest_of(nets[name]) for name in self.names[0]]
            self.pictures = [str(pictures[name]) for name in self.names[1]]
        else:
            self.networks = [digest_of({_UNTOLD: str(plan), "network": name}) for name in self.names[0]]
            self.pictures = [digest_of({_UNTOLD: str(plan), "picture": name}) for name in self.names[1]]
        self.setting, self.label = _setting(plan)

    def rows(self, m: int, i: int) -> Iterator[Row]:
        """Yield what is known of the cells of a pair."""
        for window in self.windows:
            sides = window.y, window.x, window.height, window.width
            identities = self.networks[m], self.pictures[i], self.setting
            yield {
                columns.CELL: cell_of(*identities, sides),
                columns.NETWORK: self.names[0][m],
                columns.PICTURE: self.names[1][i],
                columns.SETTING: self.label,
                **dict(zip(columns.IDENTITIES, identities, strict=True)),
                **dict(zip(columns.WINDOW, sides, strict=True)),
            }


def _windows(dataset: xr.Dataset) -> list[Region]:
    sides = [result.REGION_Y, result.REGION_X]
    square = result.REGION_SIZE in dataset.coords
    sides += [result.REGION_SIZE] * 2 if square else [result.REGION_HEIGHT, result.REGION_WIDTH]
    every = zip(*(dataset[name].values.tolist() for name in sides), strict=True)
    return [Region(int(y), int(x), height=int(height), width=int(width)) for y, x, height, width in every]


def _setting(plan: Mapping[str, object]) -> tuple[str, str]:
    """Return the identity of settings, as `planning.setting_of` does, and a name."""
    settings = {name: str(value) for name, value in dict(plan.get("settings", {})).items() if value != "None"}  # type: ignore[call-overload]
    as_truth = bool(plan.get("as_truth", plan.get("truth", True)))
    words = [f"{name} {_short(value)}" for name, value in sorted(settings.items())]
    words += [] if as_truth else ["of inputs"]
    told = {"as_truth": as_truth, "settings": settings, "numbers": plan.get("numbers")}
    doubt = {} if "numbers" in plan else {_UNTOLD: str(plan)}
    return digest_of(told | doubt), ", ".join([*words, *doubt]) or "defaults"


def _short(value: str) -> str:
    """Return the value of a setting as it reads: numbers and names as they are, code by the start of its hash."""
    if re.fullmatch(r"'[^']*'|[-+\w.]+", value):
        return value.strip("'")
    return f"own {hashlib.sha256(value.encode()).hexdigest()[:6]}"


def _found(dataset: xr.Dataset, told: _Told, m: int, i: int) -> Iterator[tuple[Row, Arrays]]:
    """Yield the rows and maps of a pair that is done or failed, its maps read now and not before."""
    pair = dataset.isel({result.MODEL: m, result.IMAGE: i})
    trace = str(pair[result.FAILURE].values) if result.FAILURE in pair else ""
    if not bool(pair[result.DONE]) and not trace:
        return
    facts = dataset.attrs
    common: Row = {columns.CREATED: str(facts.get("created", "")), columns.VERSIONS: str(facts.get("versions", ""))}
    common |= {columns.SECONDS: np.nan, columns.SCALE: int(facts.get(_SCALE, -1))}
    if not bool(pair[result.DONE]):
        yield from (({**row, **common, columns.FAILURE: trace}, {}) for row in told.rows(m, i))
        return
    maps = pair[result.ATTRIBUTION].values.astype(np.float32)
    common |= dict(zip((columns.ROWS, columns.COLUMNS), maps.shape[-2:], strict=True))
    for k, row in enumerate(told.rows(m, i)):
        numbers = {name: float(_at(pair[name], k)) for name in _NUMBERS if name in pair and name != result.ATTRIBUTION}
        yield {**row, **common, **numbers}, {result.ATTRIBUTION: maps[k]}


def _at(values: xr.DataArray, k: int) -> xr.DataArray:
    return values.isel({result.REGION: k}) if result.REGION in values.dims else values
