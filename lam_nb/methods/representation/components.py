"""Components: where features vary most; exact, in little memory, and the same however they were read.

Samples are few and features are many. So components come from the samples' Gram matrix, which is summed up over
features, a piece at a time: one reading, n × n numbers, no approximation, and the projections are its eigenvectors.
Where samples are more than that is good for, scikit-learn's randomised and incremental components take over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .needed import scikit
from .shelf import Matrix

_FEW = 4096
"""Samples up to which the Gram matrix is summed: 134 MB, and its eigenvectors take half a minute."""
_PIECE = 4096
"""Features that are added at once, whatever the memory: sums do not depend on it then."""


@dataclass(frozen=True)
class Components:
    """Projections of samples on the directions in which they vary most.

    Parameters
    ----------
    projection : numpy.ndarray (sample, component)
        In units of the features; each has the mean 0. The sign of a component is such that its farthest sample is
        on the positive side.
    shares : numpy.ndarray (component,)
        Of the variance, in [0, 1].
    how : str
        In which way they were found.
    """

    projection: NDArray[np.float64]
    shares: NDArray[np.float64]
    how: str


def gram(matrix: Matrix, allowed: int) -> NDArray[np.float64]:
    """Return inner products of all samples about their mean, (sample, sample), reading a piece at a time.

    Examples
    --------
    >>> gram(np.array([[1, 0], [3, 4]], np.float32), 10**6)
    array([[ 5., -5.],
           [-5.,  5.]])
    """
    samples, features = matrix.shape
    total = np.zeros((samples, samples))
    reading = _PIECE * max(1, allowed // (12 * samples * _PIECE) - 1)
    for start in range(0, features, reading):
        read = matrix[:, start : start + reading]
        for at in range(0, read.shape[1], _PIECE):
            piece = read[:, at : at + _PIECE].astype(np.float64)
            piece -= piece.mean(0)
            total += piece @ piece.T
    return total


def principal(products: NDArray[np.float64], count: int) -> Components:
    """Return components of samples whose Gram matrix is known.

    Parameters
    ----------
    products : numpy.ndarray (sample, sample)
        About the mean, as of `gram`.
    count : int
        Of components; those beyond the features' rank are 0.

    Examples
    --------
    >>> found = principal(gram(np.array([[0, 0], [2, 0], [4, 1]], np.float32), 10**6), 2)
    >>> found.shares.sum().round(6), found.projection.shape
    (np.float64(1.0), (3, 2))
    """
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    total = np.trace(products)
    values = np.where(values > len(products) * np.finfo(float).eps * max(total, 0), values, 0)
    shares = values / total if total > 0 else np.zeros_like(values)
    return Components(_signed(vectors * np.sqrt(values)), shares, "exact, from the samples' Gram matrix")


def recentred(products: NDArray[np.float64], rows: NDArray[np.int64] | slice) -> NDArray[np.float64]:
    """Return the Gram matrix of some samples about their own mean.

    Examples
    --------
    >>> recentred(np.diag([1.0, 1.0, 4.0]), slice(0, 2)).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    some = products[rows][:, rows]
    return some - some.mean(0) - some.mean(1)[:, None] + some.mean()


def components(matrix: Matrix, count: int, allowed: int, seed: int = 0) -> Components:
    """Return the components of features that need not fit memory.

    Parameters
    ----------
    matrix : array (sample, feature), float32
    count : int
    allowed : int
        Bytes.
    seed : int
        Of randomised components, where samples are many.

    Examples
    --------
    >>> source = np.random.default_rng(0)
    >>> components(source.normal(size=(6, 9)).astype(np.float32), 3, 10**6).projection.shape
    (6, 3)
    """
    samples, features = matrix.shape
    if samples <= _FEW:
        return principal(gram(matrix, allowed), count)
    found = min(count, features)
    if 16 * samples * features <= allowed:
        model = scikit("decomposition").PCA(found, random_state=seed)
        scores, how = model.fit_transform(np.asarray(matrix[:, 0:features])), "randomised (scikit-learn)"
    else:
        batch = max(found, min(samples, allowed // (32 * features)))
        model = scikit("decomposition").IncrementalPCA(found)
        starts = range(0, samples - found + 1, batch)  # the last part is no smaller than the components are many
        parts = [slice(at, samples if at == starts[-1] else at + batch) for at in starts]
        for part in parts:
            model.partial_fit(matrix[part, 0:features])
        scores = np.concatenate([model.transform(matrix[part, 0:features]) for part in parts])
        how = "incremental (scikit-learn)"
    padding = (0, count - found)
    shares = np.pad(np.asarray(model.explained_variance_ratio_, float), padding)
    return Components(_signed(np.pad(np.asarray(scores, float), ((0, 0), padding))), shares, how)


def _signed(projection: NDArray[np.float64]) -> NDArray[np.float64]:
    farthest = np.abs(projection).argmax(0)
    return projection * np.where(projection[farthest, np.arange(projection.shape[1])] < 0, -1, 1)
