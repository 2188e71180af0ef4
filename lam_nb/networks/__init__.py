"""Networks: shipped ones, published checkpoints, and your own module, all as one uniform Network."""

from __future__ import annotations

from . import architectures, checkpoints, published
from .classification import classifier, classifiers
from .factories import is_factory
from .loading import NetworkLike, as_network, as_networks, card, load, shipped, source
from .masking import masked
from .network import Network
from .published import PUBLISHED
from .wrapping import wrap

__all__ = [
    "PUBLISHED",
    "Network",
    "NetworkLike",
    "architectures",
    "as_network",
    "as_networks",
    "card",
    "checkpoints",
    "classifier",
    "classifiers",
    "is_factory",
    "load",
    "masked",
    "published",
    "shipped",
    "source",
    "wrap",
]


def __getattr__(name: str) -> object:
    from .. import _moved

    return _moved.moved(__name__, name)


def __dir__() -> list[str]:
    return __all__
