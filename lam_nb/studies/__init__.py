"""Studies: many networks, many pictures; the findings over them, each a Dataset with intervals."""

from __future__ import annotations

from .correlation import di_against, di_against_psnr
from .generalising import generalisation
from .grid import sweep
from .masking import masking_curve, modulation_curve
from .migration import migrate
from .planning import plan
from .predicting import degradation_prediction
from .scaling import di_against_size
from .selection import hard_regions, test_set
from .sensitivity import detector_sensitivity, path_sensitivity
from .watching import status
from .widest import content

__all__ = [
    "content",
    "degradation_prediction",
    "detector_sensitivity",
    "di_against",
    "di_against_psnr",
    "di_against_size",
    "generalisation",
    "hard_regions",
    "masking_curve",
    "migrate",
    "modulation_curve",
    "path_sensitivity",
    "plan",
    "status",
    "sweep",
    "test_set",
]


def __dir__() -> list[str]:
    return __all__
