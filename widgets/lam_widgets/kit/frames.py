"""Frames: maps that move, as bytes that cross the wire once, and the step that is shown."""

from __future__ import annotations

import numpy as np
import traitlets
from numpy.typing import NDArray

from lam_nb.views.kit import DIVERGING, QUESTION, blended, palette, shades

from .widget import Widget

_ZERO = 127


class Stepped(Widget):
    """A widget of maps (map, step, y, x) that shows one step of all, over the grey picture.

    Attributes
    ----------
    step : int
        The step shown, from 0; set it to move.
    bare : bool
        Whether maps are shown without the grey picture below; so where the input was not kept.
    whole : bool
        Whether the whole picture is shown, and not only where the maps lie.

    Raises
    ------
    traitlets.TraitError
        If the step is set outside its range.
    """

    frames = traitlets.Bytes(b"").tag(sync=True)
    shape = traitlets.List(traitlets.Int()).tag(sync=True)
    colours = traitlets.Bytes(b"").tag(sync=True)
    full = traitlets.List(traitlets.Float()).tag(sync=True)
    limits = traitlets.List(traitlets.Float()).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    bare = traitlets.Bool(False).tag(sync=True)
    whole = traitlets.Bool(False).tag(sync=True)
    question = traitlets.Unicode(QUESTION).tag(sync=True)
    lines = traitlets.List(traitlets.Unicode()).tag(sync=True)
    glossary = traitlets.List(traitlets.Unicode()).tag(sync=True)
    means = traitlets.Unicode("").tag(sync=True)
    box = traitlets.List(traitlets.Float()).tag(sync=True)
    focus = traitlets.List(traitlets.Float(), [1.0, 0.0, 0.0]).tag(sync=True)
    corner = traitlets.Unicode("top right").tag(sync=True)
    grey = traitlets.Bytes(b"").tag(sync=True)

    @property
    def shown(self) -> NDArray[np.uint8]:
        """The maps at the step shown, as `quantised` bytes (map, y, x)."""
        return np.frombuffer(self.frames, np.uint8).reshape(self.shape)[:, self.step]

    def laid(self, map_: NDArray[np.uint8], full: float, end: float, name: str = DIVERGING) -> NDArray[np.uint8]:
        """Return the colours (y, x, 3) of one of `shown`, over the grey picture unless bare, as the browser does."""
        if self.bare:
            return coloured(map_, full, end, palette(name))
        below = np.frombuffer(self.grey, np.uint8).reshape(*map_.shape, 1).repeat(3, -1)
        return blended(coloured(map_, full, end, shades(name)), below)

    @traitlets.validate("bare")
    def _covers(self, proposal: traitlets.Bunch) -> bool:
        if not proposal["value"] and self.frames and not self.grey:
            raise traitlets.TraitError("bare: got False, but the input was not kept; keep=['input', …] keeps it.")
        return bool(proposal["value"])

    @traitlets.validate("step")
    def _inside(self, proposal: traitlets.Bunch) -> int:
        steps = self.shape[1] if self.shape else proposal["value"] + 1
        if not 0 <= proposal["value"] < steps:
            raise traitlets.TraitError(f"step: got {proposal['value']}, expected 0 to {steps - 1}.")
        return int(proposal["value"])


def largest(values: NDArray[np.floating]) -> float:
    """Return the largest magnitude, or 1 where all is 0: what `quantised` takes.

    Examples
    --------
    >>> largest(np.array([-2.0, 1.0])), largest(np.zeros(2))
    (2.0, 1.0)
    """
    return float(np.nanmax(np.abs(values), initial=0)) or 1.0


def quantised(values: NDArray[np.floating], full: float) -> NDArray[np.uint8]:
    """Return values as bytes: 127 is zero, 254 is `full`, the square root between keeps small ones apart.

    Examples
    --------
    >>> quantised(np.array([-2.0, -0.02, 0.0, 0.5, 2.0]), 2.0)
    array([  0, 114, 127, 190, 254], dtype=uint8)
    """
    share = np.clip(np.nan_to_num(values) / full, -1, 1)
    return np.round(_ZERO + _ZERO * np.sign(share) * np.sqrt(np.abs(share))).astype(np.uint8)


def decoded(bytes_: NDArray[np.uint8], full: float) -> NDArray[np.float64]:
    """Return the values of `quantised` bytes.

    Examples
    --------
    >>> decoded(np.array([0, 127, 254], np.uint8), 2.0)
    array([-2.,  0.,  2.])
    """
    share = (bytes_.astype(np.float64) - _ZERO) / _ZERO
    return np.sign(share) * share**2 * full


def coloured(bytes_: NDArray[np.uint8], full: float, end: float, colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the colours (y, x, channel) of `quantised` bytes on a scale from −`end` to `end`, as the browser does."""
    share = np.clip(decoded(bytes_, full) / end, -1, 1)
    return colours[np.floor((share + 1) * 127.5 + 0.5).astype(int)]
