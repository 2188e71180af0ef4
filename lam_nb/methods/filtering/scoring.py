"""Scoring: which kernels make the difference between two networks, by gradients along the line between them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np
import psutil
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import nn

from ... import identity, result
from ...engine import features, running
from ...engine.parameters import LOSSES, Found, Line, Loss, Plan, Reduction, Slopes, Walk
from ...engine.progress import bar
from ...engine.running import Leased
from ...networks import NetworkLike, as_network, masking
from ...networks import kernels as parts
from ...networks.network import Network, is_out_of_memory
from ...types import Bar, Batch, Device, Progress
from ...validation import InputError, choose, switch, whole
from ..representation.samples import Degradations, ImagesLike
from ..representation.shelf import Shelf, shelved
from .pairs import Pairs, pairs

_WHAT = "scores of kernels"
_KNOWN = "known of pictures"
_CHECKS = (result.SIGNED_SUM, result.COMPLETENESS_GAP, result.QUADRATURE_ERROR)
_TOLD = (result.LOSS_TARGET, result.CHANGE, *_CHECKS, result.NODE_COUNT)
_CELL = (result.DEGRADATION, result.CONTENT)
_ROW = (result.DEGRADATION, result.KERNEL)
_VERSUS = (result.DEGRADATION, result.AGAINST, result.KERNEL)
_MOST = {"cpu": 1, "cuda": 8}
"""Pictures at once: on a CPU one by one is quicker, since gradients of several cannot share their convolutions."""
TABLE = result.Table(
    {
        result.SCORE: (_ROW, "filter attribution: magnitudes of the loss's change, added over taps", "loss"),
        result.SCORE_ERROR: (_ROW, "standard error of the score over pictures", "loss"),
        result.DISCRIMINATIVE: (_VERSUS, "score in a degradation less that in another", "loss"),
        result.DISCRIMINATIVE_ERROR: (_VERSUS, "standard error of the discriminative score over pictures", "loss"),
        result.SCORE_EACH: ((*_CELL, result.KERNEL), "score in one picture", "loss"),
        result.TARGET_GRADIENT: (_ROW, "magnitudes of the loss's gradient at the target, added over taps", "loss"),
        result.CHANGE: ((result.KERNEL,), "magnitudes of the weights' change, added over taps", "weight"),
        result.LOSS_BASELINE: (_CELL, "loss of the baseline", "loss"),
        result.LOSS_TARGET: (_CELL, "loss of the target", "loss"),
        result.SIGNED_SUM: (_CELL, "signed integral over all parameters, biases too", "loss"),
        result.COMPLETENESS_GAP: (_CELL, "signed integral less the change of the loss, over that change", "1"),
        result.QUADRATURE_ERROR: (_CELL, "estimated relative L1 error of the integral over kernels", "1"),
        result.NODE_COUNT: (_CELL, "steps along the line", "1"),
    },
    maker="lam_nb.filters",
    coordinates={
        result.DEGRADATION: ((result.DEGRADATION,), "degradation", "1"),
        result.AGAINST: ((result.AGAINST,), "degradation that is compared", "1"),
        result.CONTENT: ((result.CONTENT,), "picture", "1"),
        result.KERNEL: ((result.KERNEL,), "kernel", "1"),
        result.LAYER: ((result.KERNEL,), "layer", "1"),
        result.DEPTH: ((result.KERNEL,), "share of the layers with weights that have answered", "1"),
        result.OUT: ((result.KERNEL,), "output channel, -1 for all", "1"),
        result.INTO: ((result.KERNEL,), "input channel, -1 for all", "1"),
    },
    optional=(result.SCORE_EACH,),
    hints={result.SCORE_EACH: "lam_nb.filters(..., each=True)"},
)


def filters(
    target: NetworkLike | nn.Module,
    baseline: NetworkLike | nn.Module,
    images: ImagesLike,
    degradations: Degradations,
    *,
    loss: str | Loss = "squared",
    steps: int | None = None,
    tolerance: float | None = None,
    rule: str = "midpoint",
    kernel: str = "slice",
    each: bool = True,
    size: int | tuple[int, int] | None = None,
    seed: int = 0,
    batch: int | None = None,
    device: Device = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Ask which kernels make the difference between two networks, such as one and its fine-tuning.

    Filter attribution by integrated gradients, FAIG (Xie et al., NeurIPS 2021), in the space of parameters: along the
    straight line from the baseline's θ̄ to the target's θ, ∫ ∂L/∂θ(α) · (θ - θ̄) dα of each parameter, magnitudes
    added over the taps of a kernel, for each picture by itself, then averaged over pictures. Biases and others
    without kernels have no score. Added up with their signs, over all parameters, they are the change of the loss
    from baseline to target: that is checked, and the gap reported. Statistics of normalisation are no parameters: they
    are the target's all along, which the result tells where the baseline's differ.

    Neither network is changed, rebuilt or copied. Neither batch nor interruptions change what comes out, beyond
    rounding.

    Parameters
    ----------
    target, baseline : Network, str or torch.nn.Module
        Of one architecture; what `lam_nb.networks.load` takes, too.
    images : mapping of str to image, sequence of images, or folder
        High-resolution truths. The networks' input is degradation(downscale(image, scale)), its middle.
    degradations : mapping of str to function, folder, or list of (level, function)
        As for `lam_nb.representations`, without clean pictures unless named: ``{"clean": None}``.
    loss : {"squared", "absolute"} or callable
        Summed over pixels and channels; or a function (outputs, truths) -> (n,).
    steps : int, optional
        Evaluations along the line. With ``rule="paper"`` 100 by default, otherwise as many as a tolerance takes.
    tolerance : float, optional
        Relative error of the integral that is wanted, 0.05 by default: 9, 27, 81 or at most 243 steps, for each picture
        as many as its own estimate asks for.
    rule : {"midpoint", "paper"}
        Nodes in the middle of each step; or as published, at one end, the target's.
    kernel : {"slice", "filter", "layer"}
        A kernel is one slice of taps (out, in); all slices of an output channel; all of a layer.
    each : bool, default True
        Keep the score in each picture, which `lam_nb.studies.degradation_prediction` needs.
    size : int or (rows, columns), optional
        Of the networks' input in pixels; as large as the smallest picture allows by default.
    seed : int
        Of degradations that draw random numbers, others for each picture.
    batch : int, optional
        Pictures at once: 1 by default on a CPU, 8 on a GPU, fewer where memory runs out.
    device : str or torch.device, optional
    store : path-like, optional
        A .zarr for the pictures' scores: run again, also after it was killed, the question goes on where it was.
    progress : bool or callable
        As for `lam_nb.attribute`, in pictures.

    Returns
    -------
    xarray.Dataset
        ``score`` (degradation, kernel) and ``discriminative`` (degradation, against, kernel), with standard errors over
        pictures; ``change`` (kernel) and ``target_gradient`` (degradation, kernel), with which they may be compared;
        for each picture ``score_each``, losses, ``signed_sum``, ``completeness_gap``, ``quadrature_error`` and
        ``node_count`` (degradation, content). Coordinates ``layer``, ``depth``, ``out`` and ``in`` of kernels.

    Raises
    ------
    InputError
        If an argument does not fit, the networks differ in more than weights (tells the first that differs), or the
        store is of another question.

    Examples
    --------
    >>> import lam_nb as lam
    >>> pair = "srresnet-residual-restoring", "srresnet-residual-mse"
    >>> spoilt = {"blur": lam.images.Blur(2), "noise": lam.images.Noise(0.1)}
    >>> ds = filters(*pair, ["bricks", "facade"], spoilt, steps=3, size=24, progress=False)
    >>> ds.score.sizes["kernel"], str(ds.layer.values[0]), bool(abs(ds.completeness_gap).max() < 1)
    (5976, 'conv_first', True)
    """
    started = time.perf_counter()
    asked = _Question.of(target, baseline, loss, Plan.of(steps, tolerance, rule), parts.kind(kernel), device)
    keep = switch("each", each)
    many = _MOST.get(asked.run.device.type, 1) if batch is None else whole("batch", batch)
    given = pairs(asked.run.network, images, degradations, size, seed)
    depths = _depths(asked.run, given, asked.weights)
    rows = len(given.inputs)
    counts = {result.SCORE: asked.kernels, result.TARGET_GRADIENT: asked.kernels, _KNOWN: len(_TOLD)}
    free = psutil.virtual_memory().available // 2
    with (
        bar(progress, rows, f"{asked.run.name} from {asked.baseline.name}", "picture") as shown,
        shelved(store, rows, counts, asked.plan_of(given), free, _WHAT) as shelf,
    ):
        asked.fill(shelf, given, many, shown)
        values = _values(asked, given, shelf, keep)
    facts = identity.facts(asked.run.network) | given.facts | asked.facts | {"seed": seed}
    facts |= {"seconds": round(time.perf_counter() - started, 3)}
    return TABLE.build(values, _places(asked, given, depths), facts=facts)


