"""The plane: samples laid out in two dimensions, neighbours beside each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...validation import InputError, choose, positive
from .needed import scikit, umap

NAMES = ("tsne", "umap")
_USUAL = 30.0
"""Neighbours that t-SNE looks at, unless said otherwise; fewer of few samples."""


def check(name: str) -> None:
    """Refuse a layout that is unknown, or whose library is missing, before anything is computed.

    Raises
    ------
    InputError
        If it is.

    Examples
    --------
    >>> check("tsne")
    """
    scikit("manifold")
    if choose("plane", name, NAMES) == "umap":
        umap()


def perplexity(given: float | None, samples: int) -> float:
    """Return how many neighbours count: what is given, or 30, or a third of few samples.

    Raises
    ------
    InputError
        If there are not more samples than that.

    Examples
    --------
    >>> perplexity(None, 300), perplexity(None, 31)
    (30.0, 10.0)
    """
    if given is None:
        return max(1.0, min(_USUAL, (samples - 1) / 3))
    value = positive("perplexity", given, "a number of neighbours such as 30")
    if value >= samples:
        raise InputError(f"perplexity: got {given!r} for {samples} samples, expected less than there are.")
    return value


def laid_out(projection: NDArray[np.float64], name: str, neighbours: float, seed: int) -> NDArray[np.float64]:
    """Return places (sample, 2) of samples (sample, component); zeros if all are alike.

    t-SNE (van der Maaten & Hinton, JMLR 2008) begins with the first two components, so that it depends on the seed as
    little as it can.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(12, 3))
    >>> laid_out(points, "tsne", 3.0, 0).shape
    (12, 2)
    """
    points = np.pad(projection, ((0, 0), (0, max(0, 2 - projection.shape[1]))))
    if not points.any():
        return points[:, :2]
    if name == "umap":
        model = umap().UMAP(n_neighbors=max(2, round(neighbours)), random_state=seed)
    else:
        model = scikit("manifold").TSNE(init="pca", perplexity=neighbours, random_state=seed)
    return np.asarray(model.fit_transform(points), float)
