"""Representations: what features know, degradation or content."""

from __future__ import annotations

from .projection import TABLE, representations

__all__ = ["TABLE", "representations"]


def __dir__() -> list[str]:
    return __all__
