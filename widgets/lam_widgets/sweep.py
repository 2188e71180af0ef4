"""The sweep: how far it is, live in the notebook, whoever computes it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np
import traitlets
from PIL import Image, ImageDraw

from lam_nb.result import DONE
from lam_nb.result.ledger import columns
from lam_nb.studies.watching import (
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
from lam_nb.views.kit.letters import font, written

from .kit import Widget, source

if TYPE_CHECKING:
    import pandas as pd

_PAUSE = 2.0
"""Seconds between looks."""
_LINE, _WIDE = 20, 760


class Sweep(Widget):
    """How far the sweeps of a store are: a table that is looked up every two seconds until all is done.

    Sweeps of other processes and machines are seen, too: what is in the store counts.

    Parameters
    ----------
    store : path-like or str
        Of `lam_nb.sweep`: a path, or an address of fsspec.
    pause : float, default 2
        Seconds between looks.

    Attributes
    ----------
    rows : list of dict
        A network each, with its setting where there are several: cells asked, done, failed, missing and at work,
        cells per second, time left.
    is_done : bool
        Whether all that was asked is done.
    is_live : bool
        Whether it still looks: until all is done or it is closed.

    Raises
    ------
    InputError
        If there is no such store.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> store = tempfile.mkdtemp() + "/all.zarr"
    >>> _ = lam.sweep(["fsrcnn"], ["bricks"], [lam.Region(96, 96)], store=store, steps=4, progress=False)
    >>> sweep = Sweep(store)
    >>> sweep.is_done, sweep.rows[0]["network"], sweep.rows[0]["done"], sweep.lines
    (True, 'fsrcnn', 1, ['1 of 1 cells done, 0 failed', 'nobody is at work'])
    """

    _esm = source("sweep", "js")
    _css = source("sweep", "css")
    store = traitlets.Unicode("").tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    lines = traitlets.List(traitlets.Unicode()).tag(sync=True)
    share = traitlets.Float(0.0).tag(sync=True)
    is_done = traitlets.Bool(False).tag(sync=True)
    is_live = traitlets.Bool(False).tag(sync=True)

    def __init__(self, store: str | os.PathLike[str], *, pause: float = _PAUSE) -> None:
        self._pause, self._stop = pause, threading.Event()
        self._watch = Watch(store)
        super().__init__(store=os.fspath(store))
        self.look()
        if not self.is_done:
            self.is_live = True
            self._thread = threading.Thread(target=self._look_on, daemon=True)
            self._thread.start()

    def look(self) -> None:
        """Look now."""
        found = self._watch.look()
        asked, done, failed = (int(found[name].sum()) for name in (ASKED, DONE, FAILED))
        with self.hold_trait_notifications():
            self.rows = [_row(one) for one in found.to_dict("records")]
            self.lines = [f"{done:,} of {asked:,} cells done, {failed:,} failed", _at_work(found)]
            self.share, self.is_done = done / asked, done == asked

    def close(self) -> None:
        """Look no more, and go."""
        self._stop.set()
        super().close()

    def _look_on(self) -> None:
        while not self.is_done and not self._stop.wait(self._pause):
            try:
                self.look()
            except Exception as error:  # the store may be out of reach for a while: told, and tried again
                self.lines = [*self.lines[:1], f"cannot be read now: {error}"]
        if not self._stop.is_set():
            self.is_live = False

    def picture(self) -> Image.Image:
        """Return the table as a picture."""
        heads = [columns.NETWORK, DONE, FAILED, MISSING, "cells/s", "left"]
        told = [heads, *([str(row.get(name, "")) for name in (*heads[:4], RATE, LEFT)] for row in self.rows)]
        canvas = Image.new("RGB", (_WIDE, _LINE * (len(told) + len(self.lines)) + _LINE), "white")
        pen, letters = ImageDraw.Draw(canvas), font(13)
        for k, line in enumerate(self.lines):
            pen.text((10, 6 + k * _LINE), written(line), "black", letters)
        places = np.r_[10, 330 + 80 * np.arange(len(heads) - 1)]
        for k, cells in enumerate(told, len(self.lines)):
            for at, cell in zip(places, cells, strict=True):
                pen.text((int(at), 12 + k * _LINE), written(cell), "black", letters)
        return canvas


def _row(row: dict[str, object]) -> dict[str, object]:
    """Return a row of a status in plain values."""
    counts = {name: int(str(row[name])) for name in (ASKED, DONE, FAILED, MISSING, AT_WORK)}
    named = {name: str(row[name]) for name in (columns.NETWORK, columns.SETTING, FIRST_FAILURE) if row.get(name)}
    return {**named, **counts, **{name: worded(name, row[name]) for name in (RATE, LEFT, MEAN_SECONDS)}}


def _at_work(found: pd.DataFrame) -> str:
    live = int(found.attrs[SWEEPS])
    if not live:
        return "nobody is at work"
    left = duration(float(found[LEFT].sum(skipna=False)))
    sweeps = "a sweep is" if live == 1 else f"{live} sweeps are"
    return f"{sweeps} at work: {float(found[RATE].sum()):.3g} cells per second, {left} left"
