"""Generalising: how much a network's features change their distribution when pictures are degraded."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import nn

from .. import identity, images, result
from ..engine import features as engine
from ..engine import running
from ..engine.progress import bar
from ..engine.running import Leased
from ..methods.representation.components import gram, principal, recentred
from ..methods.representation.gathering import Gathering
from ..methods.representation.samples import Condition, Degradations, ImagesLike, listed, pictures, reduced
from ..methods.representation.shelf import Filed
from ..networks import NetworkLike
from ..statistics import gaussian
from ..types import Bar, Device, Image, Progress
from ..validation import InputError, fraction, mapping, readable, whole

_MOST = 4096
"""Patches up to which components come from a Gram matrix."""
_STEPS = 6
"""Points of the curves over components and patches."""
_LEAST = 8
"""Components and patches at which the curves begin."""
_PRODUCTS = "inner products of patches"
_ROW = (result.TEST,)
TABLE = result.Table(
    {
        result.GENERALISATION: (_ROW, "generalisation index, lower is better", "1"),
        f"{result.GENERALISATION}_low": (_ROW, "generalisation index, low", "1"),
        f"{result.GENERALISATION}_high": (_ROW, "generalisation index, high", "1"),
        result.FIT_SHAPE: (_ROW, "shape of the generalised Gaussian", "1"),
        result.FIT_SPREAD: (_ROW, "standard deviation of the generalised Gaussian", "feature"),
        result.BY_COMPONENTS: ((result.TEST, result.COMPONENTS), "generalisation index with fewer components", "1"),
        result.BY_PATCHES: ((result.TEST, result.PATCHES), "generalisation index with fewer patches", "1"),
    },
    maker="lam_nb.studies.generalisation",
    coordinates={
        result.TEST: (_ROW, "pictures that are compared with the reference", "1"),
        result.DEGRADATION: (_ROW, "degradation", "1"),
        result.LEVEL: (_ROW, "level of the degradation", "1"),
        result.COMPONENTS: ((result.COMPONENTS,), "principal components", "1"),
        result.PATCHES: ((result.PATCHES,), "patches", "1"),
    },
)


def generalisation(
    network: NetworkLike | nn.Module,
    reference: ImagesLike,
    tests: Degradations | None = None,
    *,
    layer: str | None = None,
    patches: int = 800,
    components: int = 300,
    size: int = 32,
    level: float = 0.95,
    draws: int = 200,
    seed: int = 0,
    batch: int | None = None,
    memory: str | int | None = None,
    device: Device = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Ask how well a network generalises: how little its deepest features change when its input is degraded.

    The index SRGA (Liu et al., TPAMI 2023, arXiv 2205.07019). Features of many patches are projected on their
    principal components, found anew for each set of patches; to all projections a generalised Gaussian is fitted, by
    moments; the index is log10(KL + 1e-5) + 5 of the divergence of the test's from the clean reference's. Where
    nothing changes it is 0; lower generalises better. It compares tests of one network, and networks on one test,
    with equal patches and components: how it moves with both, the curves show.

    Components are exact where the paper's are randomised.

    Parameters
    ----------
    network : Network, str or torch.nn.Module
    reference : mapping of str to image, sequence of images, or folder
        High-resolution truths; patches are cut from them after downscaling.
    tests : mapping of str to function, folder, or list of (level, function), optional
        As the degradations of `lam_nb.representations`: the same patches, degraded. A folder holds other pictures, of
        the network's input size. By default Gaussian blur of 0 … 8 pixels in steps of 0.5.
    layer : str, optional
        As in `lam_nb.representations`; by default what goes into the last layer with weights.
    patches : int, default 800
        The paper advises 300 at least; at most 4096. They overlap only if there is no room.
    components : int, default 300
        At most as many as patches.
    size : int, default 32
        Side of a patch in pixels of the network's input.
    level : float, default 0.95
        Of the intervals, by a bootstrap over patches: their projections are drawn again, components stay.
    draws : int, default 200
    seed : int
        Of patches, of degradations that draw, and of the bootstrap.
    batch, memory, device, progress
        As for `lam_nb.representations`. 800 patches of 64 features at four times 32 pixels are 3.4 GB, which lie in
        a temporary file if they do not fit.
    store : path-like, optional
        A .zarr for the inner products of the patches, all that components need: run again, also after it was killed,
        the question goes on with the first test that is not done. One of other patches, tests, layer or weights is
        refused; components, level and draws may change.

    Returns
    -------
    xarray.Dataset
        ``generalisation`` (test) with ``_low`` and ``_high``; ``fit_shape`` and ``fit_spread`` of the fits (those of
        the reference are attributes); ``by_components`` (test, components) and ``by_patches`` (test, patches);
        coordinates ``degradation`` and ``level``.

    Raises
    ------
    InputError
        If an argument does not fit, the pictures have too little room for so many patches, or the store is of
        another question.

    Examples
    --------
    >>> import lam_nb as lam
    >>> blur = {"blur": [(0, None), (2, lam.images.Blur(2))]}
    >>> few = {"patches": 24, "components": 12, "size": 12, "draws": 20, "progress": False}
    >>> found = generalisation("fsrcnn", ["bricks", "facade"], blur, **few)
    >>> round(float(found.generalisation[0]), 6), bool(found.generalisation[1] > 1)
    (0.0, True)
    """
    started = time.perf_counter()
    wanted, seed = _Wanted.of(patches, components, size, level, draws), whole("seed", seed, 0)
    run = Leased(engine.askable(network), running.device(device))
    conditions = _conditions(tests)
    truths = pictures(reference, run.network.axes.count, "reference")
    clean = Condition("reference", 0.0, None, "reference")
    total = (1 + len(conditions)) * wanted.patches
    with bar(progress, total, run.name, "patch") as shown:
        source = _Source(run.network.scale, truths, wanted, seed)
        first = source.patches(clean)
        known = engine.survey(run, first[0])
        taken = engine.last(run, known) if layer is None else _one(engine.chosen(run, known, layer, "layer"))
        gathering = Gathering(run, (taken,), batch=batch, memory=memory)
        each = _products(gathering, source, (clean, *conditions), store, shown)
        truth, *found = [_projected(products, wanted) for products in each]
    pairs = zip(found, conditions, strict=True)
    drawn = [_drawn(truth, one, not condition.is_folder, wanted.draws, seed) for one, condition in pairs]
    low, high = np.quantile(drawn, [(1 - wanted.level) / 2, (1 + wanted.level) / 2], axis=1)
    values: dict[str, ArrayLike | None] = {
        result.GENERALISATION: [gaussian.score(truth.fit, one.fit) for one in found],
        f"{result.GENERALISATION}_low": low,
        f"{result.GENERALISATION}_high": high,
        result.FIT_SHAPE: [one.fit[0] for one in found],
        result.FIT_SPREAD: [one.fit[1] for one in found],
        result.BY_COMPONENTS: [_curve(truth.by_components, one.by_components) for one in found],
        result.BY_PATCHES: [_curve(truth.by_patches, one.by_patches) for one in found],
    }
    places: dict[str, ArrayLike] = {
        result.TEST: [one.title for one in conditions],
        result.DEGRADATION: [one.degradation for one in conditions],
        result.LEVEL: [one.level for one in conditions],
        result.COMPONENTS: wanted.fewer_components,
        result.PATCHES: wanted.fewer_patches,
    }
    facts = identity.facts(run.network) | wanted.facts
    facts |= {"layer": taken.name, "feature_count": taken.count(False), "patch_stride": source.stride, "seed": seed}
    facts |= {"reference_shape": truth.fit[0], "reference_spread": truth.fit[1], "reference_sha256": _digest(first)}
    facts |= {"images": len(truths), "conditions": "; ".join(one.words for one in conditions)}
    facts |= {"device": running.device_name(run.device), "precision": str(run.dtype).removeprefix("torch.")}
    facts |= {"seconds": round(time.perf_counter() - started, 3)}
    return TABLE.build(values, places, facts=facts)


