"""Pictures: files, arrays and PIL images to float tensors and back; crop, downscale, degrade, samples.

An image is a float32 tensor (3, y, x), RGB in [0, 1].
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError
from torch.nn import functional

from .types import Batch, Image, InputError, choose, positive

_DEPTH = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(bool): 1.0}
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
_GREY_MODES = {"1", "L", "I;16", "I;16B", "I;16L"}


def load(path: str | os.PathLike[str], *, background: float | None = None) -> Image:
    """Read a photograph as RGB.

    One-channel pictures become grey RGB; 16-bit grey keeps its depth. Turned photographs (EXIF)
    are set upright. An opaque alpha channel is dropped; a transparent picture needs a `background`.

    Parameters
    ----------
    path : path-like
        PNG, JPEG, TIFF, WebP or any other file that Pillow reads.
    background : float in [0, 1], optional
        Grey level to lay under a transparent picture.

    Returns
    -------
    torch.Tensor, shape (3, y, x), float32 in [0, 1]

    Raises
    ------
    InputError
        If the file is missing, is no picture, or is transparent and no background is given.

    Examples
    --------
    >>> import tempfile
    >>> name = tempfile.mkdtemp() + "/grey.png"
    >>> Pillow.new("L", (20, 30), 255).save(name)
    >>> load(name).shape
    torch.Size([3, 30, 20])
    """
    try:
        with Pillow.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            return _from_pillow(upright, f"image file {path}", background)
    except FileNotFoundError:
        raise InputError(f"image: there is no file {path}; check the path.") from None
    except IsADirectoryError:
        raise InputError(f"image: {path} is a folder, expected a picture file.") from None
    except (UnidentifiedImageError, OSError) as error:
        if isinstance(error, PermissionError):
            raise InputError(f"image: {path} may not be read; check its permissions.") from None
        raise InputError(f"image: {path} is no picture that Pillow can read ({error}).") from None


def as_image(source: Any, name: str = "image") -> Image:
    """Turn a tensor, an array, a PIL image or a path into an image.

    Parameters
    ----------
    source : torch.Tensor (3, y, x), numpy.ndarray (y, x, 3), PIL image or path
        Tensors and float arrays hold values around [0, 1] (noise may go a little beyond);
        8- and 16-bit arrays are divided by their maximum. An array or PIL image of one
        channel becomes grey RGB.
    name : str
        What to call it in errors.

    Returns
    -------
    torch.Tensor, shape (3, y, x), float32

    Raises
    ------
    InputError
        If the shape, the type or the range does not fit, or a value is not finite.

    Examples
    --------
    >>> as_image(np.zeros((30, 20, 3), np.uint8)).shape
    torch.Size([3, 30, 20])
    """
    if isinstance(source, str | os.PathLike):
        return load(source)
    if isinstance(source, Pillow.Image):
        return _from_pillow(source, name, None)
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, torch.Tensor):
        return _checked(source, name)
    raise InputError(
        f"{name}: got {type(source).__name__}, expected a tensor (3, y, x), an array (y, x, 3), a PIL image or a path."
    )


def to_pillow(image: Image) -> Pillow.Image:
    """Turn an image into an 8-bit PIL image, values rounded and clipped.

    Examples
    --------
    >>> to_pillow(torch.zeros(3, 30, 20)).size
    (20, 30)
    """
    array = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    return Pillow.fromarray(array.permute(1, 2, 0).numpy())


def crop(image: Image, y: int, x: int, height: int, width: int) -> Image:
    """Cut out `height` × `width` pixels whose top left corner is (y, x).

    Raises
    ------
    InputError
        If the rectangle leaves the image.

    Examples
    --------
    >>> crop(torch.zeros(3, 30, 20), y=4, x=2, height=8, width=6).shape
    torch.Size([3, 8, 6])
    """
    rows, columns = image.shape[-2:]
    if min(y, x) < 0 or min(height, width) < 1 or y + height > rows or x + width > columns:
        raise InputError(
            f"crop (y={y}, x={x}, {height} × {width}) leaves the image, which is {rows} × {columns}; move or shrink it."
        )
    return image[..., y : y + height, x : x + width]


def downscale(image: Image, scale: int) -> Image:
    """Make the low-resolution input: crop to a multiple of `scale`, shrink with PIL's bicubic.

    The image passes through 8 bits before and after, as in the paper's demo
    (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    image : torch.Tensor, shape (3, y, x)
    scale : int ≥ 1

    Returns
    -------
    torch.Tensor, shape (3, y // scale, x // scale)

    Raises
    ------
    InputError
        If `scale` is no whole number ≥ 1 or the image is smaller than it.

    Examples
    --------
    >>> downscale(torch.zeros(3, 34, 21), 4).shape
    torch.Size([3, 8, 5])
    """
    image = as_image(image)
    rows, columns = image.shape[-2:]
    if not isinstance(scale, int) or scale < 1 or min(rows, columns) < scale:
        raise InputError(f"scale: got {scale!r} for an image of {rows} × {columns}, expected a whole number from 1 up.")
    picture = to_pillow(image[:, : rows - rows % scale, : columns - columns % scale])
    small = picture.resize((columns // scale, rows // scale), Pillow.Resampling.BICUBIC)
    return _from_pillow(small, "image", None)


def upscale(image: Image, scale: int) -> Image:
    """Enlarge with PIL's bicubic, through 8 bits: the baseline every network must beat.

    Examples
    --------
    >>> upscale(torch.zeros(3, 8, 5), 4).shape
    torch.Size([3, 32, 20])
    """
    picture = to_pillow(as_image(image))
    large = picture.resize((picture.width * scale, picture.height * scale), Pillow.Resampling.BICUBIC)
    return _from_pillow(large, "image", None)


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

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, 3, y, x) with noise; not clipped, as denoisers expect."""
        source = np.random.default_rng(self.seed)
        drawn = source.standard_normal(tuple(pictures.shape[-3:]), dtype=np.float32)
        return pictures + positive("sigma", self.sigma, "a standard deviation") * torch.from_numpy(drawn).to(pictures)


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

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, 3, y, x) in the rain."""
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

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, 3, y, x), compressed and read again."""
        if not isinstance(self.quality, int) or not 1 <= self.quality <= 100:
            raise InputError(f"quality: got {self.quality!r}, expected a whole number from 1 to 100.")
        flat = [self._one(one) for one in pictures.reshape(-1, *pictures.shape[-3:])]
        return torch.stack(flat).reshape(pictures.shape).to(pictures)

    def _one(self, picture: Image) -> Image:
        buffer = io.BytesIO()
        to_pillow(picture).save(buffer, "JPEG", quality=self.quality)
        with Pillow.open(buffer) as read:
            return _from_pillow(read, "image", None)


@dataclass(frozen=True)
class Blur:
    """Gaussian blur with reflected borders.

    Parameters
    ----------
    sigma : float > 0
        In pixels; the kernel reaches three of them.

    Examples
    --------
    >>> round(float(Blur(1.5)(torch.ones(3, 16, 12)).mean()), 4)
    1.0
    """

    sigma: float

    def __call__(self, pictures: Batch) -> Batch:
        """Return pictures (…, 3, y, x), blurred."""
        reach = math.ceil(3 * positive("sigma", self.sigma, "a width in pixels"))
        steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
        weights = torch.exp(-(steps**2) / (2 * self.sigma**2))
        weights = (weights / weights.sum()).to(pictures)
        flat = pictures.reshape(-1, 1, *pictures.shape[-2:])
        mode = "reflect" if reach < min(pictures.shape[-2:]) else "replicate"
        flat = functional.pad(flat, (reach,) * 4, mode=mode)
        flat = functional.conv2d(functional.conv2d(flat, weights[None, None, :, None]), weights[None, None, None])
        return flat.reshape(pictures.shape)


def _streak(thick: int, length: int, angle: float) -> torch.Tensor:
    """Return a line through the middle of a square, soft across, (n, n)."""
    reach = length // 2
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
    along = steps[:, None] * math.cos(angle) + steps[None] * math.sin(angle)
    across = -steps[:, None] * math.sin(angle) + steps[None] * math.cos(angle)
    return torch.exp(-2 * (across / (thick / 2)) ** 2) * (along.abs() <= reach)


def reference(source: Any, size: Sequence[int]) -> Image:
    """Return a ground truth as an image, if it is as large as an output of `size` (rows, columns).

    Raises
    ------
    InputError
        If it is not.

    Examples
    --------
    >>> reference(torch.zeros(3, 8, 6), (8, 6)).shape
    torch.Size([3, 8, 6])
    """
    picture = as_image(source)
    found = tuple(picture.shape[-2:])
    if found != tuple(size):
        raise InputError(f"reference: got {found} pixels, expected the output's {tuple(size)}.")
    return picture


def psnr(output: np.ndarray, truth: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio over all pixels and channels, dB; inf where they are equal.

    Examples
    --------
    >>> round(psnr(np.full((3, 4, 5), 0.6), np.full((3, 4, 5), 0.5)), 6)
    20.0
    """
    error = float(np.mean((np.clip(output, 0, 1).astype(np.float64) - truth) ** 2))
    return float(-10 * np.log10(error)) if error else float("inf")


def samples() -> tuple[str, ...]:
    """Names of the shipped photographs (licences in ``lam_nb/data/images/README.md``).

    Examples
    --------
    >>> "facade" in samples()
    True
    """
    return tuple(sorted(path.stem for path in _sample_folder().glob("*.png")))


def sample(name: str) -> Image:
    """Return a shipped photograph, 256 × 256 or a little less.

    Raises
    ------
    InputError
        If there is no photograph of that name.

    Examples
    --------
    >>> sample("facade").shape[0]
    3
    """
    return load(_sample_folder() / f"{choose('sample', name, samples())}.png")


def files(folder: str | os.PathLike[str]) -> list[Path]:
    """List the pictures of a folder, searched in depth, sorted by name.

    Raises
    ------
    InputError
        If the folder is missing or holds no picture.

    Examples
    --------
    >>> len(files(_sample_folder())) == len(samples())
    True
    """
    found = sorted(path for path in Path(folder).glob("**/*") if path.suffix.lower() in _ENDINGS)
    if not found:
        raise InputError(f"folder: got {folder}, expected a folder with pictures ({', '.join(sorted(_ENDINGS))}).")
    return found


def digest(image: Image) -> str:
    """Return a hexadecimal SHA-256 of the picture's size and float32 values.

    Examples
    --------
    >>> len(digest(torch.zeros(3, 4, 5)))
    64
    """
    array = image.detach().cpu().to(torch.float32).contiguous().numpy()
    return hashlib.sha256(repr(array.shape).encode() + array.tobytes()).hexdigest()


def _sample_folder() -> Path:
    return Path(str(resources.files("lam_nb") / "data" / "images"))


def _from_pillow(picture: Pillow.Image, name: str, background: float | None) -> Image:
    array = np.asarray(picture)
    if picture.mode in _GREY_MODES:
        return _from_array(array, name)
    if picture.mode == "I" and 0 <= array.min() <= array.max() <= _DEPTH[np.dtype(np.uint16)]:
        return _from_array(array.astype(np.uint16), name)
    if picture.mode in {"I", "F"}:
        raise InputError(f"{name}: got {picture.mode!r} pixels (32 bit), expected 8 or 16 bit; convert it first.")
    picture = picture.convert("RGBA") if picture.has_transparency_data else picture.convert("RGB")
    array = np.asarray(picture)
    if array.shape[-1] == 4:
        array = _flatten(array, name, background)
    return _from_array(array, name)


def _flatten(array: np.ndarray, name: str, background: float | None) -> np.ndarray:
    colour, alpha = array[..., :3], array[..., 3:] / 255
    if (alpha == 1).all():
        return colour
    if background is None:
        raise InputError(
            f"{name}: got transparent pixels, expected an opaque picture; "
            "images.load(path, background=1.0) lays white under it."
        )
    return (alpha * colour / 255 + (1 - alpha) * background).astype(np.float32)


def _from_array(array: np.ndarray, name: str) -> Image:
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3):
        raise InputError(
            f"{name}: got an array of shape {array.shape}, expected (y, x, 3) or (y, x); drop alpha first."
        )
    if array.dtype in _DEPTH:
        array = array.astype(np.float32) / _DEPTH[array.dtype]
    elif not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{name}: got {array.dtype} values, expected uint8, uint16 or floats in [0, 1]; convert them.")
    tensor = torch.from_numpy(np.ascontiguousarray(array.astype(np.float32))).permute(2, 0, 1)
    return _checked(tensor.expand(3, -1, -1), name)


def _checked(tensor: torch.Tensor, name: str) -> Image:
    if tensor.ndim != 3 or tensor.shape[0] != 3 or min(tensor.shape) < 1:
        raise InputError(
            f"{name}: got a tensor of shape {tuple(tensor.shape)}, expected (3, y, x), RGB; "
            "drop alpha with image[:3], make one channel RGB with image.expand(3, -1, -1)."
        )
    if not tensor.is_floating_point():
        raise InputError(f"{name}: got a tensor of {tensor.dtype}, expected floats in [0, 1]; divide by the maximum.")
    image = tensor.detach().to("cpu", torch.float32).contiguous()
    if not torch.isfinite(image).all():
        raise InputError(f"{name}: got NaN or infinite values, expected numbers in [0, 1]; mend the picture first.")
    low, high = image.min().item(), image.max().item()
    if low < -1 or high > 2:
        raise InputError(f"{name}: got values from {low:g} to {high:g}, expected about 0 to 1; divide by 255 or so.")
    return image
