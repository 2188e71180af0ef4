"""Local attribution maps: what did this super-resolution or restoration network look at.

>>> import lam_nb as lam
>>> net = lam.networks.load("imdn-small")
>>> lr = lam.images.downscale(lam.images.sample("facade"), 4)
>>> ds = lam.attribute(net, lr, lam.Region(y=110, x=150, size=16), progress=False)
>>> 0 < float(ds.lam.diffusion_index()) < 100
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import accessor, detectors, faithfulness, images, networks, paths, quadrature, result, statistics, studies
from .attribution import attribute
from .causal import causal_effect
from .comparison import compare
from .diffusion import diffusion_field
from .peers import gradient, input_x_gradient, integrated_gradients, smoothgrad
from .result import open as open  # not in __all__: a star import must not hide the built-in
from .result import save
from .sweep import sweep
from .types import InputError, Region
from .version import __version__ as __version__

if TYPE_CHECKING:
    from . import views

__all__ = [
    "InputError",
    "Region",
    "accessor",
    "attribute",
    "causal_effect",
    "compare",
    "detectors",
    "diffusion_field",
    "faithfulness",
    "gradient",
    "images",
    "input_x_gradient",
    "integrated_gradients",
    "networks",
    "paths",
    "quadrature",
    "result",
    "save",
    "smoothgrad",
    "statistics",
    "studies",
    "sweep",
    "views",
]


def __getattr__(name: str) -> Any:
    """Import the views, and plotly with them, on first use."""
    if name == "views":
        return importlib.import_module(".views", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
