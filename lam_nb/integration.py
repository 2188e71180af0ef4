"""Integration: a path's gradients, added up to a map and to what is known of its error."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from . import gradients, quadrature, result, statistics
from .types import Detector, InputError, NotConverged, positive

_TOLERANCE = 0.05
_FIRST, _MOST = 9, 243
"""Evaluations at first and at most."""
_STEPS, _PUBLISHED_STEPS = 24, 50
_DRAWS = 32
_PROBES = 4


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

    samples: gradients.Samples
    nodes: quadrature.Nodes
    share: float = 1.0
    widths: NDArray[np.float64] | None = None
    history: tuple[tuple[int, float, float], ...] = ()

    @property
    def contributions(self) -> NDArray[np.floating]:
        """What each step adds, (node, 3, y, x)."""
        integrand = self.samples.integrand
        return integrand * self.nodes.weights.astype(integrand.dtype).reshape(-1, 1, 1, 1)

    @property
    def error(self) -> float:
        """Estimated relative L1 error of the map."""
        return self.history[-1][1]

    def noted(self) -> Integral:
        """Return the integral with its own estimates at the end of the history."""
        contributions = self.contributions
        error = quadrature.relative_error(contributions, self.nodes.place, self.widths)
        row = len(contributions), error, float(self._indices(contributions.sum((0, 1))[None])[0])
        return replace(self, history=(*self.history, row))

    def values(self) -> dict[str, Any]:
        """Return the map and what is known of its error, by variable name; on the computed part."""
        contributions = self.contributions
        errors = quadrature.step_errors(contributions, self.nodes.place, self.widths)
        attribution = contributions.sum(0)
        counts, history, indices = zip(*self.history, strict=True)
        return {
            result.ATTRIBUTION: attribution,
            result.QUADRATURE_ERROR: history[-1],
            result.DIFFUSION_INDEX_ERROR: self._index_error(attribution.sum(0), errors.sum(1)),
            result.STEP_ERROR: quadrature.shares(errors) * history[-1],
            result.NODE_COUNT: counts,
            result.ERROR_HISTORY: history,
            result.INDEX_HISTORY: indices,
        }

    def _indices(self, maps: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the diffusion index of each signed map (draw, y, x), on the whole picture."""
        stacked = xr.Dataset({result.ATTRIBUTION: (("draw", result.CHANNEL, result.Y, result.X), maps[:, None])})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a map that is zero warns where its index is asked for
            return statistics.diffusion_index(stacked).values * self.share

    def _index_error(self, signed: NDArray[np.floating], errors: NDArray[np.floating]) -> float:
        """Estimate how far the index is off: give every step's likely error a random sign, many times."""
        signs = np.random.default_rng(0).choice(np.array([-1, 1], errors.dtype), (_DRAWS, len(errors)))
        drawn = self._indices(signed + np.tensordot(signs, errors, 1))
        return float(np.sqrt(np.mean((drawn - self.history[-1][2]) ** 2)))


