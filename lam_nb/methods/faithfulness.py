"""Faithfulness: do the marked pixels matter, and do maps depend on what the network has learned."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Unpack

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .. import identity, images, paths, result, statistics
from ..engine.along import positions
from ..engine.progress import bar
from ..engine.running import BACKENDS, Leased, outputs
from ..engine.running import device as chosen_device
from ..engine.sampling import detect
from ..engine.scene import Scene, network_and_image, scene
from ..networks import Network, NetworkLike
from ..types import Batch, Detector, DetectorMaker, Device, ImageLike, PathMaker, Progress, Region, RegionLike
from ..validation import InputError, settings, whole
from .attribution import Settings, attribute

__all__ = ["curves", "randomised"]
_MOST = 10_000
"""Random orders, and stages of forgetting."""
_MODES = ("deletion", "insertion")
_RANDOM = "random"
_AXES = (result.METHOD, result.MODE, result.FRACTION)
CURVES = result.Table(
    {
        result.OUTPUT_SHARE: (_AXES, "part of the window restored, by squared error to the output", "1"),
        result.DETECTOR_SHARE: (_AXES, "part of the detector's change", "1"),
        result.OUTPUT_SHARE_ERROR: (_AXES, "standard error of the part restored, over random orders", "1"),
        result.PSNR: (_AXES, "peak signal-to-noise ratio of the region", "dB"),
        result.OUTPUT_AREA: (_AXES[:2], "area under the output's curve", "1"),
        result.DETECTOR_AREA: (_AXES[:2], "area under the detector's curve", "1"),
    },
    maker="lam_nb.faithfulness.curves",
    coordinates={
        result.METHOD: ((result.METHOD,), "how pixels are ordered", "1"),
        result.MODE: ((result.MODE,), "what is done to pixels", "1"),
        result.FRACTION: ((result.FRACTION,), "part of the pixels replaced", "1"),
    },
)
RANDOMISED = result.Table(
    {
        result.RANK_CORRELATION: ((result.STAGE,), "rank correlation with the trained network's map", "1"),
        result.TOP_OVERLAP: ((result.STAGE,), "overlap of the strongest pixels with the trained network's", "1"),
        result.DIFFUSION_INDEX: ((result.STAGE,), "diffusion index", "1"),
    },
    maker="lam_nb.faithfulness.randomised",
    coordinates={
        result.LAYERS: ((result.STAGE,), "layers shuffled, from the output backwards", "1"),
        result.LAST: ((result.STAGE,), "last layer shuffled", "1"),
    },
)


def curves(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    maps: Mapping[str, xr.Dataset],
    *,
    reference: ImageLike | None = None,
    fractions: Sequence[float] | None = None,
    baseline: str | PathMaker = "blur",
    detector: str | DetectorMaker = "edges",
    draws: int = 5,
    seed: int = 0,
    batch: int = 8,
    device: Device = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Replace pixels by the baseline in order of attribution, and watch the window of the output.

    Deletion begins with the image and takes the strongest pixels first: with a faithful map the
    window is lost fast, a small area. Insertion begins with the baseline and gives them back: with a
    faithful map the window comes back fast, a large area (Petsiuk et al., arXiv 1806.07421, here for
    restoration). Orders drawn at random are measured beside, as ``random``.

    Two measures: ``output_share``, 1 − (squared error to the output for the image) / (that of the output
    for the baseline), and ``detector_share``. Pixels half replaced make edges of their own, so that
    an edge detector can rise above 1: the areas of ``output_share`` are the ones to rank by.

    Parameters
    ----------
    network : Network or str
    image : image
        The network's input.
    region : Region or (y, x, size)
        Window of the output.
    maps : mapping of str to xarray.Dataset
        Name -> result of `lam_nb.attribute` or of a peer, on this image.
    reference : image, optional
        The ground truth, as large as the output; by default the PSNR is to the network's own output.
    fractions : sequence of float, optional
        Parts of the pixels that are replaced; by default none, one pixel and on to all, by
        equal factors.
    baseline : str or callable
        A path, whose start replaces pixels.
    detector : str or callable
    draws, seed : int
        Random orders.
    batch : int
        Pictures at once.
    device, progress
        As for `lam_nb.attribute`.

    Returns
    -------
    xarray.Dataset
        ``output_share`` and ``detector_share`` (method, mode, fraction), 0 at the baseline and 1 at the
        image; ``psnr`` of the region in dB; ``output_area`` and ``detector_area`` (method, mode);
        ``output_share_error`` is the standard error over random orders, 0 for maps.

    Raises
    ------
    InputError
        If there are no maps or one is of another size.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), progress=False)
    >>> found = curves(net, lr, lam.Region(96, 96), {"LAM": ds}, progress=False)
    >>> areas = found.output_area.sel(mode="insertion")
    >>> bool(areas.sel({"method": "LAM"}) > areas.sel({"method": "random"}))
    True
    """
    count, size, maker = whole("draws", draws, most=_MOST), whole("batch", batch), paths.named(baseline)
    with scene(network, image, region, detector=detector, device=device, progress=progress, unit="picture") as s:
        orders = _orders(maps, s.picture.shape[-2:], count, whole("seed", seed, 0))
        parts = _fractions(fractions, s.picture.shape[-2] * s.picture.shape[-1])
        s.bar.total = len(orders) * len(_MODES) * len(parts)
        with BACKENDS.usual(s.image.device):
            start = positions(paths.made(maker, s.image, "baseline"), [0.0])[0]
        ends = outputs(s.run, torch.stack([start, s.image]))
        truth = ends[1] if reference is None else s.reference(reference).to(ends)
        watch = _Watch(s, s.detector(s.window), truth, ends[1])
        low, high = (float(value) for value in detect(watch.detector, ends, s.run.name))
        rows = {
            (name, k, mode): watch.measured(_altered(s.image, start, order, parts, mode, size))
            for (name, k), order in orders.items()
            for mode in _MODES
        }
        lost = _squared(ends[:1], ends[1], s.window)[0]
    facts = s.facts(
        s.window,
        baseline=identity.named(maker),
        draws=count,
        seed=seed,
        canvas_pixels=s.picture.shape[-2] * s.picture.shape[-1],
        psnr_against="the network's own output" if reference is None else "the reference",
    )
    names = [*maps, _RANDOM]
    values = _values(rows, names, count, parts, (low, high, lost))
    axes: dict[str, ArrayLike] = {result.METHOD: names, result.MODE: _MODES, result.FRACTION: parts}
    return CURVES.build(values, axes, facts=facts)


