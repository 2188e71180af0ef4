"""Samples: every picture in every condition, cut alike; what a network is asked about."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from ... import identity, images, result
from ...engine.running import BACKENDS
from ...networks import Network
from ...types import Batch, Image, ImageLike
from ...validation import InputError, address, answer, mapping, whole

CLEAN = "clean"
"""The condition that is always there."""
Change: TypeAlias = "Callable[..., Batch] | str | os.PathLike[str] | None"
"""A function of a batch, a folder of pictures that are degraded already, or None for no change."""
Degradations: TypeAlias = "Mapping[str, Change | Sequence[tuple[float, Change]]]"
"""Name -> change, or several with their levels."""
ImagesLike: TypeAlias = "Mapping[str, ImageLike] | Sequence[ImageLike] | str | os.PathLike[str]"
"""Name -> picture, pictures, or a folder of them."""


@dataclass(frozen=True)
class Condition:
    """What happens to every picture.

    Parameters
    ----------
    degradation : str
        Its name.
    level : float
        How strong it is; 0 for clean pictures, NaN where nobody said.
    change : callable, folder or None
    argument : str
        Which argument it came as, for messages.
    """

    degradation: str
    level: float
    change: Change
    argument: str = "degradations"

    @property
    def title(self) -> str:
        """Its name, with the level if it has one."""
        return self.degradation + ("" if math.isnan(self.level) or self.degradation == CLEAN else f" {self.level:g}")

    @property
    def words(self) -> str:
        """What it is, for a result's attributes."""
        told = "as it is" if self.change is None else str(self.change)
        return f"{self.title}: {identity.named(self.change) if callable(self.change) else told}"

    @property
    def is_folder(self) -> bool:
        """Whether its pictures are degraded already."""
        return self.change is not None and not callable(self.change)

    def applied(self, low: Image, high: Image, scale: int, name: str, seed: int) -> Image:
        """Return the network's input of one picture, whole.

        Parameters
        ----------
        low, high : torch.Tensor (channel, y, x)
            The picture in the network's input size, and in full.
        scale : int
        name : str
            Of the picture, by which it is found in a folder.
        seed : int
            Random numbers follow from it and from the picture: every picture has noise of its own, the same at each
            call. A degradation with a seed, such as `lam_nb.images.Noise`, gets another for each picture.

        Raises
        ------
        InputError
            If the change cannot take the picture, or makes something else of it.
        """
        argument = f"{self.argument}[{self.degradation!r}]"
        if self.change is None:
            return low
        if not callable(self.change):
            return images.load(_paired(address(argument, self.change), name, argument), channels=len(low))
        decides = f"{seed} {self.degradation} {self.level} {identity.digest(low)}"
        number = int(hashlib.sha256(decides.encode()).hexdigest()[:8], 16)
        reduces = bool(getattr(self.change, "reduces", False))
        given = (high[None], scale) if reduces else (low[None],)
        with BACKENDS.usual(torch.device("cpu")), torch.random.fork_rng([]):
            torch.manual_seed(number)
            made = answer(argument, _drawn_anew(self.change, number), *given)
        if not isinstance(made, torch.Tensor) or made.shape != (1, *low.shape):
            got = tuple(made.shape) if isinstance(made, torch.Tensor) else type(made).__name__
            raise InputError(f"{argument}: it returned {got}, expected pictures {(1, *low.shape)}, as it was given.")
        return images.as_image(made[0], argument, len(low))


def _drawn_anew(change: Callable[..., Batch], seed: int) -> Callable[..., Batch]:
    """Return a degradation with another seed, if it has one: equal noise would be one more thing pictures share."""
    if dataclasses.is_dataclass(change) and not isinstance(change, type):
        if any(field.name == "seed" for field in dataclasses.fields(change)):
            return dataclasses.replace(change, seed=seed)
    return change


def _files(folder: Path) -> list[Path]:
    try:
        return images.files(folder)
    except InputError:
        return []


def _paired(folder: Path, name: str, argument: str) -> Path:
    found = [path for path in _files(folder) if path.stem == name]
    if len(found) != 1:
        many = "no picture" if not found else f"{len(found)} pictures"
        raise InputError(f"{argument}: {folder} has {many} of the name {name!r}; pairs go by the names of their files.")
    return found[0]


