"""The plane: samples laid out in two dimensions, neighbours beside each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...validation import InputError, choose, positive
from .needed import scikit, umap

NAMES = ("tsne", "umap")
_USUAL = 30.0
"""Neighbours that t-SNE looks at, unless said otherwise; fewer of few samples."""


@dataclass(frozen=True)
class Layout:
    """How samples are laid out: by t-SNE (van der Maaten & Hinton, JMLR 2008), or by UMAP.

    t-SNE begins with the first two components, so that it depends on the seed as little as it can.

    Parameters
    ----------
    name : {"tsne", "umap"}
    perplexity : float
        How many neighbours count; of UMAP a whole number from 2.
    seed : int
    """

    name: str
    perplexity: float
    seed: int

    @classmethod
    def of(cls, name: str, perplexity: float | None, samples: int, seed: int) -> Layout:
        """Return a layout for so many samples; 30 neighbours by default, or a third of few samples.

        Raises
        ------
        InputError
            If it is unknown, its library is missing, or there are not more samples than neighbours.

        Examples
        --------
        >>> Layout.of("tsne", None, 300, 0).perplexity, Layout.of("tsne", None, 31, 0).perplexity
        (30.0, 10.0)
        """
        scikit("manifold")
        if choose("plane", name, NAMES) == "umap":
            umap()
        usual = max(1.0, min(_USUAL, (samples - 1) / 3))
        words = "a number of neighbours such as 30"
        neighbours = usual if perplexity is None else positive("perplexity", perplexity, words)
        if neighbours >= samples:
            raise InputError(f"perplexity: got {perplexity!r} for {samples} samples, expected less than there are.")
        if name == "umap":
            neighbours = float(min(max(2, round(neighbours)), samples - 1))
        return cls(name, neighbours, seed)

    @property
    def facts(self) -> dict[str, str | float | int]:
        """What was done, as attributes of a result."""
        told = "t-SNE, init pca" if self.name == "tsne" else "UMAP, init spectral"
        return {"plane_by": told, "perplexity": self.perplexity, "seed": self.seed}

    def __call__(self, projection: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return places (sample, 2) of samples (sample, component); zeros if all are alike.

        Examples
        --------
        >>> Layout("tsne", 3.0, 0)(np.random.default_rng(0).normal(size=(12, 3))).shape
        (12, 2)
        """
        points = np.pad(projection, ((0, 0), (0, max(0, 2 - projection.shape[1]))))
        if not points.any():
            return points[:, :2]
        if self.name == "umap":
            model = umap().UMAP(n_neighbors=int(self.perplexity), random_state=self.seed, n_jobs=1)
        else:
            model = scikit("manifold").TSNE(init="pca", perplexity=self.perplexity, random_state=self.seed)
        return np.asarray(model.fit_transform(points), float)
