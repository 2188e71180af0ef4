"""Offers: networks and pictures to choose from, by name, and what joins them: uploads, checkpoints, modules."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow

from lam_nb import images as pictures
from lam_nb import networks as nets
from lam_nb import result
from lam_nb.cli.demonstration import NETWORKS, SAMPLE
from lam_nb.images.photographs import in_channels
from lam_nb.networks import Network
from lam_nb.types import Image, ImageLike
from lam_nb.validation import InputError

from ..catalogue import Row
from .window import LARGEST

_YOURS = "...  # your network"


class Offers:
    """Networks and pictures by the names that they are offered by; names of networks are loaded when first used.

    Parameters
    ----------
    networks : sequence of Network or names, optional
        By default the shipped ones.
    images : mapping or sequence, optional
        By default the sample photographs.

    Raises
    ------
    InputError
        If there are none of one, or one is something else.
    """

    def __init__(
        self,
        networks: Sequence[Network | str] | None,
        images: Mapping[str, ImageLike] | Sequence[ImageLike] | None,
    ) -> None:
        self.networks, self.images = named_networks(networks), named_images(images)
        self._recipes = {
            name: f"lam.networks.load({one!r})" for name, one in self.networks.items() if isinstance(one, str)
        }
        self._samples = {name for name, one in self.images.items() if is_sample(name, one)}

    def load(self, name: str) -> Network:
        """Return a network, loaded when it was only a name."""
        network = self.networks[name]
        if isinstance(network, str):
            network = self.networks[name] = nets.load(network)
        return network

    def row(self, name: str) -> Row:
        """Return what is known of a network without loading it."""
        network = self.networks[name]
        known: Mapping[str, object] = {}
        if isinstance(network, Network):
            known = network.facts
        elif network in nets.shipped():
            known = nets.card(network)
        told: Row = {"name": name}
        if known:
            told |= {"scale": f"×{known['scale']}", "parameters": _short(int(str(known["parameters"])))}
            told |= {"field": field(str(known.get("receptive_field", ""))), "about": str(known.get("looks", ""))}
        return told

    def recipe(self, name: str) -> str:
        """Return the words that load a network in a program."""
        return self._recipes.get(name, f"{_YOURS} {name!r}")

    def source(self, name: str, channels: int) -> str:
        """Return the words that read a picture in a program."""
        sample = f"lam.images.sample({name!r}{'' if channels == 3 else f', {channels}'})"
        return sample if name in self._samples else "...  # your image"

    def picture(self, name: str, network: Network) -> Image:
        """Return a picture with the channels that a network takes.

        Raises
        ------
        InputError
            If it is too large to be taken whole.
        """
        picture = in_channels(self.images[name], network.axes.count)
        if max(picture.shape[-2:]) > LARGEST:
            raise InputError(f"image: {name} is too large; draw the part to keep first.")
        return picture

    def pictures(self, names: Sequence[str], network: Network) -> dict[str, Image]:
        """Return some pictures as `picture` does."""
        return {name: self.picture(name, network) for name in names}

    def add_picture(self, name: str, picture: Image) -> str:
        """Take a picture, and return the name that it got."""
        name = free(name, self.images)
        self.images[name] = picture
        return name

    def add_checkpoint(self, name: str, content: bytes) -> str:
        """Read an uploaded checkpoint, without running anything inside, and return the name that it got."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(name).name
            path.write_bytes(content)
            return self._join(nets.load(path))

    def add_named(self, words: str) -> str:
        """Take a module of the notebook by its variable's name, or what `lam_nb.networks.load` takes.

        Raises
        ------
        InputError
            If it is neither.
        """
        module = modules().get(words)
        if module is None:
            return self._join(nets.load(words), f"lam.networks.load({words!r})")
        if isinstance(module, Network):
            return self._join(module, words)
        network = nets.wrap(module, name=words)
        return self._join(network, f"lam.networks.wrap({words}, name={words!r})")

    def _join(self, network: Network, recipe: str = "") -> str:
        name = free(network.name, self.networks)
        self.networks[name] = network
        if recipe:
            self._recipes[name] = recipe
        return name


def is_transparent(content: bytes) -> bool:
    """Return whether a picture is transparent somewhere."""
    with Pillow.open(io.BytesIO(content)) as picture:
        return picture.has_transparency_data and int(np.asarray(picture.convert("RGBA"))[..., 3].min()) < 255


def modules() -> dict[str, torch.nn.Module]:
    """Return the modules of the notebook by their variables' names; none where there is no notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    names = {} if shell is None else dict(shell.user_ns)
    return {name: one for name, one in names.items() if isinstance(one, torch.nn.Module) and not name.startswith("_")}


def field(words: str) -> str:
    """Return a receptive field in short.

    Examples
    --------
    >>> [field(one) for one in ("15 × 15 input pixels", "the whole image", "at least 290 × 290 input pixels", "")]
    ['15', 'whole', '≥ 290', '–']
    """
    if words.startswith("the whole"):
        return "whole"
    least, sides = "at least " in words, words.removeprefix("at least ").split(" ")
    return ("≥ " if least else "") + (sides[0] or "–")


def _short(count: int) -> str:
    """Return a number of parameters in short.

    Examples
    --------
    >>> _short(433448), _short(24683), _short(12), _short(11_900_000)
    ('433 k', '24.7 k', '12', '11.9 M')
    """
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def named_networks(given: Sequence[Network | str] | None) -> dict[str, Network | str]:
    """Return networks, or names of them, by the name that they are offered by.

    Raises
    ------
    InputError
        If there is none, or one is something else.
    """
    found = sorted(nets.shipped(), key=lambda name: (name not in NETWORKS, name)) if given is None else list(given)
    if not found or not all(isinstance(one, Network | str) for one in found):
        raise InputError(f"networks: got {given!r}, expected names or networks from lam_nb.networks.load or wrap.")
    names = result.numbered([one if isinstance(one, str) else one.name for one in found])
    return dict(zip(map(str, names), found, strict=True))


def named_images(given: Mapping[str, ImageLike] | Sequence[ImageLike] | None) -> dict[str, torch.Tensor]:
    """Return pictures by the name that they are offered by.

    Raises
    ------
    InputError
        If there is none.
    """
    if given is None:
        given = sorted(pictures.samples(), key=lambda name: name != SAMPLE)
    if isinstance(given, Mapping):
        found = {str(name): pictures.as_image(one, channels=None) for name, one in given.items()}
    else:
        found = dict(_named_image(one, k) for k, one in enumerate(given))
    if not found:
        raise InputError("images: got none, expected images or names of samples.")
    return found


def free(name: str, taken: Mapping[str, object]) -> str:
    """Return a name that is not taken: an upload called like a sample is another picture.

    Examples
    --------
    >>> free("facade", {"facade": 1})
    'facade (2)'
    """
    numbers = (f"{name} ({k})" for k in range(2, len(taken) + 3))
    return next(one for one in (name, *numbers) if one not in taken)


def is_sample(name: str, picture: torch.Tensor) -> bool:
    """Return whether a picture is the sample of that name."""
    return name in pictures.samples() and torch.equal(picture, pictures.sample(name))


def _named_image(one: ImageLike, k: int) -> tuple[str, torch.Tensor]:
    if isinstance(one, str) and one in pictures.samples():
        return one, pictures.sample(one)
    return (Path(one).name if isinstance(one, str | Path) else f"image {k + 1}"), pictures.as_image(one, channels=None)
