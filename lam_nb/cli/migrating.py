"""``lam-nb migrate``: a store of the version before becomes one that grows."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import result, studies
from . import report


def run(old: str, new: str) -> None:
    """Copy a sweep's store of the version before into a new one, which a sweep goes on with."""
    found = studies.migrate(old, new)
    done = found[result.DONE].values
    rows = [("networks × pictures", f"{int(done.sum())} of {done.size} done")]
    rows.append(("next", f"lam-nb status {new}"))
    report.lines(rows, [Path(new)] if "://" not in new else [])


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("old", metavar="OLD.zarr", help="store of version 1; left as it is")
    parser.add_argument("new", metavar="NEW.zarr", help="store to write")