@dataclass(frozen=True)
class Plan:
    """How much to evaluate: a rule's fixed number of steps, or as many as a tolerance takes.

    Parameters
    ----------
    rule : str or callable
    steps : int
        0 with a tolerance.
    tolerance : float, optional
    """

    rule: str | quadrature.Rule
    steps: int
    tolerance: float | None

    @classmethod
    def of(cls, steps: int | None, tolerance: float | None, rule: Any) -> Plan:
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
            return cls(rule, steps, None)
        if rule == "arc":
            goal = _TOLERANCE if tolerance is None else tolerance
            return cls(rule, 0, positive("tolerance", goal, "a relative error, such as 0.05"))
        if tolerance is not None:
            words = f"tolerance: got {tolerance!r}, which rule={rule!r} cannot reach"
            raise InputError(f"{words}; give steps=, or rule='arc'.")
        return cls(rule, _PUBLISHED_STEPS if rule in ("paper", "ends") else _STEPS, None)

    @property
    def least(self) -> int:
        """Evaluations that are made at any rate."""
        return _FIRST if self.tolerance is not None else self.steps

    def start(self, speed: quadrature.Speed) -> quadrature.Nodes | quadrature.Cells:
        """Return the first nodes, or cells, on a path of that speed."""
        if self.tolerance is None:
            return quadrature.place(self.rule, speed, self.steps)
        return quadrature.Cells.equal(speed, _FIRST)

    def integrate(
        self, sampler: gradients.Sampler, measures: Sequence[Detector], begin: Any, share: float = 1.0, bar: Any = None
    ) -> list[Integral]:
        """Return the integral of every measure; those that share nodes share forward passes.

        Parameters
        ----------
        sampler : Sampler
        measures : sequence of callables
            Detectors.
        begin : Nodes or Cells
            Of `start`.
        share : float
            Part of the picture that the sampler computes.
        bar : tqdm, optional
        """
        if self.tolerance is None:
            found = sampler(measures, [begin] * len(measures), bar)
            return [Integral(samples, begin, share).noted() for samples in found]
        return self._refined(sampler, measures, begin, share, bar)

    def _refined(
        self, sampler: gradients.Sampler, measures: Sequence[Detector], begin: quadrature.Cells, share: float, bar: Any
    ) -> list[Integral]:
        """Split the worst steps until every estimate is below the tolerance; every evaluation is kept."""
        cells, nodes = [begin] * len(measures), begin.nodes()
        first = sampler(measures, [nodes] * len(measures), bar)
        found = [Integral(samples, nodes, share, begin.widths).noted() for samples in first]
        while rough := [k for k, one in enumerate(found) if self._falls_short(one)]:
            splits = {k: cells[k].split(self._worst(found[k])) for k in rough}
            wanted = [finer.nodes(fresh) for finer, fresh in splits.values()]
            if bar is not None:
                bar.total += sum(len(one.alphas) for one in wanted)
            more = sampler([measures[k] for k in rough], wanted, bar)
            for (k, (finer, fresh)), samples in zip(splits.items(), more, strict=True):
                cells[k], merged = finer, found[k].samples.merged(samples, fresh)
                found[k] = replace(found[k], samples=merged, nodes=finer.nodes(), widths=finer.widths).noted()
        _warn([one.error for one in found], self.tolerance)
        return found

    def _falls_short(self, integral: Integral) -> bool:
        return integral.error > (self.tolerance or 0) and len(integral.nodes.alphas) < _MOST

    def _worst(self, integral: Integral) -> NDArray[np.bool_]:
        affordable = (_MOST - len(integral.nodes.alphas)) // 2
        cells = np.asarray(integral.widths)
        return quadrature.worst(integral.contributions, cells, self.tolerance or 0, affordable)


def precision_error(integral: Integral, exact: gradients.Sampler, measure: Detector) -> float:
    """Estimate how far a lower precision moved a map, relative L1, from a few nodes in full precision.

    What the nodes have in common counts in full, as if all nodes had it.

    Parameters
    ----------
    integral : Integral
        In the lower precision.
    exact : Sampler
        In full precision.
    measure : callable
        The detector.
    """
    nodes = integral.nodes
    chosen = np.unique(np.linspace(0, len(nodes.alphas) - 1, _PROBES).round().astype(int))
    probes = quadrature.Nodes(nodes.alphas[chosen], nodes.weights[chosen], nodes.backward)
    found = exact([measure], [probes])[0].integrand
    weights = probes.weights.astype(found.dtype).reshape(-1, 1, 1, 1)
    moved = ((integral.samples.integrand[chosen] - found) * weights).sum(0) / probes.weights.sum() * nodes.weights.sum()
    total = np.abs(integral.contributions.sum(0)).sum()
    return float(np.abs(moved).sum() / total) if total > 0 else float("nan")


def _warn(errors: Sequence[float], tolerance: float | None) -> None:
    worst = max((error for error in errors if error == error), default=0.0)
    if tolerance is None or worst <= tolerance:
        return
    words = f"after {_MOST} evaluations the map's estimated error is {worst:.1%}, above tolerance={tolerance:g}"
    warnings.warn(f"{words}; take it as it is, or try another path.", NotConverged, stacklevel=5)