def conditions(degradations: object) -> tuple[Condition, ...]:
    """Return all conditions, clean first.

    Raises
    ------
    InputError
        If something is neither a function nor a folder nor a list of them with levels, or there is none but clean.

    Examples
    --------
    >>> [one.words for one in conditions({"blur": [(1, images.Blur(1)), (2, images.Blur(2))]})]
    ['clean: as it is', 'blur 1: Blur(sigma=1)', 'blur 2: Blur(sigma=2)']
    """
    named = {CLEAN: None, **mapping("degradations", degradations)}
    if len(named) < 2:
        raise InputError(
            "degradations: got only 'clean', expected at least one more, such as {'blur': lam_nb.images.Blur(2)}."
        )
    return listed(named, "degradations")


def listed(given: Mapping[str, object], argument: str) -> tuple[Condition, ...]:
    """Return the conditions of a mapping, a condition for each level.

    Raises
    ------
    InputError
        If something is neither a function nor a folder nor a list of them with levels.

    Examples
    --------
    >>> [one.level for one in listed({"blur": [(0, None), (2, images.Blur(2))]}, "tests")]
    [0.0, 2.0]
    """
    return tuple(one for name, value in given.items() for one in _levels(str(name), value, argument))


def _levels(name: str, value: object, argument: str) -> list[Condition]:
    if isinstance(value, list | tuple):
        pairs = [pair for pair in value if isinstance(pair, list | tuple) and len(pair) == 2 and _is_level(pair[0])]
        if not value or len(pairs) < len(value) or len({float(level) for level, _ in pairs}) < len(pairs):
            raise InputError(
                f"{argument}[{name!r}]: got {value!r:.80}, expected a list of pairs (level, function), no two of one "
                "level."
            )
        return [_condition(name, float(level), change, argument) for level, change in pairs]
    return [_condition(name, 0.0 if name == CLEAN else math.nan, value, argument)]


