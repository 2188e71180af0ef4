"""What has moved: old names work for one minor release, with a warning that says where they went."""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

ENDS = "0.3"
"""Version that knows the old names no more."""
MODULES: Mapping[str, str] = {
    "lam_nb.attribution": "lam_nb.methods.attribution",
    "lam_nb.causal": "lam_nb.methods.causal",
    "lam_nb.comparison": "lam_nb.methods.comparison",
    "lam_nb.diffusion": "lam_nb.methods.diffusion",
    "lam_nb.faithfulness": "lam_nb.methods.faithfulness",
    "lam_nb.fields": "lam_nb.engine.reach",
    "lam_nb.files": "lam_nb.result",
    "lam_nb.gradients": "lam_nb.engine.running",
    "lam_nb.integration": "lam_nb.engine.integration",
    "lam_nb.locality": "lam_nb.engine.locality",
    "lam_nb.networks.critic": "lam_nb.networks.training",
    "lam_nb.networks.evaluate": "lam_nb.networks.training.evaluation",
    "lam_nb.networks.family": "lam_nb.networks.training",
    "lam_nb.networks.layers": "lam_nb.networks.architectures.layers",
    "lam_nb.networks.train": "lam_nb.networks.training",
    "lam_nb.peers": "lam_nb.methods.peers",
    "lam_nb.progress": "lam_nb.engine.progress",
    "lam_nb.provenance": "lam_nb.identity",
    "lam_nb.sweep": "lam_nb.studies",
    "lam_nb.views.figure": "lam_nb.views.kit",
    "lam_nb.views.pictures": "lam_nb.views.kit",
    "lam_nb.views.timeline": "lam_nb.views.kit",
}
"""Old module -> new one."""
NAMES: Mapping[str, Mapping[str, str]] = {
    "lam_nb.statistics": {"receptive_field": "lam_nb.receptive_field"},
    "lam_nb.networks": {"checked": "lam_nb.networks.as_network"},
    "lam_nb.networks.checkpoints": {"digest": "lam_nb.identity.of_weights"},
    "lam_nb.images": {"_sample_folder": "lam_nb.images.photographs.folder"},
    "lam_nb.result": {
        "chosen": "lam_nb.methods.attribution.chosen",
        "OPTIONAL": "lam_nb.methods.attribution.OPTIONAL",
        "DEFAULT": "lam_nb.methods.attribution.DEFAULT",
    },
}
"""Module that stays -> its names that have moved, and where to."""


VARIABLES: Mapping[str, str] = {
    "LAM_NB_CHROMIUM": "LAM_CHROMIUM",
    "LAM_NB_FAST": "LAM_FAST",
    "LAM_NB_PICTURES": "LAM_PICTURES",
    "LAM_NB_SHARED": "LAM_SHARED",
}
"""Variable of the environment -> its old name."""


def moved(module: str, name: str) -> object:
    """Return what an old name of a module means now, with a warning; the fallback of a module's attributes.

    Raises
    ------
    AttributeError
        If it never had that name.

    Examples
    --------
    >>> moved("lam_nb.statistics", "nothing")
    Traceback (most recent call last):
    AttributeError: module 'lam_nb.statistics' has no attribute 'nothing'
    """
    new = NAMES.get(module, {}).get(name)
    if new is None:
        if f"{module}.{name}" in MODULES:
            return importlib.import_module(f"{module}.{name}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    _warn(f"{module}.{name}", new, stacklevel=4)
    home, _, attribute = new.rpartition(".")
    return getattr(importlib.import_module(home), attribute)


def _warn(old: str, new: str, stacklevel: int) -> None:
    words = f"{old} has moved: it is {new} now; the old name ends with version {ENDS}."
    warnings.warn(words, DeprecationWarning, stacklevel=stacklevel)


def renamed(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function know old names of its keywords; old = new.

    Examples
    --------
    >>> @renamed(tolerance="threshold")
    ... def effect(*, threshold):
    ...     return threshold
    >>> effect(threshold=1)
    1
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called(*arguments: P.args, **settings: P.kwargs) -> R:
            for old, new in names.items():
                if old in settings and new not in settings:
                    verb = function.__name__
                    _warn(f"{verb}({old}=)", f"{verb}({new}=)", stacklevel=3)
                    settings[new] = settings.pop(old)
            return function(*arguments, **settings)

        return called

    return decorate


def variable(name: str) -> str | None:
    """Return what a variable is set to, also under its earlier name; None if it is empty or not set.

    Parameters
    ----------
    name : str
        Begins with ``LAM_NB_``.

    Returns
    -------
    str or None

    Warns
    -----
    DeprecationWarning
        If only the earlier name is set.

    Examples
    --------
    >>> import os
    >>> os.environ["LAM_NB_EXAMPLE"] = "1"
    >>> variable("LAM_NB_EXAMPLE")
    '1'
    >>> del os.environ["LAM_NB_EXAMPLE"]
    >>> variable("LAM_NB_EXAMPLE") is None
    True
    """
    before = VARIABLES.get(name, name)
    if name not in os.environ and before in os.environ:
        words = f"{before} is now called {name}; the old name ends with version {ENDS}."
        warnings.warn(words, DeprecationWarning, stacklevel=2)
        return os.environ[before] or None
    return os.environ.get(name) or None


class _StandIn(ModuleType):
    """An old module: answers with what the new one has, and to a call if a verb has its name."""

    def __call__(self, *arguments: object, **settings: object) -> object:
        """Call what has the module's last name: importing ``lam_nb.sweep`` puts this in the place of ``lam.sweep``."""
        return getattr(self, self.__name__.rpartition(".")[2])(*arguments, **settings)

    def __getattr__(self, name: str) -> object:
        """Return the new module's attribute."""
        return getattr(importlib.import_module(MODULES[self.__name__]), name)

    def __dir__(self) -> list[str]:
        """Return the new module's names."""
        return dir(importlib.import_module(MODULES[self.__name__]))


class _OldNames(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds old modules, so that ``import`` and ``python -m`` know them, too."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in MODULES:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=False)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        _warn(module.__name__, MODULES[module.__name__], stacklevel=6)

    def get_source(self, fullname: str) -> str:
        """Return what ``python -m`` runs."""
        return f"import runpy\nrunpy.run_module({MODULES[fullname]!r}, run_name='__main__', alter_sys=True)\n"


def install() -> None:
    """Have imports find old names, after all real ones."""
    if not any(isinstance(one, _OldNames) for one in sys.meta_path):
        sys.meta_path.append(_OldNames())
