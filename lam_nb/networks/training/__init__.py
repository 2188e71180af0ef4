"""Training: small networks and families on any folder of photographs, and how well they restore."""

from __future__ import annotations

from .critic import Critic
from .evaluation import bicubic, evaluate
from .family import Member, train_family
from .learning import batches, pairs, train

__all__ = ["Critic", "Member", "batches", "bicubic", "evaluate", "pairs", "train", "train_family"]


def __dir__() -> list[str]:
    return __all__