def _is_level(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _condition(name: str, level: float, change: object, argument: str) -> Condition:
    if change is None or callable(change) or isinstance(change, str | os.PathLike):
        return Condition(name, level, change, argument)
    raise InputError(
        f"{argument}[{name!r}]: got {change!r:.80}, expected a function of a batch, a list of (level, function), or "
        "a folder of pictures that are degraded already."
    )


def pictures(given: object, channels: int, name: str = "images") -> dict[str, Image]:
    """Return pictures by name: of a mapping, a sequence, or a folder.

    Raises
    ------
    InputError
        If they are something else, or none.

    Examples
    --------
    >>> list(pictures(["bricks", "facade"], 3))
    ['bricks', 'facade']
    """
    if isinstance(given, str | os.PathLike):
        folder = address(name, given)
        if not folder.is_dir():
            raise InputError(
                f"{name}: got {given!s:.80}, expected a folder of pictures, a list or a dictionary of them."
            )
        if not (given := _files(folder)):
            raise InputError(f"{name}: {folder} holds no picture, expected some; check the folder.")
    if not isinstance(given, Mapping | Sequence) or isinstance(given, bytes) or not given:
        got = "none" if isinstance(given, Mapping | Sequence) and not given else type(given).__name__
        raise InputError(f"{name}: got {got}, expected a dictionary of name -> picture, a list of them or a folder.")
    if isinstance(given, Mapping):
        return {str(key): _picture(one, name, channels) for key, one in given.items()}
    names = [Path(one).stem if isinstance(one, str | os.PathLike) else f"image {k}" for k, one in enumerate(given)]
    found = [_picture(one, name, channels) for one in given]
    return dict(zip(map(str, result.numbered(names)), found, strict=True))


def _picture(one: ImageLike, name: str, channels: int) -> Image:
    if isinstance(one, str) and one in images.samples():
        return images.sample(one, channels)
    return images.as_image(one, name, channels)


@dataclass(frozen=True)
class Samples:
    """Networks' inputs, all of one size, and what they are; in an order that follows from the inputs alone.

    So that features, and all that follows, are the same in whatever order pictures were given, bit for bit.

    Parameters
    ----------
    inputs : tuple of torch.Tensor (channel, y, x)
    contents, degradations : tuple of str
    levels : tuple of float
    names : tuple of str
        Content, degradation and level in words.
    given : tuple of int
        At which place each was given.
    conditions : tuple of Condition
    """

    inputs: tuple[Image, ...]
    contents: tuple[str, ...]
    degradations: tuple[str, ...]
    levels: tuple[float, ...]
    names: tuple[str, ...]
    given: tuple[int, ...]
    conditions: tuple[Condition, ...]

    @property
    def order(self) -> NDArray[np.int64]:
        """Where to find what was given first, second and so on."""
        return np.argsort(self.given)

    @property
    def digest(self) -> str:
        """SHA-256 of all inputs, hexadecimal."""
        return hashlib.sha256("".join(map(identity.digest, self.inputs)).encode()).hexdigest()

    @property
    def facts(self) -> dict[str, str | int]:
        """What was asked about, as attributes of a result."""
        return {
            "size": " × ".join(map(str, self.inputs[0].shape[-2:])),
            "images": len(set(self.contents)),
            "conditions": "; ".join(one.words for one in self.conditions),
            "inputs_sha256": self.digest,
        }


def samples(
    network: Network, given: object, degradations: object, size: int | Sequence[int] | None = None, seed: int = 0
) -> Samples:
    """Make the grid pictures × conditions.

    Raises
    ------
    InputError
        If an argument does not fit, there is only one picture, or one is given twice.

    Examples
    --------
    >>> from lam_nb import networks
    >>> net = networks.load("fsrcnn")
    >>> found = samples(net, ["bricks", "facade"], {"blur": images.Blur(2)}, size=(24, 32))
    >>> len(found.inputs), found.inputs[0].shape
    (4, torch.Size([3, 24, 32]))
    """
    every, named = conditions(degradations), pictures(given, network.axes.count)
    if len(named) < 2:
        raise InputError("images: got one picture, expected at least two: features of one tell nothing of content.")
    _apart(named)
    low = {name: reduced(one, network.scale, name) for name, one in named.items()}
    sides = cut_size(low, size)
    rows = []
    for name, condition in ((name, condition) for name in named for condition in every):
        whole_one = condition.applied(low[name], named[name], network.scale, name, seed)
        made = cut(whole_one, sides, f"degradations[{condition.degradation!r}], {name}")
        told = name, condition.degradation, condition.level, f"{name}, {condition.title}"
        rows.append((identity.digest(made), made, *told))
    order = sorted(range(len(rows)), key=lambda k: rows[k][0])
    _, inputs, contents, degraded, levels, names = zip(*(rows[k] for k in order), strict=True)
    return Samples(inputs, contents, degraded, levels, names, tuple(order), every)


def _apart(named: Mapping[str, Image]) -> None:
    """Refuse a picture that is given twice: whoever is asked about one of them would have been told of the other."""
    seen: dict[str, str] = {}
    for name, one in named.items():
        other = seen.setdefault(identity.digest(one), name)
        if other != name:
            raise InputError(f"images: {other!r} and {name!r} are one picture, expected different ones; leave one out.")


def reduced(picture: Image, scale: int, name: str) -> Image:
    """Return the network's input of a high-resolution picture.

    Raises
    ------
    InputError
        If the picture is smaller than the scale.
    """
    if min(picture.shape[-2:]) < scale:
        raise InputError(f"images: {name!r} has {tuple(picture.shape[-2:])} pixels, fewer than the scale, {scale}.")
    return images.downscale(picture, scale) if scale > 1 else picture


def cut_size(low: Mapping[str, Image], size: int | Sequence[int] | None) -> tuple[int, int]:
    """Return rows and columns that all inputs are cut to."""
    least = min(one.shape[-2] for one in low.values()), min(one.shape[-1] for one in low.values())
    if size is None:
        return least
    pair = [size, size] if not isinstance(size, list | tuple) else size
    if len(pair) != 2:
        raise InputError(f"size: got {size!r:.80}, expected a number of pixels, or (rows, columns).")
    rows, columns = (whole("size", side) for side in pair)
    if rows > least[0] or columns > least[1]:
        raise InputError(
            f"size: got {rows} × {columns} px of the network's input, but the smallest picture has {least[0]} × "
            f"{least[1]} there; give less, or larger pictures."
        )
    return rows, columns


def cut(picture: Image, sides: tuple[int, int], name: str) -> Image:
    """Return the middle of a picture; nobody else's memory."""
    if any(there < wanted for there, wanted in zip(picture.shape[-2:], sides, strict=True)):
        raise InputError(
            f"{name}: got {tuple(picture.shape[-2:])} pixels, expected at least {sides}, as the others of its pair; "
            "these are inputs of the network, and not enlarged."
        )
    y, x = ((there - wanted) // 2 for there, wanted in zip(picture.shape[-2:], sides, strict=True))
    return images.crop(picture, y, x, *sides).clone()
