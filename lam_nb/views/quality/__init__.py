"""Views of what a map is worth: is it faithful, does it depend on what the network learned."""

from __future__ import annotations

from ._faithfulness import faithfulness
from ._randomised import randomised

__all__ = ["faithfulness", "randomised"]


def __dir__() -> list[str]:
    return __all__
