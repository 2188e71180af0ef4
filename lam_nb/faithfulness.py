"""Faithfulness: do the marked pixels matter, and do maps depend on what the network has learned."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from . import detectors, gradients, images, paths, provenance, result, statistics
from .attribution import attribute
from .networks import Network
from .progress import Progress, bar
from .types import Batch, DetectorMaker, InputError, PathMaker, Region, whole

_MODES = ("deletion", "insertion")
_RANDOM = "random"


def curves(
    network: Network,
    image: Any,
    region: Region,
    maps: Mapping[str, xr.Dataset],
    *,
    reference: Any = None,
    fractions: Any = None,
    baseline: str | PathMaker = "blur",
    detector: str | DetectorMaker = "edges",
    draws: int = 5,
    seed: int = 0,
    batch: int = 8,
    device: Any = None,
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
    network : Network
    image : image
        The network's input.
    region : Region
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
    picture = images.as_image(image)
    orders = _orders(maps, picture.shape[-2:], whole("draws", draws), seed)
    parts = _fractions(fractions, picture.shape[-2] * picture.shape[-1])
    measure, place = detectors.named(detector)(region), gradients.device(device)
    names = [*maps, _RANDOM]
    total = len(orders) * len(_MODES) * len(parts)
    with gradients.frozen(network, place), bar(progress, total, network.name, "picture") as shown:
        full = picture.to(place, gradients.working_dtype(network))
        start = gradients.positions(paths.named(baseline)(full), [0.0])[0]
        ends = gradients.outputs(network, torch.stack([start, full]))
        truth = ends[1] if reference is None else images.reference(reference, ends.shape[-2:]).to(ends)
        low, high = (float(value) for value in gradients.detect(measure, ends, network.name))
        rows = {}
        for key, order in orders.items():
            for mode in _MODES:
                outputs = (gradients.outputs(network, one) for one in _altered(full, start, order, parts, mode, batch))
                rows[key, mode] = _measured(outputs, measure, region, (truth, ends[1]), shown)
        lost = _squared(ends[:1], ends[1], region)[0]
    told = provenance.of_network(network) | provenance.of_region(region)
    told |= {"baseline": provenance.named(paths.named(baseline)), "draws": draws, "seed": seed}
    told |= {"detector": provenance.named(detectors.named(detector)), "image_sha256": images.digest(picture)}
    told |= {"canvas_pixels": picture.shape[-2] * picture.shape[-1]}
    told |= {"psnr_against": "the network's own output" if reference is None else "the reference"}
    return _table(rows, names, draws, parts, (low, high, lost), told)


def randomised(
    network: Network,
    image: Any,
    region: Region,
    *,
    stages: int = 6,
    seed: int = 0,
    progress: Progress = True,
    **settings: Any,
) -> xr.Dataset:
    """Compute the map again and again while layers lose what they learned, from the output backwards.

    A map that stays alike does not depend on what the network learned (Adebayo et al., arXiv
    1810.03292). A layer forgets by having its weights shuffled, which keeps their distribution.

    Parameters
    ----------
    network : Network
    image : image
    region : Region
    stages : int, default 6
        In how many steps all layers are reached.
    seed : int
    progress
        As for `lam_nb.attribute`.
    **settings
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
    settings = {"keep": "map"} | settings | {"progress": False}
    shuffled = copy.deepcopy(network)
    layers = list(reversed(_layers(shuffled, images.as_image(image))))
    counts = np.unique(np.linspace(0, len(layers), whole("stages", stages) + 1).round().astype(int))
    source = torch.Generator().manual_seed(seed)
    rows = []
    with bar(progress, len(counts), network.name, "stage") as shown:
        for before, after in zip([0, *counts[:-1]], counts, strict=True):
            for _, module in layers[before:after]:
                _shuffle(module, source)
            rows.append(attribute(shuffled, image, region, **settings))
            shown.update(1)
    found = [statistics.agreement(rows[0], one) for one in rows]
    table = xr.concat(found, result.STAGE).drop_vars([n for n in found[0].coords], errors="ignore")
    indices = [float(statistics.diffusion_index(one)) for one in rows]
    last = np.array(["none", *(layers[count - 1][0] for count in counts[1:])], dtype=object)
    told = provenance.of_network(network) | provenance.of_region(region) | {"seed": seed}
    return result.randomisation(table, indices, counts, last, told)


