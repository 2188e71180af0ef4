"""The known architectures, one a file, each with published state-dict keys; which of them a checkpoint belongs to."""

from __future__ import annotations

from .registry import Ambiguous, build, filled, names, nearest, recognise

__all__ = ["Ambiguous", "build", "filled", "names", "nearest", "recognise"]


def __dir__() -> list[str]:
    return __all__