@dataclass(frozen=True)
class _Question:
    """Two networks on a device, and what is asked about the line between them."""

    run: Leased
    baseline: Network
    line: Line
    weights: tuple[parts.Weight, ...]
    kind: str
    plan: Plan
    loss: Loss
    loss_name: str

    @classmethod
    def of(
        cls,
        target: NetworkLike | nn.Module,
        baseline: NetworkLike | nn.Module,
        loss: object,
        plan: Plan,
        kind: str,
        device: Device,
    ) -> _Question:
        one, other = (_asked(network, name) for network, name in ((target, "target"), (baseline, "baseline")))
        masking.alike(one, other)
        weights = parts.weights(one)
        if not weights:
            raise InputError(f"target: {one.name!r} has no kernels; expected a network with convolutions.")
        if any(isinstance(part, torch.jit.ScriptModule) for part in one.modules()):
            raise InputError("target: is a compiled module, whose parameters cannot be set; give the module itself.")
        run = Leased(one, running.device(device))
        function, name = _loss(loss)
        return cls(run, other, Line.between(one, other, run.device), weights, kind, plan, function, name)

    @property
    def kernels(self) -> int:
        """How many there are."""
        return sum(len(one.places(self.kind)) for one in self.weights)

    @property
    def reduction(self) -> Reduction:
        prefix = "module." if isinstance(self.run.network.module, nn.Module) else ""
        return Reduction(self.line, self.weights, prefix, self.kind)

    @property
    def facts(self) -> dict[str, str | int | float]:
        """How it was asked, as attributes of a result."""
        known: dict[str, str | int | float] = {
            "baseline": self.baseline.name,
            "baseline_weights_sha256": self.baseline.weights_hash,
            "loss": self.loss_name,
            "rule": self.plan.rule,
            "kernel_kind": self.kind,
            "kernel_count": self.kernels,
            "left_out": "biases and others with one axis: in signed sums, not in scores",
            "standard_errors": "over pictures",
            "error_estimate": "quadrature_error is estimated from the steps themselves",
            "device": running.device_name(self.run.device),
            "precision": str(self.run.dtype).removeprefix("torch."),
        }
        if differing := self._differing_buffers:
            known["buffers"] = f"the target's all along the line; the baseline's differ: {', '.join(differing)}"[:400]
        asked = {"steps": self.plan.steps, "tolerance": self.plan.tolerance}
        return known | {name: value for name, value in asked.items() if value is not None}

    @property
    def _differing_buffers(self) -> list[str]:
        others = dict(self.baseline.named_buffers())
        return [name for name, one in self.run.network.named_buffers() if not torch.equal(one, others[name])]

    def plan_of(self, given: Pairs) -> dict[str, object]:
        """Return what decides the scores of pictures."""
        return {
            "target": identity.of_network(self.run.network),
            "baseline": self.baseline.weights_hash,
            "inputs": given.digest,
            "loss": identity.fingerprint(self.loss),
            "rule": [self.plan.rule, self.plan.steps, self.plan.tolerance],
            "kernel": self.kind,
            "numbers": identity.NUMBERS,
        }

    def fill(self, shelf: Shelf, given: Pairs, many: int, shown: Bar) -> None:
        """Put what is missing on the shelf, a batch at a time."""
        walk = Walk(Slopes(self.run, self.line, self.loss), self.reduction, self.plan)
        start = len(given.inputs) if shelf.done.all() else int(np.argmin(shelf.done))
        shown.update(start)
        while start < len(given.inputs):
            batch = [torch.stack([*some[start : start + many]]) for some in (given.inputs, given.truths)]
            try:
                found = walk(*(self._moved(one) for one in batch))
            except (RuntimeError, MemoryError, InputError) as error:
                if many == 1 or not is_out_of_memory(error.__cause__ or error):
                    raise
                many = len(batch[0]) // 2 or 1
                continue
            _finite(found, self.run.name, self.baseline.name)
            shelf.write(start, _rows(found))
            start += len(batch[0])
            shown.update(len(batch[0]))

    def _moved(self, batch: Batch) -> Batch:
        return batch.to(self.run.device, self.run.dtype)


