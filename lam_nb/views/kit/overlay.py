"""Overlay: a map laid over its grey picture; what is strong covers it, what is nothing shows it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .encode import as_pixels, palette
from .theme import DIVERGING

_DARKEST, _BRIGHTEST = 70, 225
"""Ends of the grey picture: neither hides red or blue."""
_POWER = 0.75
"""Opacity grows with a share of the scale's end to this power."""
_PALEST = 0.3
"""Where the colours of an overlay begin, from white: paler ones would only veil the picture."""


@cache
def shades() -> NDArray[np.uint8]:
    """Return 256 colours with their opacity, (256, 4), from the strongest that takes away to the strongest that adds.

    Examples
    --------
    >>> shades()[[0, 127, 255], 3].tolist()
    [255, 0, 255]
    """
    signed = (np.arange(256) - 127.5) / 127.5
    strength = np.maximum(0, np.abs(signed) - 1 / 127.5) / (1 - 1 / 127.5)  # nothing is seen through
    deep = 127.5 * (1 + np.sign(signed) * (_PALEST + (1 - _PALEST) * strength))
    colours = palette(DIVERGING)[deep.round().clip(0, 255).astype(int)]
    opacity = np.round(255 * strength**_POWER).astype(np.uint8)
    return np.concatenate([colours, opacity[:, None]], 1)


def grey(picture: NDArray[np.floating] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture (channel, y, x) in grey, (y, x, 3), with room for colours above it.

    Examples
    --------
    >>> int(grey(np.zeros((3, 2, 2))).max()), int(grey(np.ones((3, 2, 2))).min())
    (70, 225)
    """
    bright = as_pixels(picture).mean(-1, keepdims=True) / 255
    return np.round(_DARKEST + (_BRIGHTEST - _DARKEST) * bright).astype(np.uint8).repeat(3, -1)


def index(values: NDArray[np.floating], end: float) -> NDArray[np.uint8]:
    """Return where values lie on a scale from −`end` to `end`, 0 … 255."""
    return np.round((np.clip(np.nan_to_num(values) / end, -1, 1) + 1) * 127.5).astype(np.uint8)


def laid_over(
    values: NDArray[np.floating], picture: NDArray[np.floating] | NDArray[np.uint8], end: float
) -> NDArray[np.uint8]:
    """Return a map (y, x) over its picture (channel, y, x), in colours (y, x, 3).

    Examples
    --------
    >>> laid_over(np.array([[-1.0, 0.0, 1.0]]), np.ones((3, 1, 3)), 1.0)[0, :, 0].tolist()
    [5, 225, 103]
    """
    above = shades()[index(values, end)]
    share = above[..., 3:] / 255
    return np.round(share * above[..., :3] + (1 - share) * grey(picture)).astype(np.uint8)