@dataclass(frozen=True)
class _Wanted:
    """How many patches, of which size, and what is asked of them."""

    patches: int
    components: int
    size: int
    level: float
    draws: int

    @classmethod
    def of(cls, patches: int, components: int, size: int, level: float, draws: int) -> _Wanted:
        many, count = whole("patches", patches, 2, _MOST), whole("components", components)
        if count > many:
            raise InputError(f"components: got {count} for {many} patches, expected at most as many; give fewer.")
        share = fraction("level", level, "a probability such as 0.95", whole_too=False)
        return cls(many, count, whole("size", size), share, whole("draws", draws, most=1_000_000))

    @property
    def facts(self) -> dict[str, int | float]:
        known = {"patch_count": self.patches, "component_count": self.components, "patch_size": self.size}
        return {**known, "interval_level": self.level, "draws": self.draws}

    @property
    def fewer_components(self) -> list[int]:
        return _steps(self.components)

    @property
    def fewer_patches(self) -> list[int]:
        return _steps(self.patches)


def _steps(most: int) -> list[int]:
    return np.unique(np.geomspace(min(_LEAST, most), most, _STEPS).round().astype(int)).tolist()


def _conditions(tests: object) -> tuple[Condition, ...]:
    if tests is None:
        blur = [(0.0, None), *((step / 2, images.Blur(step / 2)) for step in range(1, 17))]
        return listed({"blur": blur}, "tests")
    given = mapping("tests", tests)
    if not given:
        raise InputError("tests: got none, expected at least one, such as {'blur': lam_nb.images.Blur(2)}.")
    return listed(given, "tests")