def _asked(network: NetworkLike | nn.Module, name: str) -> Network:
    bare = isinstance(network, nn.Module) and not isinstance(network, Network)
    return features.askable(network) if bare else as_network(network, name)


def _loss(loss: object) -> tuple[Loss, str]:
    """Return a loss and its name."""
    if isinstance(loss, str):
        return LOSSES[choose("loss", loss, LOSSES)], loss
    if not callable(loss):
        raise InputError(f"loss: got {loss!r:.80}, expected one of {', '.join(LOSSES)} or a function.")
    return loss, identity.named(loss)


def _finite(found: Found, target: str, baseline: str) -> None:
    if not bool(found.score.sum().isfinite() & found.losses.sum().isfinite()):
        raise InputError(
            f"target, baseline: between {target!r} and {baseline!r} losses or gradients are NaN or infinite; mend the "
            "networks, or the loss."
        )


def _rows(found: Found) -> dict[str, NDArray[np.float32]]:
    """Return what is kept of pictures; differences are taken before they are rounded."""
    baseline, target = found.losses.unbind(1)
    change = target - baseline
    gap = torch.where(change == found.signed, 0, (found.signed - change) / change.abs())
    told = torch.stack([target, change, found.signed, gap, found.error, found.steps], 1)
    kept = {result.SCORE: found.score, result.TARGET_GRADIENT: found.gradient, _KNOWN: told}
    return {name: one.float().cpu().numpy() for name, one in kept.items()}


