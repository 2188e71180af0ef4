"""Described: networks that spandrel knows, called as it calls them, with gradients and without its clipping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ..types import Batch
from ..validation import InputError, words_of

__all__ = ["Described", "is_descriptor", "recognised", "taken"]

_COLOURS = {3: "rgb", 1: "luma"}
_FACES = "one aligned face that fills the picture"
_INSTALL = 'pip install "lam-nb[spandrel]"'


class Described(nn.Module):
    """The network of a spandrel descriptor, with the ranges, noise maps, patches and padding that belong to it.

    A network that fuses its own layers when it is first asked is asked once here, so that its weights stay
    what they are from then on.

    Parameters
    ----------
    descriptor : spandrel.ImageModelDescriptor
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model = descriptor.model.eval()
        self._call: Callable[[nn.Module, Batch], Any] = getattr(descriptor, "_call_fn", _plainly)
        self._sizes, self._scale = descriptor.size_requirements, descriptor.scale
        side = max(32, self._sizes.minimum, self._sizes.multiple_of)
        weight = next(self.model.parameters(), torch.zeros(1))
        with torch.no_grad():
            self(torch.full((1, descriptor.input_channels, side, side), 0.5).to(weight))

    def forward(self, batch: Batch) -> Any:
        """Map (n, c, y, x) in [0, 1] to (n, c, scale·y, scale·x)."""
        # A copy: some of these networks write into what they are given.
        answer = self._call(self.model, _padded(batch.clone(), self._sizes))
        rows, columns = (side * self._scale for side in batch.shape[-2:])
        return answer[..., :rows, :columns]


def _plainly(model: nn.Module, image: Batch) -> Any:
    return model(image)


def _padded(batch: Batch, sizes: Any) -> Batch:
    """Mirror the picture at its bottom and right until it has the sides that are needed."""
    height, width = batch.shape[-2:]
    wide, tall = (max(sizes.minimum, side) for side in (width, height))
    wide, tall = (-(-side // sizes.multiple_of) * sizes.multiple_of for side in (wide, tall))
    if sizes.square:
        wide = tall = max(wide, tall)
    right, below = wide - width, tall - height
    if not (right or below):
        return batch
    mirrored = min(right, width - 1), min(below, height - 1)
    batch = nn.functional.pad(batch, (0, mirrored[0], 0, mirrored[1]), mode="reflect")
    return nn.functional.pad(batch, (0, right - mirrored[0], 0, below - mirrored[1]), mode="replicate")


def is_descriptor(module: object) -> bool:
    """Whether it is what spandrel loads."""
    return all(hasattr(module, part) for part in ("model", "input_channels", "size_requirements"))


def taken(descriptor: Any) -> tuple[Described, dict[str, Any]]:
    """Return a descriptor's network, and what it says of itself as settings of `lam_nb.networks.wrap`.

    Raises
    ------
    InputError
        If it wants more than a picture, such as a mask, or other channels than it gives.
    """
    name = str(descriptor.architecture.name)
    if getattr(descriptor, "purpose", "") == "Inpainting":
        words = "it answers for a picture and a mask, and nothing can be asked of a picture alone"
        raise InputError(f"module: {name} fills what a mask leaves out: {words}.")
    channels = descriptor.input_channels, descriptor.output_channels
    if channels[1] != channels[0]:
        raise InputError(f"module: got {name} of {channels[0]} -> {channels[1]} channels, expected as many out as in.")
    module = Described(descriptor)
    alone = descriptor.size_requirements.square or descriptor.size_requirements.minimum > 1
    told = {
        "scale": descriptor.scale,
        "pad_to": 1 if alone else descriptor.size_requirements.multiple_of,
        "colours": _COLOURS.get(channels[0]),
        "channels": None if channels[0] in _COLOURS else channels[0],
        "name": name,
        "asks_for": _FACES if getattr(descriptor, "purpose", "") == "FaceSR" else "",
    }
    return module, told


def recognised(state: Mapping[str, torch.Tensor], otherwise: InputError) -> Any:
    """Return the descriptor of a checkpoint that spandrel knows.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        As `lam_nb.networks.checkpoints.read` returns it: nothing is unpickled here.
    otherwise : InputError
        Why it is none of our own architectures; raised if spandrel is not there, or does not know it.

    Raises
    ------
    InputError
        If it is unknown, with how to have more architectures recognised.
    """
    words = str(otherwise).removesuffix(".")
    try:
        import spandrel
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision, which it needs, built for another torch
        missing = isinstance(error, ModuleNotFoundError) and error.name == "spandrel"
        hint = f"install it: {_INSTALL}" if missing else f"it does not import here: {words_of(error):.160}"
        raise InputError(f"{words}; spandrel knows some 40 more ({hint}).") from None
    try:
        return spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(state))
    except spandrel.UnsupportedModelError:
        raise InputError(f"{words}; spandrel {spandrel.__version__} does not know it, either.") from None
    except Exception as error:  # keys that look known and shapes that are not fail in any words
        fails = f"spandrel {spandrel.__version__} fails on it, too ({words_of(error):.160})."
        raise InputError(f"{words}; {fails}") from None
