"""Causal effect maps: swap a block of the input, measure dB gained or lost in a window of the output."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from . import detectors, gradients, images, locality, provenance, result
from .networks import Network, checked
from .progress import Progress, bar
from .types import Batch, Image, InputError, Region, positive, whole

OUTSIDE, COARSE, FINE, OWN = 0, 1, 2, 3
"""Stages: outside the receptive field; decided by few draws; by many; a block of the region itself."""
_SHIPPED, _SIDE = 500, 8
_ROUND = 10
_EVERY = 10.0
_SSIM_SIDE = 11
_LEAST = 1e-10
"""Squared error below which PSNR is held at 100 dB, so that it stays finite."""


def causal_effect(
    network: Network,
    image: Any,
    region: Region | tuple[int, ...],
    *,
    reference: Any,
    block: int | None = None,
    coarse: int = 3,
    fine: int = 50,
    tolerance: float = 0.01,
    se: float | None = None,
    patches: Any = None,
    noise: float = 0.0,
    finish: Callable[[Batch], Batch] | None = None,
    metric: str | Callable[[Batch, Batch], torch.Tensor] = "psnr",
    uint8: bool = False,
    seed: int = 0,
    keep: str = "map",
    store: str | os.PathLike[str] | None = None,
    batch: int = 16,
    device: Any = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Compute which blocks of the input help, and which harm, the restoration of a window.

    Every block is replaced by natural-image patches; the effect is the window's quality without
    intervention minus its mean with, in dB: positive helps, negative harms (Hu et al., arXiv
    2407.19789). Few draws decide which blocks matter at all, many measure those.

    Parameters
    ----------
    network : Network
    image : image
        The network's input.
    region : Region or (y, x, size)
        Window of the output, in output pixels; the paper takes 32.
    reference : image
        The ground truth, as large as the output.
    block : int, optional
        Side of a block in input pixels; by default 8 output pixels' worth.
    coarse, fine : int, default 3 and 50
        Draws for every block, and for those where a draw moved the quality by `tolerance` or more.
    tolerance : float, default 0.01
        In dB; smaller effects count as none.
    se : float, optional
        Draw in the fine stage only until a block's standard error is below this, in dB.
    patches : array (n, 8, 8, 3), folder or .npz, optional
        RGB patches to paste; by default 500 from the sample photographs, from flat to sharp.
    noise : float, default 0
        Standard deviation of Gaussian noise on each patch: for denoisers, the noise of the input.
    finish : callable, optional
        Applied to pictures (n, 3, y, x) after a patch is pasted: a degradation of the whole, such as
        `lam_nb.images.Rain`; `image` is then the clean picture. Unless it has an attribute ``pointwise``
        that is true, it may carry a block anywhere, so that every block is computed on the whole picture.
    metric : "psnr", "ssim", "l1" or callable, default "psnr"
        Quality of windows (n, 3, y, x) against the truth (1, 3, y, x), larger is better, one number each;
        "l1" is minus the mean absolute difference. Effects, `tolerance` and `se` are in its units.
    uint8 : bool, default False
        Round outputs to 8 bits first, as the published figures did.
    seed : int
        Of the patches drawn for each block; the same map for any batch size.
    keep : "map" or "draws"
        Whether to keep every draw.
    store : path-like, optional
        A .zarr to write progress to: run again, an interrupted map goes on where it was.
    batch : int
        Pictures at once.
    device, progress
        As for `lam_nb.attribute`.

    Returns
    -------
    xarray.Dataset
        ``effect`` and ``standard_error`` (block_y, block_x) in dB, NaN on the region's own blocks;
        ``draws``, ``stage``; ``quality_origin``; counts ``positive``, ``negative``, ``zero``, ``own``.

    Raises
    ------
    InputError
        If an argument does not fit.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, hr = lam.networks.load("fsrcnn"), lam.images.sample("bricks")
    >>> lr = lam.images.downscale(hr, 4)
    >>> cem = causal_effect(net, lr, lam.Region(96, 96, 32), reference=hr, fine=10, progress=False)
    >>> dict(cem.effect.sizes), int(cem.own)
    ({'block_y': 32, 'block_x': 32}, 16)
    """
    started = time.perf_counter()
    picture, window = images.as_image(image), Region.of(region)
    size = checked(network).output_size(*picture.shape[-2:])
    window.check(*size)
    truth = images.reference(reference, size)
    if keep not in ("map", "draws"):
        raise InputError(f"keep: got {keep!r}, expected 'map' or 'draws'.")
    side = max(1, _SIDE // network.scale) if block is None else whole("block", block)
    grid = _Grid(picture.shape[-2], picture.shape[-1], side)
    first, more, batch = whole("coarse", coarse), whole("fine", fine), whole("batch", batch)
    positive("tolerance", tolerance, "an effect in the metric's units")
    stock = _patches(patches)
    measure = _metric(metric, uint8)
    place = gradients.device(device)
    with gradients.frozen(network, place):
        full = picture.to(place, gradients.working_dtype(network))
        scene = _scene(network, full, truth.to(full), window, measure, finish)
        own = grid.own(window, network.scale)
        if own.all():
            raise InputError(f"region: {window} leaves no block beside it; choose a smaller one, or a smaller block.")
        state = _State.fresh(grid, own, scene.part, first + more * (keep == "draws"))
        settings = [side, first, more, tolerance, se, seed, noise, uint8, keep]
        settings += [provenance.fingerprint(one) for one in (metric, finish)]
        known = [images.digest(picture), images.digest(truth), network.weights_hash, str(window)]
        plan = json.dumps([*known, hashlib.sha256(stock.tobytes()).hexdigest(), *settings])
        book = _Book(store, plan)
        state = book.restored(state)
        draw = _Drawer(stock, grid, seed, noise, place, full.dtype)
        expected = int((state.stage == COARSE).sum()) * first
        with bar(progress, expected, network.name, "picture") as shown:
            shown.update(int(state.count.sum()))
            for jobs in _coarse(state, first):
                _run(jobs, state, scene, draw, batch, shown, book)
            sensitive = (state.stage == COARSE) & (state.largest >= tolerance)
            state.begin_fine(sensitive)
            shown.total += int((state.stage == FINE).sum()) * more
            for jobs in _fine(state, first, more, se):
                _run(jobs, state, scene, draw, batch, shown, book)
            shown.total = state.everything  # those that stopped early need no more
            shown.update(0)
    book.close(state)
    told = provenance.of_network(network) | provenance.of_region(window)
    told |= {"block": side, "coarse": first, "fine": more, "tolerance": float(tolerance), "seed": seed}
    told |= {"patches": len(stock), "noise": float(noise), "uint8": int(uint8), "metric": _metric_name(metric)}
    told |= {"image_sha256": images.digest(picture), "device": provenance.of_device(place)}
    told |= {"units": "dB" if metric == "psnr" else "1", "finish": "none" if finish is None else repr(finish)}
    told |= {"pictures_computed": int(state.everything), "seconds": round(time.perf_counter() - started, 3)}
    pictures = {result.INPUT: picture.numpy(), result.OUTPUT: scene.output.float().cpu().numpy()}
    return result.causal(state.values(tolerance, keep == "draws"), grid.places, pictures, scene.origin, told)


def patches() -> NDArray[np.uint8]:
    """Return the patches that are pasted by default, (500, 8, 8, 3): of the samples, from flat to sharp.

    Examples
    --------
    >>> patches().shape
    (500, 8, 8, 3)
    """
    every = _cut(images.sample(name) for name in images.samples())
    grey = every.astype(float).mean(-1)
    sharpness = np.abs(np.diff(grey, axis=1)).mean((1, 2)) + np.abs(np.diff(grey, axis=2)).mean((1, 2))
    order = np.argsort(sharpness, kind="stable")
    return every[order[np.linspace(0, len(order) - 1, _SHIPPED).round().astype(int)]]


@dataclass(frozen=True)
class _Grid:
    """Blocks of an image; those at the right and lower border may be smaller."""

    height: int
    width: int
    side: int

    @property
    def shape(self) -> tuple[int, int]:
        return -(-self.height // self.side), -(-self.width // self.side)

    @property
    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres of the blocks, input pixels."""
        ends = [np.append(np.arange(0, n, self.side), n) for n in (self.height, self.width)]
        rows, columns = ((one[1:] + one[:-1] - 1) / 2 for one in ends)
        return rows, columns

    def slices(self, k: int) -> tuple[slice, slice]:
        y, x = (int(at) * self.side for at in np.unravel_index(k, self.shape))
        return slice(y, min(y + self.side, self.height)), slice(x, min(x + self.side, self.width))

    def touched(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Return which blocks a rectangle of the input meets, flat."""
        found = np.zeros(self.shape, bool)
        found[
            rows.start // self.side : -(-rows.stop // self.side),
            columns.start // self.side : -(-columns.stop // self.side),
        ] = True
        return found.ravel()

    def own(self, window: Region, scale: int) -> NDArray[np.bool_]:
        return self.touched(*window.footprint(scale))


@dataclass(frozen=True)
class _Scene:
    """The network on what counts, and the window's quality."""

    run: Network | locality.Local
    part: tuple[slice, slice]
    full: Image
    origin: float
    output: Image
    quality: Callable[[Batch], NDArray[np.float64]]
    finish: Callable[[Batch], Batch] | None

    def effects(self, pictures: Batch) -> NDArray[np.float64]:
        """Return the quality lost by each intervention, in the metric's units."""
        given = pictures if self.finish is None else self.finish(pictures)
        outputs = gradients.outputs(self.run, given[..., self.part[0], self.part[1]])
        return self.origin - self.quality(outputs)


def _scene(
    network: Network, full: Image, truth: Image, window: Region, measure: Any, finish: Callable[[Batch], Batch] | None
) -> _Scene:
    given = full[None] if finish is None else finish(full[None])
    output = gradients.outputs(network, given)
    run: Network | locality.Local = network
    if finish is None or getattr(finish, "pointwise", False):  # otherwise a block may matter from anywhere
        run, _ = locality.localised(network, detectors.intensity, window, given, output)
    rows, columns = window.slices
    target = truth[None][..., rows, columns]
    part = run.part if isinstance(run, locality.Local) else (slice(0, full.shape[-2]), slice(0, full.shape[-1]))

    def quality(outputs: Batch) -> NDArray[np.float64]:
        inner = outputs if isinstance(run, locality.Local) else outputs[..., rows, columns]
        return measure(inner.clamp(0, 1), target).double().cpu().numpy()

    origin = float(quality(gradients.outputs(run, given[..., part[0], part[1]]))[0])
    return _Scene(run, part, full, origin, output[0], quality, finish)


@dataclass
class _State:
    """Sums over draws, a row per block."""

    stage: NDArray[np.int8]
    count: NDArray[np.int64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    largest: NDArray[np.float64]
    everything: int
    shape: tuple[int, int]
    draws: NDArray[np.float64]

    @classmethod
    def fresh(cls, grid: _Grid, own: NDArray[np.bool_], part: tuple[slice, slice], kept: int) -> _State:
        stage = np.where(grid.touched(*part), COARSE, OUTSIDE).astype(np.int8)
        stage[own] = OWN
        zeros = np.zeros(len(stage))
        return cls(
            stage,
            np.zeros(len(stage), int),
            zeros,
            zeros.copy(),
            zeros.copy(),
            0,
            grid.shape,
            np.full((len(stage), kept), np.nan),
        )

    def add(self, blocks: NDArray[np.int64], numbers: NDArray[np.int64], effects: NDArray[np.float64]) -> None:
        for k, number, effect in zip(blocks, numbers, effects, strict=True):
            self.count[k] += 1
            self.total[k] += effect
            self.squares[k] += effect**2
            self.largest[k] = max(self.largest[k], abs(effect))
            if number < self.draws.shape[1]:
                self.draws[k, number] = effect
        self.everything += len(blocks)

    def begin_fine(self, sensitive: NDArray[np.bool_]) -> None:
        """Forget the few draws of sensitive blocks: they chose them, and would bias their mean."""
        self.stage[sensitive] = FINE
        for sums in (self.count, self.total, self.squares):
            sums[sensitive] = 0

    def standard_error(self) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.maximum(self.squares - self.total**2 / self.count, 0) / (self.count - 1)
            return np.where(self.count > 1, np.sqrt(spread / self.count), np.inf)

    def values(self, tolerance: float, draws: bool) -> dict[str, Any]:
        with np.errstate(invalid="ignore", divide="ignore"):
            effect = np.where(self.count > 0, self.total / self.count, 0.0)
        effect = np.where(np.abs(effect) < tolerance, 0.0, effect)
        error = np.where(self.stage == OUTSIDE, 0.0, self.standard_error())
        effect[self.stage == OWN] = error[self.stage == OWN] = np.nan
        known = self.stage != OWN
        counts = {"positive": (effect > 0).sum(), "negative": (effect < 0).sum(), "zero": (effect[known] == 0).sum()}
        maps = {"effect": effect, "standard_error": error, "draws": self.count, "stage": self.stage}
        found: dict[str, Any] = {name: one.reshape(self.shape) for name, one in maps.items()}
        if draws:
            found["every_draw"] = self.draws.reshape(*self.shape, -1)
        return found | {name: int(one) for name, one in counts.items()} | {"own": int((~known).sum())}


def _coarse(state: _State, draws: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield blocks and numbers of draws that are still missing from the coarse stage."""
    blocks = np.flatnonzero((state.stage == COARSE) & (state.count < draws))
    numbers = [np.arange(state.count[k], draws) for k in blocks]
    if len(blocks):
        yield np.repeat(blocks, [len(one) for one in numbers]), np.concatenate(numbers)


def _fine(
    state: _State, before: int, draws: int, se: float | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield rounds of draws for blocks whose standard error is still too large."""
    while True:
        need = (state.stage == FINE) & (state.count < draws)
        if se is not None:
            need &= state.standard_error() > se
        blocks = np.flatnonzero(need)
        if not len(blocks):
            return
        step = draws if se is None else _ROUND
        numbers = [np.arange(state.count[k], min(state.count[k] + step, draws)) + before for k in blocks]
        yield np.repeat(blocks, [len(one) for one in numbers]), np.concatenate(numbers)


def _run(
    jobs: tuple[NDArray[np.int64], NDArray[np.int64]],
    state: _State,
    scene: _Scene,
    draw: _Drawer,
    batch: int,
    shown: Any,
    book: _Book,
) -> None:
    """Evaluate interventions, a batch at a time; memory does not grow with their number."""
    for start in range(0, len(jobs[0]), batch):
        blocks, numbers = (one[start : start + batch] for one in jobs)
        state.add(blocks, numbers, scene.effects(draw.pictures(scene.full, blocks, numbers)))
        shown.update(len(blocks))
        book.note(state)


class _Drawer:
    """Pastes patches: which one for which draw of which block follows from the seed alone."""

    def __init__(
        self, stock: NDArray[np.uint8], grid: _Grid, seed: int, noise: float, place: torch.device, dtype: torch.dtype
    ) -> None:
        self.grid, self.seed, self.noise = grid, seed, noise
        given = torch.from_numpy(stock).permute(0, 3, 1, 2).to(place, dtype) / 255
        if given.shape[-1] != grid.side or given.shape[-2] != grid.side:
            given = torch.nn.functional.interpolate(given, size=(grid.side,) * 2, mode="bicubic", align_corners=False)
        self.stock = given.clamp(0, 1)

    def pictures(self, full: Image, blocks: NDArray[np.int64], numbers: NDArray[np.int64]) -> Batch:
        """Return the image with a patch in each block."""
        batch = full[None].repeat(len(blocks), 1, 1, 1)
        for picture, k, number in zip(batch, blocks, numbers, strict=True):
            source = np.random.default_rng([self.seed, int(k), int(number)])
            patch = self.stock[int(source.integers(len(self.stock)))]
            if self.noise:
                patch = patch + self.noise * torch.from_numpy(source.standard_normal(patch.shape)).to(patch)
            rows, columns = self.grid.slices(int(k))
            picture[:, rows, columns] = patch[:, : rows.stop - rows.start, : columns.stop - columns.start]
        return batch


class _Book:
    """Keeps the sums in a Zarr store, so that an interrupted map goes on where it was."""

    def __init__(self, path: str | os.PathLike[str] | None, plan: str) -> None:
        self.path, self.plan, self.last = None if path is None else Path(path), plan, time.monotonic()
        if self.path is not None and self.path.suffix != ".zarr":
            raise InputError(f"store: got {self.path.name}, expected a name that ends in .zarr.")

    def restored(self, state: _State) -> _State:
        if self.path is None or not self.path.exists():
            return state
        import zarr

        group: Any = zarr.open_group(str(self.path), mode="r")
        if group.attrs.get("plan") != self.plan:
            raise InputError(f"store: {self.path} holds another map; give another name, or delete it.")
        for name in ("stage", "count", "total", "squares", "largest"):
            getattr(state, name)[:] = group[name][:]
        if group["draws"].shape == state.draws.shape:
            state.draws[:] = group["draws"][:]
        state.everything = int(group.attrs["everything"])
        return state

    def note(self, state: _State) -> None:
        if self.path is not None and time.monotonic() - self.last > _EVERY:
            self.close(state)

    def close(self, state: _State) -> None:
        """Write the sums, whole or not at all."""
        if self.path is None:
            return
        result.checkpoint(self.path, vars(state), {"plan": self.plan, "everything": state.everything})
        self.last = time.monotonic()


def _metric_name(metric: Any) -> str:
    return metric if isinstance(metric, str) else provenance.named(metric)


def _metric(metric: Any, uint8: bool) -> Callable[[Batch, Batch], torch.Tensor]:
    known = {"psnr": _psnr, "ssim": _ssim, "l1": lambda a, b: -(a - b).abs().mean((1, 2, 3))}
    if not callable(metric) and metric not in known:
        raise InputError(f"metric: got {metric!r}, expected 'psnr', 'ssim', 'l1' or a function of windows and truth.")
    chosen = known[metric] if isinstance(metric, str) else metric
    if not uint8:
        return chosen
    return lambda a, b: chosen((a * 255).round() / 255, (b * 255).round() / 255)


def _psnr(windows: Batch, truth: Batch) -> torch.Tensor:
    return -10 * torch.log10((windows.double() - truth.double()).square().mean((1, 2, 3)).clamp(min=_LEAST))


def _ssim(windows: Batch, truth: Batch) -> torch.Tensor:
    """Structural similarity with Gaussian weights, mean over channels (Wang et al., TIP 2004); scikit-image's."""
    try:
        from skimage.metrics import structural_similarity
    except ModuleNotFoundError:
        raise InputError("metric: 'ssim' needs scikit-image; install it: pip install scikit-image") from None
    if min(windows.shape[-2:]) < _SSIM_SIDE:
        raise InputError(f"metric: 'ssim' needs a region of at least {_SSIM_SIDE} pixels a side; choose a larger one.")
    shared: Any = {"data_range": 1.0, "channel_axis": 0, "gaussian_weights": True, "use_sample_covariance": False}
    target = truth[0].double().cpu().numpy()
    return torch.tensor([structural_similarity(one, target, **shared) for one in windows.double().cpu().numpy()])


def _patches(given: Any) -> NDArray[np.uint8]:
    """Return patches (n, y, x, 3), 8 bits."""
    if given is None:
        return patches()
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                given = stored[stored.files[0]]
        else:
            given = _cut(images.load(one) for one in images.files(path))
    array = np.asarray(given)
    if array.ndim != 4 or array.shape[-1] != 3 or not len(array):
        raise InputError(f"patches: got an array of shape {array.shape}, expected (n, y, x, 3), RGB.")
    return array if array.dtype == np.uint8 else np.round(array.clip(0, 1) * 255).astype(np.uint8)


def _cut(pictures: Iterable[Image]) -> NDArray[np.uint8]:
    """Return all whole patches of pictures, row by row."""
    cut = [one.unfold(1, _SIDE, _SIDE).unfold(2, _SIDE, _SIDE).flatten(1, 2).permute(1, 2, 3, 0) for one in pictures]
    return np.round(torch.cat(cut).numpy() * 255).astype(np.uint8)
