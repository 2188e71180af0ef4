"""A glimpse: a first, rough map while the window is being moved; of those that wait only the newest is computed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import xarray as xr
from PIL import Image

import lam_nb
from lam_nb.result import ATTRIBUTION, CHANNEL
from lam_nb.validation import words_of
from lam_nb.views.kit import limit, shades

from ..kit import coloured, largest, png, quantised
from ..region_picker import RegionPicker
from .answers import Asked

STEPS = 4
"""Evaluations of a glimpse: enough to see where, too few to read how much."""
Follow: TypeAlias = Callable[[int, int], object]


class Superseded(Exception):
    """Nobody waits for it any more."""


class Glimpses:
    """Computes maps in a thread while the window moves, and lays them over the picture."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Callable[[], object] | None = None
        self._thread: threading.Thread | None = None
        self._count = 0

    def ask(self, picker: RegionPicker, asked: Callable[[], Asked]) -> None:
        """Have a map computed, and shown by `picker`, unless it is told to forget it before."""
        with self._lock:
            mine = self._count
            self._waiting = lambda: self._show(picker, asked, mine)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()

    def forget(self, picker: RegionPicker) -> None:
        """Take the map away, and stop those that are being computed."""
        with self._lock:
            self._count, self._waiting = self._count + 1, None
        picker.glimpse, picker.note = b"", ""

    def join(self) -> None:
        """Wait until there is nothing left to compute."""
        while (thread := self._thread) is not None:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._lock:
                job, self._waiting = self._waiting, None
                if job is None:
                    self._thread = None
                    return
            job()

    def _show(self, picker: RegionPicker, asked: Callable[[], Asked], mine: int) -> None:
        def follow(done: int, total: int) -> None:
            if self._count != mine:
                raise Superseded

        try:
            made, note, covered = glimpse(asked(), picker.shape, follow)
        except Superseded:
            return
        except Exception as error:  # told below the picture; the window can be moved on
            made, note, covered = b"", f"no preview: {words_of(error)}", [1.0, 1.0]
        with self._lock:
            if self._count == mine:
                with picker.hold_sync():
                    picker.glimpse, picker.note, picker.covered = made, note, covered


def glimpse(asked: Asked, shape: list[int], follow: Follow) -> tuple[bytes, str, list[float]]:
    """Return a rough map as PNG, what it is, and the shares of the picture's height and width that it covers."""
    network = asked.networks[0]
    found = lam_nb.attribute(network, asked.image, asked.region, steps=STEPS, keep="map", progress=follow)
    painted = layer(found)
    note = f"rough preview of {network.name}: y {asked.region.y}, x {asked.region.x}, {STEPS} evaluations"
    covered = [side * network.scale / whole for side, whole in zip(painted.size[::-1], shape, strict=True)]
    return png(painted), note, covered


def layer(found: xr.Dataset) -> Image.Image:
    """Return a map as a picture to be laid over a grey one: what is weak is seen through."""
    values = found[ATTRIBUTION].sum(CHANNEL).values
    full = largest(values)
    return Image.fromarray(np.ascontiguousarray(coloured(quantised(values, full), full, limit(values), shades())))
