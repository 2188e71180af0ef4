"""The few words all modules speak: image, batch, path, detector, degradation, region, bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from .validation import InputError, choose, positive, whole

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image as Pillow

    Image: TypeAlias = torch.Tensor
    """One picture: float (channel, y, x) in [0, 1]; RGB, or the channels of the network that it is for."""
    Batch: TypeAlias = torch.Tensor
    """Several pictures: float (node, channel, y, x) in [0, 1]."""
    Alphas: TypeAlias = float | Sequence[float] | np.ndarray | torch.Tensor
    """One position on a path, or a row of them."""
    ImageLike: TypeAlias = torch.Tensor | np.ndarray | Pillow.Image | str | os.PathLike[str]
    """What `lam_nb.images.as_image` makes an image of."""
    Device: TypeAlias = str | torch.device | None
    """A device, its name, or None for the best there is."""
else:
    Image = Batch = Alphas = ImageLike = Device = object

__all__ = [
    "RGB",
    "Axes",
    "Bar",
    "Batch",
    "Degradation",
    "Detector",
    "DetectorMaker",
    "Device",
    "Image",
    "ImageLike",
    "ImplausibleNetwork",
    "Inconsistent",
    "InputError",
    "NotConverged",
    "Path",
    "PathMaker",
    "Progress",
    "Region",
    "RegionLike",
    "RowPath",
    "SuspectedTruth",
    "choose",
    "positive",
    "whole",
]

PathMaker: TypeAlias = "Callable[[Image], Path]"
"""image -> path."""
Detector: TypeAlias = "Callable[[Batch], torch.Tensor]"
"""output (node, channel, y, x) -> one number per node."""
RegionLike: TypeAlias = "Region | Sequence[int]"
"""A region, or (y, x), (y, x, size), (y, x, height, width)."""
Progress: TypeAlias = "bool | Callable[[int, int], object]"
"""True for a bar, False for none, or a function (done, total); what it raises stops the work."""


class ImplausibleNetwork(UserWarning):
    """A network restores a photograph so badly that its settings or weights are probably wrong.

    Examples
    --------
    >>> import warnings, lam_nb as lam
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     _ = lam.networks.wrap(lambda picture: 0 * picture, scale=1)
    >>> told[0].category.__name__
    'ImplausibleNetwork'
    """


class NotConverged(UserWarning):
    """A map whose estimated error is still above the tolerance that was asked for.

    Examples
    --------
    >>> import warnings, lam_nb as lam
    >>> small = lam.images.downscale(lam.images.sample("facade"), 4)
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     _ = lam.attribute("fsrcnn", small, (160, 184, 16), tolerance=1e-4, progress=False)
    >>> told[0].category.__name__
    'NotConverged'
    """


class Inconsistent(UserWarning):
    """A map whose sum is further from the detector's change than its estimated error allows.

    Examples
    --------
    >>> import warnings, lam_nb as lam
    >>> small = lam.images.downscale(lam.images.sample("facade"), 4)
    >>> net = lam.networks.wrap(lambda picture: picture + 0.5 * picture.detach(), scale=1, check=False)
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     _ = lam.attribute(net, small, (20, 20, 16), progress=False)
    >>> told[0].category.__name__
    'Inconsistent'
    """


class SuspectedTruth(UserWarning):
    """A picture that may be the large one, where the network wants the small one that it enlarges.

    Examples
    --------
    >>> import warnings, lam_nb as lam
    >>> large = lam.images.sample("facade")
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     _ = lam.attribute("fsrcnn", large, (160, 184, 16), steps=3, progress=False)
    >>> told[0].category.__name__
    'SuspectedTruth'
    """


RGB = ("r", "g", "b")
"""Channels of a photograph."""
_MOST_CHANNELS = 4096


@dataclass(frozen=True)
class Axes:
    """What a network's pictures are made of: channels by name or number; rows and columns follow.

    Parameters
    ----------
    channels : tuple of str or int
        Different names, or numbers from 0.

    Examples
    --------
    >>> Axes().words, Axes.of(4).words, Axes.of(["luma"]).shape(48, 64)
    ('3 channels (r, g, b)', '4 channels', (1, 48, 64))
    """

    channels: tuple[str | int, ...] = RGB

    @classmethod
    def of(cls, channels: object) -> Axes:
        """Return the axes of named channels, or of so many.

        Raises
        ------
        InputError
            If they are neither, or two have one name.
        """
        if isinstance(channels, Axes):
            return channels
        if isinstance(channels, int) and not isinstance(channels, bool):
            return cls(tuple(range(whole("channels", channels, most=_MOST_CHANNELS))) if channels != len(RGB) else RGB)
        names: tuple[Any, ...] = ()
        if isinstance(channels, Sequence) and not isinstance(channels, str | bytes):
            names = tuple(channels)
        if {type(one) for one in names} not in ({str}, {int}) or len(set(names)) < len(names):
            words = 'expected different names, such as ("luma",), or how many'
            raise InputError(f"channels: got {channels!r:.80}, {words}.")
        return cls(names)

    @property
    def count(self) -> int:
        """How many channels."""
        return len(self.channels)

    @property
    def is_rgb(self) -> bool:
        """Whether they are those of a photograph."""
        return self.channels == RGB

    @property
    def words(self) -> str:
        """How many, and their names."""
        many = f"{self.count} channel" + "s" * (self.count > 1)
        return many + ("" if isinstance(self.channels[0], int) else f" ({', '.join(map(str, self.channels))})")

    def shape(self, *sides: int) -> tuple[int, ...]:
        """Return the shape of a picture of these sides."""
        return (self.count, *sides)


class Path(Protocol):
    """alpha in [0, 1] -> image; path(0) is the baseline, path(1) the image."""

    def __call__(self, alpha: Any, /) -> Image:
        """Return the image at alpha."""
        ...


@runtime_checkable
class RowPath(Protocol):
    """A path that also takes a row of alphas at once, and knows its velocity in closed form."""

    takes_rows: bool

    def __call__(self, alpha: Alphas, /) -> Batch:
        """Return the image at one alpha, or the images at a row of them."""
        ...

    def velocity(self, alpha: Alphas, /) -> Batch:
        """Return d path / d alpha, likewise."""
        ...


class DetectorMaker(Protocol):
    """region -> detector."""

    def __call__(self, region: Region, /) -> Detector:
        """Return the detector of `region`."""
        ...


class Degradation(Protocol):
    """Pictures (…, 3, y, x) -> spoiled pictures.

    One whose attribute ``pointwise`` is true changes every pixel by itself; without it a change may spread.
    """

    def __call__(self, pictures: Batch, /) -> Batch:
        """Return the pictures, spoiled."""
        ...


class Bar(Protocol):
    """Somebody who is known how far the work is."""

    total: int

    def update(self, more: int, /) -> object:
        """Add to what is done."""
        ...

    def set_postfix_str(self, words: str, /) -> object:
        """Say something beside it."""
        ...

    def __enter__(self) -> Bar:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> object:
        """End."""
        ...


class Region:
    """A rectangular window of a network's output; a frozen value.

    Parameters
    ----------
    y, x : int
        Top and left output pixel, ≥ 0.
    size : int, default 16
        Side of a square in output pixels, ≥ 1.
    height, width : int, optional
        Sides of a rectangle in output pixels, both, instead of a size.

    Raises
    ------
    InputError
        If a number is negative, no whole number, a side is zero, or both a size and sides are given.

    Examples
    --------
    >>> region = Region(y=110, x=150, size=16)
    >>> region.slices
    (slice(110, 126, None), slice(150, 166, None))
    >>> region.footprint(4)
    (slice(27, 32, None), slice(37, 42, None))
    >>> Region(3, 4, height=8, width=24)
    Region(y=3, x=4, height=8, width=24)
    """

    __slots__ = ("height", "width", "x", "y")
    __match_args__ = ("y", "x", "height", "width")

    y: int
    x: int
    height: int
    width: int

    def __init__(
        self, y: int, x: int, size: int | None = None, *, height: int | None = None, width: int | None = None
    ) -> None:
        if (height is None) != (width is None):
            missing = "height" if height is None else "width"
            raise InputError(f"region.{missing}: got None, expected both height and width; or give size.")
        if size is not None and height is not None:
            raise InputError(f"region.size: got {size!r} beside height and width; give one or the other.")
        side = 16 if size is None else whole("region.size", size)
        sides = {"height": side if height is None else height, "width": side if width is None else width}
        for name, value, least in (("y", y, 0), ("x", x, 0), *((name, one, 1) for name, one in sides.items())):
            object.__setattr__(self, name, whole(f"region.{name}", value, least))

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a region is a value."""
        raise AttributeError(f"cannot set {name!r}: a Region is a value; make another one.")

    def __reduce__(self) -> tuple[Callable[..., Region], tuple[int, int, int, int]]:
        """Say how to make the same region elsewhere."""
        return _rectangle, self._sides

    @property
    def _sides(self) -> tuple[int, int, int, int]:
        return self.y, self.x, self.height, self.width

    def __eq__(self, other: object) -> bool:
        """Whether it is the same window."""
        return self._sides == other._sides if isinstance(other, Region) else NotImplemented

    def __hash__(self) -> int:
        """Return the same number for the same window."""
        return hash(self._sides)

    def __repr__(self) -> str:
        """Return the call that makes this region."""
        sides = f"size={self.height}" if self.is_square else f"height={self.height}, width={self.width}"
        return f"Region(y={self.y}, x={self.x}, {sides})"

    def __str__(self) -> str:
        """Return the region in words."""
        return f"region (y={self.y}, x={self.x}, {self.height} × {self.width})"

    @property
    def is_square(self) -> bool:
        """Whether both sides are equal."""
        return self.height == self.width

    @property
    def size(self) -> int:
        """Side of a square region.

        Raises
        ------
        InputError
            If it is a rectangle, which has two.
        """
        if not self.is_square:
            raise InputError(f"region.size: {self} is no square and has no one side; use region.height and .width.")
        return self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the output that the region covers."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def footprint(self, scale: int) -> tuple[slice, slice]:
        """Rows and columns of the input under the region: its pixels' positions divided by `scale`."""
        rows, columns = (slice(one.start // scale, -(-one.stop // scale)) for one in self.slices)
        return rows, columns

    def check(self, height: int, width: int) -> Region:
        """Return the region if it lies in a ``height`` × ``width`` output, else raise `InputError`."""
        if self.y + self.height > height or self.x + self.width > width:
            raise InputError(f"{self} leaves the output, which is {height} × {width}; move it or choose a smaller one.")
        return self

    def moved(self, down: int, right: int) -> Region:
        """Return a region of this shape elsewhere.

        Examples
        --------
        >>> Region(8, 9, 4).moved(-2, 1)
        Region(y=6, x=10, size=4)
        """
        return _rectangle(self.y + down, self.x + right, self.height, self.width)

    @property
    def facts(self) -> dict[str, int]:
        """Where the window is, as attributes of a result; ``region_size`` for squares alone.

        Examples
        --------
        >>> Region(3, 4, 5).facts
        {'region_y': 3, 'region_x': 4, 'region_height': 5, 'region_width': 5, 'region_size': 5}
        """
        known = {f"region_{name}": getattr(self, name) for name in ("y", "x", "height", "width")}
        return known | ({"region_size": self.height} if self.is_square else {})

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Region:
        """Return the window that a result's attributes tell of, also of results that know squares alone.

        Examples
        --------
        >>> Region.of_facts({"region_y": 3, "region_x": 4, "region_size": 5})
        Region(y=3, x=4, size=5)
        """
        sides = (facts.get(f"region_{name}", facts.get("region_size")) for name in ("height", "width"))
        return _rectangle(*(int(one) for one in (facts["region_y"], facts["region_x"], *sides)))

    @classmethod
    def of(cls, value: object) -> Region:
        """Return a Region, or make one of (y, x), (y, x, size) or (y, x, height, width).

        Raises
        ------
        InputError
            For anything else.

        Examples
        --------
        >>> Region.of((110, 150, 16)), Region.of((110, 150, 16, 32))
        (Region(y=110, x=150, size=16), Region(y=110, x=150, height=16, width=32))
        """
        if isinstance(value, Region):
            return value
        if not isinstance(value, str | bytes | Mapping) and hasattr(value, "__len__") and len(value) in (2, 3, 4):
            return _rectangle(*value) if len(value) == 4 else cls(*value)  # type: ignore[misc]
        raise InputError(f"region: got {value!r}, expected lam_nb.Region(y, x, size) or a tuple (y, x, size).")

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read "y,x", "y,x,size" or "y,x,height,width"; raise `InputError` for anything else."""
        try:
            numbers = [int(part) for part in text.split(",")]
            if len(numbers) not in (2, 3, 4):
                raise ValueError
        except ValueError:
            raise InputError(f"region: got {text!r}, expected y,x,size in output pixels, such as 110,150,16.") from None
        return cls.of(numbers)


def _rectangle(y: int, x: int, height: int, width: int) -> Region:
    return Region(y, x, height=height, width=width)
