"""Views of features: what they know, layer by layer, and how far they move when pictures are degraded."""

from __future__ import annotations

from ._generalisation import generalisation
from ._representations import representations
from ._separability import separability

__all__ = ["generalisation", "representations", "separability"]


def __dir__() -> list[str]:
    return __all__
