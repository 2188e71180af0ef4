"""Blocks: the grid of an image, and the sums over draws for each block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import result
from ...types import Region

OUTSIDE, COARSE, FINE, OWN = 0, 1, 2, 3
"""Stages: outside the receptive field; decided by few draws; by many; a block of the region itself."""
MOST = 100_000
"""Draws of one block."""
ROUND = 10
"""Draws between two looks at the standard error: its own estimate from fewer is too rough to stop by."""
Jobs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Blocks, and the number of a draw for each."""


@dataclass(frozen=True)
class Grid:
    """Blocks of an image; those at the right and lower border may be smaller."""

    height: int
    width: int
    side: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return -(-self.height // self.side), -(-self.width // self.side)

    @property
    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres of the blocks, input pixels."""
        ends = [np.append(np.arange(0, n, self.side), n) for n in (self.height, self.width)]
        rows, columns = ((one[1:] + one[:-1] - 1) / 2 for one in ends)
        return rows, columns

    def slices(self, k: int) -> tuple[slice, slice]:
        """Return rows and columns of the input that a block covers."""
        y, x = (int(at) * self.side for at in np.unravel_index(k, self.shape))
        return slice(y, min(y + self.side, self.height)), slice(x, min(x + self.side, self.width))

    def touched(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Return which blocks a rectangle of the input meets, flat."""
        found = np.zeros(self.shape, bool)
        found[
            rows.start // self.side : -(-rows.stop // self.side),
            columns.start // self.side : -(-columns.stop // self.side),
        ] = True
        return found.ravel()

    def own(self, window: Region, scale: int) -> NDArray[np.bool_]:
        """Return which blocks the window itself lies on, flat."""
        return self.touched(*window.footprint(scale))


@dataclass
class State:
    """Sums over draws, a row per block."""

    stage: NDArray[np.int8]
    count: NDArray[np.int64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    largest: NDArray[np.float64]
    everything: int
    shape: tuple[int, int]
    draws: NDArray[np.float64]

    @classmethod
    def fresh(cls, grid: Grid, own: NDArray[np.bool_], part: tuple[slice, slice], kept: int) -> State:
        """Return sums before the first draw; blocks outside the part have none to make."""
        stage = np.where(grid.touched(*part), COARSE, OUTSIDE).astype(np.int8)
        stage[own] = OWN
        zeros = np.zeros(len(stage))
        return cls(
            stage,
            np.zeros(len(stage), int),
            zeros,
            zeros.copy(),
            zeros.copy(),
            0,
            grid.shape,
            np.full((len(stage), kept), np.nan),
        )

    def add(self, blocks: NDArray[np.int64], numbers: NDArray[np.int64], effects: NDArray[np.float64]) -> None:
        """Add the effects of draws to the sums of their blocks."""
        for k, number, effect in zip(blocks, numbers, effects, strict=True):
            self.count[k] += 1
            self.total[k] += effect
            self.squares[k] += effect**2
            self.largest[k] = max(self.largest[k], abs(effect))
            if number < self.draws.shape[1]:
                self.draws[k, number] = effect
        self.everything += len(blocks)

    def begin_fine(self, sensitive: NDArray[np.bool_]) -> None:
        """Forget the few draws of sensitive blocks: they chose them, and would bias their mean."""
        self.stage[sensitive] = FINE
        for sums in (self.count, self.total, self.squares):
            sums[sensitive] = 0

    def standard_error(self) -> NDArray[np.float64]:
        """Return the standard error of the mean effect, flat; inf for a single draw."""
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.maximum(self.squares - self.total**2 / self.count, 0) / (self.count - 1)
            return np.where(self.count > 1, np.sqrt(spread / self.count), np.inf)

    def values(self, threshold: float, draws: bool) -> dict[str, ArrayLike | None]:
        """Return effects and how they came about, by variable name; smaller ones than the threshold are none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            effect = np.where(self.count > 0, self.total / self.count, 0.0)
        effect = np.where(np.abs(effect) < threshold, 0.0, effect)
        error = np.where(self.stage == OUTSIDE, 0.0, self.standard_error())
        effect[self.stage == OWN] = error[self.stage == OWN] = np.nan
        known = self.stage != OWN
        maps = {result.EFFECT: effect, result.STANDARD_ERROR: error, result.DRAWS: self.count, result.STAGE: self.stage}
        return {
            **{name: one.reshape(self.shape).copy() for name, one in maps.items()},  # sums go on after a round
            result.EVERY_DRAW: self.draws.reshape(*self.shape, -1).copy() if draws else None,
            result.POSITIVE: int((effect > 0).sum()),
            result.NEGATIVE: int((effect < 0).sum()),
            result.ZERO: int((effect[known] == 0).sum()),
            result.OWN: int((~known).sum()),
        }


def coarse_jobs(state: State, draws: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield blocks and numbers of draws that are still missing from the coarse stage."""
    blocks = np.flatnonzero((state.stage == COARSE) & (state.count < draws))
    numbers = [np.arange(state.count[k], draws) for k in blocks]
    if len(blocks):
        yield np.repeat(blocks, [len(one) for one in numbers]), np.concatenate(numbers)


def fine_jobs(
    state: State, before: int, draws: int, se: float | None, together: int | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield rounds of draws for blocks whose standard error is still too large; `together` draws a block at once."""
    step = together or (draws if se is None else ROUND)
    while True:
        need = (state.stage == FINE) & (state.count < draws)
        if se is not None:
            need &= state.standard_error() > se
        blocks = np.flatnonzero(need)
        if not len(blocks):
            return
        numbers = [np.arange(state.count[k], min(state.count[k] + step, draws)) + before for k in blocks]
        yield np.repeat(blocks, [len(one) for one in numbers]), np.concatenate(numbers)
