"""The few words all modules speak: image, batch, path, detector, region."""

from __future__ import annotations

import difflib
import math
import numbers
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import torch

    Image: TypeAlias = torch.Tensor
    """One picture: float (channel, y, x), RGB in [0, 1]."""
    Batch: TypeAlias = torch.Tensor
    """Several pictures: float (node, channel, y, x), RGB in [0, 1]."""
else:
    Image: TypeAlias = Any
    Batch: TypeAlias = Any

Path: TypeAlias = "Callable[[Any], Image]"
"""alpha in [0, 1] -> image; path(0) is the baseline, path(1) the image."""
PathMaker: TypeAlias = "Callable[[Image], Path]"
"""image -> path."""
Detector: TypeAlias = "Callable[[Batch], torch.Tensor]"
"""output (node, channel, y, x) -> one number per node."""


class InputError(ValueError):
    """An argument that cannot be worked with: says which, what came, what was expected, what to do."""


class ImplausibleNetwork(UserWarning):
    """A network restores a photograph so badly that its settings or weights are probably wrong."""


class NotConverged(UserWarning):
    """A map whose estimated error is still above the tolerance that was asked for."""


class DetectorMaker(Protocol):
    """region -> detector."""

    def __call__(self, region: Region, /) -> Detector:
        """Return the detector of `region`."""
        ...


@dataclass(frozen=True)
class Region:
    """A square window of a network's output.

    Parameters
    ----------
    y, x : int
        Top and left output pixel, ≥ 0.
    size : int, default 16
        Side in output pixels, ≥ 1.

    Raises
    ------
    InputError
        If a number is negative, no whole number, or the size is zero.

    Examples
    --------
    >>> region = Region(y=110, x=150, size=16)
    >>> region.slices
    (slice(110, 126, None), slice(150, 166, None))
    >>> region.footprint(4)
    (slice(27, 32, None), slice(37, 42, None))
    """

    y: int
    x: int
    size: int = 16

    def __post_init__(self) -> None:
        """Check the numbers and make them plain integers."""
        for name, least in (("y", 0), ("x", 0), ("size", 1)):
            object.__setattr__(self, name, whole(f"region.{name}", getattr(self, name), least))

    def __str__(self) -> str:
        """Return the region in words."""
        return f"region (y={self.y}, x={self.x}, {self.size} × {self.size})"

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the output that the region covers."""
        return slice(self.y, self.y + self.size), slice(self.x, self.x + self.size)

    def footprint(self, scale: int) -> tuple[slice, slice]:
        """Rows and columns of the input under the region: its pixels' positions divided by `scale`."""
        rows, columns = self.slices
        return tuple(slice(s.start // scale, -(-s.stop // scale)) for s in (rows, columns))  # type: ignore[return-value]

    def check(self, height: int, width: int) -> Region:
        """Return the region if it lies in a `height` × `width` output, else raise `InputError`."""
        if self.y + self.size > height or self.x + self.size > width:
            raise InputError(f"{self} leaves the output, which is {height} × {width}; move it or choose a smaller one.")
        return self

    @classmethod
    def of(cls, value: Any) -> Region:
        """Return a Region, or make one of (y, x) or (y, x, size); raise `InputError` for anything else.

        Examples
        --------
        >>> Region.of((110, 150, 16))
        Region(y=110, x=150, size=16)
        """
        if isinstance(value, Region):
            return value
        if not isinstance(value, str) and hasattr(value, "__len__") and len(value) in (2, 3):
            return cls(*value)
        raise InputError(f"region: got {value!r}, expected lam_nb.Region(y, x, size) or a tuple (y, x, size).")

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read "y,x" or "y,x,size"; raise `InputError` for anything else."""
        try:
            numbers = [int(part) for part in text.split(",")]
            if len(numbers) not in (2, 3):
                raise ValueError
        except ValueError:
            raise InputError(f"region: got {text!r}, expected y,x,size in output pixels, such as 110,150,16.") from None
        return cls(*numbers)


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return `value` as an int if it is a whole number from `least` up, else raise `InputError`.

    Examples
    --------
    >>> whole("steps", 24)
    24
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name}: got {value!r}, expected a whole number from {least} up.") from None
    if isinstance(value, bool) or number < least:
        raise InputError(f"{name}: got {value!r}, expected a whole number from {least} up.")
    return number


def positive(name: str, value: Any, meaning: str) -> float:
    """Return `value` as a float if it is a finite number above 0, else raise `InputError`.

    Examples
    --------
    >>> positive("sigma", 1.2, "the blur in input pixels")
    1.2
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < float(value) < math.inf:
        raise InputError(f"{name}: got {value!r}, expected {meaning}, a positive number.")
    return float(value)


def choose(name: str, value: str, known: Iterable[str]) -> str:
    """Return `value` if it is one of `known`, else raise `InputError` with the nearest.

    Examples
    --------
    >>> choose("rule", "arc", ["arc", "paper"])
    'arc'
    """
    names = list(known)
    if value in names:
        return value
    near = difflib.get_close_matches(str(value).lower(), names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "choose one of them."
    raise InputError(f"{name}: got {value!r}, expected one of {', '.join(names)}; {hint}")
