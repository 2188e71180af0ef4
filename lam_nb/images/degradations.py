"""Degradations: noise, rain, compression and blur, seeded, the same for every picture of a size."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, is_dataclass, replace
from functools import lru_cache
from typing import ClassVar, cast

import numpy as np
import torch
from PIL import Image as Pillow
from torch.nn import functional

from ..types import Batch, Degradation, Image
from ..validation import InputError, choose, not_negative, positive, shape, whole
from .reading import _band, _from_pillow, dense, to_pillow
from .scaling import _resized


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, the same for every picture of a size; what denoisers remove.

    Parameters
    ----------
    sigma : float > 0
        Standard deviation, in intensity; 50 / 255 is usual.
    seed : int

    Examples
    --------
    >>> Noise(0.1, seed=1)(torch.zeros(3, 8, 6)).std() > 0.05
    tensor(True)
    """

    sigma: float
    seed: int = 0
    pointwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        positive("sigma", self.sigma, "a standard deviation")
        whole("seed", self.seed, 0)

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, channel, y, x) with noise; not clipped, as denoisers expect."""
        source = np.random.default_rng(self.seed)
        drawn = source.standard_normal(tuple(pictures.shape[-3:]), dtype=np.float32)
        return pictures + self.sigma * torch.from_numpy(drawn).to(pictures)


@dataclass(frozen=True)
class Rain:
    """Streaks of rain, the same for every picture of a size; what deraining networks remove.

    Seeds fall on a share U(0.005, 0.007) of the pixels and are drawn into streaks 3, 5 or 7 wide
    (p ¼, ½, ¼), 35 to 45 long, up to 30° from the vertical; the layer, its maximum 1, is added β ~ U(0.6, 1)
    times and saturates (Hu et al., arXiv 2407.19789).

    Parameters
    ----------
    seed : int

    Examples
    --------
    >>> rainy = Rain(seed=3)(torch.zeros(3, 60, 50))
    >>> bool((rainy[0] == rainy[2]).all()), 0.5 < float(rainy.max()) <= 1
    (True, True)
    """

    seed: int = 0
    pointwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the seed."""
        whole("seed", self.seed, 0)

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, channel, y, x) in the rain."""
        return (pictures + self.layer(*pictures.shape[-2:]).to(pictures)).clamp(0, 1)

    def layer(self, height: int, width: int) -> torch.Tensor:
        """Return what is added, (height, width)."""
        return _rain(self.seed, height, width).clone()


@lru_cache(maxsize=4)  # the same layer falls on every batch
def _rain(seed: int, height: int, width: int) -> torch.Tensor:
    source = np.random.default_rng(seed)
    strength, share = source.uniform(0.6, 1), source.uniform(0.005, 0.007)
    thick, length = int(source.choice([3, 5, 7], p=[0.25, 0.5, 0.25])), int(source.integers(35, 46))
    kernel = _streak(thick, length, math.radians(source.uniform(-30, 30)))
    reach = kernel.shape[-1] // 2
    seeds = source.random((height + 2 * reach, width + 2 * reach)) < share
    field = functional.conv2d(torch.from_numpy(seeds).float()[None, None], kernel[None, None])[0, 0]
    return strength * field / field.max().clamp(min=1e-6)


@dataclass(frozen=True)
class JPEG:
    """Compression artefacts of JPEG.

    Parameters
    ----------
    quality : int, 1 … 100
        10 is coarse, 90 hardly visible.

    Examples
    --------
    >>> JPEG(10)(torch.rand(3, 16, 16)).shape
    torch.Size([3, 16, 16])
    """

    quality: int

    def __post_init__(self) -> None:
        """Check the quality."""
        if not isinstance(self.quality, int | np.integer) or not 1 <= self.quality <= 100:
            raise InputError(f"quality: got {self.quality!r}, expected a whole number from 1 to 100.")

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, channel, y, x), compressed and read again: RGB as such, any others one by one."""
        together = 3 if pictures.shape[-3] == 3 else 1
        flat = [self._one(one) for one in pictures.reshape(-1, together, *pictures.shape[-2:])]
        return torch.stack(flat).reshape(pictures.shape).to(pictures)

    def _one(self, picture: Image) -> Image:
        buffer = io.BytesIO()
        shown = to_pillow(picture) if len(picture) == 3 else _band(picture[0])
        shown.save(buffer, "JPEG", quality=int(self.quality))
        with Pillow.open(buffer) as read:
            return _from_pillow(read, "image", channels=len(picture))


