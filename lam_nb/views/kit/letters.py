"""Letters: the font of pictures that are drawn without a browser, and text in the letters that it has."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

from .markup import plain, spelled


def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Return a font of so many pixels: matplotlib's own where it is installed, otherwise Pillow's.

    Examples
    --------
    >>> font(12).getbbox("DI 0.68")[2] > 20
    True
    """
    own = _dejavu()
    return ImageFont.truetype(own, size) if own else ImageFont.load_default(size)


def written(text: str | None) -> str:
    r"""Return text of a figure without its tags, in letters that the font has.

    Examples
    --------
    >>> written("<b>map</b><br>12 px")
    'map\n12 px'
    """
    words = plain(text)
    return words.strip(" ") if _dejavu() else spelled(words)


@cache
def _dejavu() -> str | None:
    """Return where matplotlib keeps its font, without importing it."""
    found = find_spec("matplotlib")
    path = (
        Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf" if found and found.origin else None
    )
    return str(path) if path and path.is_file() else None
