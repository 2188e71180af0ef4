"""Sources: pictures by address, as workers read them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch

from .. import images
from ..types import Image
from ..validation import InputError

Source: TypeAlias = Image | str
"""A picture, or the name of a sample, a path or an address of fsspec."""
_NUMBERS = ".npy"
"""Ending of pictures that had no address, and got one in the store."""


def opened(source: Source, channels: int | None = 3) -> Image:
    """Return a picture, read if it is an address.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> opened("bricks").shape
    torch.Size([3, 254, 256])
    """
    if not isinstance(source, str):
        return source
    if source in images.samples():
        return images.sample(source, channels or 3)
    if "://" not in source and not source.endswith(_NUMBERS):
        return images.as_image(source, channels=channels)
    import fsspec

    try:
        with fsspec.open(source, "rb") as file:
            return torch.from_numpy(np.load(file)) if source.endswith(_NUMBERS) else images.load(file)
    except (OSError, ImportError, ValueError) as error:
        raise InputError(f"image: {source} cannot be read ({type(error).__name__}: {error}).") from None
