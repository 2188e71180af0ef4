"""Gradients: the only place that differentiates. Batches, devices, and a network left as it was found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from .networks import Network
from .paths import as_row
from .quadrature import Nodes
from .types import Batch, Detector, InputError, Path, choose, positive, whole

_SAVED = {"cpu": 512 * 2**20}
"""Bytes of activations, kept for the backward pass, up to which larger batches are faster; measured on CPUs."""
_GPU_SHARE, _GPU_MOST = 0.25, 8 * 2**30
_OVERHEAD = 2.0
"""Peak memory of an evaluation over the activations it keeps."""
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_SIZES = {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


class Runnable(Protocol):
    """What is differentiated: a Network, or one on a part of its input, or in a lower precision."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""

    def __call__(self, batch: Batch, /) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""


@dataclass(frozen=True)
class Lowered:
    """A network whose products run in a lower precision where torch's autocast deems that safe.

    Parameters
    ----------
    network : Runnable
    precision : torch.dtype
    """

    network: Runnable
    precision: torch.dtype

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.network.name

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self.network.dtype

    def __call__(self, batch: Batch) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x), in the weights' precision again."""
        with torch.autocast(batch.device.type, self.precision):
            return self.network(batch).to(self.dtype)


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


def device(name: str | torch.device | None = None) -> torch.device:
    """Return the device to compute on: the named one, or CUDA when there is one, or the CPU.

    Raises
    ------
    InputError
        If torch does not know the name or the machine has no such device.

    Examples
    --------
    >>> device("cpu")
    device(type='cpu')
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError):
        raise InputError(f"device: got {str(name)!r}, which this machine does not have; try 'cpu' or None.") from None


@contextmanager
def frozen(network: Network, place: torch.device) -> Iterator[Network]:
    """Have the network on `place`, in evaluation mode and without parameter gradients; undo it all after.

    Also after an error or an interruption.

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> net = wrap(torch.nn.Conv2d(3, 3, 3, padding=1), check=False).train()
    >>> with frozen(net, torch.device("cpu")):
    ...     net.training, any(p.requires_grad for p in net.parameters())
    (False, False)
    >>> net.training
    True
    """
    modes = {module: module.training for module in network.modules()}
    wanted = {parameter: parameter.requires_grad for parameter in network.parameters()}
    home = next((p.device for p in network.parameters()), place)
    try:
        network.eval().requires_grad_(False)
        if home != place:
            network.to(place)
        with _channels_last(network), _true_float32(place):
            yield network
    finally:
        if home != place:
            network.to(home)
        for module, mode in modes.items():
            module.training = mode
        for parameter, want in wanted.items():
            parameter.requires_grad_(want)


@contextmanager
def _channels_last(network: Network) -> Iterator[None]:
    """Have the weights in the order of bytes that convolutions are fastest in."""
    weights = [p for p in network.parameters() if p.ndim == 4]
    usual = network.dtype != torch.float64 and all(p.is_contiguous() for p in weights)
    if usual:
        _arranged(network, torch.channels_last)
    try:
        yield
    finally:
        if usual:
            _arranged(network, torch.contiguous_format)


def _arranged(network: Network, order: torch.memory_format) -> None:
    for weights in network.parameters():
        if weights.ndim == 4:
            weights.data = weights.data.contiguous(memory_format=order)


@contextmanager
def _true_float32(place: torch.device) -> Iterator[None]:
    """Have CUDA's convolutions keep all bits of float32, which they cut to 10 otherwise."""
    if place.type != "cuda":
        yield
        return
    convolutions: Any = torch.backends.cudnn
    convolutions, before = convolutions.conv, convolutions.conv.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = before


def precision(name: str | None) -> torch.dtype | None:
    """Return the precision of a name; None, or float32, is the network's own.

    Raises
    ------
    InputError
        If the name is unknown.

    Examples
    --------
    >>> precision("bfloat16")
    torch.bfloat16
    """
    if name is None:
        return None
    found = _PRECISIONS[choose("precision", name, _PRECISIONS)]
    return None if found == torch.float32 else found


def memory(amount: str | int | None) -> int | None:
    """Return an amount of memory, such as "4GB" or "500 MiB" or a number of bytes, in bytes.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> memory("4GB"), memory("1.5 MiB")
    (4000000000, 1572864)
    """
    if amount is None:
        return None
    if isinstance(amount, str):
        found = re.fullmatch(r"\s*([\d.]+)\s*([kmgt]?i?b)\s*", amount.lower())
        with suppress(ValueError):
            if found:
                return int(positive("memory", float(found[1]) * _SIZES[found[2]], "an amount of memory"))
        raise InputError(f'memory: got {amount!r}, expected an amount such as "4GB" or a number of bytes.')
    return whole("memory", amount)


def outputs(network: Runnable, batch: Batch) -> Batch:
    """Run the network without gradients, on the batch's device and in the network's precision."""
    with torch.no_grad():
        return network(batch.to(network.dtype))


