"""``lam-nb status``: how far the sweeps of a store are."""

from __future__ import annotations

import argparse

from . import completion
from . import options as shared


def run(store: str, follow: bool, json: bool) -> None:
    """Tell how far the sweeps of a store are: done, failed, missing, how fast, how long still."""
    from . import watching

    watching.look(store, follow, json)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    words = ".zarr of a sweep, or its address"
    shared.completed(parser.add_argument("store", help=words), completion.files)
    parser.add_argument("--follow", action="store_true", help="look again every few seconds, until all is done")
    shared.machine(parser)
