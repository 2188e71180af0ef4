"""``lam-nb report``: one page on what a sweep found, what it looked like, what failed and what it took."""

from __future__ import annotations

import argparse

from .. import studies
from ..studies.reporting import BY
from . import report, watching


def run(store: str, html: str, by: str | None) -> None:
    """Write one page on a sweep: how widely networks look, their maps, hard windows, failures, what it took."""
    report.check_outputs(None, html)
    counts = [("store", store), *watching.totals(studies.status(store))]
    from .pages import sweep_page

    report.lines(counts, [sweep_page(store, html, by)])


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("store", help=".zarr of a sweep, or its address")
    add("--html", required=True, help="page to write")
    add("--by", choices=BY, help="tell of each setting; default the one with most windows")