def randomised(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    *,
    stages: int = 6,
    seed: int = 0,
    progress: Progress = True,
    **choices: Unpack[Settings],
) -> xr.Dataset:
    """Compute the map again and again while layers lose what they learned, from the output backwards.

    A map that stays alike does not depend on what the network learned (Adebayo et al., arXiv
    1810.03292). A layer forgets by having its weights shuffled, which keeps their distribution.

    Parameters
    ----------
    network : Network or str
    image : image
    region : Region or (y, x, size)
    stages : int, default 6
        In how many steps all layers are reached.
    seed : int
    progress
        As for `lam_nb.attribute`.
    **choices
        Of `lam_nb.attribute`.

    Returns
    -------
    xarray.Dataset
        ``rank_correlation`` and ``top_overlap`` with the map of the trained network, and
        ``diffusion_index`` (stage); coordinates: ``layers`` shuffled and the ``last`` of them.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> found = randomised(net, lr, lam.Region(96, 96), stages=2, steps=4, progress=False)
    >>> bool(found.rank_correlation[-1] < 0.95)
    True
    """
    settings(choices, attribute, "randomised")
    net, picture = network_and_image(network, image)
    with Leased(net, chosen_device("cpu")).lease():  # nobody else is inside while it is copied
        shuffled = copy.deepcopy(net)
    layers = list(reversed(_layers(shuffled, picture)))
    counts = np.unique(np.linspace(0, len(layers), whole("stages", stages, most=_MOST) + 1).round().astype(int))
    source = torch.Generator().manual_seed(whole("seed", seed, 0))
    choices.setdefault("keep", "map")
    rows = []
    with bar(progress, len(counts), net.name, "stage") as shown:
        for before, after in zip([0, *counts[:-1]], counts, strict=True):
            for _, module in layers[before:after]:
                _shuffle(module, source)
            rows.append(attribute(shuffled, picture, region, **choices, progress=False))
            shown.update(1)
    likeness = [statistics.agreement(rows[0], one) for one in rows]
    values: dict[str, ArrayLike | None] = {
        name: [float(one[name]) for one in likeness] for name in (result.RANK_CORRELATION, result.TOP_OVERLAP)
    }
    values[result.DIFFUSION_INDEX] = [float(statistics.diffusion_index(one)) for one in rows]
    last = ["none", *(layers[count - 1][0] for count in counts[1:])]
    facts = {name: value for name, value in rows[0].attrs.items() if name != "computed_pixels"} | {"seed": seed}
    return RANDOMISED.build(values, {result.LAYERS: counts, result.LAST: last}, facts=facts)


class _Watch:
    """Watches the window while pixels are replaced."""

    def __init__(self, s: Scene, detector: Detector, truth: torch.Tensor, output: torch.Tensor) -> None:
        self.run, self.window, self.bar = s.run, s.window, s.bar
        self.detector, self.truth, self.output = detector, truth, output

    def measured(self, pictures: Iterable[Batch]) -> tuple[NDArray[np.float64], ...]:
        """Return the detector, the squared error to the output, and the PSNR, of every picture."""
        rows, columns = self.window.slices
        values, errors, qualities = [], [], []
        for batch in pictures:
            made = outputs(self.run, batch)
            values.append(detect(self.detector, made, self.run.name).double().cpu().numpy())
            errors.append(_squared(made, self.output, self.window))
            pair = (one[..., rows, columns] for one in (made, self.truth.clamp(0, 1)[None]))
            qualities.append(images.psnrs(*pair).cpu().numpy())
            self.bar.update(len(batch))
        return tuple(np.concatenate(one) for one in (values, errors, qualities))


