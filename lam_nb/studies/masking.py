"""Masking: what a network loses when chosen kernels are put back to what they were before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import psutil
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .. import identity, result
from ..engine import running
from ..engine.progress import bar
from ..engine.running import Leased, outputs
from ..images import psnrs
from ..methods.filtering.pairs import Pairs, pairs
from ..methods.representation.samples import Degradations, ImagesLike
from ..methods.representation.shelf import Shelf, shelved
from ..networks import Network, NetworkLike, as_network, masked, masking
from ..statistics import kernels
from ..types import Bar, Batch, Device, Progress
from ..validation import InputError, choose, fraction, whole

METHODS = (result.DISCRIMINATIVE, result.CHANGE, result.TARGET_GRADIENT, "random")
_WHAT = "outputs of masked networks"
_SHARES = (0.01, 0.03, 0.05, 0.1)
_AMOUNTS = tuple(k / 10 for k in range(16))
_MOST = 10_000
"""Random choices of kernels."""
_FLAT = 1e-6
"""Added under the root of a gradient's magnitude, as published."""
_CELL = (result.DEGRADATION, result.CONTENT)
_MASKED = (result.METHOD, result.SKILL, result.DEGRADATION, result.SHARE, result.DRAW, result.CONTENT)
_MODULATED = (result.SKILL, result.DEGRADATION, result.AMOUNT, result.CONTENT)
_LOST = "mean squared difference of gradient magnitudes from the target's output, × 1000"
_WORSE = "PSNR of the target less PSNR with kernels put back"
_PLACES: dict[str, result.names.Word] = {
    result.METHOD: ((result.METHOD,), "what kernels are ranked by", "1"),
    result.SKILL: ((result.SKILL,), "degradation whose kernels are put back", "1"),
    result.DEGRADATION: ((result.DEGRADATION,), "degradation of the input", "1"),
    result.SHARE: ((result.SHARE,), "share of the kernels that are put back", "1"),
    result.DRAW: ((result.DRAW,), "random choice", "1"),
    result.CONTENT: ((result.CONTENT,), "picture", "1"),
    result.AMOUNT: ((result.AMOUNT,), "how far back: 0 the target's kernels, 1 the baseline's", "1"),
}
_WHOLE: dict[str, result.names.Word] = {
    result.FUNCTION_GAP: (_CELL, f"{_LOST}, of the baseline", "1"),
    result.PSNR_GAP: (_CELL, "PSNR of the target less PSNR of the baseline", "dB"),
}
TABLE = result.Table(
    {result.FUNCTION_LOST: (_MASKED, _LOST, "1"), result.PSNR_LOST: (_MASKED, _WORSE, "dB"), **_WHOLE},
    maker="lam_nb.studies.masking_curve",
    coordinates=_PLACES,
)
_SEEN = (result.SKILL, result.DEGRADATION, result.AMOUNT, *result.OUTPUT_PIXELS)
MODULATION = result.Table(
    {
        result.FUNCTION_LOST: (_MODULATED, _LOST, "1"),
        result.PSNR_LOST: (_MODULATED, _WORSE, "dB"),
        **_WHOLE,
        result.OUTPUT: (_SEEN, "output for the first picture, clipped", "intensity/255"),
        result.INPUT: ((result.DEGRADATION, *result.PIXELS), "network input, the first picture", "intensity"),
        result.REFERENCE: (result.OUTPUT_PIXELS, "ground truth, the first picture", "intensity"),
    },
    maker="lam_nb.studies.modulation_curve",
    coordinates=_PLACES,
)


