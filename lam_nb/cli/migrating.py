"""``lam-nb migrate``: a store of the version before becomes one that grows."""

from __future__ import annotations

import argparse
from pathlib import Path

import lam_nb as lam

from . import completion, report
from . import options as shared


def run(old: str, new: str) -> None:
    """Copy a sweep's store of the version before into a new one, which a sweep goes on with."""
    found = lam.studies.migrate(old, new)
    done = found[lam.result.DONE].values
    rows = [("networks × pictures", f"{int(done.sum())} of {done.size} done")]
    rows.append(("next", f"lam-nb status {new}"))
    report.lines(rows, [Path(new)] if "://" not in new else [])


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    for name, words in (("old", "store of version 1; left as it is"), ("new", "store to write")):
        added = parser.add_argument(name, metavar=f"{name.upper()}.zarr", help=words)
        shared.completed(added, completion.files)
