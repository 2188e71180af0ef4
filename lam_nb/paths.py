"""Paths from a baseline to an image: image -> (alpha -> image).

A path is a plain function: ``path(0)`` is the baseline, ``path(1)`` the image. To add one, write
``def mine(image): return lambda alpha: ...``; its velocity then comes from forward-mode
differentiation. The paths here know theirs in closed form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import ClassVar, cast

import torch
from torch.nn import functional

from .types import Alphas, Batch, Image, Path, PathMaker
from .validation import InputError, answer, choose, positive, whole

__all__ = ["as_row", "blur", "correlate", "gaussian", "gaussian_derivative", "linear", "made", "named", "names"]
_TINY = 1e-5
"""Added to sigma, so that the kernel at sigma = 0 is a delta and no division by zero."""

_WIDEST = 1001
"""Side of a filter, in pixels."""

_AT_ONCE, _BAND = 16, 64
"""Velocities, and rows of the picture, that are looked at together."""

_RINGS = 44
"""Rings of pixels, those of a kernel of 17, up to which their products cost less than velocities."""


class ClosedPath(ABC):
    """A path with a velocity in closed form; alpha may be one number or a row of them."""

    takes_rows: ClassVar[bool] = True

    def __call__(self, alpha: Alphas) -> Image | Batch:
        """Return the image at one alpha, or a batch of images at a row of alphas."""
        return self._on_row(self._position, alpha)

    def velocity(self, alpha: Alphas) -> Image | Batch:
        """Return d path / d alpha, shaped as the path's own value."""
        return self._on_row(self._velocity, alpha)

    def _on_row(self, function: Callable[[torch.Tensor], Batch], alpha: Alphas) -> torch.Tensor:
        row = as_row(alpha)
        values = function(row.reshape(-1))
        return values if row.ndim else values[0]

    def speed(self, alpha: Alphas) -> torch.Tensor:
        """Return the length of the velocity at a row of alphas, float64."""
        return lengths(self._velocity, alpha)

    @abstractmethod
    def _position(self, alphas: torch.Tensor) -> Batch: ...

    @abstractmethod
    def _velocity(self, alphas: torch.Tensor) -> Batch: ...


@dataclass(frozen=True)
class _Straight(ClosedPath):
    baseline: Image
    image: Image

    def _position(self, alphas: torch.Tensor) -> Batch:
        share = alphas.to(self.image.dtype).to(self.image.device).reshape(-1, 1, 1, 1)
        return torch.lerp(self.baseline.expand_as(self.image), self.image, share)

    def _velocity(self, alphas: torch.Tensor) -> Batch:
        return (self.image - self.baseline).expand(len(alphas), -1, -1, -1)


@dataclass(frozen=True)
class _Deblurring(ClosedPath):
    image: Image
    start: float
    kernel: int

    def sigma(self, alpha: Alphas) -> torch.Tensor:
        """Return the blur at alpha, in input pixels."""
        return self.start * (1 - as_row(alpha))

    def _position(self, alphas: torch.Tensor) -> Batch:
        return self._anchor + correlate(self.image - self._anchor, gaussian(self._widths(alphas), self.kernel))

    def _velocity(self, alphas: torch.Tensor) -> Batch:
        kernels = -self.start * gaussian_derivative(self._widths(alphas), self.kernel)
        return correlate(self.image - self._anchor, kernels)

    def speed(self, alpha: Alphas) -> torch.Tensor:
        """Return the length of the velocity at a row of alphas, float64.

        A kernel weighs a ring of pixels alike, those that turns and reflections carry into each other. So a velocity
        is a sum over rings of what each adds to the picture, and its length follows from the rings' products, which
        are the same at all alphas.
        """
        rings = _rings(self.kernel)
        if len(rings) > _RINGS or self.image.device.type not in ("cpu", "cuda"):  # others may not know float64
            return super().speed(alpha)
        kernels = self.start * gaussian_derivative(self.sigma(alpha).reshape(-1).cpu(), self.kernel)
        middle = self.kernel // 2
        shares = torch.stack([kernels[:, middle + y, middle + x] for y, x in (ring[0] for ring in rings)], 1)
        return ((shares @ self._products) * shares).sum(1).clamp(min=0).sqrt()

    @cached_property
    def _products(self) -> torch.Tensor:
        """Products of what rings of pixels add to the picture, summed over it: (ring, ring), float64."""
        margin = self.kernel // 2
        padded = functional.pad((self.image - self._anchor)[None], (margin,) * 4, mode="reflect")[0]
        total = torch.zeros((), dtype=torch.float64, device=self.image.device)
        for first in range(0, self.image.shape[-2], _BAND):
            added = _ring_sums(padded[:, first : first + _BAND + 2 * margin], self.kernel).double()
            total = total + added @ added.T
        return total.cpu()

    def _widths(self, alphas: torch.Tensor) -> torch.Tensor:
        """Return the blurs where kernels are made fastest: beside a GPU, small work wakes all threads of the CPU."""
        sigmas = self.sigma(alphas)
        return sigmas.to(self.image.device) if self.image.device.type == "cuda" else sigmas

    @property
    def _anchor(self) -> torch.Tensor:
        """Return one pixel's colour: filtered as a difference to it, a flat picture stays exactly flat."""
        return self.image[:, :1, :1]