def value_and_gradient(network: Runnable, detector: Detector, batch: Batch) -> tuple[torch.Tensor, Batch, Batch]:
    """Return the detector's values (node,), their gradients by the images, and the network's outputs.

    Raises
    ------
    InputError
        If the detector does not give one number per image, or something is not finite.

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> net, total = wrap(torch.nn.Identity()), lambda output: output.sum((1, 2, 3))
    >>> values, gradients, _ = value_and_gradient(net, total, torch.ones(2, 3, 24, 24))
    >>> values.shape, float(gradients.mean())
    (torch.Size([2]), 1.0)
    """
    found, output = values_and_gradients(network, [detector], batch)
    return *found[0], output


def values_and_gradients(
    network: Runnable, detectors: Sequence[Detector], batch: Batch
) -> tuple[list[tuple[torch.Tensor, Batch]], Batch]:
    """Return every detector's values (node,) and gradients, from one forward pass, and the outputs."""
    images = batch.detach().to(network.dtype).clone().requires_grad_()
    found = []
    with torch.enable_grad():
        output = network(images)
        for left, detector in zip(reversed(range(len(detectors))), detectors, strict=True):
            values = detect(detector, output, network.name)
            if not values.requires_grad:
                raise InputError(
                    f"network {network.name!r}: no gradient reaches the image; it or the detector runs under "
                    "torch.no_grad or inference_mode, detaches, or leaves torch; take that away."
                )
            settings: dict[str, Any] = {"allow_unused": True, "materialize_grads": True, "retain_graph": left > 0}
            found.append((values.detach(), torch.autograd.grad(values.sum(), images, **settings)[0]))
    if not all(torch.isfinite(gradients).all() for _, gradients in found):
        raise InputError(
            f"network {network.name!r}: its gradient is NaN or infinite on this image; look for a square root, "
            "logarithm or division in it whose argument reaches 0."
        )
    return found, output.detach()