def _one(layers: Sequence[engine.Layer]) -> engine.Layer:
    if len(layers) > 1:
        raise InputError(f"layer: got {len(layers)} layers, expected one; {layers[-1].name!r} is the deepest of them.")
    return layers[0]


class _Source:
    """Patches of pictures, at the same places whatever happens to the pictures."""

    def __init__(self, scale: int, truths: Mapping[str, Image], wanted: _Wanted, seed: int) -> None:
        self.scale, self.truths, self.wanted, self.seed = scale, truths, wanted, seed
        self.low = {name: reduced(one, scale, name) for name, one in truths.items()}
        self.places, self.stride = _places(self.low, wanted, seed, "reference")

    def patches(self, condition: Condition) -> list[Image]:
        """Return the patches of all pictures in a condition; of a folder, those of other pictures."""
        if condition.is_folder:
            argument = f"{condition.argument}[{condition.degradation!r}]"
            others = pictures(condition.change, len(next(iter(self.low.values()))), argument)
            return _cut(others, _places(others, self.wanted, self.seed, argument)[0], self.wanted.size)
        made = {
            name: condition.applied(one, self.truths[name], self.scale, name, self.seed)
            for name, one in self.low.items()
        }
        return _cut(made, self.places, self.wanted.size)


def _places(
    low: Mapping[str, Image], wanted: _Wanted, seed: int, argument: str
) -> tuple[list[tuple[str, int, int]], int]:
    """Return where patches are cut, in random order, and how far apart they may lie."""
    stride = 2 * wanted.size
    found: list[tuple[str, int, int]] = []
    while len(found) < wanted.patches and stride > 1:
        stride //= 2
        sides = {name: [range(0, n - wanted.size + 1, stride) for n in one.shape[-2:]] for name, one in low.items()}
        found = [(name, y, x) for name, (rows, columns) in sides.items() for y in rows for x in columns]
    if len(found) < wanted.patches:
        raise InputError(
            f"{argument}: has room for {len(found)} patches of {wanted.size} × {wanted.size} px of the network's "
            f"input, expected {wanted.patches}; give more or larger pictures, fewer patches=, or a smaller size=."
        )
    order = np.random.default_rng(seed).permutation(len(found))[: wanted.patches]
    return [found[k] for k in order], stride


