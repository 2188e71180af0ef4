"""Watching: how far the sweeps of a store are, wherever they run; a look, which disturbs nobody."""

from __future__ import annotations

import datetime
import math
import os
import re

import numpy as np
import pandas as pd

from .. import result
from ..result.ledger import Claims, Ledger, columns
from ..validation import InputError
from .cells import claim_of, presence

ASKED, FAILED, MISSING, AT_WORK = "asked", "failed", "missing", "at_work"
RATE, LEFT, MEAN_SECONDS, FIRST_FAILURE = "cells_per_second", "seconds_left", "mean_seconds", "first_failure"
SWEEPS = "sweeps"
"""Attribute of a status: how many sweeps are at work."""
_LATELY = 300.0
"""Seconds that tell how fast it goes now."""
_SHOWN = (
    columns.NETWORK,
    columns.SETTING,
    ASKED,
    result.DONE,
    FAILED,
    MISSING,
    AT_WORK,
    RATE,
    LEFT,
    MEAN_SECONDS,
    FIRST_FAILURE,
)
_KEY = [columns.NETWORK_ID, columns.SETTING_ID]
_LOOKED_AT = (
    columns.CELL,
    columns.NETWORK,
    columns.SETTING,
    *columns.IDENTITIES,
    columns.FAILURE,
    columns.SECONDS,
    columns.CREATED,
)


def status(store: str | os.PathLike[str]) -> pd.DataFrame:
    """Return how far the sweeps of a store are: a row per network, and per setting where there are several.

    Any sweep is seen, of other processes and machines too; only the columns that are needed are read.

    Parameters
    ----------
    store : path-like or str
        Of `lam_nb.sweep`: a path, or an address of fsspec.

    Returns
    -------
    pandas.DataFrame
        ``network`` (and ``setting``); cells that were ever ``asked``, those ``done``, ``failed`` (tried again by the
        next call) and ``missing``, and how many of the missing are claimed by a sweep ``at_work``;
        ``cells_per_second`` over the last five minutes, 0 when nobody is at work; ``seconds_left`` at that speed, or
        at the last one; ``mean_seconds`` of a cell; the last line of the ``first_failure``. Its ``attrs["sweeps"]``
        counts sweeps that are at work.

    Raises
    ------
    InputError
        If there is no such store, or it is of the version before.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> store = tempfile.mkdtemp() + "/all.zarr"
    >>> _ = lam.sweep(["fsrcnn"], ["bricks"], [lam.Region(96, 96)], store=store, steps=4, progress=False)
    >>> status(store)[["network", "asked", "done", "missing"]].values.tolist()
    [['fsrcnn', 1, 1, 0]]
    """
    return Watch(store).look()


class Watch:
    """A look at a store, again and again: what was read once is not read again.

    Parameters
    ----------
    store : path-like or str

    Raises
    ------
    InputError
        If there is no such store, or it is of the version before.
    """

    def __init__(self, store: str | os.PathLike[str]) -> None:
        self.ledger = opened_ledger(store, _LOOKED_AT)

    def look(self) -> pd.DataFrame:
        """Return what `status` does."""
        live = Claims(self.ledger.place, "watch").live()
        asked, rows = self.ledger.asked(), self.ledger.rows()
        sweeps = {name for name in live if name.startswith(presence(""))}
        told = _told(asked, rows, set(live) - sweeps)
        speed = _Speed(rows, bool(sweeps))
        lines = [_row(one, speed) for _, one in told.groupby(_KEY, sort=False)]
        found = pd.DataFrame(lines, columns=[*_SHOWN])
        if told[columns.SETTING_ID].nunique() < 2:
            found = found.drop(columns=columns.SETTING)
        found.attrs[SWEEPS] = len(sweeps)
        return found


def opened_ledger(store: str | os.PathLike[str], only: tuple[str, ...] | None = None) -> Ledger:
    """Return the ledger of a sweep that is there.

    Raises
    ------
    InputError
        If it is not, or is of the version before.
    """
    ledger = Ledger(store, only)
    facts = ledger.facts
    if not facts:
        raise InputError(f"store: there is no sweep at {ledger.place.address}; lam_nb.sweep makes one.")
    ledger.begin("sweep", {})  # refuses what is something else, and writes nothing
    return ledger


