"""Training: small networks and families on any folder of photographs, and how well they restore."""

from __future__ import annotations

from .classification import accuracy, train_classifier
from .critic import Critic
from .crops import batches, pairs
from .evaluation import bicubic, evaluate
from .family import Member, train_family
from .learning import train

__all__ = [
    "Critic",
    "Member",
    "accuracy",
    "batches",
    "bicubic",
    "evaluate",
    "pairs",
    "train",
    "train_classifier",
    "train_family",
]


def __dir__() -> list[str]:
    return __all__
