"""Reading: files, arrays, tensors and PIL images become images; nothing else reads a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from ..types import Image, ImageLike
from ..validation import InputError

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


def as_image(source: ImageLike, name: str = "image") -> Image:
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


def reference(source: ImageLike, size: Sequence[int]) -> Image:
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
    found = sorted(path for path in Path(folder).glob("**/*") if path.suffix.lower() in _ENDINGS)
    if not found:
        raise InputError(f"folder: got {folder}, expected a folder with pictures ({', '.join(sorted(_ENDINGS))}).")
    return found


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
    image = tensor.detach().to("cpu", torch.float32, copy=True).contiguous()  # a result must not change with its input
    if not torch.isfinite(image).all():
        raise InputError(f"{name}: got NaN or infinite values, expected numbers in [0, 1]; mend the picture first.")
    low, high = image.min().item(), image.max().item()
    if low < -1 or high > 2:
        raise InputError(f"{name}: got values from {low:g} to {high:g}, expected about 0 to 1; divide by 255 or so.")
    return image