def _told(asked: pd.DataFrame, rows: pd.DataFrame, claimed: set[str]) -> pd.DataFrame:
    """Return what became of every cell that was asked."""
    found = rows.set_index(columns.CELL)[[columns.FAILURE, columns.SECONDS, columns.CREATED]]
    told = asked.astype(dict.fromkeys(columns.IDENTITIES, object)).join(found, on=columns.CELL)
    there = told[columns.CREATED].notna().to_numpy()
    failed = there & (told[columns.FAILURE].fillna("").astype(str) != "").to_numpy()
    told = told.assign(**{result.DONE: there & ~failed, FAILED: failed, MISSING: ~there, AT_WORK: False})
    if claimed and not told[result.DONE].all():
        open_ = told[~told[result.DONE]]
        names = open_[list(columns.IDENTITIES)].drop_duplicates().apply(tuple, axis=1)
        ours = {one for one in names if claim_of(*one) in claimed}
        told.loc[open_.index, AT_WORK] = [one in ours for one in open_[list(columns.IDENTITIES)].apply(tuple, axis=1)]
    return told


class _Speed:
    """How fast it went lately: seconds of work in a second, and when it was."""

    def __init__(self, rows: pd.DataFrame, is_live: bool) -> None:
        done = rows[rows[columns.FAILURE].astype(str) == ""]
        when = pd.to_datetime(done[columns.CREATED].astype(str), utc=True, errors="coerce", format="ISO8601")
        ends = pd.Series(when.astype("datetime64[ns, UTC]").astype("int64").to_numpy() / 1e9)
        took = pd.Series(done[columns.SECONDS].to_numpy(float))
        last = max(ends.max() if len(ends) else 0.0, datetime.datetime.now().timestamp() if is_live else 0.0)
        self.mean = float(took.mean()) if took.notna().any() else np.nan
        self.is_live = is_live
        lately = ends > last - max(_LATELY, 5 * np.nan_to_num(self.mean))
        self.cells = frozenset(done[columns.CELL].to_numpy()[lately.to_numpy()])
        self.span = max(1.0, last - float((ends - took.fillna(0))[lately].min())) if lately.any() else np.nan
        self.at_once = float(took[lately].sum()) / self.span if lately.any() else np.nan

    def rate(self, cells: pd.Series) -> float:
        """Return how many of some cells were done in a second."""
        return float(cells.isin(self.cells).sum()) / self.span if self.is_live and self.cells else 0.0

    def left(self, count: int, seconds: float) -> float:
        """Return how long so many cells take, which take so many seconds each."""
        if not count:
            return 0.0
        return count * (self.mean if np.isnan(seconds) else seconds) / (self.at_once or np.nan)


def _row(cells: pd.DataFrame, speed: _Speed) -> dict[str, object]:
    done, failed = cells[result.DONE], cells[FAILED]
    seconds = float(cells.loc[done, columns.SECONDS].mean()) if done.any() else np.nan
    left = int((~done).sum())
    return {
        columns.NETWORK: str(cells[columns.NETWORK].iloc[0]),
        columns.SETTING: str(cells[columns.SETTING].iloc[0]),
        ASKED: len(cells),
        result.DONE: int(done.sum()),
        FAILED: int(failed.sum()),
        MISSING: int(cells[MISSING].sum()),
        AT_WORK: int(cells[AT_WORK].sum()),
        RATE: speed.rate(cells[columns.CELL]),
        LEFT: speed.left(left, seconds),
        MEAN_SECONDS: seconds,
        FIRST_FAILURE: last_line(cells[failed].sort_values(columns.CREATED)[columns.FAILURE].astype(str)),
    }


def last_line(traces: pd.Series) -> str:
    r"""Return the last line of the first traceback: what went wrong.

    Examples
    --------
    >>> last_line(pd.Series(["Traceback …\n  in f\ntorch.OutOfMemoryError: too large\n"]))
    'OutOfMemoryError: too large'
    >>> last_line(pd.Series([], dtype=str))
    ''
    """
    last = str(traces.iloc[0]).strip().splitlines()[-1] if len(traces) else ""
    return re.sub(r"^(?:\w+\.)+(?=\w+(?::|$))", "", last)


def worded(name: str, value: object) -> str:
    """Return what a status says of a network, as it is shown.

    Examples
    --------
    >>> worded(LEFT, 200.0), worded(RATE, 1.2345), worded(MEAN_SECONDS, float("nan")), worded(ASKED, 12345)
    ('3 min 20 s', '1.23', '–', '12,345')
    """
    if name == LEFT:
        return duration(float(str(value))).replace("unknown", "–")
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def duration(seconds: float) -> str:
    """Return how long something takes, in words.

    Examples
    --------
    >>> duration(4.2), duration(200), duration(9000), duration(4e5), duration(float("nan"))
    ('4 s', '3 min 20 s', '2 h 30 min', '4 d 15 h', 'unknown')
    """
    if not math.isfinite(seconds):
        return "unknown"
    whole = round(seconds)
    for size, unit, part, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {name}"
    return f"{whole} s"
