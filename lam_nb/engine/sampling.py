"""Sampling: detectors and their gradients at nodes of a path, a batch at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..networks.network import is_out_of_memory
from ..quadrature import Nodes
from ..types import Bar, Batch, Detector, Path
from ..validation import InputError, shape, whole
from .along import positions, velocities
from .peak import Peak
from .recomputing import Recomputed, blocks, recomputed
from .running import BACKENDS, Runnable, in_words

_SAVED = {"cpu": 256 * 2**20}
"""Bytes of activations, kept for the backward pass, up to which larger batches are faster; measured on CPUs."""
_GPU_SHARE, _GPU_MOST = 0.25, 8 * 2**30
"""Part of the free memory of a GPU, and bytes, that activations may take: a guess, not measured."""
_OVERHEAD = 3.2
"""Peak memory of an evaluation over the activations it keeps, at most: 1.3 to 3.1 on the networks of the benchmark."""
_USUAL = 2.0
"""Peak memory of an evaluation over the activations it keeps, mostly: past that it ends before it takes too much."""
_SPARE = 1.15
"""What allocators lose, over many batches, to memory that lies between what is used."""


@dataclass(frozen=True)
class Samples:
    """What was seen at the nodes of a path, a row per node.

    Parameters
    ----------
    integrand, gradient : numpy.ndarray, shape (node, 3, y, x)
        The detector's derivative by the image, times the path's by alpha, and by itself; on the part
        of the picture that was computed. The gradient is empty (no nodes) unless asked for.
    detector : numpy.ndarray, shape (node,)
    output : numpy.ndarray, shape (node, 3, out_y, out_x), uint8
        Empty unless asked for.
    """

    integrand: NDArray[np.floating]
    gradient: NDArray[np.floating]
    detector: NDArray[np.floating]
    output: NDArray[np.uint8]

    def merged(self, more: Samples, fresh: NDArray[np.bool_]) -> Samples:
        """Return these and `more` samples in order; `fresh` says which rows of all are the new ones."""
        merged = {}
        for field in fields(self):
            old, new = getattr(self, field.name), getattr(more, field.name)
            both = np.empty((len(fresh) if len(old) else 0, *old.shape[1:]), old.dtype)
            if len(old):
                both[~fresh], both[fresh] = old, new
            merged[field.name] = both
        return Samples(**merged)


def value_and_gradient(run: Runnable, detector: Detector, batch: Batch) -> tuple[torch.Tensor, Batch, Batch]:
    """Return the detector's values (node,), their gradients by the images, and the network's outputs.

    Raises
    ------
    InputError
        If the detector does not give one number per image, or something is not finite.

    Examples
    --------
    >>> from lam_nb.engine.running import Leased
    >>> from lam_nb.networks import wrap
    >>> run, total = Leased(wrap(torch.nn.Identity()), torch.device("cpu")), lambda output: output.sum((1, 2, 3))
    >>> values, gradients, _ = value_and_gradient(run, total, torch.ones(2, 3, 24, 24))
    >>> values.shape, float(gradients.mean())
    (torch.Size([2]), 1.0)
    """
    found, output = values_and_gradients(run, [detector], batch)
    return *found[0], output


def values_and_gradients(
    run: Runnable, detectors: Sequence[Detector], batch: Batch, *, check: bool = True
) -> tuple[list[tuple[torch.Tensor, Batch]], Batch]:
    """Return every detector's values (node,) and gradients, from one forward pass, and the outputs.

    Whether they are finite is looked at if `check` is true, for which a GPU is waited for.
    """
    images = batch.detach().to(run.dtype).clone().requires_grad_()
    try:
        found, output = _differentiated(run, detectors, images, check=check)
    except _Overwritten:  # with copies of what is overwritten, at the price of time and memory
        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            found, output = _differentiated(run, detectors, images, check=check)
    if check:
        for _, gradients in found:
            _refuse_infinite_gradient(gradients, run.name)
    return found, output.detach()


def _differentiated(
    run: Runnable, detectors: Sequence[Detector], images: Batch, *, check: bool
) -> tuple[list[tuple[torch.Tensor, Batch]], Batch]:
    found = []
    with run.lease(), torch.enable_grad():
        output = run(images)
        for left, detector in zip(reversed(range(len(detectors))), detectors, strict=True):
            values = detect(detector, output, run.name, check=check)
            if not values.requires_grad:
                raise InputError(
                    f"network {run.name!r}: no gradient reaches the image; it or the detector runs under "
                    "torch.no_grad or inference_mode, detaches, leaves torch, or takes its features from a codebook; "
                    "take that away, or ask lam_nb.causal_effect, which needs none."
                )
            found.append((values.detach(), _gradient(values, images, run.name, retain=left > 0)))
    return found, output


def _refuse_infinite_gradient(gradients: Batch, name: str) -> None:
    if not torch.isfinite(gradients).all():
        raise InputError(
            f"network {name!r}: its gradient is NaN or infinite on this image; look for a square root, "
            "logarithm or division in it whose argument reaches 0."
        )


def _refuse_infinite_output(values: torch.Tensor, name: str) -> None:
    if not torch.isfinite(values).all():
        raise InputError(
            f"network {name!r}: its output is NaN or infinite on this image; check its weights and value_range."
        )


def _gradient(values: torch.Tensor, images: Batch, name: str, *, retain: bool) -> Batch:
    try:
        return torch.autograd.grad(
            values.sum(), images, allow_unused=True, materialize_grads=True, retain_graph=retain or None
        )[0]
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        raise _Overwritten(
            f"network {name!r}: changes in place what its own gradient needs ({str(error).partition(':')[2][:80]} …); "
            "write out = out * x instead of out *= x."
        ) from error


def detect(detector: Detector, output: Batch, name: str, *, check: bool = True) -> torch.Tensor:
    """Return the detector's values (node,) on outputs of the network `name`.

    Raises
    ------
    InputError
        If they are not one finite number per image.
    """
    with BACKENDS.usual(output.device):
        values = detector(output)
    if not isinstance(values, torch.Tensor) or values.shape != (len(output),):
        raise InputError(
            f"detector: got {shape(values)} for {len(output)} images, expected one number per image, ({len(output)},)."
        )
    if check:
        _refuse_infinite_output(values, name)
    return values


class _TooMuch(MemoryError):
    """An evaluation that takes more than is allowed, of a network that may take less."""


class _Overwritten(InputError):
    """A network that changes in place what its gradient needs."""


class Sampler:
    """Evaluates detectors at nodes of a path, a batch at a time; a lease is taken for each batch.

    The first evaluation is made alone and measured; the batch follows from the activations that it kept. Where
    memory is bounded, every batch is measured, and the next is only so much larger as cannot exceed the bound.

    Parameters
    ----------
    run : Runnable
        On the path's device.
    path : callable
        alpha -> image.
    part : (slice, slice), optional
        Rows and columns of the images that the network is given.
    batch : int, optional
        Nodes at once; chosen when not given.
    peak : Peak, optional
        By how much memory may rise, where the batch is not given.
    keep_gradient, keep_output : bool
        Keep every gradient; every output, 8 bits.
    """

    def __init__(
        self,
        run: Runnable,
        path: Path,
        part: tuple[slice, slice] = (slice(None), slice(None)),
        *,
        batch: int | None = None,
        peak: Peak | None = None,
        keep_gradient: bool = False,
        keep_output: bool = False,
    ) -> None:
        self.run, self.path, self.part = run, path, part
        self.keep_gradient, self.keep_output = keep_gradient, keep_output
        self._batch = None if batch is None else whole("batch", batch)
        self._most, self._each, self._tried = self._batch or 1, 0, 0
        self._peak = peak if batch is None else None

    def __call__(self, detectors: Sequence[Detector], nodes: Sequence[Nodes], bar: Bar | None = None) -> list[Samples]:
        """Evaluate each detector at its own nodes; nodes that they share share the forward pass.

        Parameters
        ----------
        detectors : sequence of callables
        nodes : sequence of Nodes
            As many.
        bar : Bar, optional
            Told about every evaluation.

        Returns
        -------
        list of Samples
        """
        every = _union(nodes)
        asked = np.stack([np.isin(every.alphas, one.alphas) for one in nodes])
        rows: list[list[tuple[Batch, ...]]] = [[] for _ in nodes]
        start = 0
        while start < len(every.alphas):
            part = slice(start, start + (self._size if asked.all() else 1))
            chosen = np.flatnonzero(asked[:, part].any(1))
            images = self._cropped(positions(self.path, every.alphas[part]))
            try:
                found, output = self._evaluated([detectors[int(k)] for k in chosen], images)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                found = []  # when this block is left, what the error holds is given back
            if not found:
                if len(images) > 1 or not self._recomputes():
                    self._batch = self._most = _halved(len(images), self.run.name, images)
                continue
            velocity = self._cropped(_velocity(self.path, every, part))
            for k, (values, gradients) in zip(chosen, found, strict=True):
                kept = gradients if self.keep_gradient else gradients[:0]
                rows[k].append((gradients * velocity, kept, values, _bytes(output, self.keep_output)))
            start += len(images)
            if bar is not None:
                bar.update(len(images) * len(chosen))
        return [self._gathered(row) for row in rows]

    def _gathered(self, row: Sequence[tuple[Batch, ...]]) -> Samples:
        """Return the batches of a detector as one; only now a GPU is waited for."""
        integrand, gradient, values, output = (torch.cat(column) for column in zip(*row, strict=True))
        _refuse_infinite_output(values, self.run.name)
        _refuse_infinite_gradient(integrand, self.run.name)
        return Samples(*map(_array, (integrand, gradient, values, output)))

    @property
    def _size(self) -> int:
        return self._batch or 1

    @property
    def _may_keep_less(self) -> bool:
        """Whether blocks of the network can be computed again, and are not yet."""
        return not isinstance(self.run, Recomputed) and bool(blocks(self.run))

    def _cropped(self, images: Batch) -> Batch:
        return images[..., self.part[0], self.part[1]]

    def _evaluated(
        self, detectors: Sequence[Detector], images: Batch
    ) -> tuple[list[tuple[torch.Tensor, Batch]], Batch]:
        if self._batch is None:
            return self._first(detectors, images)
        with self._watched():
            evaluated = values_and_gradients(self.run, detectors, images, check=False)
        self._batch = self._affordable(len(images))
        return evaluated

    def _recomputes(self) -> bool:
        """Have a network that takes too much keep less from now on, if it can."""
        if not self._may_keep_less:
            return False
        self.run, self._batch = recomputed(self.run), None
        if self._peak is not None:
            self._peak.begin_again()
        return True

    def _first(self, detectors: Sequence[Detector], images: Batch) -> tuple[list[tuple[torch.Tensor, Batch]], Batch]:
        most = self._peak.allowed / _USUAL if self._peak is not None and self._may_keep_less else math.inf
        kept = _Kept(self.run.weights, most)
        with self._watched(), kept.counted():
            evaluated = values_and_gradients(self.run, detectors, images, check=False)
        self._each = max(1, kept.bytes // len(images))
        light = isinstance(self.run, Recomputed)  # what its blocks keep for a moment is not counted, but measured
        self._most = 1 if light and self._peak is None else max(1, _fastest(images.device) // self._each)
        self._batch = self._affordable(len(images))
        return evaluated

    def _watched(self) -> AbstractContextManager[None]:
        return nullcontext() if self._peak is None else self._peak.watched()

    def _affordable(self, size: int) -> int:
        """Return how many images come next: as many as are fast, and take no more memory than allowed."""
        if self._peak is None:
            return self._most
        rise, allowed = self._peak.rise, self._peak.allowed
        taken = _SPARE * max(rise, self._each)
        if not self._tried and taken > allowed:
            if self._may_keep_less:
                raise _TooMuch
            raise InputError(
                f"memory: network {self.run.name!r} takes about {in_words(taken)} for one image, more than the "
                f"{in_words(allowed)} allowed; crop the image, or allow more."
            )
        self._tried = max(self._tried, size)
        each = max(_OVERHEAD * self._each, rise / self._tried)
        return max(1, min(self._most, self._tried + math.floor((allowed / _SPARE - rise) / each)))


def _fastest(device: torch.device) -> int:
    """Return the bytes of activations up to which larger batches are faster."""
    if device.type == "cuda":
        return min(_GPU_MOST, int(_GPU_SHARE * torch.cuda.mem_get_info(device)[0]))
    return _SAVED.get(device.type, _SAVED["cpu"])


class _Kept:
    """Bytes that autograd keeps, beside the weights, which are there anyway; at most so many."""

    def __init__(self, weights: Mapping[str, torch.Tensor], most: float) -> None:
        self.bytes, self.most = 0, most
        self._seen = {one.untyped_storage().data_ptr() for one in weights.values()}

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what a block keeps.

        Raises
        ------
        _TooMuch
            In the middle of a forward pass, rather than take what may not be taken.
        """
        with torch.autograd.graph.saved_tensors_hooks(self._pack, _unpacked):
            yield

    def _pack(self, tensor: torch.Tensor) -> tuple[torch.Tensor, int]:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, torch.nn.Parameter) and storage.data_ptr() not in self._seen:
            self._seen.add(storage.data_ptr())
            self.bytes += storage.nbytes()
            if self.bytes > self.most:
                raise _TooMuch
        # Detached: an output that its own gradient keeps would hold itself, for good if the pass ends before.
        return tensor.detach(), tensor._version


