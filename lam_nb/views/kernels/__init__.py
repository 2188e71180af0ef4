"""Views of kernels: which make the difference, and what happens when they are put back."""

from __future__ import annotations

from ._filters import filters
from ._masking import masking
from ._modulation import modulation

__all__ = ["filters", "masking", "modulation"]


def __dir__() -> list[str]:
    return __all__
