"""Views of causal effects: what helps a window's restoration, and what harms it."""

from __future__ import annotations

from ._causal import causal
from ._causal_comparison import causal_comparison

__all__ = ["causal", "causal_comparison"]


def __dir__() -> list[str]:
    return __all__
