"""The kit: what all widgets share."""

from __future__ import annotations

from .frames import Stepped, coloured, decoded, largest, quantised
from .story import story, tables, window
from .widget import Widget, pictured, png, source, standing, viewed

__all__ = [
    "Stepped",
    "Widget",
    "coloured",
    "decoded",
    "largest",
    "pictured",
    "png",
    "quantised",
    "source",
    "standing",
    "story",
    "tables",
    "viewed",
    "window",
]


def __dir__() -> list[str]:
    return __all__