def masking_curve(
    target: NetworkLike,
    baseline: NetworkLike,
    scores: xr.Dataset,
    images: ImagesLike,
    degradations: Degradations,
    *,
    shares: Sequence[float] = _SHARES,
    methods: Sequence[str] = METHODS,
    draws: int = 5,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    device: Device = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Put the first kernels of several rankings back to the baseline's values, and see which skill is lost.

    Kernels that carry the skill of one degradation should take it along, and leave the others (Xie et al., NeurIPS
    2021). Lost function is measured as published, as 1000 times the mean squared difference between the gradient
    magnitudes √(gx² + gy² + 1e-6) of the target's output and the masked one's (forward differences, channel by
    channel): large where the network does otherwise than before. PSNR says whether it does worse.

    Parameters
    ----------
    target, baseline : Network or name
    scores : xarray.Dataset
        Of `lam_nb.filters` for these networks; each of its degradations is a skill.
    images, degradations
        As for `lam_nb.filters`: other pictures than those that were scored are the fairer test.
    shares : sequence of float
        Of the kernels.
    methods : sequence of str
        Rankings, as of `lam_nb.statistics.kernel_ranking`.
    draws : int, default 5
        Random choices of kernels.
    size, device, progress
        As for `lam_nb.filters`; progress in networks.
    seed : int
        Of degradations and of random choices.
    store : path-like, optional
        A .zarr to go on from after an interruption.

    Returns
    -------
    xarray.Dataset
        ``function_lost`` and ``psnr_lost`` (method, skill, degradation, share, draw, content), NaN where a ranking has
        but one choice; ``function_gap`` and ``psnr_gap`` (degradation, content), those of the whole baseline.
        `lam_nb.statistics.masking_effect` averages them, with intervals.

    Raises
    ------
    InputError
        If an argument does not fit.

    Examples
    --------
    >>> import lam_nb as lam
    >>> pair, spoilt = ("srresnet-residual-restoring", "srresnet-residual-mse"), {"blur": lam.images.Blur(2)}
    >>> given = {"size": 16, "progress": False}
    >>> scores = lam.filters(*pair, ["bricks"], spoilt, steps=2, **given)
    >>> found = masking_curve(*pair, scores, ["cat"], spoilt, shares=[0.01], methods=["change"], **given)
    >>> found.function_lost.dims
    ('method', 'skill', 'degradation', 'share', 'draw', 'content')
    """
    started = time.perf_counter()
    task = _Task.of(target, baseline, images, degradations, size, seed, device)
    skills = _skills(scores)
    parts = [fraction("shares", one, "a part of all kernels") for one in _some("shares", shares)]
    ways = [choose("methods", str(one), kernels.RANKINGS) for one in _some("methods", methods)]
    count = whole("draws", draws, most=_MOST) if "random" in ways else 1
    choices = [
        _Choice(way, skill, share, draw if way == "random" else 0)
        for way in ways
        for skill in (skills if way not in _BLIND else skills[:1])
        for share in parts
        for draw in range(count if way == "random" else 1)
    ]
    masks = [one.kernels(scores, seed) for one in choices]
    found = task.measured([(mask, 1.0) for mask in masks], store, progress)
    lost = np.full((2, len(ways), len(skills), *_shape(task, len(parts), count)), np.nan)
    for choice, row in zip(choices, found, strict=True):
        among = slice(None) if choice.method in _BLIND else skills.index(choice.skill)
        at = ways.index(choice.method), among, slice(None), parts.index(choice.share), choice.draw
        lost[(slice(None), *at)] = row if choice.method not in _BLIND else row[:, None]
    values = {result.FUNCTION_LOST: lost[0], result.PSNR_LOST: lost[1], **task.gaps}
    places: dict[str, ArrayLike] = {
        result.METHOD: ways,
        result.SKILL: skills,
        result.SHARE: parts,
        result.DRAW: np.arange(count),
        **task.places,
    }
    return TABLE.build(values, places, facts=task.facts | _spent(scores, seed, started))


def modulation_curve(
    target: NetworkLike,
    baseline: NetworkLike,
    scores: xr.Dataset,
    images: ImagesLike,
    degradations: Degradations,
    *,
    share: float = 0.01,
    amounts: Sequence[float] = _AMOUNTS,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    device: Device = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Go gradually from the target's values of the first kernels to the baseline's, and beyond.

    A kernel becomes θ + λ · (θ̄ - θ), by default for λ = 0, 0.1 … 1.5, the range of Xie et al. (NeurIPS 2021): at 0
    it is the target's, at 1 the baseline's.

    Parameters
    ----------
    target, baseline, scores, images, degradations, size, seed, device, store, progress
        As for `masking_curve`.
    share : float, default 0.01
        Of the kernels, by their discriminative score for each skill.
    amounts : sequence of float
        The λ.

    Returns
    -------
    xarray.Dataset
        ``function_lost`` and ``psnr_lost`` (skill, degradation, amount, content); of the first picture the ``output``
        (skill, degradation, amount, channel, out_y, out_x), 8 bits, the ``input`` and the ``reference``.

    Raises
    ------
    InputError
        If an argument does not fit.

    Examples
    --------
    >>> import lam_nb as lam
    >>> pair, spoilt = ("srresnet-residual-restoring", "srresnet-residual-mse"), {"blur": lam.images.Blur(2)}
    >>> given = {"size": 16, "progress": False}
    >>> scores = lam.filters(*pair, ["bricks"], spoilt, steps=2, **given)
    >>> found = modulation_curve(*pair, scores, ["cat"], spoilt, amounts=[0, 1], **given)
    >>> bool((found.psnr_lost.sel(amount=0) == 0).all())
    True
    """
    started = time.perf_counter()
    task = _Task.of(target, baseline, images, degradations, size, seed, device)
    skills, share = _skills(scores), fraction("share", share, "a part of all kernels")
    steps = [_finite(one) for one in _some("amounts", amounts)]
    masks = [kernels.top_kernels(scores, skill, share) for skill in skills]
    asked = [(mask, amount) for mask in masks for amount in steps]
    found = task.measured(asked, store, progress).reshape(len(skills), len(steps), 2, *task.shape)
    lost = np.moveaxis(found, (2, 1), (0, 3))  # measure, skill, degradation, amount, content
    seen = np.array([task.seen(*one) for one in asked]).reshape(len(skills), len(steps), len(task.given.conditions), -1)
    first = task.given.truths[0]
    values = {
        result.FUNCTION_LOST: lost[0],
        result.PSNR_LOST: lost[1],
        **task.gaps,
        result.OUTPUT: seen.swapaxes(1, 2).reshape(len(skills), len(task.given.conditions), len(steps), *first.shape),
        result.INPUT: torch.stack([*task.given.inputs[: len(task.given.conditions)]]).numpy(),
        result.REFERENCE: first.numpy(),
    }
    places: dict[str, ArrayLike] = {result.SKILL: skills, result.AMOUNT: steps, **task.places}
    places[result.CHANNEL] = task.target.axes.channels
    facts = task.facts | {"share": share} | _spent(scores, seed, started)
    return MODULATION.build(values, places, facts=facts)


_BLIND = (result.CHANGE, "random")
"""Rankings that know no degradation."""


@dataclass(frozen=True)
class _Choice:
    """Which kernels are put back."""

    method: str
    skill: str
    share: float
    draw: int

    def kernels(self, scores: xr.Dataset, seed: int) -> xr.DataArray:
        return kernels.top_kernels(scores, self.skill, self.share, by=self.method, seed=seed + self.draw)


@dataclass(frozen=True)
class _Task:
    """Two networks, pictures in conditions, and what the networks make of them."""

    target: Network
    baseline: Network
    given: Pairs
    device: torch.device
    outputs: Batch
    qualities: NDArray[np.float64]
    gaps: dict[str, NDArray[np.float64]]

    @classmethod
    def of(
        cls,
        target: NetworkLike,
        baseline: NetworkLike,
        images: ImagesLike,
        degradations: Degradations,
        size: int | tuple[int, int] | None,
        seed: int,
        device: Device,
    ) -> _Task:
        one, other = as_network(target, "target"), as_network(baseline, "baseline")
        masking.alike(one, other)
        given, where = pairs(one, images, degradations, size, seed), running.device(device)
        made = _made(one, given, where)
        known = cls(one, other, given, where, made, _psnr(made, given), {})
        lost, worse = known.compared(_made(other, given, where))
        return replace(known, gaps={result.FUNCTION_GAP: lost, result.PSNR_GAP: worse})

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of conditions and pictures."""
        return len(self.given.conditions), len(self.given.contents)

    @property
    def places(self) -> dict[str, ArrayLike]:
        """Coordinates."""
        return {result.DEGRADATION: self.given.titles, result.CONTENT: [*self.given.contents]}

    @property
    def facts(self) -> dict[str, str | int | float]:
        """Attributes."""
        own = identity.facts(self.target) | self.given.facts | {"device": running.device_name(self.device)}
        return own | {"baseline": self.baseline.name, "baseline_weights_sha256": self.baseline.weights_hash}

    def compared(self, made: Batch) -> NDArray[np.float64]:
        """Return lost function and PSNR of outputs, (2, condition, content)."""
        off = (_edges(made) - _edges(self.outputs)) ** 2
        lost = 1000 * off.flatten(1).mean(1).double().numpy()
        worse = self.qualities - _psnr(made, self.given)
        return np.stack([one.reshape(self.shape[::-1]).T for one in (lost, worse)])

    def measured(
        self,
        asked: Sequence[tuple[xr.DataArray, float]],
        store: str | os.PathLike[str] | None,
        progress: Progress,
    ) -> NDArray[np.float64]:
        """Return lost function and PSNR of masked networks, (network, 2, condition, content)."""
        plan: dict[str, object] = {
            "target": identity.of_network(self.target),
            "baseline": self.baseline.weights_hash,
            "inputs": self.given.digest,
            "masks": identity.fingerprint([(np.packbits(mask.values), amount) for mask, amount in asked]),
            "numbers": identity.NUMBERS,
        }
        cells = 2 * self.shape[0] * self.shape[1]
        free = psutil.virtual_memory().available // 2
        with (
            bar(progress, len(asked), self.target.name, "network") as shown,
            shelved(store, len(asked), {_WHAT: cells}, plan, free, _WHAT) as shelf,
        ):
            self._fill(shelf, asked, shown)
            rows = np.asarray(shelf.matrix(_WHAT)[0 : len(asked), 0:cells], float)
        return rows.reshape(len(asked), 2, *self.shape)

    def _fill(self, shelf: Shelf, asked: Sequence[tuple[xr.DataArray, float]], shown: Bar) -> None:
        for k, (mask, amount) in enumerate(asked):
            if not shelf.done[k]:
                made = _made(masked(self.target, self.baseline, mask, amount), self.given, self.device)
                shelf.write(k, {_WHAT: self.compared(made).reshape(1, -1).astype(np.float32)})
            shown.update(1)

    def seen(self, mask: xr.DataArray, amount: float) -> NDArray[np.uint8]:
        """Return 8-bit outputs for the first picture in all conditions."""
        run = Leased(masked(self.target, self.baseline, mask, amount), self.device)
        made = outputs(run, torch.stack([*self.given.inputs[: self.shape[0]]]).to(self.device))
        return np.asarray((made.float().cpu().clamp(0, 1) * 255).round().to(torch.uint8))


def _made(network: Network, given: Pairs, device: torch.device) -> Batch:
    """Return a network's outputs for all inputs, one at a time, so that nothing depends on how many there are."""
    run = Leased(network, device)
    return torch.cat([outputs(run, one[None].to(device)).float().cpu() for one in given.inputs])


def _edges(pictures: Batch) -> Batch:
    """Return gradient magnitudes, without the last row and column."""
    down = pictures[..., 1:, :-1] - pictures[..., :-1, :-1]
    across = pictures[..., :-1, 1:] - pictures[..., :-1, :-1]
    return (down**2 + across**2 + _FLAT).sqrt()


def _psnr(made: Batch, given: Pairs) -> NDArray[np.float64]:
    pairs_of = zip(made.split(1), given.truths, strict=True)
    return np.array([float(psnrs(one.clamp(0, 1), truth[None])[0]) for one, truth in pairs_of])


def _shape(task: _Task, shares: int, draws: int) -> tuple[int, int, int, int]:
    return task.shape[0], shares, draws, task.shape[1]


def _skills(scores: xr.Dataset) -> list[str]:
    found = result.check(scores, result.SCORE, result.DISCRIMINATIVE)
    return [str(one) for one in np.atleast_1d(found[result.DEGRADATION].values)]


def _some(name: str, given: Sequence[object]) -> Iterator[object]:
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray) or not len(given):
        raise InputError(f"{name}: got {given!r:.80}, expected a list of at least one.")
    yield from given


def _finite(amount: object) -> float:
    if isinstance(amount, bool) or not isinstance(amount, int | float | np.number) or not np.isfinite(amount):
        raise InputError(f"amounts: got {amount!r}, expected finite numbers such as 0, 0.5, 1.")
    return float(amount)


def _spent(scores: xr.Dataset, seed: int, started: float) -> dict[str, str | int | float]:
    ranked = {
        f"scores_{name}": scores.attrs[name] for name in ("rule", "kernel_kind", "images") if name in scores.attrs
    }
    return {**ranked, "seed": seed, "seconds": round(time.perf_counter() - started, 3)}
