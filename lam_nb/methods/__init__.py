"""Methods: a question a module, the verb and its table."""

from __future__ import annotations

from . import attribution, causal, comparison, diffusion, faithfulness, filtering, peers, receptive, representation

__all__ = [
    "attribution",
    "causal",
    "comparison",
    "diffusion",
    "faithfulness",
    "filtering",
    "peers",
    "receptive",
    "representation",
]


def __dir__() -> list[str]:
    return __all__
