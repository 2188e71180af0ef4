"""Statistics: what a Dataset tells. They work unchanged with further dimensions, such as `model`.

Most map a result to a DataArray; those that compare two results, or give an interval, return a Dataset.
"""

from __future__ import annotations

from .areas import contribution_area, informative_area
from .array import ranks
from .clusters import separability
from .concentration import diffusion_index, gini, index_error, pixels_for_share, spread
from .intervals import bootstrap
from .kernels import kernel_layers, kernel_ranking, masking_effect, top_kernels
from .likeness import agreement, causal_agreement
from .maps import (
    completeness,
    contributions,
    cumulative,
    cumulative_share,
    gathered,
    magnitude,
    response,
    sensitivity,
    share,
    signed,
    speed,
)
from .summary import Summary as Summary
from .summary import summary

__all__ = [
    "agreement",
    "bootstrap",
    "causal_agreement",
    "completeness",
    "contribution_area",
    "contributions",
    "cumulative",
    "cumulative_share",
    "diffusion_index",
    "gathered",
    "gini",
    "index_error",
    "informative_area",
    "kernel_layers",
    "kernel_ranking",
    "magnitude",
    "masking_effect",
    "pixels_for_share",
    "ranks",
    "response",
    "sensitivity",
    "separability",
    "share",
    "signed",
    "speed",
    "spread",
    "summary",
    "top_kernels",
]


def __getattr__(name: str) -> object:
    from .. import _moved

    return _moved.moved(__name__, name)


def __dir__() -> list[str]:
    return __all__
