"""Views of paths: what happens from the baseline to the image, and how its steps were chosen."""

from __future__ import annotations

from ._convergence import convergence
from ._path_panel import path_panel
from ._progression import progression

__all__ = ["convergence", "path_panel", "progression"]


def __dir__() -> list[str]:
    return __all__
