"""Peak: by how much memory rose at most while something worked."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import torch

_INTERVAL = 0.001
"""Seconds between two looks at the process: an evaluation whose memory counts takes fifty and more."""


class Peak:
    """Bytes by which memory rose, at most, above what was held when this was made, and by which it may rise.

    On a GPU torch counts; on the CPU the process is looked at every millisecond, with all that libraries
    below torch take for themselves, and where the system tells the most that was ever held, that counts, too.

    Parameters
    ----------
    device : torch.device
    allowed : int

    Examples
    --------
    >>> peak = Peak(torch.device("cpu"), allowed=2**30)
    >>> with peak.watched():
    ...     held = torch.ones(128, 2**20)  # half a gigabyte
    >>> peak.rise > 2**27
    True
    """

    def __init__(self, device: torch.device, allowed: int) -> None:
        self.device, self.allowed, self.rise = device, allowed, 0
        self._process = psutil.Process(os.getpid())
        self._before = self._held()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch what happens in the block."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            yield
            self._note(torch.cuda.max_memory_allocated(self.device))
            return
        ended, highest = threading.Event(), _highest()
        watcher = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            if (now := _highest()) > highest:
                self._note(now)

    def begin_again(self) -> None:
        """Forget what was seen, with what is free given back to the system, which otherwise would be counted."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        else:
            with suppress(OSError, AttributeError, TypeError):  # where the C library has no such function
                ctypes.CDLL(None).malloc_trim(0)
        self.rise = 0

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(_INTERVAL):
            self._note(self._held())
        self._note(self._held())  # a busy machine may not have let it look before

    def _held(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.memory_allocated(self.device)
        return int(self._process.memory_info().rss)

    def _note(self, held: int) -> None:
        self.rise = max(self.rise, held - self._before)


def _highest() -> int:
    """Return the most that the process ever held, bytes; 0 where the system does not tell."""
    try:
        told = Path("/proc/self/status").read_text().partition("VmHWM:")[2]
    except OSError:
        return 0
    return 1024 * int(told.split()[0]) if told else 0
