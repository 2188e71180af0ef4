"""Claims: who is at work on what. They expire by the store's own clock, or when their process is seen to be dead."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import threading
from contextlib import suppress

import psutil

from .place import Place

FOLDER, _TAKEOVERS = "claims", "takeovers"
TERM = 60.0
"""Seconds after which a claim that nobody renews is nobody's."""


@functools.cache
def _started(pid: int) -> float:
    return psutil.Process(pid).create_time()


def myself() -> dict[str, str | int | float]:
    """Return which process this is, among all machines'.

    Examples
    --------
    >>> sorted(myself())
    ['host', 'pid', 'started']
    """
    return {"host": platform.node(), "pid": os.getpid(), "started": _started(os.getpid())}


def is_dead(told: dict[str, object]) -> bool:
    """Whether a process of this machine is known to be gone; of other machines nothing is known."""
    if told.get("host") != platform.node():
        return False
    try:
        return bool(psutil.Process(int(str(told.get("pid", -1)))).create_time() != told.get("started"))
    except (psutil.Error, ValueError):
        return True


class Claims:
    """What one process has claimed, renewed by a thread while it holds anything.

    Parameters
    ----------
    place : Place
    run : str
        The sweep that this process works for: what another process of the same sweep claimed may be taken over,
        for its task was given to this one.
    term : float
        Seconds.

    Examples
    --------
    >>> import tempfile
    >>> place = Place(tempfile.mkdtemp() + "/night.zarr")
    >>> one, other = Claims(place, "a"), Claims(place, "b")
    >>> one.take("cell"), other.take("cell")
    ('new', '')
    >>> one.release()
    >>> other.take("cell")
    'new'
    >>> other.release()
    """

    def __init__(self, place: Place, run: str, term: float = TERM) -> None:
        self.place, self.run, self.term = place, run, term
        self._held: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, key: str) -> str:
        """Claim something: "new" if nobody had, "taken" from whom it was free to take, "" if it is another's."""
        contents = json.dumps({"run": self.run, **myself()}).encode()
        how = "new" if self.place.create(f"{FOLDER}/{key}", contents) else self._taken(key, contents)
        if how:
            with self._lock:
                self._held[key] = contents
            self._renewing()
        return how

    def is_free(self, key: str) -> bool:
        """Whether a claim is nobody's, or may be taken."""
        try:
            told = json.loads(self.place.read(f"{FOLDER}/{key}") or b"{}")
            if told.get("run") == self.run or is_dead(told):
                return True
            return self._is_old(f"{FOLDER}/{key}")
        except (FileNotFoundError, ValueError):
            return True

    def live(self) -> dict[str, str]:
        """Return what is claimed by whom, of those who are alive: name of the claim -> run."""
        found = {}
        for key in self.place.names(FOLDER):
            with suppress(FileNotFoundError, ValueError):
                told = json.loads(self.place.read(f"{FOLDER}/{key}") or b"{}")
                if not is_dead(told) and (told.get("host") == platform.node() or not self._is_old(f"{FOLDER}/{key}")):
                    found[key] = str(told.get("run"))
        return found

    def _is_old(self, name: str) -> bool:
        return self.place.now(f"clock/{self.run}") - self.place.modified(name) > self.term

    def _taken(self, key: str, contents: bytes) -> str:
        """Take over what is free; of many who try at once one does, whoever first says whose it was."""
        before = self._told(key)
        if before is None:  # given back meanwhile
            return "new" if self.place.create(f"{FOLDER}/{key}", contents) else ""
        if not self.is_free(key):
            return ""
        marker = f"{_TAKEOVERS}/{key}-{hashlib.sha256(before).hexdigest()[:16]}"
        if not self.place.create(marker, contents):
            with suppress(FileNotFoundError):
                if self._is_old(marker):  # of one who died while taking over
                    self.place.delete(marker)
            return ""
        try:
            if self._told(key) != before:
                return ""
            self.place.write(f"{FOLDER}/{key}", contents)
            return "taken"
        finally:
            self.place.delete(marker)

    def _told(self, key: str) -> bytes | None:
        try:
            return self.place.read(f"{FOLDER}/{key}")
        except FileNotFoundError:
            return None

    def release(self) -> None:
        """Give back everything."""
        self._stop.set()
        with self._lock:
            held, self._held = list(self._held), {}
            self.place.delete(*(f"{FOLDER}/{key}" for key in held))

    def _renewing(self) -> None:
        if self._thread is None or self._stop.is_set():
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._renew, args=(self._stop,), daemon=True)
            self._thread.start()

    def _renew(self, stop: threading.Event) -> None:
        while not stop.wait(self.term / 4):
            for key, contents in list(self._held.items()):
                with self._lock, suppress(OSError):  # a store that cannot be reached now may be a little later
                    if key in self._held:
                        self.place.write(f"{FOLDER}/{key}", contents)
