"""The explorer: choose networks and an image, drag the window, run, scrub, compare, export; in one cell."""

from .explorer import Explorer

__all__ = ["Explorer"]


def __dir__() -> list[str]:
    return __all__
