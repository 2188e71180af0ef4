"""Views: Dataset -> plotly Figure that plays without a kernel. They draw statistics and compute none."""

from __future__ import annotations

from .effects import causal, causal_comparison
from .features import generalisation, representations, separability
from .kernels import filters, masking, modulation
from .kit import View, write_html
from .maps import Table, attribution, comparison, diffusion_field, informative, receptive_field, table
from .paths import convergence, path_panel, progression
from .publication import publish, save
from .quality import faithfulness, randomised
from .studies import Part, Tile, content, di_scatter, overview, scaling, sensitivity

__all__ = [
    "Part",
    "Table",
    "Tile",
    "View",
    "attribution",
    "causal",
    "causal_comparison",
    "comparison",
    "content",
    "convergence",
    "di_scatter",
    "diffusion_field",
    "faithfulness",
    "filters",
    "generalisation",
    "informative",
    "masking",
    "modulation",
    "overview",
    "path_panel",
    "progression",
    "publish",
    "randomised",
    "receptive_field",
    "representations",
    "save",
    "scaling",
    "sensitivity",
    "separability",
    "table",
    "write_html",
]


def __getattr__(name: str) -> object:
    from .. import _moved

    return _moved.moved(__name__, name)


def __dir__() -> list[str]:
    return __all__
