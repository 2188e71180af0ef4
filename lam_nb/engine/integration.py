"""Integration: how much to evaluate, and the integral with what is known of its error; in whatever space it walks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import quadrature, result
from ..statistics import array
from ..types import Bar, Detector, NotConverged
from ..validation import InputError, positive, whole
from .sampling import Sampler, Samples

TOLERANCE = 0.05
"""The demo's published rule is 5 to 11 % off on three published networks (relative L1, 300 nodes as truth)."""
_FIRST, _MOST = 9, 243
"""Evaluations at first and at most. Nine reach 5 % where the integrand is tame; refinement splits steps in three, and
243 are five times what the worst of 72 measured maps took to 5 %: what is still rough then does not settle."""
_STEPS, _PUBLISHED_STEPS = 24, 50
"""Steps of other rules, unless said otherwise: enough to watch; as the demo takes."""
_DRAWS = 32
"""Random signs for the index's error: their own spread is then an eighth of it."""
_PROBES = 4
"""Nodes that are evaluated in full precision, too: ends and thirds of the path."""


@dataclass(frozen=True)
class Integral:
    """Samples at nodes, and how the estimates went while there were fewer.

    Parameters
    ----------
    samples : Samples
    nodes : Nodes
    share : float
        Part of the picture that the samples are of; the map is zero elsewhere.
    widths : numpy.ndarray, optional
        Lengths of the steps, if they differ.
    history : tuple of (int, float, float)
        Nodes, estimated error and diffusion index, a row per round.
    """

    samples: Samples
    nodes: quadrature.Nodes
    share: float = 1.0
    widths: NDArray[np.float64] | None = None
    history: tuple[tuple[int, float, float], ...] = ()

    @property
    def contributions(self) -> NDArray[np.floating]:
        """What each step adds, (node, 3, y, x)."""
        integrand = self.samples.integrand
        shape = (-1, *[1] * (integrand.ndim - 1))
        return integrand * self.nodes.weights.astype(integrand.dtype).reshape(shape)

    @property
    def error(self) -> float:
        """Estimated relative L1 error of the map."""
        return self.history[-1][1]

    def noted(self) -> Integral:
        """Return the integral with its own estimates at the end of the history."""
        contributions = self.contributions
        error = quadrature.relative_error(contributions, self.nodes.place, self.widths)
        row = len(contributions), error, float(self._index(contributions.sum((0, 1))))
        return replace(self, history=(*self.history, row))

    def values(self, moved: NDArray[np.floating] | None = None) -> dict[str, ArrayLike | None]:
        """Return the map and what is known of its error, by variable name; on the computed part.

        Parameters
        ----------
        moved : numpy.ndarray, shape (3, y, x), optional
            How far a lower precision moved the map.
        """
        contributions = self.contributions
        errors = quadrature.step_errors(contributions, self.nodes.place, self.widths)
        attribution = contributions.sum(0)
        counts, history, indices = zip(*self.history, strict=True)
        index_error = self._index_error(attribution.sum(0), errors.sum(1))
        if moved is not None:
            shift = float(self._index((attribution - moved).sum(0))) - indices[-1]
            index_error = float(np.hypot(index_error, shift))
        return {
            result.ATTRIBUTION: attribution,
            result.QUADRATURE_ERROR: history[-1],
            result.DIFFUSION_INDEX_ERROR: index_error,
            result.PRECISION_ERROR: None if moved is None else _relative(moved, attribution),
            result.STEP_ERROR: quadrature.shares(errors) * history[-1],
            result.NODE_COUNT: counts,
            result.ERROR_HISTORY: history,
            result.INDEX_HISTORY: indices,
        }

    def _index(self, signed: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the diffusion index of signed maps (…, y, x), on the whole picture; NaN of one that is zero."""
        return array.diffusion_index(np.abs(signed), self.share)

    def _index_error(self, signed: NDArray[np.floating], errors: NDArray[np.floating]) -> float:
        """Estimate how far the index is off: give every step's likely error a random sign, many times."""
        signs = np.random.default_rng(0).choice(np.array([-1, 1], errors.dtype), (_DRAWS, len(errors)))
        drawn = self._index(signed + np.tensordot(signs, errors, 1))
        return float(np.sqrt(np.mean((drawn - self.history[-1][2]) ** 2)))


class Integrator(Protocol):
    """Somebody who knows where to evaluate first, and when to stop."""

    def rounds(
        self, sampler: Sampler, detectors: Sequence[Detector], share: float = 1.0, bar: Bar | None = None
    ) -> Iterator[list[Integral]]:
        """Yield the integral of every detector, better each time; those that share nodes share forward passes.

        Parameters
        ----------
        sampler : Sampler
        detectors : sequence of callables
        share : float
            Part of the picture that the sampler computes.
        bar : Bar, optional
        """


@dataclass(frozen=True)
class Fixed:
    """So many nodes and no more."""

    nodes: quadrature.Nodes

    def rounds(
        self, sampler: Sampler, detectors: Sequence[Detector], share: float = 1.0, bar: Bar | None = None
    ) -> Iterator[list[Integral]]:
        """Evaluate every node once."""
        found = sampler(detectors, [self.nodes] * len(detectors), bar)
        yield [Integral(samples, self.nodes, share).noted() for samples in found]


@dataclass(frozen=True)
class Refined:
    """Split the worst steps until every estimate is below a tolerance; every evaluation is kept."""

    cells: quadrature.Cells
    tolerance: float

    def rounds(
        self, sampler: Sampler, detectors: Sequence[Detector], share: float = 1.0, bar: Bar | None = None
    ) -> Iterator[list[Integral]]:
        """Evaluate, look, and evaluate again where it matters."""
        cells, nodes = [self.cells] * len(detectors), self.cells.nodes()
        first = sampler(detectors, [nodes] * len(detectors), bar)
        found = [Integral(samples, nodes, share, self.cells.widths).noted() for samples in first]
        yield [*found]
        while rough := [k for k, one in enumerate(found) if self._falls_short(one)]:
            splits = {k: cells[k].split(self._worst(found[k])) for k in rough}
            wanted = [finer.nodes(fresh) for finer, fresh in splits.values()]
            if bar is not None:
                bar.total += sum(len(one.alphas) for one in wanted)
            more = sampler([detectors[k] for k in rough], wanted, bar)
            for (k, (finer, fresh)), samples in zip(splits.items(), more, strict=True):
                cells[k], merged = finer, found[k].samples.merged(samples, fresh)
                found[k] = replace(found[k], samples=merged, nodes=finer.nodes(), widths=finer.widths).noted()
            yield [*found]

    def _falls_short(self, integral: Integral) -> bool:
        return integral.error > self.tolerance and len(integral.nodes.alphas) < _MOST

    def _worst(self, integral: Integral) -> NDArray[np.bool_]:
        affordable = (_MOST - len(integral.nodes.alphas)) // 2
        return quadrature.worst(integral.contributions, np.asarray(integral.widths), self.tolerance, affordable)


@dataclass(frozen=True)
class Plan:
    """How much to evaluate: a rule's fixed number of steps, or as many as a tolerance takes.

    Parameters
    ----------
    rule : str or callable
    steps : int, optional
        None with a tolerance.
    tolerance : float, optional
    """

    rule: str | quadrature.Rule
    steps: int | None
    tolerance: float | None

    @classmethod
    def of(cls, steps: int | None, tolerance: float | None, rule: str | quadrature.Rule) -> Plan:
        """Return the plan of the arguments of `lam_nb.attribute`.

        Raises
        ------
        InputError
            If they contradict each other.

        Examples
        --------
        >>> Plan.of(None, None, "paper")
        Plan(rule='paper', steps=50, tolerance=None)
        """
        if steps is not None and tolerance is not None:
            raise InputError(f"tolerance: got {tolerance!r} beside steps={steps!r}; give one of them.")
        if steps is not None:
            return cls(rule, whole("steps", steps, most=quadrature.MOST), None)
        name = rule if isinstance(rule, str) else None
        if name == "arc":
            goal = TOLERANCE if tolerance is None else tolerance
            return cls(rule, None, positive("tolerance", goal, "a relative error, such as 0.05"))
        if tolerance is not None:
            words = f"tolerance: got {tolerance!r}, which rule={rule!r} cannot reach"
            raise InputError(f"{words}; give steps=, or rule='arc'.")
        return cls(rule, _PUBLISHED_STEPS if name in ("paper", "ends") else _STEPS, None)

    @property
    def least(self) -> int:
        """Evaluations that are made at any rate."""
        return _FIRST if self.steps is None else self.steps

    def on(self, speed: quadrature.Speed) -> Integrator:
        """Return the integrator on a path of that speed."""
        if self.steps is None:
            return Refined(quadrature.Cells.equal(speed, _FIRST), self.tolerance or TOLERANCE)
        return Fixed(quadrature.place(self.rule, speed, self.steps))

    def warn(self, errors: Sequence[float], stacklevel: int) -> None:
        """Warn of the worst error that is still above the tolerance."""
        worst = max((error for error in errors if not np.isnan(error)), default=0.0)
        if self.tolerance is None or worst <= self.tolerance:
            return
        words = (
            f"after {_MOST} evaluations the map's estimated error is {worst:.1%}, above tolerance={self.tolerance:g}"
        )
        warnings.warn(f"{words}; take it as it is, or try another path.", NotConverged, stacklevel=stacklevel + 1)


def moved_by_precision(integral: Integral, exact: Sampler, detector: Detector) -> NDArray[np.floating]:
    """Estimate how far a lower precision moved a map, from a few nodes in full precision, (3, y, x).

    What the nodes have in common counts in full, as if all nodes had it.

    Parameters
    ----------
    integral : Integral
        In the lower precision.
    exact : Sampler
        In full precision.
    detector : callable
    """
    nodes = integral.nodes
    chosen = np.unique(np.linspace(0, len(nodes.alphas) - 1, _PROBES).round().astype(int))
    probes = quadrature.Nodes(nodes.alphas[chosen], nodes.weights[chosen], nodes.backward)
    found = exact([detector], [probes])[0].integrand
    weights = probes.weights.astype(found.dtype).reshape(-1, *[1] * (found.ndim - 1))
    off = ((integral.samples.integrand[chosen] - found) * weights).sum(0) / probes.weights.sum()
    moved: NDArray[np.floating] = off * nodes.weights.sum()
    return moved


def _relative(part: NDArray[np.floating], whole: NDArray[np.floating]) -> float:
    total = np.abs(whole).sum()
    return float(np.abs(part).sum() / total) if total > 0 else float("nan")
