"""The catalogue: published networks by name and by the hash of their files; facts from OpenModelDB, August 2026."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Entry", "entries", "of_hash", "search"]


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


def of_hash(sha256: str) -> Entry | None:
    """Return what is known of a file with this hash, if anything is.

    Examples
    --------
    >>> of_hash("0" * 64) is None
    True
    """
    return next((entry for entry in entries().values() if entry.sha256 == sha256), None)


def search(words: str = "") -> list[Entry]:
    """Return the entries whose name, architecture, author or licence hold all words, by name.

    Examples
    --------
    >>> {entry.architecture for entry in search("swinir df2k")}
    {'swinir'}
    """
    wanted = words.lower().split()
    told = {name: f"{name} {one.architecture} {one.author} {one.licence}".lower() for name, one in entries().items()}
    return [entries()[name] for name in sorted(told) if all(word in told[name] for word in wanted)]
