"""The region picker: drag a box over a picture; the region is a value in the next cell."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import traitlets
from PIL import Image, ImageDraw

from lam_nb import images
from lam_nb.types import Region, whole

from .base import Widget, source

_GREEN, _AMBER = "#00a651", "#ffb000"


class RegionPicker(Widget):
    """A picture with a box to drag; arrow keys move it, with Alt by 16 pixels, with Shift they resize it.

    Parameters
    ----------
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        What to show: the network's output or the ground truth; or its input, with `scale`.
    size : int, default 16
        The box's side, in output pixels.
    scale : int, default 1
        Output pixels per pixel of the picture: the network's scale, if the picture is its input.
    suggestions : iterable of Region, optional
        Windows to offer, as dashed boxes to click.

    Attributes
    ----------
    region : Region
        Where the box is; set it to move the box. Always inside the output.
    y, x, size : int
        The same, one by one.

    Raises
    ------
    InputError
        If the picture cannot be read or the region set lies outside.

    Examples
    --------
    >>> import lam_nb as lam
    >>> picker = RegionPicker(lam.images.sample("facade"), size=24)
    >>> picker.x = 10_000
    >>> picker.region
    Region(y=116, x=232, size=24)
    """

    _esm = source("region_picker", "js")
    _css = source("region_picker", "css")
    image = traitlets.Bytes(b"").tag(sync=True)
    shape = traitlets.List(traitlets.Int()).tag(sync=True)
    suggestions = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    y = traitlets.Int(0).tag(sync=True)
    x = traitlets.Int(0).tag(sync=True)
    size = traitlets.Int(16).tag(sync=True)

    def __init__(self, image: Any, size: int = 16, *, scale: int = 1, suggestions: Iterable[Region] = ()) -> None:
        picture = images.as_image(image)
        height, width = (side * whole("scale", scale) for side in picture.shape[-2:])
        side = min(whole("size", size), height, width)
        offered = [one.check(height, width) for one in suggestions]
        start = offered[0] if offered else Region((height - side) // 2, (width - side) // 2, side)
        pixels = np.round(np.moveaxis(picture.numpy(), 0, -1).clip(0, 1) * 255).astype(np.uint8)
        super().__init__(
            image=_png(Image.fromarray(pixels)),
            shape=[height, width],
            suggestions=[[one.y, one.x, one.size] for one in offered],
            size=start.size,
            y=start.y,
            x=start.x,
        )

    @property
    def region(self) -> Region:
        """The window chosen."""
        return Region(self.y, self.x, self.size)

    @region.setter
    def region(self, region: Region) -> None:
        region.check(self.shape[0], self.shape[1])
        self.y, self.x = 0, 0
        self.size, self.y, self.x = region.size, region.y, region.x

    def picture(self) -> Image.Image:
        """Return the picture with the box."""
        shown = Image.open(io.BytesIO(self.image)).resize((self.shape[1], self.shape[0]), Image.Resampling.NEAREST)
        pen = ImageDraw.Draw(shown)
        for y, x, size in self.suggestions:
            pen.rectangle([x, y, x + size - 1, y + size - 1], outline=_AMBER)
        pen.rectangle([self.x, self.y, self.x + self.size - 1, self.y + self.size - 1], outline=_GREEN, width=2)
        return shown

    @traitlets.validate("size")
    def _small_enough(self, proposal: traitlets.Bunch) -> int:
        return int(np.clip(proposal["value"], 1, min(self.shape or [proposal["value"]])))

    @traitlets.validate("y")
    def _inside_rows(self, proposal: traitlets.Bunch) -> int:
        return self._inside(proposal["value"], 0)

    @traitlets.validate("x")
    def _inside_columns(self, proposal: traitlets.Bunch) -> int:
        return self._inside(proposal["value"], 1)

    @traitlets.observe("size")
    def _stay_inside(self, change: traitlets.Bunch) -> None:
        self.y, self.x = self._inside(self.y, 0), self._inside(self.x, 1)

    def _inside(self, value: int, axis: int) -> int:
        return int(np.clip(value, 0, self.shape[axis] - self.size)) if self.shape else int(value)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