def _unpacked(kept: tuple[torch.Tensor, int]) -> torch.Tensor:
    if kept[0]._version != kept[1]:  # with hooks autograd itself does not look
        raise RuntimeError("a tensor of the gradient has been modified by an inplace operation")
    return kept[0]


def _union(nodes: Sequence[Nodes]) -> Nodes:
    if all(one is nodes[0] for one in nodes):
        return nodes[0]
    alphas = np.unique(np.concatenate([one.alphas for one in nodes]))
    return Nodes(alphas, np.zeros_like(alphas))


def _velocity(path: Path, nodes: Nodes, part: slice) -> Batch:
    alphas, weights = nodes.alphas[part], nodes.weights[part]
    if not nodes.backward:
        return velocities(path, alphas)
    before, here = positions(path, alphas - weights), positions(path, alphas)
    widths = torch.as_tensor(weights).to(here.dtype).to(here.device)
    return (here - before) / widths.reshape(-1, *[1] * (here.ndim - 1))


def _array(values: torch.Tensor) -> NDArray[Any]:
    """Return a numpy array; half precision, which numpy files do not know, becomes float32."""
    small = values.dtype in (torch.bfloat16, torch.float16)
    return (values.float() if small else values).cpu().numpy()


def _halved(size: int, name: str, images: Batch) -> int:
    """Return half the batch, with the memory of the failed one given back."""
    if size == 1:
        raise InputError(
            f"network {name!r}: one image of {tuple(images.shape[-2:])} pixels does not fit the memory of "
            f"{images.device}; crop the image, or give device='cpu'."
        )
    if images.device.type == "cuda":
        torch.cuda.empty_cache()
    return size // 2


def _bytes(output: Batch, keep: bool) -> Batch:
    shown = output if keep else output[:0]
    return (shown.clamp(0, 1) * 255).round().to(torch.uint8)
