"""Tasks: what is to be computed, as it travels to workers, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..networks import Network
from ..types import Image, Region
from .sources import Source

Spec: TypeAlias = Network | str
"""A network, or what `lam_nb.networks.load` makes one of."""
Metric: TypeAlias = Callable[[Image, Image], float]
"""Output and truth, (channel, y, x) in [0, 1] -> a number."""


@dataclass(frozen=True)
class Work:
    """What all tasks of a sweep share; travels to workers."""

    store: str
    run: str
    verb: str
    as_truth: bool
    setting: tuple[str, str]
    settings: Mapping[str, Any]
    metrics: Mapping[str, Metric] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """The windows of one picture that are to be computed through one network; of a set of pictures there are none."""

    picture_id: str
    picture: str
    source: Source | Mapping[str, Source]
    windows: tuple[Region, ...]
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """Pairs of one network, computed one after the other."""

    network_id: str
    network: str
    specs: tuple[Spec, ...]
    """One network, or as many as a verb compares."""
    pairs: tuple[Pair, ...]
    is_suspect: bool = False
    """It was lost before with others, and is now computed alone."""


@dataclass(frozen=True)
class Done:
    """What became of a pair."""

    network: str
    picture: str
    cells: tuple[int, ...]
    failure: str = ""
    seconds: float = 0.0
    elsewhere: bool = False
    """Another sweep is at work on it."""
