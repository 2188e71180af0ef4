"""Photographs: the samples that come along."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ..types import Image
from ..validation import choose
from .reading import load


def samples() -> tuple[str, ...]:
    """Names of the shipped photographs (licences in ``lam_nb/data/images/README.md``).

    Examples
    --------
    >>> "facade" in samples()
    True
    """
    return tuple(sorted(path.stem for path in folder().glob("*.png")))


def sample(name: str) -> Image:
    """Return a shipped photograph, 256 × 256 or a little less.

    Raises
    ------
    InputError
        If there is no photograph of that name.

    Examples
    --------
    >>> sample("facade").shape[0]
    3
    """
    return load(folder() / f"{choose('sample', name, samples())}.png")


def folder() -> Path:
    """Return where the shipped photographs lie."""
    return Path(str(resources.files("lam_nb") / "data" / "images"))
