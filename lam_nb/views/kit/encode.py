"""Encoding: arrays to small pictures, as the addresses that pages hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache

import numpy as np
import plotly.colors
from numpy.typing import NDArray
from PIL import Image

from ...validation import InputError
from .theme import DIVERGING

LEAST_SIDE = 256
"""Browsers smooth enlarged pictures; ours are enlarged to this by repeating pixels first."""
LARGEST_SIDE = 512
"""Larger pictures are shown reduced by a whole factor, so that pages stay small; headings say so."""


@cache
def palette(name: str = DIVERGING) -> NDArray[np.uint8]:
    """Return 256 colours of a plotly colour scale, (256, 3).

    Examples
    --------
    >>> bool(palette()[127:129].min() > 240)
    True
    """
    colours = plotly.colors.sample_colorscale(name, np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return np.round(np.array(colours) * 255).astype(np.uint8)


def limit(values: NDArray[np.floating]) -> float:
    """Return where a symmetric colour scale ends: a fifth of the pixels that count lie beyond.

    A pixel counts if it is stronger than 0.5 % of the strongest; so the scale does not depend on
    how much empty canvas there is around.

    Examples
    --------
    >>> limit(np.r_[np.zeros(1000), np.arange(1.0, 11.0)])
    8.2
    """
    size = np.abs(values)
    strongest = float(np.nanmax(size))
    if not strongest > 0:
        return 1.0
    return float(np.quantile(size[size > strongest / 200], 0.8))


def limits(maps: Sequence[NDArray[np.floating]] | NDArray[np.floating], common: bool) -> list[float]:
    """Return where the colour scale of each map ends: its own, or one of all.

    Examples
    --------
    >>> limits(np.array([[1.0, 1.0], [3.0, 3.0]]), common=False)
    [1.0, 3.0]
    """
    return [limit(np.stack(list(maps)))] * len(maps) if common else [limit(one) for one in maps]


def signed_source(values: NDArray[np.floating], end: float) -> str:
    """Encode (y, x) as a PNG in the diverging colours, −`end` … `end`; reduced, a block shows its strongest value."""
    return indexed_source(values, end, palette())


def index(values: NDArray[np.floating], end: float) -> NDArray[np.uint8]:
    """Return where values lie on a scale from −`end` to `end`, 0 … 255."""
    return np.round((np.clip(np.nan_to_num(values) / end, -1, 1) + 1) * 127.5).astype(np.uint8)


def indexed_source(values: NDArray[np.floating], end: float, colours: NDArray[np.uint8]) -> str:
    """Encode (y, x) on a scale from −`end` to `end` as a PNG of 256 colours, with their opacity if they have one."""
    shown = index(_strongest(np.nan_to_num(values), reduction(values.shape)), end)
    picture = Image.fromarray(_enlarged(shown), "L")
    coloured = Image.frombytes("P", picture.size, picture.tobytes())
    coloured.putpalette(np.ascontiguousarray(colours[:, :3]).tobytes())
    if colours.shape[1] == 4:
        return _source(coloured, transparency=colours[:, 3].tobytes())
    return _source(coloured)


def colour_source(image: NDArray[np.floating] | NDArray[np.uint8]) -> str:
    """Encode (channel, y, x), bytes or floats in [0, 1], as a WebP of high quality: a quarter of a PNG's size."""
    picture = Image.fromarray(_enlarged(as_pixels(image)))
    return _source(picture.reduce(reduction(image.shape[-2:])), "WebP", quality=90)


def as_pixels(image: NDArray[np.floating] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images (…, channel, y, x) as bytes (…, y, x, 3), as pictures are stored; grey, unless three channels.

    Raises
    ------
    InputError
        If it has another shape.

    Examples
    --------
    >>> as_pixels(np.zeros((3, 4, 5))).shape
    (4, 5, 3)
    """
    count, *sides = image.shape[-3:] if image.ndim > 2 else (0,)
    if not count or (count != 3 and count > min(sides)):
        raise InputError(f"image: got shape {image.shape}, expected (channel, y, x); transpose the dataset.")
    shown = image if count == 3 else image.mean(-3, keepdims=True).astype(image.dtype).repeat(3, -3)
    return np.moveaxis(as_bytes(shown), -3, -1)


def bicubic(image: NDArray[np.floating] | NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image (channel, y, x) enlarged to `size` (rows, columns), as bytes (channel, rows, columns).

    Examples
    --------
    >>> bicubic(np.zeros((3, 4, 5)), (8, 10)).shape
    (3, 8, 10)
    """
    bands = (Image.fromarray(band).resize(size[::-1], Image.Resampling.BICUBIC) for band in as_bytes(image))
    return np.stack([np.asarray(band) for band in bands])


def as_bytes(image: NDArray[np.floating] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return intensities in [0, 1] as bytes; what is bytes stays as it is.

    Examples
    --------
    >>> as_bytes(np.array([0.0, 0.5, 2.0]))
    array([  0, 128, 255], dtype=uint8)
    """
    if image.dtype == np.uint8:
        return image.astype(np.uint8, copy=False)
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def painted(values: NDArray[np.floating], name: str) -> str:
    """Encode (y, x) in [0, 1] in the colours of a plotly colour scale."""
    return colour_source(np.moveaxis(palette(name)[as_bytes(values)], -1, 0))


def reduction(size: tuple[int, ...]) -> int:
    """Return by what factor a picture of `size` is reduced to be shown.

    Examples
    --------
    >>> reduction((64, 64)), reduction((1024, 768))
    (1, 2)
    """
    return -(-max(size) // LARGEST_SIDE)


def dot_source(colour: tuple[int, int, int]) -> str:
    """Encode one pixel, to be stretched into a line or a box."""
    return _source(Image.new("RGB", (1, 1), colour))


def _strongest(values: NDArray[np.floating], factor: int) -> NDArray[np.floating]:
    if factor == 1:
        return values
    margins = [(0, -side % factor) for side in values.shape]
    blocks = np.pad(values, margins).reshape(-(-values.shape[0] // factor), factor, -1, factor)
    high, low = blocks.max((1, 3)), blocks.min((1, 3))
    return np.where(high >= -low, high, low)


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = -(-LEAST_SIDE // max(picture.shape[:2]))
    return picture.repeat(factor, 0).repeat(factor, 1)


def _source(picture: Image.Image, kind: str = "PNG", **options: int | bytes) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()
