"""Clusters: do samples gather by degradation or by content, and how sure is that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from ..result import (
    CHANCE,
    CONTENT,
    DEGRADATION,
    DEPTH,
    LAYER,
    LEVEL,
    MEASURE,
    MODEL,
    P_VALUE,
    PLANE,
    PROJECTION,
    SAMPLE,
    SEPARABILITY,
    Table,
    check,
    stacked,
)
from ..validation import InputError, choose, fraction, whole
from . import groups, intervals

MEASURES = ("calinski_harabasz", "calinski_harabasz_plane", "silhouette", "probe")
_CELLS = (LAYER, MEASURE)
TABLE = Table(
    {
        SEPARABILITY: (_CELLS, "separability", "1"),
        f"{SEPARABILITY}_low": (_CELLS, "separability, low", "1"),
        f"{SEPARABILITY}_high": (_CELLS, "separability, high", "1"),
        CHANCE: (_CELLS, "mean separability by permuted labels", "1"),
        P_VALUE: (_CELLS, "share of permutations that are as separable", "1"),
    },
    maker="lam_nb.statistics.separability",
    coordinates={
        LAYER: ((LAYER,), "layer", "1"),
        DEPTH: ((LAYER,), "share of the layers with weights that have answered", "1"),
        MEASURE: ((MEASURE,), "measure of separability", "1"),
    },
)


def separability(
    dataset: xr.Dataset,
    by: str = "degradation",
    *,
    level: float = 0.95,
    draws: int = 1000,
    permutations: int = 199,
    seed: int = 0,
) -> xr.Dataset:
    """Measure how clearly samples gather by degradation, or by content, layer by layer.

    Four measures: the Caliński-Harabasz index (tr B / (k − 1)) / (tr W / (n − k)) of the projection and of the plane,
    as in Liu et al. (arXiv 2108.00406); the mean silhouette of the projection; the accuracy of a linear probe (least
    squares), which is asked about pictures that it was told nothing of, or, by content, about conditions.

    The plane's index depends on how the plane was made; the projection's does not.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.representations`, or some of its samples, such as those of one level.
    by : {"degradation", "content"}
        What makes a group. Levels of one degradation are one group.
    level : float, default 0.95
        Of the intervals, by a bootstrap over contents: of indices by drawing pictures with all their samples (scaled
        to have the index as median, for pictures drawn twice raise it), of silhouettes by degradation as well (moved
        to have theirs), of silhouettes by content and of the probe by drawing pictures' means. Ends lie farther
        out than the level's quantiles where pictures are few. In simulations of 8 and of 20 pictures, 95 % intervals
        of indices and silhouettes held the true value in 90 to 100 %; those of the probe in 72 to 100 %, least where
        it is right about all of few samples, for then its interval has no width.
    draws, seed : int
        Of the bootstrap.
    permutations : int, default 199
        Labels are permuted where they could be without meaning: degradations within each content, contents
        within each condition.

    Returns
    -------
    xarray.Dataset
        ``separability`` with ``_low`` and ``_high``, ``chance`` (mean over permutations) and ``p_value`` (layer,
        measure); the least p is 1 / (permutations + 1). Indices are ≥ 0, about 1 by chance; silhouettes in [−1, 1];
        accuracies in [0, 1].

    Raises
    ------
    InputError
        If there is one degradation or one content only.

    Examples
    --------
    >>> import lam_nb as lam
    >>> given = {"size": 24, "components": 4, "features": "pooled", "progress": False}
    >>> ds = lam.representations("residual", ["bricks", "facade", "cat"], {"blur": lam.images.Blur(3)}, **given)
    >>> separability(ds).separability.dims
    ('layer', 'measure')
    """
    check(dataset, PROJECTION, PLANE)
    choose("by", by, (DEGRADATION, CONTENT))
    level = fraction("level", level, "a probability such as 0.95", whole_too=False)
    draws, permutations = whole("draws", draws, most=1_000_000), whole("permutations", permutations, most=1_000_000)
    seed = whole("seed", seed, 0)
    labels = Labels.of(dataset, by)
    ends = intervals.expanded(level, int(labels.contents.max()) + 1)
    facts = {"by": by, "level": level, "draws": draws, "permutations": permutations, "seed": seed}

    def of(one: xr.Dataset) -> xr.Dataset:
        cells = np.array([[*_row(labels, points, ends, draws, permutations, seed)] for points in _layers(one)])
        places: dict[str, ArrayLike] = {LAYER: one[LAYER].values, MEASURE: list(MEASURES)}
        places |= {DEPTH: one[DEPTH].values} if DEPTH in one.coords else {}
        values: dict[str, ArrayLike | None] = {name: cells[..., k] for k, name in enumerate(TABLE.names)}
        return TABLE.build(values, places, facts=one.attrs | facts)

    if MODEL not in dataset[PROJECTION].dims:
        return of(dataset)
    each = [of(dataset.isel({MODEL: k})) for k in range(dataset.sizes[MODEL])]
    return stacked(each, MODEL).assign_coords({MODEL: dataset[MODEL]} if MODEL in dataset.coords else {})


class Labels:
    """What samples are called, as numbers, and which of them may be exchanged.

    Parameters
    ----------
    groups, contents, conditions : numpy.ndarray of int (sample,)
        What is asked about; pictures; degradations with their levels.
    by_content : bool

    Examples
    --------
    >>> labels = Labels(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), by_content=False)
    >>> sorted(labels.permuted(np.random.default_rng(0))[:2].tolist())
    [0, 1]
    """

    def __init__(
        self,
        groups: NDArray[np.int64],
        contents: NDArray[np.int64],
        conditions: NDArray[np.int64],
        by_content: bool,
    ) -> None:
        self.groups, self.contents, self.by_content = groups, contents, by_content
        self.blocks = conditions if by_content else contents

    @classmethod
    def of(cls, dataset: xr.Dataset, by: str) -> Labels:
        """Return the labels of a result.

        Raises
        ------
        InputError
            If there is one degradation or one content only.
        """
        check(dataset, CONTENT, DEGRADATION, LEVEL)
        contents, degradations = (_numbered(dataset[name].values) for name in (CONTENT, DEGRADATION))
        levels = [f"{one} {step}" for one, step in zip(degradations, dataset[LEVEL].values, strict=True)]
        for name, found in ((CONTENT, contents), (DEGRADATION, degradations)):
            if len(np.unique(found)) < 2:
                only = ", ".join(map(repr, map(str, dataset[name].values[:1]))) or "none"
                raise InputError(
                    f"dataset: has one {name} only, {only}, expected at least two; what features "
                    "gather by shows in samples that differ in both."
                )
        by_content = by == CONTENT
        return cls(contents if by_content else degradations, contents, _numbered(np.array(levels)), by_content)

    def permuted(self, source: np.random.Generator) -> NDArray[np.int64]:
        """Return the groups with labels exchanged within each block."""
        order = np.lexsort((source.random(len(self.groups)), self.blocks))
        found = np.empty_like(self.groups)
        found[np.argsort(self.blocks, kind="stable")] = self.groups[order]
        return found

    def drawn(self, source: np.random.Generator) -> NDArray[np.int64]:
        """Return how often each picture is drawn, (content,)."""
        count = int(self.contents.max()) + 1
        return np.bincount(source.integers(0, count, count), minlength=count)

    def index(self, points: NDArray[np.float64], drawn: NDArray[np.int64]) -> float:
        """Return the index of pictures drawn so often; one drawn twice is two, in one place."""
        total = float(drawn.sum()) if self.by_content else None
        weights = drawn[self.contents].astype(float)
        return groups.calinski_harabasz(points, self.groups, weights, total)


def _numbered(values: NDArray[np.generic]) -> NDArray[np.int64]:
    return np.unique(values.astype(str), return_inverse=True)[1].astype(np.int64)


def _layers(dataset: xr.Dataset) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield points of every layer, in the projection and in the plane."""
    pair = (dataset[name].transpose(LAYER, SAMPLE, ...).values.astype(float) for name in (PROJECTION, PLANE))
    yield from zip(*pair, strict=True)


def _row(
    labels: Labels,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    ends: tuple[float, float],
    draws: int,
    permutations: int,
    seed: int,
) -> Iterator[list[float]]:
    """Yield separability, low, high, chance and p of each measure."""
    if not all(np.isfinite(one).all() for one in points):
        yield from [[np.nan] * len(TABLE.names)] * len(MEASURES)
        return
    projection, plane = points
    apart, said = groups.distances(projection), groups.probe(projection, labels.blocks)
    measures: list[Callable[[NDArray[np.int64]], float | NDArray[np.float64]]] = [
        lambda given: groups.calinski_harabasz(projection, given),
        lambda given: groups.calinski_harabasz(plane, given),
        lambda given: groups.silhouettes(apart, given),
        lambda given: groups.right(said, given),
    ]
    source = np.random.default_rng(seed)
    drawn = [labels.drawn(source) for _ in range(draws)]
    permuted = [labels.permuted(source) for _ in range(permutations)]
    again: list[Callable[[float | NDArray[np.float64]], NDArray[np.float64]]] = [
        lambda found: _indices(labels, projection, float(np.mean(found)), drawn),
        lambda found: _indices(labels, plane, float(np.mean(found)), drawn),
        lambda found: _means(labels, found, drawn) if labels.by_content else _silhouettes(labels, apart, found, drawn),
        lambda found: _means(labels, found, drawn),
    ]
    for measure, redrawn in zip(measures, again, strict=True):
        found = measure(labels.groups)
        value = float(np.mean(found))
        by_chance = np.array([float(np.mean(measure(one))) for one in permuted])
        p = (1 + (by_chance >= value).sum()) / (1 + permutations)
        yield [value, *_interval(redrawn(found), ends), float(by_chance.mean()), float(p)]


def _interval(again: NDArray[np.float64], ends: tuple[float, float]) -> NDArray[np.float64]:
    """Return quantiles of what was drawn; infinite ones are not interpolated."""
    known = again[~np.isnan(again)]
    return np.quantile(known, ends, method="inverted_cdf") if len(known) else np.full(2, np.nan)


def _indices(
    labels: Labels, points: NDArray[np.float64], value: float, drawn: list[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Return indices of pictures drawn so often, scaled to have the index as their median.

    A picture that is drawn twice is no new one, so groups' means move more than they would, and every index rises.
    """
    again = np.array([labels.index(points, one) for one in drawn])
    usual = float(np.median(again))
    return again * (value / usual) if np.isfinite(value) and 0 < usual < np.inf else again


def _silhouettes(
    labels: Labels, apart: NDArray[np.float64], found: float | NDArray[np.float64], drawn: list[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Return mean silhouettes among pictures drawn so often, moved to have the mean silhouette as their median.

    A silhouette is a sample's and its neighbours', who are drawn, too; fewer neighbours make it a little less.
    """
    often = [one[labels.contents].astype(float) for one in drawn]
    again = np.array([one @ groups.silhouettes(apart, labels.groups, one) / one.sum() for one in often])
    return again + float(np.mean(found)) - float(np.median(again))


def _means(labels: Labels, found: float | NDArray[np.float64], drawn: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return means over samples of pictures drawn so often."""
    counts = np.bincount(labels.contents)
    sums = np.bincount(labels.contents, weights=np.asarray(found, float))
    often = np.array(drawn, float)
    return (often @ sums) / (often @ counts)
