"""Sources: pictures by address, as workers read them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from .. import images
from ..result.ledger import contents_of
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
    torch.Size([3, 256, 256])
    """
    if not isinstance(source, str):
        return source
    if source in images.samples():
        return images.sample(source, channels or 3)
    if "://" not in source and not source.endswith(_NUMBERS):
        return images.as_image(source, channels=channels)
    return decoded(contents_of(source) if "://" in source else Path(source).read_bytes(), source, channels)


def decoded(contents: bytes, name: str, channels: int | None = 3) -> Image:
    """Return the picture that a file's contents hold.

    Raises
    ------
    InputError
        If they hold none.

    Examples
    --------
    >>> decoded(b"nothing", "s3://bucket/one.png")
    Traceback (most recent call last):
    lam_nb.InputError: image: s3://bucket/one.png is no picture that can be read.
    """
    held = io.BytesIO(contents)
    try:
        return torch.from_numpy(np.load(held)) if name.endswith(_NUMBERS) else images.load(held, channels=channels or 3)
    except (OSError, ValueError):
        raise InputError(f"image: {name} is no picture that can be read.") from None
