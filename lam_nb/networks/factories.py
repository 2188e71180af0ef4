"""Factories: a network that a function of an importable module makes, named "package.module:function".

Not among what `load` takes: names are typed by whoever uses a served page, and a factory is code that runs.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from torch import nn

from ..validation import InputError, words_of
from .loading import load
from .network import Network
from .wrapping import wrap

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_factory(name: str) -> bool:
    """Whether a name is one of a factory.

    Examples
    --------
    >>> is_factory("laboratory.networks:small"), is_factory("hf:caidas/swin2SR"), is_factory("rfdn")
    (True, False, False)
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def made(name: str) -> Network:
    """Return what a factory makes: a Network, or a module, which is wrapped.

    Raises
    ------
    InputError
        If the module cannot be imported, has no such function, or that makes no network.

    Examples
    --------
    >>> made("torch.nn:Identity").scale
    1
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)()
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"network: {name!r} made no network ({words_of(error):.200}); it has to be importable, also on workers."
        ) from error
    if isinstance(found, Network):
        return found
    if not isinstance(found, nn.Module):
        raise InputError(f"network: {name!r} made {type(found).__name__}, expected a Network or a torch module.")
    return wrap(found.eval(), name=function)


def named(spec: Network | str, *, check: bool = True) -> Network:
    """Return a network, or what its name stands for in a plan: a factory's, or one that `load` takes.

    Examples
    --------
    >>> named("fsrcnn").name, named("torch.nn:Identity").scale
    ('fsrcnn', 1)
    """
    if isinstance(spec, Network):
        return spec
    return made(spec) if is_factory(spec) and not Path(spec).exists() else load(spec, check=check)
