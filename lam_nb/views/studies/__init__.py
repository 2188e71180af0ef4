"""Views of studies: findings over many networks and images, with their intervals."""

from __future__ import annotations

from ._content import content
from ._di_scatter import di_scatter
from ._overview import Part, Tile, overview
from ._scaling import scaling
from ._sensitivity import sensitivity

__all__ = ["Part", "Tile", "content", "di_scatter", "overview", "scaling", "sensitivity"]


def __dir__() -> list[str]:
    return __all__