def _orders(
    maps: Mapping[str, xr.Dataset], size: tuple[int, ...], draws: int, seed: int
) -> dict[tuple[str, int], NDArray[np.int64]]:
    """Return pixels in the order of each map, strongest first, and some random orders."""
    if not isinstance(maps, Mapping) or not maps:
        raise InputError("maps: got none, expected a mapping from names to results of lam_nb.attribute.")
    orders = {}
    for name, one in maps.items():
        used = statistics.magnitude(one).values
        if used.shape != tuple(size):
            raise InputError(f"maps: {name!r} has {used.shape} pixels, expected the image's {tuple(size)}.")
        orders[name, 0] = np.argsort(-used.ravel(), kind="stable")
    source = np.random.default_rng(seed)
    return orders | {(_RANDOM, k): source.permutation(int(np.prod(size))) for k in range(draws)}


def _fractions(given: Sequence[float] | None, pixels: int) -> NDArray[np.float64]:
    if given is None:
        return np.unique([0, *np.geomspace(1, pixels, 24).round()]) / pixels
    try:
        parts = np.asarray(given, float)
    except (TypeError, ValueError, RuntimeError):
        parts = np.empty(0)
    if parts.ndim != 1 or len(parts) < 2 or (np.diff(parts) <= 0).any() or parts[0] < 0 or parts[-1] > 1:
        raise InputError(f"fractions: got {given!r}, expected at least two ascending parts in [0, 1].")
    return parts


def _altered(
    full: torch.Tensor, start: torch.Tensor, order: NDArray[np.int64], parts: NDArray[np.float64], mode: str, batch: int
) -> Iterator[Batch]:
    """Yield batches of pictures with the first pixels of the order replaced, or given back."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    ranks = torch.from_numpy(rank.reshape(full.shape[-2:])).to(full.device)
    kept, other = (full, start) if mode == "deletion" else (start, full)
    counts = np.round(parts * len(order)).astype(int)
    for first in range(0, len(counts), batch):
        chosen = torch.stack([ranks < int(count) for count in counts[first : first + batch]])[:, None]
        yield torch.where(chosen, other, kept)


def _squared(batch: Batch, target: torch.Tensor, region: Region) -> NDArray[np.float64]:
    rows, columns = region.slices
    off = batch[..., rows, columns] - target[..., rows, columns]
    return off.double().square().flatten(1).mean(1).cpu().numpy()


def _values(
    rows: Mapping[tuple[str, int, str], tuple[NDArray[np.float64], ...]],
    names: Sequence[str],
    draws: int,
    parts: NDArray[np.float64],
    ends: tuple[float, float, float],
) -> dict[str, ArrayLike | None]:
    low, high, lost = ends
    span, lost = (high - low) or float("nan"), lost or float("nan")
    count = {name: draws if name == _RANDOM else 1 for name in names}

    def draw(name: str, mode: str, which: int) -> NDArray[np.float64]:
        return np.stack([rows[name, k, mode][which] for k in range(count[name])])

    def every(which: int) -> list[list[NDArray[np.float64]]]:
        return [[draw(name, mode, which) for mode in _MODES] for name in names]

    def mean(which: int) -> NDArray[np.float64]:
        return np.array([[one.mean(0) for one in row] for row in every(which)])

    detector, output = (mean(0) - low) / span, 1 - mean(1) / lost
    uncertain = np.array([[one.std(0) / max(1, len(one) - 1) ** 0.5 for one in row] for row in every(1)])
    return {
        result.DETECTOR_SHARE: detector,
        result.OUTPUT_SHARE: output,
        result.OUTPUT_SHARE_ERROR: uncertain / lost,
        result.PSNR: mean(2),
        result.DETECTOR_AREA: _area(detector, parts),
        result.OUTPUT_AREA: _area(output, parts),
    }


def _area(shares: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    return ((shares[..., 1:] + shares[..., :-1]) / 2 * np.diff(parts)).sum(-1)


def _layers(network: Network, picture: torch.Tensor) -> list[tuple[str, torch.nn.Module]]:
    """Return modules with weights of their own, in the order in which they first run."""
    owning = {m: name for name, m in network.named_modules() if any(True for _ in m.parameters(recurse=False))}
    if not owning:
        raise InputError(f"network: {network.name!r} has no weights to shuffle; it has learned nothing.")
    seen: list[tuple[str, torch.nn.Module]] = []

    def note(module: torch.nn.Module, _: object) -> None:
        seen.append((owning[module], module))

    home = next(network.parameters()).device
    hooks = [module.register_forward_pre_hook(note) for module in owning]
    outputs(Leased(network, home), picture[None].to(home))
    for hook in hooks:
        hook.remove()
    return list(dict.fromkeys(seen))


def _shuffle(module: torch.nn.Module, source: torch.Generator) -> None:
    for weights in module.parameters(recurse=False):
        order = torch.randperm(weights.numel(), generator=source).to(weights.device)
        weights.data = weights.data.flatten()[order].reshape(weights.shape)
