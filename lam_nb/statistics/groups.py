"""Groups: how far apart labelled points lie, numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RIDGE = 0.01
"""Share of the points' mean variance that keeps a linear probe from following single points."""


def indicators(labels: NDArray[np.int64], count: int | None = None) -> NDArray[np.float64]:
    """Return which point has which label, (point, label) of 0 and 1.

    Examples
    --------
    >>> indicators(np.array([0, 1, 0])).tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    return np.eye(int(labels.max()) + 1 if count is None else count)[labels]


def calinski_harabasz(
    points: NDArray[np.float64],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
    groups: float | None = None,
) -> float:
    """Return the variance between groups over that within, (tr B / (k − 1)) / (tr W / (n − k)).

    Of Caliński & Harabasz (1974): about 1 for groups that are none, larger for those that stand apart.

    Parameters
    ----------
    points : numpy.ndarray (point, axis)
    labels : numpy.ndarray of int (point,)
        Whole numbers from 0.
    weights : numpy.ndarray (point,), optional
        How often each point counts.
    groups : float, optional
        k, if it is not the number of labels: where a group counts twice.

    Returns
    -------
    float
        inf for groups without any extent; NaN where all points are one.

    Examples
    --------
    >>> calinski_harabasz(np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1]))
    50.0
    """
    weights = np.ones(len(points)) if weights is None else weights
    member = indicators(labels) * weights[:, None]
    counts = member.sum(0)
    used = counts > 0
    member, counts = member[:, used], counts[used]
    total = counts.sum()
    means = member.T @ points / counts[:, None]
    between = float(counts @ ((means - weights @ points / total) ** 2).sum(1))
    within = max(0.0, float(weights @ (points**2).sum(1) - counts @ (means**2).sum(1)))
    k = len(counts) if groups is None else groups
    if within <= 1e-12 * (between + within):
        return float("inf") if between > 0 else float("nan")
    return float((between / (k - 1)) / (within / (total - k)))


def distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Euclidean distances of all pairs, (point, point).

    Examples
    --------
    >>> distances(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    squares = (points**2).sum(1)
    found = squares[:, None] + squares - 2 * points @ points.T
    np.fill_diagonal(found, 0)
    return np.sqrt(found.clip(min=0))


def silhouettes(
    apart: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return how much nearer each point is to its own group than to the next, (b − a) / max(a, b), in [−1, 1].

    Rousseeuw (1987). 0 for a point that is a group of its own, and where all are one.

    Parameters
    ----------
    apart : numpy.ndarray (point, point)
        Distances, of `distances`.
    labels : numpy.ndarray of int (point,)
    weights : numpy.ndarray (point,), optional
        How often each point counts for the others; to itself it is no neighbour.

    Examples
    --------
    >>> silhouettes(distances(np.array([[0.0], [1.0], [10.0], [11.0]])), np.array([0, 0, 1, 1])).round(3).tolist()
    [0.905, 0.895, 0.895, 0.905]
    """
    weights = np.ones(len(labels)) if weights is None else weights
    member = indicators(labels) * weights[:, None]
    counts, rows = member.sum(0), np.arange(len(labels))
    sums, others = apart @ member, counts[labels] - weights
    own = sums[rows, labels] / np.where(others > 0, others, 1)
    means = np.where(counts > 0, sums / np.where(counts > 0, counts, 1), np.inf)
    means[rows, labels] = np.inf
    other = means.min(1)
    known = (others > 0) & np.isfinite(other)
    other = np.where(known, other, own)
    larger = np.maximum(own, other)
    known &= larger > 0
    return np.where(known, (other - own) / np.where(larger > 0, larger, 1), 0.0)


def probe(points: NDArray[np.float64], folds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the matrix that maps what is known of points to what a linear probe says of them, (point, point).

    Row by row: least squares with a small ridge on all points of other folds. A point's own fold has no
    part in its row, so whatever is asked of the points, no probe was told of those that it is asked about.

    Parameters
    ----------
    points : numpy.ndarray (point, axis)
    folds : numpy.ndarray of int (point,)
        Points of one fold are left out together.

    Examples
    --------
    >>> points, labels = np.array([[0.0], [1.0], [0.1], [1.1]]), np.array([0, 1, 0, 1])
    >>> (probe(points, np.array([0, 0, 1, 1])) @ indicators(labels)).argmax(1).tolist()
    [0, 1, 0, 1]
    """
    found = np.zeros((len(points), len(points)))
    for fold in np.unique(folds):
        held, known = folds == fold, folds != fold
        centre = points[known].mean(0)
        given = points[known] - centre
        products = given.T @ given
        ridge = _RIDGE * max(np.trace(products) / len(products), np.finfo(float).tiny)
        slopes = np.linalg.solve(products + ridge * np.eye(len(products)), given.T)
        found[np.ix_(held, known)] = (points[held] - centre) @ slopes + 1 / known.sum()
    return found


def right(said: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return whether a probe of `probe` names each point's label, (point,) of 0 and 1.

    Examples
    --------
    >>> right(np.ones((2, 2)) - np.eye(2), np.array([1, 1])).tolist()
    [1.0, 1.0]
    """
    return ((said @ indicators(labels)).argmax(1) == labels).astype(float)
