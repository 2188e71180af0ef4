"""``lam-nb networks``: which networks are known by name, and where they are."""

from __future__ import annotations

import argparse

from .. import networks
from ..networks import catalogue, published


def run(words: list[str]) -> None:
    """List the networks that are known by name: shipped, in the cache, to download, to get by hand."""
    rows = [*_shipped(), *_published()]
    found = [row for row in rows if catalogue.holds(" ".join(row), words)]
    for name, architecture, scale, size, licence, where in found:
        print(f"{name:<50} {architecture:<16} {scale:>3} {size:>8}  {licence:<16} {where}")
    print(f"{len(found)} of {len(rows)} networks; lam_nb.networks.load(name) loads one, net.card tells of it.")


def _shipped() -> list[tuple[str, ...]]:
    cards = [networks.card(name) for name in networks.shipped()]
    return [(c["name"], c["architecture"], f"{c['scale']}x", "", c["licence"], "comes along") for c in cards]


def _published() -> list[tuple[str, ...]]:
    names = [name for name in published.PUBLISHED if name not in networks.shipped()]
    return [_row(name, published.PUBLISHED[name]) for name in sorted(names)]


def _row(name: str, weights: published.Weights) -> tuple[str, ...]:
    entry = catalogue.entries().get(name)
    known = (entry.architecture, f"{entry.scale}x", f"{entry.bytes / 1e6:,.1f} MB") if entry else (name, "", "")
    cached = (published.cache() / weights.file).is_file()
    where = "in the cache" if cached else "to download" if weights.address else f"by hand: {weights.page}"
    return (entry.name if entry else name, *known, weights.licence, where)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("words", nargs="*", help="only those whose line holds all of these, such as swinir 2x")
