"""Pairs: degraded pictures beside their truths, cut alike; what two networks are asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ... import identity, images
from ...networks import Network
from ...types import Image
from ...validation import InputError, mapping, whole
from ..representation.samples import Condition, cut, cut_size, listed, pictures, reduced


@dataclass(frozen=True)
class Pairs:
    """Every picture in every condition, and its truth.

    Parameters
    ----------
    contents : tuple of str
        Names of the pictures.
    conditions : tuple of Condition
    inputs : tuple of torch.Tensor (channel, y, x)
        Pictures one after another, each in all conditions.
    truths : tuple of torch.Tensor (channel, out_y, out_x)
        A truth for each input.
    """

    contents: tuple[str, ...]
    conditions: tuple[Condition, ...]
    inputs: tuple[Image, ...]
    truths: tuple[Image, ...]

    @property
    def titles(self) -> list[str]:
        """Names of the conditions, with their levels."""
        return [one.title for one in self.conditions]

    @property
    def digest(self) -> str:
        """SHA-256 of all inputs and truths, hexadecimal."""
        every = (identity.digest(one) for one in (*self.inputs, *self.truths))
        return hashlib.sha256("".join(every).encode()).hexdigest()

    @property
    def facts(self) -> dict[str, str | int]:
        """What was asked about, as attributes of a result."""
        return {
            "size": " × ".join(map(str, self.inputs[0].shape[-2:])),
            "images": len(self.contents),
            "conditions": "; ".join(one.words for one in self.conditions),
            "inputs_sha256": self.digest,
        }


def pairs(
    network: Network, given: object, degradations: object, size: int | Sequence[int] | None = None, seed: int = 0
) -> Pairs:
    """Make the grid pictures × conditions, each with its truth.

    Raises
    ------
    InputError
        If an argument does not fit.

    Examples
    --------
    >>> from lam_nb.networks import load
    >>> found = pairs(load("fsrcnn"), ["bricks", "facade"], {"blur": images.Blur(2)}, size=(24, 32))
    >>> len(found.inputs), found.inputs[0].shape, found.truths[0].shape
    (2, torch.Size([3, 24, 32]), torch.Size([3, 96, 128]))
    """
    named, seed = pictures(given, network.axes.count), whole("seed", seed, 0, 2**32 - 1)
    every = _conditions(degradations)
    low = {name: reduced(one, network.scale, name) for name, one in named.items()}
    sides = cut_size(low, size)
    inputs, truths = [], []
    for name, truth in named.items():
        wanted = _truth(truth, low[name], sides, network.scale)
        for condition in every:
            made = condition.applied(low[name], truth, network.scale, name, seed)
            argument = f"degradations[{condition.degradation!r}], {name}"
            if made.shape != low[name].shape:
                raise InputError(
                    f"{argument}: got {tuple(made.shape)}, expected {tuple(low[name].shape)}, as its truth made "
                    f"{network.scale} times smaller: losses compare pixel by pixel."
                )
            inputs.append(cut(made, sides, argument))
            truths.append(wanted)
    return Pairs(tuple(named), every, tuple(inputs), tuple(truths))


def _conditions(degradations: object) -> tuple[Condition, ...]:
    given = mapping("degradations", degradations)
    if not given:
        raise InputError("degradations: got none, expected at least one, such as {'blur': lam_nb.images.Blur(2)}.")
    found = listed(given, "degradations")
    titles = [one.title for one in found]
    if twice := next((title for title in titles if titles.count(title) > 1), None):
        raise InputError(f"degradations: got two of the name {twice!r}, expected one; give them other names.")
    return found


def _truth(truth: Image, low: Image, sides: tuple[int, int], scale: int) -> Image:
    """Return what belongs to the middle of the small picture."""
    y, x = ((there - wanted) // 2 * scale for there, wanted in zip(low.shape[-2:], sides, strict=True))
    return images.crop(truth, y, x, sides[0] * scale, sides[1] * scale).clone()
