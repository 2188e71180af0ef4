"""Offers: networks and pictures to choose from, by name, and how uploads join them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from lam_nb import images as pictures
from lam_nb import networks as nets
from lam_nb import result
from lam_nb.cli.demonstration import NETWORKS, SAMPLE
from lam_nb.networks import Network
from lam_nb.types import ImageLike
from lam_nb.validation import InputError


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


def uploaded(value: object) -> tuple[str, torch.Tensor] | None:
    """Return name and picture of an upload, or None if there is none."""
    given = uploaded_file(value)
    return None if given is None else (given[0], pictures.load(io.BytesIO(given[1])))


def uploaded_file(value: object) -> tuple[str, bytes] | None:
    """Return name and content of an upload, as ipywidgets 7 or 8 gives it, or None if there is none."""
    files = list(value.values()) if isinstance(value, dict) else list(value or ())  # type: ignore[call-overload]
    if not files:
        return None
    upload = files[0]
    return str(upload.get("metadata", upload)["name"]), bytes(upload["content"])


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