def _orders(
    maps: Mapping[str, xr.Dataset], size: Any, draws: int, seed: int
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


def _fractions(given: Any, pixels: int) -> NDArray[np.float64]:
    if given is None:
        return np.unique([0, *np.geomspace(1, pixels, 24).round()]) / pixels
    parts = np.asarray(given, float)
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


def _measured(
    outputs: Iterator[Batch], measure: Any, region: Region, targets: tuple[torch.Tensor, torch.Tensor], shown: Any
) -> tuple[NDArray[np.float64], ...]:
    """Return the detector, the squared error to the output, and the PSNR, of every picture."""
    values, errors, qualities = [], [], []
    for batch in outputs:
        values.append(measure(batch).double().cpu().numpy())
        errors.append(_squared(batch, targets[1], region))
        with np.errstate(divide="ignore"):
            qualities.append(-10 * np.log10(_squared(batch.clamp(0, 1), targets[0].clamp(0, 1), region)))
        shown.update(len(batch))
    return tuple(np.concatenate(one) for one in (values, errors, qualities))


def _squared(batch: Batch, target: torch.Tensor, region: Region) -> NDArray[np.float64]:
    rows, columns = region.slices
    off = batch[..., rows, columns] - target[..., rows, columns]
    return off.double().square().mean((1, 2, 3)).cpu().numpy()


def _table(
    rows: Mapping[Any, Any],
    names: list[str],
    draws: int,
    parts: NDArray[np.float64],
    ends: tuple[float, float, float],
    told: dict[str, Any],
) -> xr.Dataset:
    low, high, lost = ends
    span, lost = (high - low) or float("nan"), lost or float("nan")
    count = {name: draws if name == _RANDOM else 1 for name in names}

    def stack(which: int, reduce: Any) -> NDArray[np.float64]:
        return np.array(
            [[reduce(np.stack([rows[(n, k), m][which] for k in range(count[n])])) for m in _MODES] for n in names]
        )

    def uncertain(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values.std(0) / max(1, len(values) - 1) ** 0.5

    detector, output = (stack(0, lambda v: v.mean(0)) - low) / span, 1 - stack(1, lambda v: v.mean(0)) / lost
    values = {"detector_share": detector, "output_share": output, "psnr": stack(2, lambda v: v.mean(0))}
    values |= {"output_share_error": stack(1, uncertain) / lost}
    values |= {"detector_area": _area(detector, parts), "output_area": _area(output, parts)}
    return result.faithfulness(values, names, _MODES, parts, told)


def _area(shares: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    return ((shares[..., 1:] + shares[..., :-1]) / 2 * np.diff(parts)).sum(-1)


def _layers(network: Network, picture: torch.Tensor) -> list[tuple[str, torch.nn.Module]]:
    """Return modules with weights of their own, in the order in which they first run."""
    owning = {m: name for name, m in network.named_modules() if any(True for _ in m.parameters(recurse=False))}
    seen: list[tuple[str, torch.nn.Module]] = []
    note = lambda module, _: seen.append((owning[module], module))  # noqa: E731
    hooks = [module.register_forward_pre_hook(note) for module in owning]
    gradients.outputs(network, picture[None].to(next(network.parameters()).device))
    for hook in hooks:
        hook.remove()
    return list(dict.fromkeys(seen))


def _shuffle(module: torch.nn.Module, source: torch.Generator) -> None:
    for weights in module.parameters(recurse=False):
        order = torch.randperm(weights.numel(), generator=source).to(weights.device)
        weights.data = weights.data.flatten()[order].reshape(weights.shape)