def _values(asked: _Question, given: Pairs, shelf: Shelf, keep: bool) -> dict[str, ArrayLike | None]:
    score, gradient, told = (_by_cell(shelf, name, given) for name in (result.SCORE, result.TARGET_GRADIENT, _KNOWN))
    known = {name: told[..., k] for k, name in enumerate(_TOLD)}
    apart = [[score[:, a] - score[:, b] for b in range(score.shape[1])] for a in range(score.shape[1])]
    change = asked.reduction((asked.line.end - asked.line.start).abs()[None].double())[0].cpu().numpy()
    return {
        result.SCORE: score.mean(0, dtype=float),
        result.SCORE_ERROR: _standard_error(score),
        result.DISCRIMINATIVE: np.array([[one.mean(0, dtype=float) for one in row] for row in apart]),
        result.DISCRIMINATIVE_ERROR: np.array([[_standard_error(one) for one in row] for row in apart]),
        result.SCORE_EACH: score.swapaxes(0, 1) if keep else None,
        result.TARGET_GRADIENT: gradient.mean(0, dtype=float),
        result.CHANGE: change,
        result.LOSS_BASELINE: (known[result.LOSS_TARGET] - known[result.CHANGE]).T,
        result.NODE_COUNT: known[result.NODE_COUNT].T.astype(int),
        **{name: known[name].T for name in (result.LOSS_TARGET, *_CHECKS)},
    }


def _by_cell(shelf: Shelf, name: str, given: Pairs) -> NDArray[np.float32]:
    """Return rows of a shelf, (content, degradation, number)."""
    matrix = shelf.matrix(name)
    rows = np.asarray(matrix[0 : matrix.shape[0], 0 : matrix.shape[1]])
    return rows.reshape(len(given.contents), len(given.conditions), -1)


def _standard_error(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the standard error of a mean over the first axis; NaN of a single one."""
    count = len(values)
    if count < 2:
        return np.full(values.shape[1:], np.nan)
    return np.asarray(values.std(0, ddof=1, dtype=float) / np.sqrt(count))


def _depths(run: Leased, given: Pairs, weights: tuple[parts.Weight, ...]) -> list[float]:
    """Return how deep each layer with kernels lies; of one that nobody hears, as deep as the one before."""
    heard = features.survey(run, given.inputs[0])
    found: list[float] = []
    for one in weights:
        layer = heard.get(one.layer)
        found.append(layer.depth if layer else found[-1] if found else 0.0)
    return found


def _places(asked: _Question, given: Pairs, depths: list[float]) -> dict[str, ArrayLike]:
    places = [one.places(asked.kind) for one in asked.weights]
    counts = [len(one) for one in places]
    out, into = np.concatenate(places).T
    return {
        result.DEGRADATION: given.titles,
        result.AGAINST: given.titles,
        result.CONTENT: [*given.contents],
        result.KERNEL: np.arange(sum(counts)),
        result.LAYER: np.repeat(np.array([one.layer for one in asked.weights], dtype=object), counts),
        result.DEPTH: np.repeat(depths, counts),
        result.OUT: out,
        result.INTO: into,
    }
