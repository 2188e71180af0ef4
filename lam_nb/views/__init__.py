"""Views: Dataset -> plotly Figure that plays without a kernel. They draw statistics and compute none."""

from __future__ import annotations

from .attribution import attribution
from .convergence import convergence
from .pictures import write_html
from .progression import progression
from .receptive_field import receptive_field
from .table import Table, table

__all__ = ["Table", "attribution", "convergence", "progression", "receptive_field", "table", "write_html"]
