"""Reading: files, arrays, tensors and PIL images become images; nothing else reads a picture."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageOps

from ..types import Image, ImageLike
from ..validation import InputError, address, positive, readable, shape, whole

_DEPTH = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(bool): 1.0}
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
MEGAPIXELS = 40
"""Largest picture that is read unless allowed: 40 million pixels are 480 MB as floats."""
_GREY_MODES = {"1", "L", "I;16", "I;16B", "I;16L"}


def load(
    path: str | os.PathLike[str] | IO[bytes],
    *,
    background: float | None = None,
    megapixels: float = MEGAPIXELS,
    channels: int = 3,
) -> Image:
    """Read a photograph as RGB, or a picture of one or more channels as it is.

    One-channel pictures become grey RGB, unless one channel is wanted; 16-bit grey keeps its depth. Turned
    photographs (EXIF) are set upright. An opaque alpha channel is dropped; a transparent picture needs a `background`.

    Parameters
    ----------
    path : path-like or binary file
        PNG, JPEG, TIFF, WebP or any other file that Pillow reads.
    background : float in [0, 1], optional
        Grey level to lay under a transparent picture.
    megapixels : float, default 40
        Larger pictures are refused before they are unfolded: a small file may hold a picture that fills the
        memory.
    channels : int, default 3
        1 for grey pictures that stay so; 4 for four bands, the last of which is then no transparency.

    Returns
    -------
    torch.Tensor, shape (channels, y, x), float32 in [0, 1]

    Raises
    ------
    InputError
        If the file is missing, is no picture, is too large, has other channels, or is transparent and no
        background is given.

    Examples
    --------
    >>> import tempfile
    >>> name = tempfile.mkdtemp() + "/grey.png"
    >>> Pillow.new("L", (20, 30), 255).save(name)
    >>> load(name).shape
    torch.Size([3, 30, 20])
    """
    title = getattr(path, "name", "file") if hasattr(path, "read") else f"{path}"
    if isinstance(path, str | os.PathLike):
        path = address("image", path)
        _refuse_no_file(path)
    with readable("image", title, "picture that Pillow can read"), warnings.catch_warnings():
        warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # told below, in our own words
        with Pillow.open(path) as picture:
            _refuse_large(picture, megapixels, title)
            upright = ImageOps.exif_transpose(picture)
            return _from_pillow(upright, f"image file {title}", background, whole("channels", channels))


def _refuse_no_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"image: {path} is a folder, expected a picture file.")
    if not path.exists():
        raise InputError(f"image: there is no file {path}; check the path.")
    if not os.access(path, os.R_OK):
        raise InputError(f"image: {path} may not be read; check its permissions.")
    if not path.is_file():  # a pipe would be waited for
        raise InputError(f"image: {path} is no regular file, expected a picture file.")


def _refuse_large(picture: Pillow.Image, megapixels: float, title: str) -> None:
    most = positive("megapixels", megapixels, "the largest picture that is read, in millions of pixels")
    if picture.width * picture.height > most * 1e6:
        raise InputError(
            f"image: {title} has {picture.height} × {picture.width} pixels, more than {most:g} million; crop it, or "
            "allow more: images.load(path, megapixels=...)."
        )


def as_image(source: ImageLike, name: str = "image", channels: int | None = 3) -> Image:
    """Turn a tensor, an array, a PIL image or a path into an image.

    Parameters
    ----------
    source : torch.Tensor (channels, y, x), numpy.ndarray (y, x, channels), PIL image or path
        Tensors and float arrays hold values around [0, 1] (noise may go a little beyond);
        8- and 16-bit arrays are divided by their maximum. An array or PIL image of one
        channel becomes grey RGB where three are wanted.
    name : str
        What to call it in errors.
    channels : int, default 3
        How many the network takes that it is for; None for as many as a tensor has, and three of all else.

    Returns
    -------
    torch.Tensor, shape (channels, y, x), float32

    Raises
    ------
    InputError
        If the shape, the type or the range does not fit, or a value is not finite.

    Examples
    --------
    >>> as_image(np.zeros((30, 20, 3), np.uint8)).shape
    torch.Size([3, 30, 20])
    """
    if channels is None:
        channels = len(source) if isinstance(source, torch.Tensor) and _is_planar(source) else 3
    if isinstance(source, str | os.PathLike):
        return load(source, channels=channels)
    if isinstance(source, Pillow.Image):
        return _from_pillow(source, name, None, channels)
    if isinstance(source, np.ndarray):
        return _from_array(source, name, channels)
    if isinstance(source, torch.Tensor):
        return _checked(source, name, channels)
    raise InputError(
        f"{name}: got {type(source).__name__}, expected a tensor ({channels}, y, x), an array (y, x, {channels}), a "
        "PIL image or a path."
    )


def to_pillow(image: Image) -> Pillow.Image:
    """Turn an image into an 8-bit PIL image, values rounded and clipped.

    Examples
    --------
    >>> to_pillow(torch.zeros(3, 30, 20)).size
    (20, 30)
    """
    image = dense("image", image)
    if image.ndim != 3 or image.shape[0] not in (1, 3) or not image.numel():
        raise InputError(f"image: got {shape(image)}, expected a tensor (3, y, x) in [0, 1].")
    return Pillow.merge("RGB", [_band(one) for one in image.expand(3, -1, -1)])


def reference(source: ImageLike, size: Sequence[int], channels: int = 3) -> Image:
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
    picture = as_image(source, "reference", channels)
    if not isinstance(size, Sequence) or len(size) != 2:
        raise InputError(f"size: got {size!r:.80}, expected (rows, columns).")
    found = tuple(picture.shape[-2:])
    if found != tuple(size):
        raise InputError(f"reference: got {found} pixels, expected the output's {tuple(size)}.")
    return picture


def files(folder: str | os.PathLike[str]) -> list[Path]:
    """List the pictures of a folder, searched in depth, sorted by name.

    Raises
    ------
    InputError
        If the folder is missing or holds no picture.

    Examples
    --------
    >>> from lam_nb.images import photographs
    >>> len(files(photographs.folder())) == len(photographs.samples())
    True
    """
    found = sorted(path for path in address("folder", folder).glob("**/*") if path.suffix.lower() in _ENDINGS)
    if not found:
        raise InputError(f"folder: got {folder}, expected a folder with pictures ({', '.join(sorted(_ENDINGS))}).")
    return found


def _band(channel: torch.Tensor) -> Pillow.Image:
    """Turn one channel (y, x) into an 8-bit PIL image, values rounded and clipped."""
    return Pillow.fromarray((dense("image", channel).detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy())


def _from_pillow(picture: Pillow.Image, name: str, background: float | None = None, channels: int = 3) -> Image:
    array = np.asarray(picture)
    if picture.mode in _GREY_MODES:
        return _from_array(array, name, channels)
    if picture.mode == "I" and 0 <= array.min() <= array.max() <= _DEPTH[np.dtype(np.uint16)]:
        return _from_array(array.astype(np.uint16), name, channels)
    if picture.mode in {"I", "F"}:
        raise InputError(f"{name}: got {picture.mode!r} pixels (32 bit), expected 8 or 16 bit; convert it first.")
    if channels > 3 and len(picture.getbands()) == channels:
        return _from_array(array, name, channels)
    picture = picture.convert("RGBA") if picture.has_transparency_data else picture.convert("RGB")
    array = np.asarray(picture)
    if array.shape[-1] == 4:
        array = _flatten(array, name, background)
    return _from_array(array, name, channels)


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


def _from_array(array: np.ndarray, name: str, channels: int) -> Image:
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in ((1, 3) if channels == 3 else (channels,)) or min(array.shape) < 1:
        expected = f"(y, x, {channels})" + " or (y, x)" * (channels in (1, 3))
        raise InputError(
            f"{name}: got an array of shape {array.shape}, expected {expected}; {_array_advice(array, channels)}."
        )
    largest = _DEPTH.get(array.dtype, 1.0)
    if array.dtype not in _DEPTH and not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{name}: got {array.dtype} values, expected uint8, uint16 or floats in [0, 1]; convert them.")
    pixels = torch.empty(channels, *array.shape[:2])  # the only copy: pictures may be large
    for k, channel in enumerate(pixels):
        channel.numpy()[:] = array[..., min(k, array.shape[-1] - 1)]
    return _in_range(pixels.div_(largest), name)


def _array_advice(array: np.ndarray, channels: int) -> str:
    """Return what to do with an array of another shape."""
    if array.ndim != 3:
        return "give one picture at a time"
    if array.shape[-1] == 3 and channels == 1:
        return "make one channel of RGB with images.luma, or of a file that is grey with images.load(path, channels=1)"
    return "drop alpha first" if channels == 3 else f"the network takes {channels} channels, in this order"


def dense(name: str, values: object) -> torch.Tensor:
    """Return a tensor of real numbers that can be computed with as it is.

    Raises
    ------
    InputError
        If it is none, or one that is sparse, complex, quantised or holds no numbers.

    Examples
    --------
    >>> dense("batch", torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    if not isinstance(values, torch.Tensor):
        raise InputError(f"{name}: got {type(values).__name__}, expected a tensor of numbers.")
    if values.layout != torch.strided or values.is_complex() or values.is_meta or values.is_quantized:
        raise InputError(
            f"{name}: got a tensor that is sparse, complex or holds no numbers, expected a plain one; .to_dense()?"
        )
    return values


def _checked(tensor: torch.Tensor, name: str, channels: int) -> Image:
    if tensor.ndim == 2 and channels == 1:
        tensor = tensor[None]
    if tensor.ndim != 3 or tensor.shape[0] != channels or min(tensor.shape) < 1:
        expected = "(3, y, x), RGB" if channels == 3 else f"({channels}, y, x)"
        raise InputError(
            f"{name}: got a tensor of shape {tuple(tensor.shape)}, expected {expected}; {_advice(tensor, channels)}."
        )
    if not tensor.is_floating_point():
        raise InputError(f"{name}: got a tensor of {tensor.dtype}, expected floats in [0, 1]; divide by the maximum.")
    image = dense(name, tensor).detach().to("cpu", torch.float32, copy=True, memory_format=torch.contiguous_format)
    return _in_range(image, name)  # a copy: a result must not change with its input


def _is_planar(tensor: torch.Tensor) -> bool:
    """Whether it can have its channels first: fewer than rows and columns."""
    return tensor.ndim == 3 and 0 < len(tensor) <= min(tensor.shape[1:])


def _advice(tensor: torch.Tensor, channels: int) -> str:
    """Return what to do with a tensor of another shape."""
    if tensor.ndim == 4 and len(tensor) == 1:
        return "take the picture out of its batch with image[0]"
    if tensor.ndim == 4:
        return "it is a batch; give one picture at a time, such as batch[0]"
    if tensor.ndim == 3 and tensor.shape[-1] in (1, 3, 4, channels) and tensor.shape[0] > tensor.shape[-1]:
        return "put the channels first with image.permute(2, 0, 1)"
    if channels == 1 and tensor.ndim == 3 and len(tensor) == 3:
        return "make one channel of RGB with images.luma(image)"
    if channels != 3:
        return f"the network takes {channels} channels, in this order"
    if tensor.ndim == 2:
        return "make it RGB with image.expand(3, -1, -1)"
    return "drop alpha with image[:3], make one channel RGB with image.expand(3, -1, -1)"


def _in_range(image: Image, name: str) -> Image:
    low, high = image.min().item(), image.max().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"{name}: got NaN or infinite values, expected numbers in [0, 1]; mend the picture first.")
    if low < -1 or high > 2:
        raise InputError(f"{name}: got values from {low:g} to {high:g}, expected about 0 to 1; divide by 255 or so.")
    return image
