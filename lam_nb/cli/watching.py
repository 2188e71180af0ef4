"""Watching: what ``lam-nb status`` prints; apart, since it takes pandas to tell."""

from __future__ import annotations

import json
import sys
import time

import pandas as pd

from .. import result
from ..result.ledger import columns
from ..studies.watching import (
    ASKED,
    AT_WORK,
    FAILED,
    FIRST_FAILURE,
    LEFT,
    MEAN_SECONDS,
    MISSING,
    RATE,
    SWEEPS,
    Watch,
    duration,
    worded,
)
from . import report

NETWORK = columns.NETWORK
_PAUSE = 3.0
"""Seconds between looks."""
_CLEAR = "\x1b[{}F\x1b[J"
"""Goes up so many lines, and empties what is below."""
_HEADS = {
    NETWORK: "network",
    columns.SETTING: "setting",
    ASKED: "asked",
    result.DONE: "done",
    FAILED: "failed",
    MISSING: "missing",
    AT_WORK: "at work",
    RATE: "cells/s",
    LEFT: "left",
    MEAN_SECONDS: "s/cell",
}
_TEXTS = (NETWORK, columns.SETTING)


def look(store: str, follow: bool, machine: bool = False) -> None:
    """Print how far the sweeps of a store are; again and again, until all is done, if that is asked."""
    watch, lines = Watch(store), 0
    if machine:
        report.records(json.loads(watch.look().to_json(orient="records")))
        return
    while True:
        found = watch.look()
        text = table(found)
        print((_CLEAR.format(lines) if lines and sys.stdout.isatty() else "") + text, flush=True)
        lines = text.count("\n") + 1
        if not follow or int(found[result.DONE].sum()) == int(found[ASKED].sum()):
            return
        try:
            time.sleep(_PAUSE)
        except KeyboardInterrupt:  # whoever looks on may stop to; the sweep goes on
            return


def table(found: pd.DataFrame) -> str:
    """Return what `lam_nb.studies.status` found, as text: a line per network, the first failures, and all together.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> store = tempfile.mkdtemp() + "/all.zarr"
    >>> _ = lam.sweep(["fsrcnn"], ["bricks"], [lam.Region(96, 96)], store=store, steps=4, progress=False)
    >>> print(table(lam.studies.status(store)).splitlines()[0])
    network  asked  done  failed  missing  at work  cells/s  left  s/cell
    """
    heads = [name for name in _HEADS if name in found]
    lines = [[_HEADS[name] for name in heads]]
    lines += [[worded(name, value) for name, value in zip(heads, row, strict=True)] for row in found[heads].values]
    widths = [max(len(line[k]) for line in lines) for k in range(len(heads))]
    lefts = [name in _TEXTS for name in heads]
    told = [
        "  ".join(
            one.ljust(width) if left else one.rjust(width) for one, width, left in zip(line, widths, lefts, strict=True)
        ).rstrip()
        for line in lines
    ]
    failed = found[found[FAILED] > 0]
    told += [f"failed: {name}: {why}" for name, why in failed[[NETWORK, FIRST_FAILURE]].values]
    return "\n".join([*told, *(f"{name:<18}{value}" for name, value in totals(found))])


def totals(found: pd.DataFrame) -> list[tuple[str, str]]:
    """Return what holds of all networks together, by name.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> store = tempfile.mkdtemp() + "/all.zarr"
    >>> _ = lam.sweep(["fsrcnn"], ["bricks"], [lam.Region(96, 96)], store=store, steps=4, progress=False)
    >>> totals(lam.studies.status(store))
    [('cells', '1 of 1 done, 0 failed, 0 missing'), ('sweeps at work', 'none')]
    """
    asked, done, failed, missing = (int(found[name].sum()) for name in (ASKED, result.DONE, FAILED, MISSING))
    rows = [("cells", f"{done:,} of {asked:,} done, {failed:,} failed, {missing:,} missing")]
    live = int(found.attrs.get(SWEEPS, 0))
    if done == asked:
        return [*rows, ("sweeps at work", str(live or "none"))]
    left = duration(float(found[LEFT].sum(skipna=False)))
    words = f"{live}, {float(found[RATE].sum()):.3g} cells per second, {left} left"
    return [*rows, ("sweeps at work", words if live else f"none; {left} left when one goes on as before")]
