"""Views: Dataset -> plotly Figure that plays without a kernel. They draw statistics and compute none."""

from __future__ import annotations

from .attribution import attribution
from .causal import causal, causal_comparison
from .comparison import comparison
from .convergence import convergence
from .di_scatter import di_scatter
from .diffusion_field import diffusion_field
from .faithfulness import faithfulness, randomised
from .figure import View
from .informative import informative
from .path_panel import path_panel
from .pictures import write_html
from .progression import progression
from .publication import save
from .receptive_field import receptive_field
from .studies import content, scaling, sensitivity
from .table import Table, table

__all__ = [
    "Table",
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
    "informative",
    "path_panel",
    "progression",
    "randomised",
    "receptive_field",
    "save",
    "scaling",
    "sensitivity",
    "table",
    "write_html",
]
