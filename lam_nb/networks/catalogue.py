"""The catalogue: published networks by name and by the hash of their files; facts from OpenModelDB, August 2026."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from .. import identity
from ..validation import InputError

__all__ = ["Entry", "entries", "holds", "named", "of_file", "search"]


@dataclass(frozen=True)
class Entry:
    """What is known of a published file.

    Parameters
    ----------
    name, architecture, author, licence : str
    scale, bytes : int
        Output pixels per input pixel; size of the file.
    sha256 : str
        Hash of the file.
    address, page : str
        Where it can be downloaded; where a person gets it. Either may be empty.
    """

    name: str
    architecture: str
    scale: int
    author: str
    licence: str
    bytes: int
    sha256: str
    address: str
    page: str

    @property
    def about(self) -> dict[str, str]:
        """The facts for a network's card."""
        known = {"published_as": self.name, "author": self.author, "licence": self.licence}
        return known | {"source": self.address or self.page, "facts_from": "OpenModelDB, August 2026"}


@cache
def entries() -> Mapping[str, Entry]:
    """Return every published network that is known, by its name in small letters.

    Examples
    --------
    >>> entries()["2x-classicalsr-df2k-s64w8-swinir-m"].licence
    'Apache-2.0'
    """
    file = resources.files(__name__.partition(".")[0]) / "data" / "published.csv"
    found = [_entry(row) for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())]
    return {entry.name.lower(): entry for entry in found}


def _entry(row: Mapping[str, str]) -> Entry:
    texts = {name: row[name] for name in ("name", "architecture", "author", "licence", "sha256", "address", "page")}
    return Entry(scale=int(row["scale"]), bytes=int(row["bytes"]), **texts)


def of_file(path: str | os.PathLike[str]) -> Entry | None:
    """Return what is known of a file, by what it holds and not by its name; only one of a known size is read.

    Examples
    --------
    >>> of_file(__file__) is None
    True
    """
    size = Path(path).stat().st_size
    known = [entry for entry in entries().values() if entry.bytes == size]
    sha256 = identity.of_file(path) if known else ""
    return next((entry for entry in known if entry.sha256 == sha256), None)


def named(name: str) -> str | None:
    """Return the whole name of the only entry that has all words of a short one, or just these words.

    Raises
    ------
    InputError
        If several have them: says which.

    Examples
    --------
    >>> named("swinir-m-x4-df2k"), named("dat-x4"), named("swinir-xxl")
    ('4x-classicalsr-df2k-s64w8-swinir-m', '4x-dat', None)
    """
    asked = _words(name)
    told = {whole: _words(f"{whole} {one.scale}x") for whole, one in entries().items()}
    found = [whole for whole, words in told.items() if asked == words]
    found = found or [whole for whole, words in told.items() if asked and asked <= words]
    if len(found) > 1:
        raise InputError(f"network: {name!r} could be {', '.join(found[:8])}{', …' * (len(found) > 8)}; say which.")
    return found[0] if found else None


def _words(name: str) -> frozenset[str]:
    """Return the words of a name, with scales as x4."""
    parts = re.findall(r"[a-z0-9]+", name.lower())
    return frozenset(re.sub(r"^(\d+)x$", r"x\1", part) for part in parts)


def search(words: str = "") -> list[Entry]:
    """Return the entries whose name, architecture, author or licence hold all words, by name.

    Examples
    --------
    >>> {entry.architecture for entry in search("swinir df2k")}
    {'swinir'}
    """
    told = {name: f"{name} {one.architecture} {one.author} {one.licence}" for name, one in entries().items()}
    return [entries()[name] for name in sorted(told) if holds(told[name], words.split())]


def holds(line: str, words: Iterable[str]) -> bool:
    """Return whether a line holds all words, in large or small letters.

    Examples
    --------
    >>> holds("2x SwinIR", ["swinir", "2X"])
    True
    """
    return all(word.lower() in line.lower() for word in words)