def _cut(low: Mapping[str, Image], places: Sequence[tuple[str, int, int]], size: int) -> list[Image]:
    return [images.crop(low[name], y, x, size, size).clone() for name, y, x in places]


@dataclass(frozen=True)
class _Projected:
    """Projections of patches, and what was fitted to them and to fewer."""

    projection: NDArray[np.float64]
    fit: tuple[float, float]
    by_components: list[tuple[float, float]]
    by_patches: list[tuple[float, float]]


def _products(
    gathering: Gathering,
    source: _Source,
    sets: Sequence[Condition],
    store: str | os.PathLike[str] | None,
    shown: Bar,
) -> Iterator[NDArray[np.float64]]:
    """Yield the Gram matrix of the patches' features in each condition; what a store holds is not computed again."""
    kept = None if store is None else _kept(gathering, source, sets, store)
    for k, one in enumerate(sets):
        if kept is not None and kept.done[k]:
            yield _read(kept, k, source.wanted.patches)
            shown.update(source.wanted.patches)
            continue
        patches = source.patches(one)
        with gathering.of(patches, _digest(patches), shown) as (shelf, left):
            products = gram(shelf.matrix(gathering.layers[0].name), left // 2)
        if not np.trace(products) > 0:
            raise InputError(
                f"layer: {gathering.layers[0].name!r} answers the same to all patches of {one.title!r}, expected "
                "features that vary; choose another layer, or pictures with more in them."
            )
        if kept is not None:
            kept.write(k, {_PRODUCTS: products.reshape(1, -1)})
        yield products


def _kept(gathering: Gathering, source: _Source, sets: Sequence[Condition], store: str | os.PathLike[str]) -> Filed:
    reference, *tests = ((one.title, _digest(source.patches(one))) for one in sets)
    plan = gathering.plan(reference[1]) | {"tests": dict(tests)}
    return Filed(store, len(sets), {_PRODUCTS: source.wanted.patches**2}, plan, _PRODUCTS, "float64")


def _read(kept: Filed, place: int, count: int) -> NDArray[np.float64]:
    with readable("store", kept.path, "store that lam_nb can go on with; give another name, or delete it"):
        row = kept.matrix(_PRODUCTS)[place : place + 1, 0 : count**2]
    return np.asarray(row, np.float64).reshape(count, count)


def _projected(products: NDArray[np.float64], wanted: _Wanted) -> _Projected:
    whole_one = principal(products, wanted.components).projection
    fewer = [(recentred(products, slice(0, many)), min(many, wanted.components)) for many in wanted.fewer_patches]
    return _Projected(
        whole_one,
        gaussian.fitted(whole_one),
        [gaussian.fitted(whole_one[:, :count]) for count in wanted.fewer_components],
        [gaussian.fitted(principal(*pair).projection) for pair in fewer],
    )


def _digest(patches: Sequence[Image]) -> str:
    return hashlib.sha256("".join(map(identity.digest, patches)).encode()).hexdigest()


def _curve(truth: Sequence[tuple[float, float]], test: Sequence[tuple[float, float]]) -> list[float]:
    return [gaussian.score(*pair) for pair in zip(truth, test, strict=True)]


def _drawn(truth: _Projected, test: _Projected, paired: bool, draws: int, seed: int) -> list[float]:
    """Return indices of patches that are drawn again; where both are of the same patches, the same ones."""
    source, count = np.random.default_rng(seed), len(truth.projection)
    found = []
    for _ in range(draws):
        rows = source.integers(0, count, count)
        others = rows if paired else source.integers(0, count, count)
        found.append(gaussian.score(gaussian.fitted(truth.projection[rows]), gaussian.fitted(test.projection[others])))
    return found
