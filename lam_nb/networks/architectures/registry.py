"""The known architectures: their names, and which of them a checkpoint belongs to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ...validation import InputError, choose, whole
from .carn import CARN, CARNM
from .ddbpn import DDBPN
from .dncnn import DnCNN
from .drln import DRLN
from .edsr import EDSR
from .fsrcnn import FSRCNN
from .imdn import IMDN
from .layers import State
from .msrn import MSRN
from .pan import PAN
from .rcan import RCAN
from .residual import ResidualNet
from .rfdn import RFDN
from .rnan import RNAN
from .rrdbnet import RRDBNet
from .san import SAN
from .srcnn import SRCNN
from .srresnet import SRResNet
from .swinir import SwinIR

_MOST = 4096
"""Largest number that an option of an architecture may have: far more than any was ever built with."""
_ARCHITECTURES: Mapping[str, tuple[type[nn.Module], str]] = {
    "carn": (CARN, "b1.b2.body.0.weight"),
    "carn-m": (CARNM, "b1.b1.body.4.weight"),
    "ddbpn": (DDBPN, "feat0.conv.weight"),
    "dncnn": (DnCNN, "model.2.weight"),
    "drln": (DRLN, "b1.ca.c1.body.0.weight"),
    "edsr": (EDSR, "body.0.body.0.weight"),
    "fsrcnn": (FSRCNN, "first_part.0.weight"),
    "imdn": (IMDN, "IMDB1.c1.weight"),
    "msrn": (MSRN, "body.0.conv_3_1.weight"),
    "pan": (PAN, "SCPA_trunk.0.conv1_a.weight"),
    "rcan": (RCAN, "body.0.body.0.body.3.conv_du.0.weight"),
    "residual": (ResidualNet, "dilations"),
    "rfdn": (RFDN, "B1.c1_d.weight"),
    "rnan": (RNAN, "body_nl_low.0.body.1.weight"),
    "rrdbnet": (RRDBNet, "body.0.rdb1.conv1.weight"),
    "san": (SAN, "RG.0.gamma"),
    "srcnn": (SRCNN, "conv3.weight"),
    "srresnet": (SRResNet, "body.0.conv1.weight"),
    "swinir": (SwinIR, "layers.0.residual_group.blocks.0.attn.qkv.weight"),
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


def build(name: str, **options: Any) -> nn.Module:
    """Return an untrained network.

    Raises
    ------
    InputError
        If the name or an option is unknown, or a number is none that a network can have.

    Examples
    --------
    >>> sum(p.numel() for p in build("imdn", width=28).parameters())
    144450
    """
    architecture, _ = _ARCHITECTURES[choose("architecture", name, names())]
    _check(name, architecture, options)
    for option, parameter in inspect.signature(architecture).parameters.items():
        if type(parameter.default) is int and option in options:
            whole(option, options[option], min(1, parameter.default), _MOST)
    return architecture(**options)


def recognise(state: State, **options: Any) -> tuple[str, nn.Module]:
    """Return the name and the network, hyper-parameters and weights included, of a checkpoint.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        The checkpoint.
    **options
        What its keys and shapes do not tell, if not as published, such as ``scale=2`` of an SRCNN.

    Raises
    ------
    InputError
        If no known architecture has these keys and shapes, or an option is unknown.

    Examples
    --------
    >>> recognise(build("edsr", width=8, blocks=2, scale=2).state_dict())[0]
    'edsr'
    """
    for name, (architecture, mark) in _ARCHITECTURES.items():
        if mark in state:
            with torch.device("meta"):  # nothing is allocated before it is known to fit
                _compare(name, _empty(name, architecture, state, options), state)
            network = _empty(name, architecture, state, options)
            network.load_state_dict(dict(state))
            return name, network
    raise _unknown(state)


def _empty(name: str, architecture: type[nn.Module], state: State, options: Mapping[str, object]) -> nn.Module:
    from_state = architecture.from_state  # type: ignore[attr-defined]
    _check(name, from_state, options)
    try:
        return from_state(state, **options)
    except KeyError as error:
        raise InputError(
            f"weights: looks like {name}, but has no key {error}; use networks.wrap with your own module."
        ) from None
    except InputError:
        raise
    except Exception as error:  # shapes that no network has fail in any words
        words = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(
            f"weights: looks like {name}, but its shapes fit no such network ({words:.120}); check the file."
        ) from None


def _unknown(state: State) -> InputError:
    words = f"weights: keys such as {', '.join(list(state)[:3])} belong to none of the known architectures "
    near = nearest(state)
    if near:
        name, missing, foreign = near[0]
        words += f"(nearest: {', '.join(name for name, *_ in near)}; {name} also has {missing}, but has no {foreign})"
    else:
        words += f"({', '.join(names())})"
    return InputError(f"{words}; build your own module and give it to networks.wrap.")


def nearest(state: State, count: int = 3) -> list[tuple[str, str, str]]:
    """Return the architectures that share most keys with a checkpoint, most alike first.

    Each with the first of its keys that the checkpoint lacks, and the checkpoint's first that it lacks.

    Examples
    --------
    >>> import torch
    >>> nearest({"head.0.weight": torch.ones(1), "body.0.conv.weight": torch.ones(1)})[0]
    ('edsr', 'sub_mean.weight', 'body.0.conv.weight')
    """
    found: list[tuple[float, str, str, str]] = []
    for name, (architecture, _) in _ARCHITECTURES.items():
        with torch.device("meta"):
            keys = list(architecture().state_dict())
        shared = len(set(keys) & set(state)) / len(set(keys) | set(state))
        missing = next((key for key in keys if key not in state), "none")
        foreign = next((key for key in state if key not in keys), "none")
        found.append((shared, name, missing, foreign))
    return [row[1:] for row in sorted(found, key=lambda row: -row[0])[:count] if row[0]]


def _check(name: str, made_by: Callable[..., nn.Module], options: Mapping[str, object]) -> None:
    known = [option for option in inspect.signature(made_by).parameters if option != "state"]
    for option in options:
        if not known:
            raise InputError(f"{option}: got one for {name}, whose checkpoints tell everything; leave it out.")
        choose(f"option of {name}", option, known)


def _compare(name: str, network: nn.Module, state: State) -> None:
    expected = network.state_dict()
    shapes = {key: tuple(value.shape) for key, value in expected.items()}
    got = {key: tuple(value.shape) for key, value in state.items()}
    differing = [key for key in shapes | got if shapes.get(key) != got.get(key)]
    if differing:
        key = differing[0]
        raise InputError(
            f"weights: looks like {name}, but {len(differing)} keys differ, the first {key}: "
            f"got {got.get(key, 'none')}, expected {shapes.get(key, 'none')}; use networks.wrap with your own module."
        )
    wrong = [key for key in shapes if expected[key].is_floating_point() and not state[key].is_floating_point()]
    if wrong:
        kind = str(state[wrong[0]].dtype).removeprefix("torch.")
        raise InputError(f"weights: {wrong[0]} holds {kind} numbers, expected floats; quantised files are not read.")
