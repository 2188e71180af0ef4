"""Overlay: a map laid over its grey picture; what is strong covers it, what is nothing shows it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .encode import as_pixels, colour_source, index, indexed_source, palette
from .theme import DIVERGING

_DARKEST, _BRIGHTEST = 70, 225
"""Ends of the grey picture: neither hides red or blue."""
_POWER = 0.75
"""Opacity grows with a share of the scale's end to this power."""
_PALEST = 0.3
"""Where the colours of an overlay begin, from white: paler ones would only veil the picture."""


@cache
def shades(name: str = DIVERGING) -> NDArray[np.uint8]:
    """Return 256 colours with their opacity, (256, 4), from the strongest that takes away to the strongest that adds.

    Of a plotly colour scale that is white in its middle.

    Examples
    --------
    >>> shades()[[0, 127, 255], 3].tolist()
    [255, 0, 255]
    """
    signed = (np.arange(256) - 127.5) / 127.5
    strength = np.maximum(0, np.abs(signed) - 1 / 127.5) / (1 - 1 / 127.5)  # nothing is seen through
    deep = 127.5 * (1 + np.sign(signed) * (_PALEST + (1 - _PALEST) * strength))
    colours = palette(name)[deep.round().clip(0, 255).astype(int)]
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


def laid_over(
    values: NDArray[np.floating], picture: NDArray[np.floating] | NDArray[np.uint8], end: float
) -> NDArray[np.uint8]:
    """Return a map (y, x) over its picture (channel, y, x), in colours (y, x, 3).

    Examples
    --------
    >>> laid_over(np.array([[-1.0, 0.0, 1.0]]), np.ones((3, 1, 3)), 1.0)[0, :, 0].tolist()
    [5, 225, 103]
    """
    return blended(shades()[index(values, end)], grey(picture))


def blended(above: NDArray[np.uint8], below: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return colours with their opacity (…, 4) laid over others (…, 3).

    Examples
    --------
    >>> blended(np.array([[200, 0, 0, 51]], np.uint8), np.array([[100, 100, 0]], np.uint8)).tolist()
    [[120, 80, 0]]
    """
    share = above[..., 3:] / 255
    return np.round(share * above[..., :3] + (1 - share) * below).astype(np.uint8)


def over_source(values: NDArray[np.floating], end: float) -> str:
    """Encode a map (y, x) as colours to be laid over a picture: what is nothing is seen through."""
    return indexed_source(values, end, shades())


def grey_source(picture: NDArray[np.floating] | NDArray[np.uint8]) -> str:
    """Encode the grey picture that lies below."""
    return colour_source(np.moveaxis(grey(picture), -1, 0))


def laid_source(values: NDArray[np.floating], picture: NDArray[np.floating] | NDArray[np.uint8], end: float) -> str:
    """Encode a map over its grey picture, in one."""
    return colour_source(np.moveaxis(laid_over(values, picture, end), -1, 0))


@cache
def over_scale() -> list[list[float | str]]:
    """Return plotly's colour scale of an overlay."""
    chosen = np.linspace(0, 255, 33).round().astype(int)
    return [[float(k / 255), "rgba({},{},{},{:.3f})".format(*shades()[k, :3], shades()[k, 3] / 255)] for k in chosen]


def ends(end: float, words: str = "{:.2g}") -> tuple[list[float], list[str]]:
    """Return ticks of a signed scale whose ends are marked as where colours end.

    Examples
    --------
    >>> ends(0.5)[1]
    ['▼ ≤ −0.5', '−0.25', '0', '0.25', '▲ ≥ 0.5']
    """
    told = [words.format(end), words.format(end / 2)]
    return [-end, -end / 2, 0, end / 2, end], [f"▼ ≤ −{told[0]}", f"−{told[1]}", "0", told[1], f"▲ ≥ {told[0]}"]
