"""Generalised Gaussians: fitted by moments, and how far one is from another; numpy alone."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from ..validation import InputError

_FAR = 5.0
"""Standard deviations beyond which values are left out."""
_LEAST = 1e-5
"""Added to a divergence before its logarithm is taken."""


@functools.cache
def _ratios() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shapes 0.2, 0.201 … 10, and of each the variance over the squared mean magnitude."""
    shapes = np.arange(200, 10001) / 1000
    first, second, third = (np.array([math.lgamma(k / shape) for shape in shapes]) for k in (1, 2, 3))
    return shapes, np.exp(first + third - 2 * second)


def fitted(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return shape and standard deviation of a generalised Gaussian, by moments.

    Its density goes with exp(−(|x| / b)^shape): 2 for a Gaussian, 1 for a Laplacian. Values beyond five standard
    deviations are left out; the shape, of 0.2, 0.201 … 10, is the one whose σ² / (mean |x − mean|)² fits best, with
    σ² = mean x² (as in Liu et al., arXiv 2205.07019).

    Parameters
    ----------
    values : numpy.ndarray
        Any shape.

    Raises
    ------
    InputError
        If they are all one.

    Examples
    --------
    >>> fitted(np.random.default_rng(0).normal(size=100_000))[0].__round__(1)
    2.0
    """
    flat = np.asarray(values, float).ravel()
    near = flat[np.abs(flat - flat.mean()) <= _FAR * flat.std()] if flat.size else flat
    square = float(np.mean(near**2)) if near.size else 0.0
    magnitude = float(np.mean(np.abs(near - near.mean()))) if near.size else 0.0
    if not (math.isfinite(square) and magnitude > 0):
        raise InputError("values: all are one, or not finite, expected some that vary; a distribution is fitted.")
    shapes, ratios = _ratios()
    return float(shapes[np.abs(ratios - square / magnitude**2).argmin()]), math.sqrt(square)


def divergence(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the Kullback-Leibler divergence of one generalised Gaussian from another, in nats; in closed form.

    Parameters
    ----------
    first, second : (float, float)
        Shape and standard deviation, of `fitted`.

    Examples
    --------
    >>> divergence((2.0, 1.0), (2.0, 1.0)), divergence((2.0, 1.0), (2.0, 2.0)).__round__(6)
    (0.0, 0.318147)
    """
    (a, _), (b, _) = first, second
    here, there = (sigma * math.exp((math.lgamma(1 / k) - math.lgamma(3 / k)) / 2) for k, sigma in (first, second))
    ratio = math.log(a * there / (b * here)) + math.lgamma(1 / b) - math.lgamma(1 / a)
    found = ratio + (here / there) ** b * math.exp(math.lgamma((b + 1) / a) - math.lgamma(1 / a)) - 1 / a
    return max(0.0, found)  # rounding may bring it below


def score(reference: tuple[float, float], test: tuple[float, float]) -> float:
    """Return the generalisation index of two fits, log10(KL + 1e-5) + 5: 0 where they are one, lower is better.

    Examples
    --------
    >>> score((2.0, 1.0), (2.0, 1.0))
    0.0
    """
    return math.log10(divergence(reference, test) + _LEAST) + 5
