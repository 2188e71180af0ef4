"""Figures for print: Dataset -> matplotlib, without a browser."""

from __future__ import annotations

from ._publish import publish
from ._save import save

__all__ = ["publish", "save"]


def __dir__() -> list[str]:
    return __all__
