"""``lam-nb networks``: which networks are known by name, and where they are."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import lam_nb as lam

from . import options as shared
from . import report

if TYPE_CHECKING:
    from ..networks.published import Weights

_FIELDS = ("name", "architecture", "scale", "size", "licence", "where")


def run(words: list[str], json: bool) -> None:
    """List the networks that are known by name: shipped, in the cache, to download, to get by hand."""
    from ..networks import catalogue

    rows = [*_shipped(), *_published()]
    found = [row for row in rows if catalogue.holds(" ".join(row), words)]
    if json:
        report.records([dict(zip(_FIELDS, row, strict=True)) for row in found])
        return
    for name, architecture, scale, size, licence, where in found:
        print(f"{name:<50} {architecture:<16} {scale:>3} {size:>8}  {licence:<16} {where}")
    print(f"{len(found)} of {len(rows)} networks; lam_nb.networks.load(name) loads one, net.card tells of it.")


def _shipped() -> list[tuple[str, ...]]:
    cards = [lam.networks.card(name) for name in lam.networks.shipped()]
    return [(c["name"], c["architecture"], f"{c['scale']}x", "", c["licence"], "comes along") for c in cards]


def _published() -> list[tuple[str, ...]]:
    known = lam.networks.PUBLISHED
    return [_row(name, known[name]) for name in sorted(known.keys() - set(lam.networks.shipped()))]


def _row(name: str, weights: Weights) -> tuple[str, ...]:
    from ..networks import catalogue, published

    entry = catalogue.entries().get(name)
    known = (entry.architecture, f"{entry.scale}x", f"{entry.bytes / 1e6:,.1f} MB") if entry else (name, "", "")
    cached = (published.cache() / weights.file).is_file()
    where = "in the cache" if cached else "to download" if weights.address else f"by hand: {weights.page}"
    return (entry.name if entry else name, *known, weights.licence, where)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("words", nargs="*", help="only those whose line holds all of these, such as swinir 2x")
    shared.machine(parser)