def detect(detector: Detector, output: Batch, name: str) -> torch.Tensor:
    """Return the detector's values (node,) on outputs of the network `name`.

    Raises
    ------
    InputError
        If they are not one finite number per image.
    """
    values = detector(output)
    shape = tuple(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
    if shape != (len(output),):
        raise InputError(
            f"detector: got {shape} for {len(output)} images, expected one number per image, ({len(output)},)."
        )
    if not torch.isfinite(values).all():
        raise InputError(
            f"network {name!r}: its output is NaN or infinite on this image; check its weights and value_range."
        )
    return values


def positions(path: Path, alphas: Any) -> Batch:
    """Return the images (node, 3, y, x) at a row of alphas, also for a path that takes one alpha at a time."""
    if hasattr(path, "velocity"):
        return path(alphas)
    images = [path(alpha) for alpha in as_row(alphas)]
    if not all(isinstance(image, torch.Tensor) for image in images):
        raise InputError(f"path: got {type(images[0]).__name__} at one alpha, expected an image tensor (3, y, x).")
    return torch.stack(images)


def velocities(path: Path, alphas: Any) -> Batch:
    """Return d path / d alpha (node, 3, y, x): the path's own closed form, else forward-mode differentiation.

    Examples
    --------
    >>> image = torch.ones(3, 4, 5)
    >>> float(velocities(lambda alpha: alpha**2 * image, [0.5]).mean())
    1.0
    """
    if hasattr(path, "velocity"):
        return path.velocity(alphas)
    one = torch.ones((), dtype=torch.float64)
    return torch.stack([torch.func.jvp(path, (alpha,), (one,))[1] for alpha in as_row(alphas)])


def speed(path: Path, alphas: NDArray[np.float64], chunk: int = 16) -> NDArray[np.float64]:
    """Return the length of d path / d alpha at a row of alphas."""
    rows = [velocities(path, part).flatten(1).norm(dim=1).cpu() for part in as_row(alphas).split(chunk)]
    return torch.cat(rows).double().numpy()


class Remembered:
    """A path that keeps what it gave, for the next region that asks for the same alphas.

    Parameters
    ----------
    path : callable
        alpha -> image.
    most : int
        Images to keep.

    Examples
    --------
    >>> path = Remembered(lambda alpha: alpha * torch.ones(3, 4, 5))
    >>> path([0.25, 0.5]).shape, path.velocity([0.5]).shape
    (torch.Size([2, 3, 4, 5]), torch.Size([1, 3, 4, 5]))
    """

    def __init__(self, path: Path, most: int = 64) -> None:
        self.path, self.most = path, most
        self._known: dict[tuple[Any, float], torch.Tensor] = {}

    def __call__(self, alphas: Any) -> Batch:
        """Return the images at a row of alphas."""
        return self._recalled(positions, alphas)

    def velocity(self, alphas: Any) -> Batch:
        """Return d path / d alpha at a row of alphas."""
        return self._recalled(velocities, alphas)

    def _recalled(self, function: Any, alphas: Any) -> Batch:
        row = [float(alpha) for alpha in alphas]
        missing = [alpha for alpha in row if (function, alpha) not in self._known]
        fresh = dict(zip(missing, function(self.path, missing), strict=True)) if missing else {}
        found = [fresh[alpha] if alpha in fresh else self._known[function, alpha] for alpha in row]
        for alpha, images in fresh.items():
            if len(self._known) < self.most:
                self._known[function, alpha] = images.clone()
        return torch.stack(found)


class Sampler:
    """Evaluates detectors at nodes of a path, a batch at a time.

    The first evaluation is made alone and measured; the batch follows from the activations that it kept.

    Parameters
    ----------
    network : Runnable
        On the path's device, in evaluation mode (see `frozen`).
    path : callable
        alpha -> image.
    part : (slice, slice), optional
        Rows and columns of the images that the network is given.
    batch : int, optional
        Nodes at once; chosen when not given.
    memory : int, optional
        Bytes that an evaluation may take at most, about.
    keep_gradient, keep_output : bool
        Keep every gradient; every output, 8 bits.
    """

    def __init__(
        self,
        network: Runnable,
        path: Path,
        part: tuple[slice, slice] = (slice(None), slice(None)),
        *,
        batch: int | None = None,
        memory: int | None = None,
        keep_gradient: bool = False,
        keep_output: bool = False,
    ) -> None:
        self.network, self.path, self.part = network, path, part
        self.memory, self.keep_gradient, self.keep_output = memory, keep_gradient, keep_output
        self._batch = None if batch is None else whole("batch", batch)

    def __call__(self, detectors: Sequence[Detector], nodes: Sequence[Nodes], bar: Any = None) -> list[Samples]:
        """Evaluate each detector at its own nodes; nodes that they share share the forward pass.

        Parameters
        ----------
        detectors : sequence of callables
        nodes : sequence of Nodes
            As many.
        bar : tqdm, optional
            Told about every evaluation.

        Returns
        -------
        list of Samples
        """
        every = _union(nodes)
        asked = np.stack([np.isin(every.alphas, one.alphas) for one in nodes])
        rows: list[list[tuple[Any, ...]]] = [[] for _ in nodes]
        start = 0
        while start < len(every.alphas):
            part = slice(start, start + (self._size if asked.all() else 1))
            chosen = np.flatnonzero(asked[:, part].any(1))
            images = self._cropped(positions(self.path, every.alphas[part]))
            try:
                found, output = self._evaluated([detectors[int(k)] for k in chosen], images)
            except torch.OutOfMemoryError:
                self._batch = _halved(len(images), self.network.name, images)
                continue
            velocity = self._cropped(_velocity(self.path, every, part))
            for k, (values, gradients) in zip(chosen, found, strict=True):
                kept = gradients[: len(gradients) * self.keep_gradient]
                rows[k].append((gradients * velocity, kept, values, _bytes(output, self.keep_output)))
            start += len(images)
            if bar is not None:
                bar.update(len(images) * len(chosen))
        return [Samples(*(_array(torch.cat(column)) for column in zip(*row, strict=True))) for row in rows]

    @property
    def _size(self) -> int:
        return self._batch or 1

    def _cropped(self, images: Batch) -> Batch:
        return images[..., self.part[0], self.part[1]]

    def _evaluated(
        self, detectors: Sequence[Detector], images: Batch
    ) -> tuple[list[tuple[torch.Tensor, Batch]], Batch]:
        if self._batch is not None:
            return values_and_gradients(self.network, detectors, images)
        with _counted(self.network) as saved:
            evaluated = values_and_gradients(self.network, detectors, images)
        self._batch = self._affordable(sum(saved.values()) // len(images), images.device)
        return evaluated

    def _affordable(self, each: int, place: torch.device) -> int:
        best = _SAVED.get(place.type, _SAVED["cpu"])
        if place.type == "cuda":
            best = min(_GPU_MOST, int(_GPU_SHARE * torch.cuda.mem_get_info(place)[0]))
        if self.memory is not None:
            if _OVERHEAD * each > self.memory:
                raise InputError(
                    f"memory: network {self.network.name!r} takes about {_OVERHEAD * each / 1e9:.2f} GB for one image, "
                    f"more than the {self.memory / 1e9:.2f} GB allowed; crop the image, or allow more."
                )
            best = min(best, int(self.memory / _OVERHEAD))
        return max(1, best // max(each, 1))


@contextmanager
def _counted(network: Runnable) -> Iterator[dict[int, int]]:
    """Count the bytes that autograd keeps, by where they lie; weights are there anyway."""
    saved: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield saved


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
    return (here - before) / widths.reshape(-1, 1, 1, 1)


def _array(values: torch.Tensor) -> NDArray[Any]:
    """Return a numpy array; half precision, which numpy files do not know, becomes float32."""
    small = values.dtype in (torch.bfloat16, torch.float16)
    return (values.float() if small else values).cpu().numpy()


def working_dtype(network: Network) -> torch.dtype:
    """Return the precision of paths and sums: float64 for a float64 network, else float32."""
    return torch.float64 if network.dtype == torch.float64 else torch.float32


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
    return (output[: len(output) * keep].clamp(0, 1) * 255).round().to(torch.uint8)
