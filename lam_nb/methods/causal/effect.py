"""Causal effect maps: swap a block of the input, measure dB gained or lost in a window of the output."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from ... import detectors, identity, result
from ..._moved import renamed
from ...engine.locality import Local, localised
from ...engine.running import BACKENDS, Leased, outputs
from ...engine.scene import Scene, scene
from ...networks import NetworkLike
from ...types import Bar, Batch, Degradation, Device, Image, ImageLike, Progress, RegionLike
from ...validation import InputError, answer, choose, not_negative, positive, settings, shape, switch, whole
from . import metrics
from .blocks import COARSE, FINE, MOST, ROUND, Grid, Jobs, State, coarse_jobs, fine_jobs
from .book import Book
from .draws import SIDE, Drawer, stock

_BLOCKS = (result.BLOCK_Y, result.BLOCK_X)
TABLE = result.Table(
    {
        result.EFFECT: (_BLOCKS, "causal effect, positive helps", "dB"),
        result.STANDARD_ERROR: (_BLOCKS, "standard error of the effect", "dB"),
        result.DRAWS: (_BLOCKS, "interventions that count", "1"),
        result.STAGE: (_BLOCKS, "how the effect was decided", "1"),
        result.EVERY_DRAW: ((*_BLOCKS, result.DRAW), "effect of each intervention, coarse ones first", "dB"),
        result.POSITIVE: ((), "blocks that help", "1"),
        result.NEGATIVE: ((), "blocks that harm", "1"),
        result.ZERO: ((), "blocks without effect", "1"),
        result.OWN: ((), "blocks of the region itself, left out", "1"),
        result.QUALITY_ORIGIN: ((), "quality without intervention", "dB"),
    },
    result.PICTURES,
    maker="lam_nb.causal_effect",
    optional=(result.EVERY_DRAW,),
    hints={result.EVERY_DRAW: "causal_effect(..., keep='draws')"},
    coordinates={
        result.BLOCK_Y: ((result.BLOCK_Y,), "row of the block's centre", "input pixels"),
        result.BLOCK_X: ((result.BLOCK_X,), "column of the block's centre", "input pixels"),
    },
)
_MEASURED = (result.EFFECT, result.STANDARD_ERROR, result.EVERY_DRAW, result.QUALITY_ORIGIN)
"""Variables in the metric's units."""


class Choices(TypedDict, total=False):
    """Settings of `causal_effect` that verbs hand on."""

    block: int | None
    coarse: int
    fine: int
    threshold: float | None
    se: float | None
    patches: NDArray[np.generic] | str | os.PathLike[str] | None
    noise: float
    finish: Degradation | None
    metric: str | metrics.Metric
    uint8: bool
    seed: int
    keep: str
    store: str | os.PathLike[str] | None
    batch: int
    device: Device


_FLAGS = {"flag_values": "0, 1, 2, 3", "flag_meanings": "outside_the_field coarse fine own"}


