"""Gathering: features of many inputs onto a shelf, in as much memory as was asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import psutil
from numpy.typing import NDArray

from ... import identity
from ...engine import running
from ...engine.features import Layer, Listener
from ...engine.running import Leased
from ...types import Bar, Image
from ...validation import InputError
from .shelf import Held, Shelf, shelved


@dataclass(frozen=True)
class Gathering:
    """Which features are gathered, and how.

    Parameters
    ----------
    run : Leased
    layers : tuple of Layer
    pooled : bool
    batch : int, optional
    memory : str or int, optional
        Of all that is gathered and evaluated; half of what is free by default.
    store : path-like, optional
        A .zarr for the features.
    """

    run: Leased
    layers: tuple[Layer, ...]
    pooled: bool = False
    batch: int | None = None
    memory: str | int | None = None
    store: str | os.PathLike[str] | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Number of features by layer."""
        return {one.name: one.count(self.pooled) for one in self.layers}

    @contextmanager
    def of(self, inputs: Sequence[Image], digest: str, shown: Bar) -> Iterator[tuple[Shelf, int]]:
        """Yield a shelf with the features of all inputs, and how many bytes are left beside it.

        Parameters
        ----------
        inputs : sequence of torch.Tensor (channel, y, x)
            Of one size.
        digest : str
            What tells them from others.
        shown : Bar
            Told of each.

        Raises
        ------
        InputError
            If they take more memory than allowed, or the store is of others.
        """
        allowed = running.memory(self.memory)
        free = psutil.virtual_memory().available // 2 if allowed is None else allowed
        free -= sum(one.numel() * one.element_size() for one in inputs)
        if free <= 0:
            raise InputError(f"memory: got {self.memory!r}, less than {len(inputs)} inputs take; allow more.")
        with shelved(self.store, len(inputs), self.counts, self.plan(digest), free) as shelf:
            each, held = 4 * sum(self.counts.values()), isinstance(shelf, Held)
            left = free - (len(inputs) * each if held else 0)
            first = len(inputs) if shelf.done.all() else int(np.argmin(shelf.done))
            shown.update(first)
            bound = None if allowed is None else left
            beside = 0 if held else each
            listener = Listener(
                self.run, self.layers, pooled=self.pooled, batch=self.batch, allowed=bound, beside=beside
            )
            with _writing(shelf) as write:
                for start, rows in listener(inputs[first:]):
                    write(first + start, rows)
                    shown.update(len(next(iter(rows.values()))))
            yield shelf, left

    def plan(self, digest: str) -> dict[str, object]:
        """Return what decides the features of inputs of that digest."""
        return {
            "network": identity.of_network(self.run.network),
            "inputs": digest,
            "layers": [*self.counts],
            "pooled": self.pooled,
            "numbers": identity.NUMBERS,
        }


@contextmanager
def _writing(shelf: Shelf) -> Iterator[Callable[[int, Mapping[str, NDArray[np.float32]]], None]]:
    """Yield how a batch is kept: into memory at once, into a store while the network is asked about the next one.

    No more than one batch waits; all are there at the end, also where somebody interrupts.
    """
    if isinstance(shelf, Held):
        yield shelf.write
        return
    waiting: list[Future[None]] = []

    def write(start: int, rows: Mapping[str, NDArray[np.float32]]) -> None:
        while waiting:
            waiting.pop().result()
        waiting.append(writer.submit(shelf.write, start, rows))

    with ThreadPoolExecutor(1) as writer:
        yield write
        while waiting:
            waiting.pop().result()
