"""The known architectures: their names, and which of them a checkpoint belongs to."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from torch import nn

from ..types import InputError, choose
from .imdn import IMDN
from .layers import State
from .rfdn import RFDN

_ARCHITECTURES: Mapping[str, tuple[type[nn.Module], str]] = {
    "imdn": (IMDN, "IMDB1.c1.weight"),
    "rfdn": (RFDN, "B1.c1_d.weight"),
}
"""name -> class, and a key that only its checkpoints have."""


def names() -> tuple[str, ...]:
    """Names of the known architectures.

    Examples
    --------
    >>> "imdn" in names()
    True
    """
    return tuple(_ARCHITECTURES)


def build(name: str, **options: int) -> nn.Module:
    """Return an untrained network.

    Raises
    ------
    InputError
        If the name or an option is unknown.

    Examples
    --------
    >>> sum(p.numel() for p in build("imdn", width=28).parameters())
    144450
    """
    architecture, _ = _ARCHITECTURES[choose("architecture", name, names())]
    for option in options:
        choose(f"option of {name}", option, inspect.signature(architecture).parameters)
    return architecture(**options)


def recognise(state: State) -> tuple[str, nn.Module]:
    """Return the name and the network, hyper-parameters and weights included, of a checkpoint.

    Raises
    ------
    InputError
        If no known architecture has these keys and shapes.

    Examples
    --------
    >>> name, network = recognise(build("imdn", width=16, blocks=2).state_dict())
    >>> name, len(network.blocks)
    ('imdn', 2)
    """
    for name, (architecture, mark) in _ARCHITECTURES.items():
        if mark in state:
            network = architecture.from_state(state)  # type: ignore[attr-defined]
            _fill(name, network, state)
            return name, network
    raise InputError(
        f"weights: keys such as {', '.join(list(state)[:3])} belong to none of the known architectures "
        f"({', '.join(names())}); build your own module and give it to networks.wrap."
    )


def _fill(name: str, network: nn.Module, state: State) -> None:
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    got = {key: tuple(value.shape) for key, value in state.items()}
    differing = [key for key in expected | got if expected.get(key) != got.get(key)]
    if differing:
        key = differing[0]
        raise InputError(
            f"weights: looks like {name}, but {len(differing)} keys differ, the first {key}: "
            f"got {got.get(key, 'none')}, expected {expected.get(key, 'none')}; use networks.wrap with your own module."
        )
    network.load_state_dict(dict(state))
