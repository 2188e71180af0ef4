"""Photographs: the samples that come along."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ..types import Image
from ..validation import choose, whole
from .quality import luma
from .reading import load


def samples() -> tuple[str, ...]:
    """Names of the shipped photographs (licences in ``lam_nb/data/images/README.md``).

    Examples
    --------
    >>> "facade" in samples()
    True
    """
    return tuple(sorted(path.stem for path in folder().glob("*.png")))


def sample(name: str, channels: int = 3) -> Image:
    """Return a shipped photograph, 256 × 256 or a little less.

    Parameters
    ----------
    name : str
        One of `samples`.
    channels : int, default 3
        Of other than three, every channel is the photograph's luma.

    Returns
    -------
    torch.Tensor, shape (channels, y, x), float32 in [0, 1]

    Raises
    ------
    InputError
        If there is no photograph of that name.

    Examples
    --------
    >>> sample("facade").shape[0]
    3
    """
    picture = load(folder() / f"{choose('sample', name, samples())}.png")
    return in_channels(picture, whole("channels", channels))


def in_channels(picture: Image, channels: int) -> Image:
    """Return a picture for a network of so many channels: itself, if it has them; of RGB, its luma in each.

    Examples
    --------
    >>> in_channels(sample("facade"), 4).shape[0]
    4
    """
    if len(picture) == channels or len(picture) != 3:
        return picture
    return luma(picture).expand(channels, -1, -1).clone()


def folder() -> Path:
    """Return where the shipped photographs lie."""
    return Path(str(resources.files("lam_nb") / "data" / "images"))