@dataclass(frozen=True)
class blur:
    """Progressive blur: from the image blurred with ``sigma`` to the sharp image.

    path(alpha) = image filtered by a Gaussian of sigma·(1 − alpha); borders mirrored without
    repeating the edge. Local attribution maps, Gu & Dong, CVPR 2021, arXiv 2011.11036.

    Parameters
    ----------
    sigma : float, default 1.2
        Blur of the baseline, input pixels, > 0.
    kernel : int, default 9
        Side of the filter, odd.

    Raises
    ------
    InputError
        If sigma is not positive, the kernel is even, or the image is smaller than half the kernel.

    Examples
    --------
    >>> path = blur(sigma=1.2)(torch.rand(3, 12, 10))
    >>> path(0.5).shape, path(torch.tensor([0.0, 1.0])).shape
    (torch.Size([3, 12, 10]), torch.Size([2, 3, 12, 10]))
    """

    sigma: float = 1.2
    kernel: int = 9

    def __post_init__(self) -> None:
        """Check the numbers."""
        positive("sigma", self.sigma, "the blur in input pixels")
        if whole("kernel", self.kernel, most=_WIDEST) % 2 == 0:
            raise InputError(f"kernel: got {self.kernel!r}, expected an odd whole number such as 9.")

    def __call__(self, image: Image) -> _Deblurring:
        """Return the path that ends at `image`."""
        return _Deblurring(_large_enough(image, self.kernel), float(self.sigma), self.kernel)


@dataclass(frozen=True)
class linear:
    """Straight line from a baseline to the image (integrated gradients, Sundararajan et al., arXiv 1703.01365).

    Parameters
    ----------
    baseline : "blur" | "black" | "mean" | torch.Tensor (3, y, x), default "blur"
        The blurred image, zeros, the image's mean colour, or a picture of your own.
    sigma, kernel
        Of the blurred baseline, as in `blur`.

    Raises
    ------
    InputError
        If the baseline's name is unknown or its shape is not the image's.

    Examples
    --------
    >>> path = linear("black")(torch.ones(3, 12, 10))
    >>> float(path(0.25).mean())
    0.25
    """

    baseline: str | Image = "blur"
    sigma: float = 1.2
    kernel: int = 9

    def __post_init__(self) -> None:
        """Check the baseline's name."""
        if isinstance(self.baseline, str):
            choose("baseline", self.baseline, ("blur", "black", "mean"))
        elif not isinstance(self.baseline, torch.Tensor) or self.baseline.layout != torch.strided:
            got = type(self.baseline).__name__
            raise InputError(f"baseline: got {got}, expected 'blur', 'black', 'mean' or a picture, a tensor (3, y, x).")

    def __call__(self, image: Image) -> _Straight:
        """Return the path that ends at `image`."""
        return _Straight(self._start(image), image)

    def __repr__(self) -> str:
        """Return the call that makes this path; a picture of your own is only named."""
        if not isinstance(self.baseline, str):
            return "linear(baseline=<image>)"
        blurred = f", sigma={self.sigma}, kernel={self.kernel}" if self.baseline == "blur" else ""
        return f"linear(baseline={self.baseline!r}{blurred})"

    def _start(self, image: Image) -> Image:
        if not isinstance(self.baseline, str):
            if self.baseline.shape != image.shape:
                raise InputError(
                    f"baseline: got shape {tuple(self.baseline.shape)}, expected the image's, {tuple(image.shape)}."
                )
            return self.baseline.to(image)
        if self.baseline == "blur":
            return blur(self.sigma, self.kernel)(image)(0.0)
        level = image.mean((-2, -1), keepdim=True) if self.baseline == "mean" else torch.zeros_like(image)
        return level.expand_as(image)


def names() -> tuple[str, ...]:
    """Names of the paths that `named` knows.

    Examples
    --------
    >>> names()
    ('blur', 'linear', 'black', 'mean')
    """
    return tuple(_named())


def named(path: str | PathMaker) -> PathMaker:
    """Return the path maker of a name, with its defaults; a function is returned as it is.

    Raises
    ------
    InputError
        If the name is unknown or `path` is no function.

    Examples
    --------
    >>> named("black")
    linear(baseline='black')
    """
    if isinstance(path, str):
        return _named()[choose("path", path, _named())]
    if not callable(path):
        raise InputError(f"path: got {path!r}, expected a function image -> (alpha -> image) such as paths.blur().")
    return path