@renamed(tolerance="threshold")
def causal_effect(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    *,
    reference: ImageLike,
    block: int | None = None,
    coarse: int = 3,
    fine: int = 50,
    threshold: float | None = None,
    se: float | None = None,
    patches: NDArray[np.generic] | str | os.PathLike[str] | None = None,
    noise: float = 0.0,
    finish: Degradation | None = None,
    metric: str | metrics.Metric = "psnr",
    uint8: bool = False,
    seed: int = 0,
    keep: str = "map",
    store: str | os.PathLike[str] | None = None,
    batch: int = 16,
    device: Device = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Compute which blocks of the input help, and which harm, the restoration of a window.

    Every block is replaced by natural-image patches; the effect is the window's quality without
    intervention minus its mean with, in dB: positive helps, negative harms (Hu et al., arXiv
    2407.19789). Few draws decide which blocks matter at all, many measure those.

    Parameters
    ----------
    network : Network or str
        Or what `lam_nb.networks.load` takes.
    image : image
        The network's input.
    region : Region, (y, x, size) or (y, x, height, width)
        Window of the output, in output pixels; the paper takes 32.
    reference : image
        The ground truth, as large as the output.
    block : int, optional
        Side of a block in input pixels; by default 8 output pixels' worth.
    coarse, fine : int, default 3 and 50
        Draws for every block, and for those where a draw moved the quality by `threshold` or more.
    threshold : float, optional
        Smaller effects count as none, in the metric's units; by default 0.01 dB, 0.0005 of SSIM, 0.0001 of L1,
        0.01 of a function of one's own. (Once called ``tolerance``.)
    se : float, optional
        Draw in the fine stage only until a block's standard error is below this, in dB.
    patches : array (n, 8, 8, channel), folder or .npz, optional
        Patches to paste; by default 500 from the sample photographs, from flat to sharp.
    noise : float, default 0
        Standard deviation of Gaussian noise on each patch: for denoisers, the noise of the input.
    finish : callable, optional
        Applied to pictures (n, 3, y, x) after a patch is pasted: a degradation of the whole, such as
        `lam_nb.images.Rain`; `image` is then the clean picture. Unless it has an attribute ``pointwise``
        that is true, it may carry a block anywhere, so that every block is computed on the whole picture.
    metric : "psnr", "ssim", "l1" or callable, default "psnr"
        Quality of windows (n, 3, y, x) against the truth (1, 3, y, x), larger is better, one number each;
        "l1" is minus the mean absolute difference. Effects, `threshold` and `se` are in its units.
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
    choices: Choices = {"block": block, "coarse": coarse, "fine": fine, "threshold": threshold, "se": se}
    choices |= {"patches": patches, "noise": noise, "finish": finish, "metric": metric, "uint8": uint8, "seed": seed}
    choices |= {"keep": keep, "store": store, "batch": batch, "device": device}
    *_, found = _rounds(_Asked.of(**choices), network, image, region, reference, progress, every=False)
    return found


def causal_effect_steps(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    *,
    reference: ImageLike,
    progress: Progress = False,
    **choices: Unpack[Choices],
) -> Iterator[xr.Dataset]:
    """Compute a causal effect map that is there early and gets better: a result after every ten draws.

    The first comes after the coarse draws, that decide which blocks matter; then standard errors fall, and the last
    result is that of `lam_nb.causal_effect`. Stop when they are small enough; what was not asked for is not computed.

    Parameters
    ----------
    network, image, region, reference
        As of `lam_nb.causal_effect`.
    progress : bool or callable, default False
        Show a progress bar, or tell a function (pictures done, pictures expected); what it raises stops the work.
    **choices
        Other settings of `lam_nb.causal_effect`.

    Yields
    ------
    xarray.Dataset
        Of `lam_nb.causal_effect`; ``standard_error`` of blocks that are still waiting for a second draw is infinite.

    Raises
    ------
    InputError
        If an argument does not fit; settings before anything is computed.

    Examples
    --------
    >>> import lam_nb as lam
    >>> hr = lam.images.sample("bricks")
    >>> lr = lam.images.downscale(hr, 4)
    >>> steps = causal_effect_steps("fsrcnn", lr, lam.Region(96, 96, 32), reference=hr, fine=20)
    >>> [int(found.draws.max()) for found in steps]
    [3, 10, 20]
    """
    settings(choices, causal_effect, "causal_effect_steps", without=("reference", "progress"))
    usual = inspect.signature(causal_effect).parameters
    given: dict[str, Any] = {name: usual[name].default for name in Choices.__annotations__} | dict(choices)
    return _rounds(_Asked.of(**given), network, image, region, reference, progress, every=True)


@dataclass(frozen=True)
class _Asked:
    """What is asked for, checked, and below what an effect counts as none."""

    choices: Choices
    least: float

    @classmethod
    def of(cls, **choices: Unpack[Choices]) -> _Asked:
        """Return what is asked by the arguments of `causal_effect`."""
        choose("keep", choices["keep"], ("map", "draws"))
        not_negative("noise", choices["noise"], "a standard deviation")
        if choices["se"] is not None:
            positive("se", choices["se"], "a standard error in the metric's units")
        metrics.named(choices["metric"], choices["uint8"])
        checked: Choices = {
            **choices,
            "block": None if choices["block"] is None else whole("block", choices["block"]),
            "coarse": whole("coarse", choices["coarse"], most=MOST),
            "fine": whole("fine", choices["fine"], most=MOST),
            "uint8": switch("uint8", choices["uint8"]),
            "seed": whole("seed", choices["seed"], 0),
            "batch": whole("batch", choices["batch"]),
        }
        return cls(checked, _threshold(choices["threshold"], choices["metric"]))

    def decided(self, side: int) -> dict[str, str | int | float]:
        """Return what decides the map, with blocks of such a side."""
        choices = self.choices
        found: dict[str, str | int | float] = {"block": side, "coarse": choices["coarse"], "fine": choices["fine"]}
        found |= {"threshold": self.least, "seed": choices["seed"], "noise": float(choices["noise"])}
        se = "none" if choices["se"] is None else choices["se"]
        return found | {"uint8": int(choices["uint8"]), "keep": choices["keep"], "se": se}


def _rounds(
    asked: _Asked,
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    reference: ImageLike,
    progress: Progress,
    every: bool,
) -> Iterator[xr.Dataset]:
    """Yield the result when all draws are made; with `every` also after each round of draws."""
    choices, window = asked.choices, detectors.intensity
    few, many, keeps = choices["coarse"], choices["fine"], choices["keep"] == "draws"
    with scene(
        network, image, region, detector=window, device=choices["device"], progress=progress, unit="picture"
    ) as s:
        truth, given = s.reference(reference), stock(choices["patches"], s.network.axes.count)
        side = max(1, SIDE // s.network.scale) if choices["block"] is None else choices["block"]
        grid = Grid(s.picture.shape[-2], s.picture.shape[-1], side)
        own = grid.own(s.window, s.network.scale)
        if own.all():
            raise InputError(f"region: {s.window} leaves no block beside it; choose a smaller one, or a smaller block.")
        trial = _trial(s, truth.to(s.image), metrics.named(choices["metric"], choices["uint8"]), choices["finish"])
        known = {"image": identity.digest(s.picture), "reference": identity.digest(truth), "region": repr(s.window)}
        known |= {"patches": hashlib.sha256(given.tobytes()).hexdigest()}
        known |= {
            name: identity.fingerprint(one)
            for name, one in (("metric", choices["metric"]), ("finish", choices["finish"]))
        }
        plan: dict[str, object] = {"network": identity.of_network(s.network), "numbers": identity.NUMBERS}
        book = Book(choices["store"], plan | known | asked.decided(side))
        state = book.restored(State.fresh(grid, own, trial.part, few + many * keeps))
        drawer = Drawer(given, grid, choices["seed"], choices["noise"], s.run.device, s.image.dtype)
        s.bar.total = int((state.stage == COARSE).sum()) * few
        s.bar.update(int(state.count.sum()))
        run = _Run(state, trial, drawer, choices["batch"], s.bar, book)
        run.all(coarse_jobs(state, few))
        state.begin_fine((state.stage == COARSE) & (state.largest >= asked.least))
        s.bar.total += int((state.stage == FINE).sum()) * many
        if every and (state.stage == FINE).any():
            for jobs in fine_jobs(state, few, many, choices["se"], together=ROUND):
                yield _assembled(s, asked, grid, state, trial, len(given))
                run.all([jobs])
        else:
            run.all(fine_jobs(state, few, many, choices["se"]))
        s.bar.total = state.everything  # those that stopped early need no more
        s.bar.update(0)
    book.close(state)
    yield _assembled(s, asked, grid, state, trial, len(given))


def _assembled(s: Scene, asked: _Asked, grid: Grid, state: State, trial: _Trial, patches: int) -> xr.Dataset:
    """Return the result of the draws so far."""
    choices, decided = asked.choices, asked.decided(grid.side)
    facts = s.facts(
        s.window,
        **{name: value for name, value in decided.items() if name not in ("keep", "se")},
        patches=patches,
        metric=metrics.title(choices["metric"]),
        units="dB" if choices["metric"] == "psnr" else "1",
        finish="none" if choices["finish"] is None else repr(choices["finish"]),
        pictures_computed=int(state.everything),
    )
    rows, columns = grid.centres
    values = state.values(asked.least, choices["keep"] == "draws") | {result.QUALITY_ORIGIN: trial.origin}
    values |= {result.INPUT: s.picture.numpy(), result.OUTPUT: trial.output.float().cpu().numpy()}
    units = dict.fromkeys(_MEASURED, str(facts["units"]))
    places = {result.BLOCK_Y: rows, result.BLOCK_X: columns, **s.named}
    table = TABLE.build(values, places, facts=facts, units=units)
    table[result.STAGE].attrs |= _FLAGS
    return table


def _threshold(threshold: float | None, metric: str | metrics.Metric) -> float:
    """Return below what an effect counts as none."""
    if threshold is None:
        return metrics.threshold(metric)
    return positive("threshold", threshold, "an effect in the metric's units")


@dataclass(frozen=True)
class _Trial:
    """The network on what counts, and the window's quality."""

    run: Leased | Local
    part: tuple[slice, slice]
    full: Image
    origin: float
    output: Image
    quality: Callable[[Batch], NDArray[np.float64]]
    finish: Degradation | None

    def effects(self, pictures: Batch) -> NDArray[np.float64]:
        """Return the quality lost by each intervention, in the metric's units."""
        given = _finished(pictures, self.finish)
        made = outputs(self.run, given[..., self.part[0], self.part[1]])
        return self.origin - self.quality(made)


def _finished(pictures: Batch, finish: Degradation | None) -> Batch:
    if finish is None:
        return pictures
    with BACKENDS.usual(pictures.device):
        finished = answer("finish", finish, pictures)
    if not isinstance(finished, torch.Tensor) or finished.shape != pictures.shape:
        raise InputError(
            f"finish: it returned {shape(finished)}, expected pictures of the shape {tuple(pictures.shape)}."
        )
    return finished


def _trial(s: Scene, truth: Image, measure: metrics.Metric, finish: Degradation | None) -> _Trial:
    given = _finished(s.image[None], finish)
    output = outputs(s.run, given)
    run: Leased | Local = s.run
    if finish is None or getattr(finish, "pointwise", False):  # otherwise a block may matter from anywhere
        run, _ = localised(s.run, detectors.intensity, s.window, given, output, passes=ROUND)
    rows, columns = s.window.slices
    target = truth[None][..., rows, columns]
    part = run.part if isinstance(run, Local) else (slice(0, s.image.shape[-2]), slice(0, s.image.shape[-1]))

    def quality(made: Batch) -> NDArray[np.float64]:
        inner = made if isinstance(run, Local) else made[..., rows, columns]
        measured = answer("metric", measure, inner.clamp(0, 1), target)
        if not isinstance(measured, torch.Tensor) or measured.shape != (len(made),):
            got = shape(measured)
            raise InputError(f"metric: it returned {got}, expected a tensor with one number for each of {len(made)}.")
        found: NDArray[np.float64] = measured.double().cpu().numpy()
        if not np.isfinite(found).all():
            raise InputError("metric: gave NaN or infinity for a window, expected finite numbers; mend it.")
        return found

    origin = float(quality(outputs(run, given[..., part[0], part[1]]))[0])
    return _Trial(run, part, s.image, origin, output[0], quality, finish)


@dataclass(frozen=True)
class _Run:
    """Evaluates interventions, a batch at a time; memory does not grow with their number."""

    state: State
    trial: _Trial
    drawer: Drawer
    batch: int
    bar: Bar
    book: Book

    def all(self, rounds: Iterable[Jobs]) -> None:
        """Evaluate all rounds of jobs."""
        for jobs in rounds:
            for start in range(0, len(jobs[0]), self.batch):
                blocks, numbers = (one[start : start + self.batch] for one in jobs)
                pictures = self.drawer.pictures(self.trial.full, blocks, numbers)
                self.state.add(blocks, numbers, self.trial.effects(pictures))
                self.bar.update(len(blocks))
                self.book.note(self.state)
