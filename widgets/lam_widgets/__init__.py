"""Notebook widgets around lam_nb: thin views whose state is a plain value in the next cell."""

from .comparison import Comparison
from .explorer import Explorer
from .region_picker import RegionPicker
from .samples import Samples
from .scrubber import Scrubber
from .sweep import Sweep

__all__ = ["Comparison", "Explorer", "RegionPicker", "Samples", "Scrubber", "Sweep"]


def __dir__() -> list[str]:
    return __all__