def made(maker: PathMaker, image: Image, name: str = "path") -> Path:
    """Return the path to an image that a maker makes, which is called `name` in errors.

    Raises
    ------
    InputError
        If the maker fails, or returns no function.

    Examples
    --------
    >>> float(made(linear("black"), torch.ones(3, 4, 5))(0.5).mean())
    0.5
    """
    path = answer(name, maker, image)
    if not callable(path):
        raise InputError(f"{name}: its maker returned {type(path).__name__}, expected a function alpha -> image.")
    return cast(Path, path)


def as_row(alpha: Alphas) -> torch.Tensor:
    """Return one alpha or a row of them as a float64 tensor; tensors stay differentiable.

    Examples
    --------
    >>> as_row([0, 0.5])
    tensor([0.0000, 0.5000], dtype=torch.float64)
    """
    return alpha.double() if isinstance(alpha, torch.Tensor) else torch.tensor(alpha, dtype=torch.float64)


def lengths(velocity: Callable[[torch.Tensor], Batch], alphas: Alphas) -> torch.Tensor:
    """Return the lengths of velocities at a row of alphas, some of which are looked at together, float64.

    Examples
    --------
    >>> lengths(lambda row: row.reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2), [0.0, 1.5])
    tensor([0., 3.], dtype=torch.float64)
    """
    rows = [velocity(part).flatten(1).norm(dim=1) for part in as_row(alphas).reshape(-1).split(_AT_ONCE)]
    return torch.cat(rows).cpu().double()  # only now a GPU is waited for


def gaussian(sigmas: torch.Tensor, size: int) -> torch.Tensor:
    """Return isotropic Gaussian kernels (node, size, size), float64, each of sum 1; a delta at sigma = 0.

    Examples
    --------
    >>> gaussian(torch.tensor([0.0, 1.2]), 9).sum((1, 2))
    tensor([1., 1.], dtype=torch.float64)
    """
    bell = torch.exp(-_squared_radius(size, sigmas.device) / (2 * (_column(sigmas) + _TINY) ** 2))
    return bell / bell.sum((1, 2), keepdim=True)


def gaussian_derivative(sigmas: torch.Tensor, size: int) -> torch.Tensor:
    """Return d gaussian / d sigma, (node, size, size), float64, each of sum 0.

    Examples
    --------
    >>> bool(gaussian_derivative(torch.tensor([1.2]), 9).sum().abs() < 1e-12)
    True
    """
    kernel, radius = gaussian(sigmas, size), _squared_radius(size, sigmas.device)
    spread = (kernel * radius).sum((1, 2), keepdim=True)
    return kernel * (radius - spread) / (_column(sigmas) + _TINY) ** 3


def correlate(image: Image, kernels: torch.Tensor) -> Batch:
    """Filter every channel with every kernel: (channel, y, x), (node, k, k) -> (node, channel, y, x).

    Borders are mirrored without repeating the edge pixel.

    Examples
    --------
    >>> correlate(torch.ones(3, 6, 5), torch.ones(2, 3, 3) / 9).shape
    torch.Size([2, 3, 6, 5])
    """
    margin = kernels.shape[-1] // 2
    padded = functional.pad(image[None], (margin,) * 4, mode="reflect")[0]
    return functional.conv2d(padded[:, None], kernels.to(image.dtype).to(image.device)[:, None]).transpose(0, 1)


@cache
def _rings(size: int) -> list[list[tuple[int, int]]]:
    """Return a kernel's places beside its middle, in rings: those that turns and reflections carry into each other."""
    corners = [(y, x) for y in range(1, size // 2 + 1) for x in range(y + 1)]
    return [sorted({(s * a, t * b) for a, b in ((y, x), (x, y)) for s in (1, -1) for t in (1, -1)}) for y, x in corners]


def _ring_sums(padded: torch.Tensor, size: int) -> torch.Tensor:
    """Return what each ring of places adds to the pixels that have all of them, beside themselves: (ring, pixel)."""
    around, middle = padded.unfold(-2, size, 1).unfold(-2, size, 1), size // 2
    own = around[..., middle, middle]
    sums = [sum(around[..., middle + y, middle + x] for y, x in ring) - len(ring) * own for ring in _rings(size)]
    return torch.stack(sums).flatten(1)


def _named() -> dict[str, PathMaker]:
    return {"blur": blur(), "linear": linear(), "black": linear("black"), "mean": linear("mean")}


def _column(sigmas: torch.Tensor) -> torch.Tensor:
    return sigmas.to(torch.float64).reshape(-1, 1, 1)


def _squared_radius(size: int, device: torch.device) -> torch.Tensor:
    offset = torch.arange(size, dtype=torch.float64, device=device) - size // 2
    return offset[:, None] ** 2 + offset[None, :] ** 2


def _large_enough(image: Image, kernel: int) -> Image:
    rows, columns = image.shape[-2:]
    if min(rows, columns) <= kernel // 2:
        raise InputError(
            f"image: got {rows} × {columns} pixels, expected more than {kernel // 2} a side "
            f"for a blur kernel of {kernel}; give a larger image or a smaller kernel."
        )
    return image
