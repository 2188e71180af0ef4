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
from types import ModuleType
from typing import TYPE_CHECKING

import wrapt

from . import _moved
from .version import __version__ as __version__

if TYPE_CHECKING:
    from . import (
        accessor,
        citations,
        detectors,
        identity,
        images,
        networks,
        paths,
        quadrature,
        result,
        statistics,
        studies,
        views,
    )
    from .citations import cite
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
    from .statistics.summary import summary
    from .studies import sweep
    from .types import ImplausibleNetwork, Inconsistent, NotConverged, Region, SuspectedTruth
    from .validation import InputError

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
    "citations",
    "cite",
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
_HOMES = {
    "attribute": "methods.attribution",
    "attribute_steps": "methods.attribution",
    "causal_effect": "methods.causal",
    "causal_effect_steps": "methods.causal",
    "cite": "citations",
    "compare": "methods.comparison",
    "diffusion_field": "methods.diffusion",
    "faithfulness": "methods",
    "filters": "methods.filtering",
    "gradient": "methods.peers",
    "input_x_gradient": "methods.peers",
    "integrated_gradients": "methods.peers",
    "smoothgrad": "methods.peers",
    "receptive_field": "methods.receptive",
    "representations": "methods.representation",
    "open": "result",
    "save": "result",
    "summary": "statistics",
    "sweep": "studies",
    **dict.fromkeys(("ImplausibleNetwork", "Inconsistent", "NotConverged", "Region", "SuspectedTruth"), "types"),
    "InputError": "validation",
}
"""Name -> module that has it. Imported on first use: help, and whatever needs no torch, does not wait for it."""
_moved.install()


def __getattr__(name: str) -> object:
    """Import what is used first; know old names."""
    if name in _HOMES:
        return globals().setdefault(name, getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name))
    return importlib.import_module(f".{name}", __name__) if name in __all__ else _moved.moved(__name__, name)


def __dir__() -> list[str]:
    return [*__all__, "open", "__version__"]


def _register(xarray: ModuleType) -> None:
    """Give datasets their ``.lam``, wherever they come from."""
    register = xarray.register_dataset_accessor("lam")
    register(lambda found: importlib.import_module(".accessor", __name__).LamAccessor(found))


wrapt.register_post_import_hook(_register, "xarray")
