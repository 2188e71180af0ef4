"""Tables: what a result holds. A verb states its table once; here results are built, checked and stamped by it."""

from __future__ import annotations

import datetime
import functools
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ..types import RGB
from ..validation import InputError, mapping
from ..version import __version__
from .names import CHANNEL, COORDINATES, IMAGE, MODEL, OUT_X, OUT_Y, REGION, Word, X, Y

STACKS = (REGION, MODEL, IMAGE)
"""Dimensions that results are stacked along."""
_NOTED = ("torch", "xarray", "numpy")
"""Distributions whose version a result tells, beside our own."""
_MAKERS: dict[str, str] = {}
"""Variable -> who makes it, as the tables tell; the first that tells counts."""
_HINTS: dict[str, str] = {}
"""Optional variable -> how to ask for it."""


class Table:
    """The variables of a result: their dimensions, long names and units.

    Parameters
    ----------
    *words : mapping of str to (dimensions, long name, units)
        The variables; later mappings add to earlier ones.
    maker : str
        Who builds results of this table, for messages.
    coordinates : mapping, optional
        Words for coordinates beyond those that all results share.
    optional : iterable of str
        Variables that may be missing.
    hints : mapping of str to str, optional
        How to ask for optional variables.

    Examples
    --------
    >>> table = Table({"height": (("y",), "height of a row", "m")}, maker="doc.example")
    >>> table.build({"height": [1.0, 2.0]}, facts={"seed": 1}).height.attrs["units"]
    'm'
    """

    def __init__(
        self,
        *words: Mapping[str, Word],
        maker: str,
        coordinates: Mapping[str, Word] | None = None,
        optional: Iterable[str] = (),
        hints: Mapping[str, str] | None = None,
    ) -> None:
        listed = isinstance(optional, Iterable) and all(isinstance(one, str) for one in optional)
        if not listed or not all(isinstance(part, Mapping) for part in words):
            raise InputError("words, optional: expected mappings of the variables, and their names.")
        self.words: dict[str, Word] = {name: word for part in words for name, word in part.items()}
        self.coordinates: dict[str, Word] = {**COORDINATES, **mapping("coordinates", coordinates)}
        self.maker, self.optional = maker, frozenset(optional)
        for name in self.words:
            _MAKERS.setdefault(name, maker)
        _HINTS.update(mapping("hints", hints))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(self.words)

    def build(
        self,
        values: Mapping[str, ArrayLike | None],
        coordinates: Mapping[str, ArrayLike] | None = None,
        *,
        facts: Mapping[str, str | int | float],
        units: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> xr.Dataset:
        """Return a result, stamped with its provenance.

        Parameters
        ----------
        values : mapping of str to array
            Every variable that is not optional; None is missing.
        coordinates : mapping of str to array, optional
            Rows and columns of pixels are counted and channels lettered without being asked.
        facts : mapping
            Attributes of the result: numbers and text, as files can hold them.
        units, labels : mapping, optional
            Of variables whose units or long names are known only now.

        Raises
        ------
        ValueError
            If a variable is missing, unknown or has other dimensions: an error of the verb.
        """
        filled = {name: value for name, value in values.items() if value is not None}
        self._check(filled)
        named = {**(labels or {})}
        measured = {**(units or {})}
        data = {
            name: self._variable(name, word, filled[name], named.get(name, word[1]), measured.get(name, word[2]))
            for name, word in self.words.items()
            if name in filled
        }
        sizes = {side: n for over, array, _ in data.values() for side, n in zip(over, array.shape, strict=True)}
        return xr.Dataset(data, dict(self._coordinates(sizes, coordinates or {})), {**facts, **stamp()})

    def _check(self, filled: Mapping[str, object]) -> None:
        unknown = [name for name in filled if name not in self.words]
        missing = [name for name in self.words if name not in filled and name not in self.optional]
        if unknown or missing:
            raise ValueError(f"table of {self.maker}: unknown variables {unknown}, missing variables {missing}")

    def _variable(
        self, name: str, word: Word, value: ArrayLike, label: str, units: str
    ) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
        array = np.asarray(value)
        if array.ndim != len(word[0]):
            raise ValueError(f"table of {self.maker}: {name} has shape {array.shape}, expected dimensions {word[0]}")
        return word[0], array, {"long_name": label, "units": units}

    def _coordinates(
        self, sizes: Mapping[str, int], given: Mapping[str, ArrayLike]
    ) -> Iterator[tuple[str, xr.Variable]]:
        counted = {name: np.arange(sizes[name]) for name in (Y, X, OUT_Y, OUT_X) if name in sizes}
        letters = {CHANNEL: np.array(RGB, dtype=object)} if sizes.get(CHANNEL) == len(RGB) else {}
        for name, value in {**given, **{k: v for k, v in (counted | letters).items() if k not in given}}.items():
            dimensions, label, units = self.coordinates[name]
            array = np.asarray(value)
            array = array.astype(object) if array.dtype.kind in "US" else array  # fixed-width text warns in Zarr
            yield name, xr.Variable(dimensions, array, {"long_name": label, "units": units})


def check(dataset: xr.Dataset, *names: str) -> xr.Dataset:
    """Return `dataset` if it has the variables, else raise an InputError that tells how to get them.

    Examples
    --------
    >>> import lam_nb
    >>> check(xr.Dataset(), "attribution")
    Traceback (most recent call last):
    lam_nb.InputError: dataset: has no 'attribution'; expected a result of lam_nb.attribute.
    """
    if not isinstance(dataset, xr.Dataset):
        raise InputError(f"dataset: got {type(dataset).__name__}, expected an xarray.Dataset that lam_nb made.")
    for name in names:
        if name in dataset:
            continue
        if name in _HINTS and any(one in dataset for one in _MAKERS if _MAKERS[one] == _MAKERS[name]):
            raise InputError(f"dataset: has no {name!r}; make it with {_HINTS[name]}.")
        maker = _MAKERS.get(name)
        raise InputError(f"dataset: has no {name!r}" + (f"; expected a result of {maker}." if maker else "."))
    return dataset


def stamp() -> dict[str, str]:
    """Return when, and with which versions, a result is made.

    Examples
    --------
    >>> sorted(stamp())
    ['created', 'python', 'versions']
    """
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": ", ".join([f"lam-nb {__version__}", *(f"{name} {_version(name)}" for name in _NOTED)]),
        "python": platform.python_version(),
    }


