"""Causal effects: interventions on blocks of the input."""

from __future__ import annotations

from .blocks import COARSE, FINE, OUTSIDE, OWN
from .draws import patches
from .effect import causal_effect, causal_effect_steps
from .tasks import Task, task

__all__ = ["COARSE", "FINE", "OUTSIDE", "OWN", "Task", "causal_effect", "causal_effect_steps", "patches", "task"]


def __dir__() -> list[str]:
    return __all__
