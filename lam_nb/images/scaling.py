"""Scaling: crop, make the low-resolution input, enlarge."""

from __future__ import annotations

import torch
from PIL import Image as Pillow

from ..types import Image, ImageLike
from ..validation import InputError, shape, whole
from .reading import _band, _from_pillow, as_image, dense

_LARGEST = 1e9
"""Pixels that enlarging may make: 12 GB as floats."""


def crop(image: Image, y: int, x: int, height: int, width: int) -> Image:
    """Cut out `height` × `width` pixels whose top left corner is (y, x).

    Raises
    ------
    InputError
        If the rectangle leaves the image.

    Examples
    --------
    >>> import torch
    >>> crop(torch.zeros(3, 30, 20), y=4, x=2, height=8, width=6).shape
    torch.Size([3, 8, 6])
    """
    if dense("image", image).ndim < 2:
        raise InputError(f"image: got {shape(image)}, expected a tensor (…, y, x).")
    rows, columns = image.shape[-2:]
    y, x = whole("y", y, 0), whole("x", x, 0)
    height, width = whole("height", height), whole("width", width)
    if y + height > rows or x + width > columns:
        raise InputError(
            f"crop (y={y}, x={x}, {height} × {width}) leaves the image, which is {rows} × {columns}; move or shrink it."
        )
    return image[..., y : y + height, x : x + width]


def downscale(image: ImageLike, scale: int) -> Image:
    """Make the low-resolution input: crop to a multiple of `scale`, shrink with PIL's bicubic.

    The image passes through 8 bits before and after, as in the paper's demo
    (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    image : torch.Tensor, shape (channel, y, x), or what `as_image` takes
    scale : int ≥ 1

    Returns
    -------
    torch.Tensor, shape (channel, y // scale, x // scale)

    Raises
    ------
    InputError
        If `scale` is no whole number ≥ 1 or the image is smaller than it.

    Examples
    --------
    >>> import torch
    >>> downscale(torch.zeros(3, 34, 21), 4).shape
    torch.Size([3, 8, 5])
    """
    picture = as_image(image, channels=None)
    rows, columns = picture.shape[-2:]
    scale = whole("scale", scale)
    if min(rows, columns) < scale:
        raise InputError(f"scale: got {scale!r} for an image of {rows} × {columns}, expected no more than its sides.")
    return _resized(picture[:, : rows - rows % scale, : columns - columns % scale], rows // scale, columns // scale)


def upscale(image: ImageLike, scale: int) -> Image:
    """Enlarge with PIL's bicubic, through 8 bits: the baseline every network must beat.

    Examples
    --------
    >>> import torch
    >>> upscale(torch.zeros(3, 8, 5), 4).shape
    torch.Size([3, 32, 20])
    """
    scale, picture = whole("scale", scale), as_image(image, channels=None)
    rows, columns = picture.shape[-2:]
    if rows * columns * scale**2 > _LARGEST:
        raise InputError(
            f"scale: got {scale}, which makes more than {_LARGEST / 1e6:,.0f} million pixels; take a part."
        )
    return _resized(picture, rows * scale, columns * scale)


def _resized(picture: Image, rows: int, columns: int, kernel: Pillow.Resampling = Pillow.Resampling.BICUBIC) -> Image:
    """Return a picture in another size, channel by channel, as PIL does it."""
    bands = (_band(one).resize((columns, rows), kernel) for one in picture)
    return torch.cat([_from_pillow(band, "image", channels=1) for band in bands])
