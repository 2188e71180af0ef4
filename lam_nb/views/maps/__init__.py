"""Views of maps: one, several beside each other, a table of them, fields."""

from __future__ import annotations

from ._attribution import attribution
from ._comparison import comparison
from ._diffusion_field import diffusion_field
from ._informative import informative
from ._receptive_field import receptive_field
from ._table import Table, table

__all__ = ["Table", "attribution", "comparison", "diffusion_field", "informative", "receptive_field", "table"]


def __dir__() -> list[str]:
    return __all__
