"""Gradients: the only place that differentiates. Batches, devices, and a network left as it was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from .networks import Network
from .paths import as_row
from .quadrature import Nodes
from .types import Batch, Detector, Image, InputError, Path, whole

_PIXELS = {"cpu": 8 * 64 * 64, "cuda": 64 * 64 * 64}
"""Input pixels per batch that keep the device busy without much memory."""


class Runnable(Protocol):
    """What is differentiated: a Network, or one on a part of its input."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""

    def __call__(self, batch: Batch, /) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""


@dataclass(frozen=True)
class Samples:
    """What was seen at the nodes of a path, a row per node.

    Parameters
    ----------
    path, velocity, gradient : numpy.ndarray, shape (node, 3, y, x)
        Images, their derivative by alpha, and the detector's derivative by the image.
    detector : numpy.ndarray, shape (node,)
    output : numpy.ndarray, shape (node, 3, out_y, out_x), uint8
        Empty (no nodes) unless asked for.
    """

    path: NDArray[np.floating]
    velocity: NDArray[np.floating]
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
        yield network if home == place else network.to(place)
    finally:
        if home != place:
            network.to(home)
        for module, mode in modes.items():
            module.training = mode
        for parameter, want in wanted.items():
            parameter.requires_grad_(want)


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
    images = batch.detach().to(network.dtype).clone().requires_grad_()
    with torch.enable_grad():
        output = network(images)
        values = detect(detector, output, network.name)
        if not values.requires_grad:
            raise InputError(
                f"network {network.name!r}: no gradient reaches the image; it or the detector runs under "
                "torch.no_grad or inference_mode, detaches, or leaves torch; take that away."
            )
        (gradients,) = torch.autograd.grad(values.sum(), images, allow_unused=True, materialize_grads=True)
    if not torch.isfinite(gradients).all():
        raise InputError(
            f"network {network.name!r}: its gradient is NaN or infinite on this image; look for a square root, "
            "logarithm or division in it whose argument reaches 0."
        )
    return values.detach(), gradients, output.detach()


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


def sample(
    network: Runnable,
    detector: Detector,
    path: Path,
    nodes: Nodes,
    *,
    batch: int | None = None,
    keep_output: bool = False,
    progress: bool = True,
) -> Samples:
    """Evaluate path, velocity, detector and gradient at every node, a batch at a time.

    Parameters
    ----------
    network : Network
        On the path's device, in evaluation mode (see `frozen`).
    detector, path
        One number per output; image per alpha.
    nodes : Nodes
        Where to evaluate.
    batch : int, optional
        Nodes at once; chosen from the image's size and the device when not given.
    keep_output : bool
        Keep every output, 8 bits.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Samples
    """
    parts: list[tuple[Any, ...]] = []
    size = _batch_size(network, path(1.0)) if batch is None else whole("batch", batch)
    start = 0
    with tqdm(total=len(nodes.alphas), desc=network.name, unit="node", disable=not progress, leave=False) as bar:
        while start < len(nodes.alphas):
            part = slice(start, start + size)
            images = positions(path, nodes.alphas[part])
            try:
                values, gradients, output = value_and_gradient(network, detector, images)
            except torch.OutOfMemoryError:
                size = _halved(size, network.name, images)
                continue
            parts.append((images, _velocity(path, nodes, part), gradients, values, _bytes(output, keep_output)))
            start += len(images)
            bar.update(len(images))
    stacked = (_array(torch.cat(column)) for column in zip(*parts, strict=True))
    return Samples(**dict(zip((field.name for field in fields(Samples)), stacked, strict=True)))


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


def _batch_size(network: Runnable, image: Image) -> int:
    pixels = getattr(network, "pixels", image.shape[-2] * image.shape[-1])
    return max(1, _PIXELS.get(image.device.type, _PIXELS["cpu"]) // pixels)


def _bytes(output: Batch, keep: bool) -> Batch:
    return (output[: len(output) * keep].clamp(0, 1) * 255).round().to(torch.uint8)