def facts(dataset: xr.Dataset) -> dict[str, Any]:
    """Return a result's attributes, with those that became coordinates in a stack.

    Raises
    ------
    InputError
        If it is a whole stack.

    Examples
    --------
    >>> from lam_nb.result import stacked
    >>> both = stacked([xr.Dataset({"a": k}, attrs={"seed": k}) for k in (1, 2)], "run")
    >>> facts(both.isel(run=1))["seed"]
    2
    """
    stack = [str(name) for name in check(dataset).dims if name in STACKS]
    if stack:
        raise InputError(f"dataset: has a dimension {stack[0]!r}; choose one, such as ds.isel({stack[0]}=0).")
    return Facts(dataset.attrs | {str(name): one.item() for name, one in dataset.coords.items() if not one.ndim})


class Facts(dict[str, Any]):
    """A result's attributes; says what to do where one is missing.

    Examples
    --------
    >>> Facts(network="fsrcnn")["scale"]
    Traceback (most recent call last):
    lam_nb.InputError: dataset: has no attribute 'scale'; ... xr.set_options(keep_attrs=True) ... .
    """

    def __missing__(self, name: str) -> object:
        """Say that it is missing, and why it may be."""
        raise InputError(
            f"dataset: has no attribute {name!r}; arithmetic drops them unless xr.set_options(keep_attrs=True) is set."
        )


@functools.cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"
