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
from typing import TYPE_CHECKING

from . import _moved, accessor, detectors, identity, images, networks, paths, quadrature, result, statistics, studies
from .methods import faithfulness
from .methods.attribution import attribute, attribute_steps
from .methods.causal import causal_effect, causal_effect_steps
from .methods.comparison import compare
from .methods.diffusion import diffusion_field
from .methods.filtering import filters
from .methods.peers import gradient, input_x_gradient, integrated_gradients, smoothgrad
from .methods.receptive import receptive_field
from .methods.representation import representations
from .result import open as open  # not in __all__: a star import must not hide the built-in
from .result import save
from .statistics import summary
from .studies import sweep
from .types import ImplausibleNetwork, Inconsistent, NotConverged, Region, SuspectedTruth
from .validation import InputError
from .version import __version__ as __version__

if TYPE_CHECKING:
    from . import views

__all__ = [
    "ImplausibleNetwork",
    "Inconsistent",
    "InputError",
    "NotConverged",
    "Region",
    "SuspectedTruth",
    "accessor",
    "attribute",
    "attribute_steps",
    "causal_effect",
    "causal_effect_steps",
    "compare",
    "detectors",
    "diffusion_field",
    "faithfulness",
    "filters",
    "gradient",
    "identity",
    "images",
    "input_x_gradient",
    "integrated_gradients",
    "networks",
    "paths",
    "quadrature",
    "receptive_field",
    "representations",
    "result",
    "save",
    "smoothgrad",
    "statistics",
    "studies",
    "summary",
    "sweep",
    "views",
]
_moved.install()


def __getattr__(name: str) -> object:
    """Import the views, and plotly with them, on first use; know old names."""
    if name == "views":
        return importlib.import_module(".views", __name__)
    return _moved.moved(__name__, name)


def __dir__() -> list[str]:
    return [*__all__, "open", "__version__"]
