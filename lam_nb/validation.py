"""Validation: an argument that cannot be worked with is told by name, at once, with what to do."""

from __future__ import annotations

import difflib
import inspect
import math
import numbers
import operator
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LONGEST = 255
"""Bytes in the name of a file, on any usual file system."""


class InputError(ValueError):
    """An argument that cannot be worked with: says which, what came, what was expected, what to do.

    Examples
    --------
    >>> import lam_nb as lam
    >>> try:
    ...     lam.Region(y=110, x=150, size=-3)
    ... except lam.InputError as error:
    ...     print(error)
    region.size: got -3, expected a whole number from 1 up.
    """


def whole(name: str, value: object, least: int = 1, most: float = math.inf) -> int:
    """Return `value` as an int if it is a whole number from `least` to `most`, else raise `InputError`.

    Examples
    --------
    >>> whole("steps", 24)
    24
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type] # what it cannot take is told below
    except TypeError:
        raise InputError(f"{name}: got {value!r}, expected a whole number from {least} up.") from None
    if isinstance(value, bool) or not least <= number <= most:
        end = "up" if most == math.inf else f"to {most:,}"
        raise InputError(f"{name}: got {value!r}, expected a whole number from {least} {end}.")
    return number


def positive(name: str, value: object, meaning: str, most: float = math.inf) -> float:
    """Return `value` as a float if it is a finite number above 0, else raise `InputError`.

    Examples
    --------
    >>> positive("sigma", 1.2, "the blur in input pixels")
    1.2
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < float(value) < math.inf:
        raise InputError(f"{name}: got {value!r}, expected {meaning}, a positive number.")
    if float(value) > most:
        raise InputError(f"{name}: got {value!r}, expected {meaning}, at most {most:,}.")
    return float(value)


def not_negative(name: str, value: object, meaning: str) -> float:
    """Return `value` as a float if it is a finite number from 0 up, else raise `InputError`.

    Examples
    --------
    >>> not_negative("noise", 0, "a standard deviation")
    0.0
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) < math.inf:
        raise InputError(f"{name}: got {value!r}, expected {meaning}, a number from 0 up.")
    return float(value)


def fraction(name: str, value: object, meaning: str, *, whole_too: bool = True) -> float:
    """Return `value` as a float if it is above 0 and at most 1, else raise `InputError`.

    Examples
    --------
    >>> fraction("share", 0.95, "a part of the whole")
    0.95
    """
    number = positive(name, value, meaning)
    if number > 1 or (number == 1 and not whole_too):
        end = "up to 1" if whole_too else "below 1"
        raise InputError(f"{name}: got {value!r}, expected {meaning}, a number above 0 and {end}.")
    return number


def address(name: str, value: object) -> Path:
    """Return `value` as a path, with ``~`` expanded, if it can be one, else raise `InputError`.

    Examples
    --------
    >>> address("path", "map.nc").name
    'map.nc'
    """
    if not isinstance(value, str | os.PathLike) or "\0" in os.fspath(value) or not os.fspath(value):
        raise InputError(f"{name}: got {value!r}, expected the name of a file or folder.")
    if any(len(os.fsencode(part)) > _LONGEST for part in Path(value).parts):
        raise InputError(f"{name}: got {value!r:.80}…, expected names of at most {_LONGEST} bytes.")
    return Path(value).expanduser()


def switch(name: str, value: object) -> bool:
    """Return `value` if it is True or False, else raise `InputError`.

    Examples
    --------
    >>> switch("local", True)
    True
    """
    if not isinstance(value, bool):
        raise InputError(f"{name}: got {value!r:.80}, expected True or False.")
    return value


def text(name: str, value: object, meaning: str = "text") -> str:
    """Return `value` if it is text, else raise `InputError`.

    Examples
    --------
    >>> text("label", "PSNR")
    'PSNR'
    """
    if not isinstance(value, str):
        raise InputError(f"{name}: got {value!r:.80}, expected {meaning}.")
    return value


def mapping(name: str, value: object) -> dict[str, Any]:
    """Return `value` as a dictionary if it is one, or None, else raise `InputError`.

    Examples
    --------
    >>> mapping("about", None)
    {}
    """
    if value is not None and not isinstance(value, Mapping):
        raise InputError(f"{name}: got {type(value).__name__}, expected a dictionary of name -> value.")
    return dict(value or {})


def shape(value: object) -> str:
    """Tell an array's or a tensor's shape; of anything else, what it is.

    Examples
    --------
    >>> shape(None)
    'NoneType'
    """
    return str(tuple(value.shape)) if hasattr(value, "shape") else type(value).__name__


def words_of(error: Exception) -> str:
    """Return what an error is and says, in one line.

    Examples
    --------
    >>> words_of(KeyError("attribution"))
    "KeyError: 'attribution'"
    """
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextmanager
def readable(name: str, path: object, kind: str) -> Iterator[None]:
    """Have what a reader says of a damaged file, in whatever words, become one line.

    Examples
    --------
    >>> with readable("path", "map.nc", "result that lam_nb can read"):
    ...     raise KeyError("attribution")
    Traceback (most recent call last):
    lam_nb.InputError: path: map.nc is no result that lam_nb can read (KeyError: 'attribution').
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{name}: {path} is no {kind} ({words_of(error):.200}).") from None


def answer(name: str, function: Callable[..., Any], *arguments: object) -> Any:
    """Return what a function that was given as `name` answers; if it cannot take them, raise `InputError` with why.

    Memory that runs out, and what torch says of its devices, is no fault of the function and goes on.

    Examples
    --------
    >>> answer("rule", max, 3, 5)
    5
    """
    try:
        return function(*arguments)
    except InputError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        called = getattr(function, "__name__", None) or type(function).__name__
        raise InputError(
            f"{name}: {called!r} failed ({words_of(error):.200}); see its documentation for what it is given."
        ) from error


def choose(name: str, value: str, known: Iterable[str]) -> str:
    """Return `value` if it is one of `known`, else raise `InputError` with the nearest.

    Examples
    --------
    >>> choose("rule", "arc", ["arc", "paper"])
    'arc'
    """
    names = list(known)
    if isinstance(value, str) and value in names:
        return value
    hint = nearest(str(value), names)
    raise InputError(f"{name}: got {value!r}, expected one of {', '.join(names)}; {hint or 'choose one of them.'}")


def nearest(value: str, names: Iterable[str]) -> str:
    """Return a question that names the one most alike, or nothing.

    Examples
    --------
    >>> nearest("stepz", ["steps", "rule"])
    "did you mean 'steps'?"
    """
    near = difflib.get_close_matches(value.lower(), list(names), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def settings(
    given: Mapping[str, object], of: Callable[..., object], verb: str, without: Iterable[str] = ()
) -> dict[str, object]:
    """Return settings that are handed on, if all are keywords of the function they are for.

    Parameters
    ----------
    given : mapping
        What came as ``**settings``.
    of : callable
        The function that gets them.
    verb : str
        Name of the function that was called, for the message.
    without : iterable of str
        Keywords that the caller sets itself.

    Raises
    ------
    TypeError
        If one is misspelt: says which was meant. At once, and not after a night of work.

    Examples
    --------
    >>> settings({"key": len}, of=sorted, verb="sort")
    {'key': <built-in function len>}
    """
    parameters = inspect.signature(of).parameters.values()
    known = {one.name for one in parameters if one.kind == one.KEYWORD_ONLY} - set(without)
    for name in given:
        if name not in known:
            hint = nearest(name, known)
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}" + (f"; {hint}" if hint else ""))
    return dict(given)