@dataclass(frozen=True, repr=False)
class Blur:
    """Gaussian blur with reflected borders.

    Parameters
    ----------
    sigma : float > 0
        In pixels.
    taps : int, optional
        Side of the kernel, odd; by default it reaches three times sigma.

    Examples
    --------
    >>> round(float(Blur(1.5)(torch.ones(3, 16, 12)).mean()), 4)
    1.0
    >>> Blur(2), Blur(2, taps=21)
    (Blur(sigma=2), Blur(sigma=2, taps=21))
    """

    sigma: float
    taps: int | None = None

    def __post_init__(self) -> None:
        """Check the width."""
        positive("sigma", self.sigma, "a width in pixels")
        if self.taps is not None and not whole("taps", self.taps) % 2:
            raise InputError(f"taps: got {self.taps}, expected an odd number, such as {self.taps + 1}.")

    def __repr__(self) -> str:
        """Return the width, and the taps if they were given."""
        return f"Blur(sigma={self.sigma!r}{'' if self.taps is None else f', taps={self.taps}'})"

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, channel, y, x), blurred."""
        reach = math.ceil(3 * self.sigma) if self.taps is None else self.taps // 2
        steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
        weights = torch.exp(-(steps**2) / (2 * self.sigma**2))
        weights = (weights / weights.sum()).to(pictures)
        flat = pictures.reshape(-1, 1, *pictures.shape[-2:])
        mode = "reflect" if reach < min(pictures.shape[-2:]) else "replicate"
        flat = functional.pad(flat, (reach,) * 4, mode=mode)
        flat = functional.conv2d(functional.conv2d(flat, weights[None, None, :, None]), weights[None, None, None])
        return flat.reshape(pictures.shape)


@dataclass(frozen=True)
class Chain:
    """Degradations one after the other, such as noise on a blurred picture.

    Parameters
    ----------
    steps : tuple of Degradation

    Examples
    --------
    >>> Chain((Blur(2), Noise(0.1)))(torch.zeros(3, 16, 12)).shape
    torch.Size([3, 16, 12])
    """

    steps: tuple[Degradation, ...]

    def __post_init__(self) -> None:
        """Check the steps."""
        if not isinstance(self.steps, tuple) or not self.steps or not all(callable(one) for one in self.steps):
            raise InputError(
                f"steps: got {self.steps!r:.80}, expected a tuple of functions of a batch, such as "
                "(Blur(2), Noise(0.1))."
            )

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, channel, y, x), degraded by each step in turn."""
        for step in self.steps:
            pictures = step(pictures)
        return pictures


def reseeded(degradation: Degradation, seed: int) -> Degradation:
    """Return a degradation that draws other numbers; as it is, if it draws none.

    Parameters
    ----------
    degradation : Degradation
    seed : int

    Examples
    --------
    >>> reseeded(Noise(0.1), 7), reseeded(Blur(2), 7)
    (Noise(sigma=0.1, seed=7), Blur(sigma=2))
    """
    if isinstance(degradation, Chain):
        return Chain(tuple(reseeded(one, seed) for one in degradation.steps))
    if is_dataclass(degradation) and not isinstance(degradation, type) and hasattr(degradation, "seed"):
        return cast(Degradation, replace(degradation, seed=seed))
    return degradation


@dataclass(frozen=True)
class Reduction:
    """Another way to make the low-resolution picture: a kernel of PIL's, after a blur if one is wanted.

    Its attribute ``reduces`` says that it takes the high-resolution picture, and the scale.

    Parameters
    ----------
    kernel : {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"}, default "nearest"
        "bicubic" without blur is `lam_nb.images.downscale`.
    sigma : float ≥ 0
        Gaussian blur before, in pixels of the high-resolution picture.

    Examples
    --------
    >>> Reduction("lanczos")(torch.rand(2, 3, 16, 24), 4).shape
    torch.Size([2, 3, 4, 6])
    """

    kernel: str = "nearest"
    sigma: float = 0.0
    reduces: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check kernel and blur."""
        choose("kernel", self.kernel, [one.name.lower() for one in Pillow.Resampling])
        not_negative("sigma", self.sigma, "a width in pixels")

    def __call__(self, pictures: Batch, scale: int) -> Batch:
        """Return pictures (…, channel, y, x), `scale` times smaller; through 8 bits, as `downscale`."""
        scale, rows, columns = whole("scale", scale), *dense("pictures", pictures).shape[-2:]
        if pictures.ndim < 3 or min(rows, columns) < scale:
            raise InputError(
                f"pictures: got {shape(pictures)}, expected (…, channel, y, x) of at least {scale} × {scale}."
            )
        blurred = Blur(self.sigma)(pictures) if self.sigma else pictures
        cut = blurred[..., : rows - rows % scale, : columns - columns % scale]
        kernel = Pillow.Resampling[self.kernel.upper()]
        flat = cut.reshape(-1, *cut.shape[-3:])
        small = torch.stack([_resized(one, rows // scale, columns // scale, kernel) for one in flat])
        return small.reshape(*pictures.shape[:-2], *small.shape[-2:]).to(pictures)


def _streak(thick: int, length: int, angle: float) -> torch.Tensor:
    """Return a line through the middle of a square, soft across, (n, n)."""
    reach = length // 2
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
    along = steps[:, None] * math.cos(angle) + steps[None] * math.sin(angle)
    across = -steps[:, None] * math.sin(angle) + steps[None] * math.cos(angle)
    return torch.exp(-2 * (across / (thick / 2)) ** 2) * (along.abs() <= reach)
