"""The region picker: drag a box over a picture; the region is a value in the next cell."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import traitlets
from PIL import Image, ImageDraw

from lam_nb import images
from lam_nb.types import ImageLike, Region, RegionLike
from lam_nb.validation import InputError, whole
from lam_nb.views.kit import BOX, as_pixels

from .kit import Widget, png, source

_SUGGESTED = "#7fe3ff"


class RegionPicker(Widget):
    """A picture with a box to drag, by an edge or the corner to resize.

    Arrow keys move the box, with Alt by 16 pixels; with Shift they resize it, with Shift and Alt one side of it. Ctrl
    and the wheel enlarge the picture, Shift and dragging moves it. N keeps the box as a window and adds another.

    Parameters
    ----------
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        What to show: the network's output or the ground truth; or its input, with `scale`.
    size : int, default 16
        The box's side, in output pixels.
    height, width : int, optional
        The box's sides instead, of a rectangle.
    scale : int, default 1
        Output pixels per pixel of the picture: the network's scale, if the picture is its input.
    suggestions : iterable of Region, (y, x, size) or (y, x, height, width), optional
        Windows to offer, as dashed boxes to click.

    Attributes
    ----------
    region : Region
        Where the box is; set it to move the box. Always inside the output.
    y, x, height, width : int
        The same, one by one.
    size : int
        The side of a square; set it to make the box one. 0 of a rectangle, which has two.
    regions : list of Region
        All windows in the order of their numbers, the box the last: what `lam_nb.attribute` takes.
    touches : int
        How often somebody has moved the box by hand, with mouse or keys.
    glimpse : bytes
        A first map as PNG with opacity, laid over the picture, turned grey; ``note`` says what it is.

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
    >>> picker.height = 8
    >>> picker.region
    Region(y=116, x=232, height=8, width=24)
    >>> picker.regions = [(8, 8, 16), (40, 60, 16)]
    >>> picker.regions, picker.x
    ([Region(y=8, x=8, size=16), Region(y=40, x=60, size=16)], 60)
    """

    _esm = source("region_picker", "js")
    _css = source("region_picker", "css")
    image = traitlets.Bytes(b"").tag(sync=True)
    shape = traitlets.List(traitlets.Int()).tag(sync=True)
    suggestions = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    height = traitlets.Int(16).tag(sync=True)
    width = traitlets.Int(16).tag(sync=True)
    size = traitlets.Int(16).tag(sync=True)
    y = traitlets.Int(0).tag(sync=True)
    x = traitlets.Int(0).tag(sync=True)
    others = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    touches = traitlets.Int(0).tag(sync=True)
    glimpse = traitlets.Bytes(b"").tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)
    covered = traitlets.List(traitlets.Float(), [1.0, 1.0]).tag(sync=True)

    def __init__(
        self,
        image: ImageLike,
        size: int = 16,
        *,
        height: int | None = None,
        width: int | None = None,
        scale: int = 1,
        suggestions: Iterable[RegionLike] = (),
    ) -> None:
        picture = images.as_image(image, channels=None)
        sides = [side * whole("scale", scale) for side in picture.shape[-2:]]
        offered = [Region.of(one).check(*sides) for one in suggestions]
        start = offered[0] if offered else _middle(sides, whole("size", size), height, width)
        super().__init__(
            image=png(Image.fromarray(as_pixels(picture.numpy()))),
            shape=sides,
            suggestions=[_sides(one) for one in offered],
            **_state(start),
        )

    @property
    def region(self) -> Region:
        """The window chosen."""
        return Region(self.y, self.x, height=self.height, width=self.width)

    @region.setter
    def region(self, region: RegionLike) -> None:
        window = Region.of(region).check(self.shape[0], self.shape[1])
        with self.hold_trait_notifications():
            for name, value in _state(window).items():
                setattr(self, name, value)

    @property
    def regions(self) -> list[Region]:
        """All windows in the order of their numbers, the box the last."""
        return [*(Region(y, x, height=height, width=width) for y, x, height, width in self.others), self.region]

    @regions.setter
    def regions(self, regions: Iterable[RegionLike]) -> None:
        windows = [Region.of(one).check(self.shape[0], self.shape[1]) for one in regions]
        if not windows:
            raise InputError("regions: got none, expected one window or more.")
        self.others = [_sides(one) for one in windows[:-1]]
        self.region = windows[-1]

    def picture(self) -> Image.Image:
        """Return the picture with the windows."""
        shown = Image.open(io.BytesIO(self.image)).resize((self.shape[1], self.shape[0]), Image.Resampling.NEAREST)
        pen = ImageDraw.Draw(shown)
        for y, x, height, width in self.suggestions:
            pen.rectangle([x, y, x + width - 1, y + height - 1], outline=_SUGGESTED)
        for k, (y, x, height, width) in enumerate(self.others):
            pen.rectangle([x, y, x + width - 1, y + height - 1], outline=BOX)
            pen.text((x + 2, y + 1), str(k + 1), fill=BOX)
        right, bottom = self.x + self.width - 1, self.y + self.height - 1
        pen.rectangle([self.x, self.y, right, bottom], outline=BOX, width=2)
        return shown

    @traitlets.validate("others")
    def _all_inside(self, proposal: traitlets.Bunch) -> list[list[int]]:
        kept = list(proposal["value"])
        for y, x, height, width in kept:
            Region(y, x, height=height, width=width).check(*self.shape)
        return kept

    @traitlets.validate("size")
    def _small_enough(self, proposal: traitlets.Bunch) -> int:
        if not proposal["value"] and self.height != self.width:
            return 0
        return int(np.clip(proposal["value"], 1, min(self.shape or [proposal["value"]])))

    @traitlets.validate("height", "width")
    def _fits(self, proposal: traitlets.Bunch) -> int:
        most = self.shape[proposal["trait"].name == "width"] if self.shape else proposal["value"]
        return int(np.clip(proposal["value"], 1, most))

    @traitlets.validate("y", "x")
    def _inside(self, proposal: traitlets.Bunch) -> int:
        return self._clipped(proposal["value"], proposal["trait"].name)

    @traitlets.observe("size")
    def _square(self, change: traitlets.Bunch) -> None:
        if change["new"]:
            with self.hold_trait_notifications():
                self.height = self.width = change["new"]

    @traitlets.observe("height", "width")
    def _stay_inside(self, change: traitlets.Bunch) -> None:
        self.size = self.height if self.height == self.width else 0
        self.y, self.x = self._clipped(self.y, "y"), self._clipped(self.x, "x")

    def _clipped(self, value: int, name: str) -> int:
        if not self.shape:
            return int(value)
        most = self.shape[0] - self.height if name == "y" else self.shape[1] - self.width
        return int(np.clip(value, 0, most))


def _sides(window: Region) -> list[int]:
    return [window.y, window.x, window.height, window.width]


def _middle(sides: list[int], size: int, height: int | None, width: int | None) -> Region:
    """Return a window in the middle, no larger than the output; a square stays one."""
    asked = Region(0, 0, size) if height is None and width is None else Region(0, 0, height=height, width=width)
    tall, wide = min(asked.height, sides[0]), min(asked.width, sides[1])
    if asked.is_square:
        tall = wide = min(tall, wide)
    return Region((sides[0] - tall) // 2, (sides[1] - wide) // 2, height=tall, width=wide)


def _state(window: Region) -> dict[str, int]:
    """Return the traits of a window, sides first: where it can be depends on them."""
    size = window.size if window.is_square else 0
    return {"height": window.height, "width": window.width, "size": size, "y": window.y, "x": window.x}
