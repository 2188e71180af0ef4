"""``lam-nb report``: one page on what a sweep found, what it looked like, what failed and what it took."""

from __future__ import annotations

import argparse

import lam_nb as lam

from . import completion, report
from . import options as shared

BY = ("setting",)
"""What `lam_nb.studies.reporting` tells apart; told here so that help waits for nothing."""


def run(store: str, html: str, by: str | None) -> None:
    """Write one page on a sweep: how widely networks look, their maps, hard windows, failures, what it took."""
    report.check_outputs(None, html)
    from . import watching

    counts = [("store", store), *watching.totals(lam.studies.status(store))]
    from .pages import sweep_page

    report.lines(counts, [sweep_page(store, html, by)])


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    shared.completed(add("store", help=".zarr of a sweep, or its address"), completion.files)
    shared.completed(add("--html", required=True, help="page to write: .html"), completion.files)
    add("--by", choices=BY, help="tell of each setting; default the one with most windows")
