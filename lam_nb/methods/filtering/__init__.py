"""Filtering: which kernels make the difference between two networks."""

from __future__ import annotations

from .scoring import TABLE, filters

__all__ = ["TABLE", "filters"]


def __dir__() -> list[str]:
    return __all__
