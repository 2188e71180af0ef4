"""Answers: results that arrive early and get better, and how long the last one takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import xarray as xr

import lam_nb
from lam_nb import result
from lam_nb.methods.attribution import Choices, Settings
from lam_nb.networks import Network
from lam_nb.types import Image, Region
from lam_nb.validation import InputError

Follow = Callable[[int, int], object]
STEPS = 24
"""Evaluations for several networks, which scrub together: all take the same."""
_EARLY = 6
_TYPICAL = 15
"""Evaluations that a map takes to 5 %: the median of the published networks."""
_GRADIENT = 3.0
"""How many times as long as the output a gradient takes."""
_WAIT = 3.0
"""Seconds that nobody minds: longer work shows a preview first."""


@dataclass(frozen=True)
class Asked:
    """What is asked, ready to be computed: networks that are loaded, their input, and the truth if there is one.

    ``pictures`` returns all that are offered, by their names, for questions about many.
    """

    networks: Sequence[Network]
    image: Image
    region: Region
    truth: Image | None
    steps: int
    pictures: Callable[[], Mapping[str, Image]] = dict

    @property
    def only(self) -> Network:
        """The only network.

        Raises
        ------
        InputError
            If several are chosen.
        """
        if len(self.networks) != 1:
            raise InputError(f"networks: got {len(self.networks)}, this question is asked of one; choose one.")
        return self.networks[0]

    @property
    def pair(self) -> tuple[Network, Network]:
        """The two networks, in the order in which they were chosen.

        Raises
        ------
        InputError
            If it is not two.
        """
        if len(self.networks) != 2:
            raise InputError(
                f"networks: got {len(self.networks)}, this question is asked of two; choose one, then what it became."
            )
        return self.networks[0], self.networks[1]

    def sharp(self) -> Mapping[str, Image]:
        """Return all pictures that are offered, which are sharp.

        Raises
        ------
        InputError
            If the user says that they are not.
        """
        if self.truth is None:
            raise InputError(
                "image: pictures are damaged in known ways, which takes sharp ones; choose that it is the truth."
            )
        return self.pictures()

    def refined(self, follow: Follow) -> Iterator[tuple[xr.Dataset, bool]]:
        """Yield the map of the first network, better each time, and whether it is the last."""
        settings: Choices = {"steps": self.steps} if self.steps else {}
        rounds = lam_nb.attribute_steps(
            self.networks[0], self.image, self.region, reference=self.truth, progress=follow, **settings
        )
        yield from told_last(rounds)

    def compared(self, steps: int, follow: Follow) -> xr.Dataset:
        """Return the maps of all networks."""
        keep = [result.INPUT, result.OUTPUT, result.INTEGRAND]
        settings: Settings = {"steps": steps, "keep": keep}
        return lam_nb.compare(self.networks, self.image, self.region, reference=self.truth, progress=follow, **settings)


def told_last(rounds: Iterator[xr.Dataset]) -> Iterator[tuple[xr.Dataset, bool]]:
    """Yield results and whether it is the last.

    Examples
    --------
    >>> [(one.attrs["k"], is_last) for one, is_last in told_last(iter([xr.Dataset(attrs={"k": k}) for k in (1, 2)]))]
    [(1, False), (2, True)]
    """
    before = next(rounds)
    for found in rounds:
        yield before, False
        before = found
    yield before, True


def attributed(asked: Asked, pace: Pace, follow: Follow) -> Iterator[tuple[xr.Dataset, bool]]:
    """Yield maps and whether it is the last.

    One network's map is refined until it is good enough, or has so many steps; several are compared, roughly first if
    that takes long.
    """
    pace.begin(asked)
    if len(asked.networks) == 1:
        yield from asked.refined(follow)
        return
    most = asked.steps or STEPS
    if pace.expected > _WAIT * pace.windows and most > 2 * _EARLY:
        yield asked.compared(_EARLY, lambda done, total: follow(0, 1)), False  # counts for nothing
    yield asked.compared(most, follow), True


class Pace:
    """How long it still takes: at first by the time of one output, then by what was done.

    Parameters
    ----------
    windows : int
        How many are asked about, one after another.

    Examples
    --------
    >>> pace = Pace()
    >>> pace.expected = 10.0
    >>> round(pace.left(0.0, elapsed=2.0)), round(pace.left(0.5, elapsed=8.0))
    (8, 8)
    """

    def __init__(self, windows: int = 1) -> None:
        self.windows = windows
        self.expected = math.nan

    def begin(self, asked: Asked) -> None:
        """Expect what some outputs take, as many as there are evaluations; known from the first window on."""
        if not math.isnan(self.expected):
            return
        count = asked.steps or (_TYPICAL if len(asked.networks) == 1 else STEPS)
        started = time.perf_counter()
        for network in asked.networks:
            with torch.no_grad():
                network(asked.image[None])
        self.expected = (time.perf_counter() - started) * _GRADIENT * count * self.windows

    def left(self, share: float, elapsed: float) -> float:
        """Return the seconds that are left, when such a share is done; NaN while nothing is known."""
        if not share:
            return max(self.expected - elapsed, 0.0)
        measured, trust = elapsed / share - elapsed, min(1.0, 4 * share)
        guessed = measured if math.isnan(self.expected) else max(self.expected - elapsed, 0.0)
        return trust * measured + (1 - trust) * guessed
