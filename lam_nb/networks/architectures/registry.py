"""The known architectures: their names, and which of them a checkpoint belongs to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from ...validation import InputError, choose, whole, words_of
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


class Ambiguous(InputError):
    """A checkpoint that several architectures could claim; say which is meant, as the message tells.

    Examples
    --------
    >>> from lam_nb import InputError
    >>> issubclass(Ambiguous, InputError)
    True
    """


class Kind(NamedTuple):
    """An architecture, and keys that every checkpoint of it has and together no other's; the last is its own."""

    module: type[nn.Module]
    keys: tuple[str, ...]

    def detect(self, state: State) -> bool:
        """Whether a checkpoint has all its keys."""
        return all(key in state for key in self.keys)


_ARCHITECTURES: Mapping[str, Kind] = {
    "carn": Kind(CARN, ("entry.weight", "c1.body.0.weight", "b1.b2.body.0.weight")),
    "carn-m": Kind(CARNM, ("entry.weight", "c1.body.0.weight", "b1.b1.body.4.weight")),
    "ddbpn": Kind(DDBPN, ("output_conv.conv.weight", "feat0.act.weight", "feat0.conv.weight")),
    "dncnn": Kind(DnCNN, ("model.0.weight", "model.2.weight")),
    "drln": Kind(DRLN, ("head.weight", "b1.r1.body.0.weight", "b1.ca.c1.body.0.weight")),
    "edsr": Kind(EDSR, ("head.0.weight", "body.0.body.2.weight", "body.0.body.0.weight")),
    "fsrcnn": Kind(FSRCNN, ("last_part.weight", "mid_part.0.weight", "first_part.0.weight")),
    "imdn": Kind(IMDN, ("fea_conv.weight", "IMDB1.c1.weight")),
    "msrn": Kind(MSRN, ("head.0.weight", "body.0.conv_5_1.weight", "body.0.conv_3_1.weight")),
    "pan": Kind(PAN, ("conv_first.weight", "SCPA_trunk.0.conv1_a.weight")),
    "rcan": Kind(RCAN, ("head.0.weight", "body.0.body.0.body.3.conv_du.0.weight")),
    "residual": Kind(ResidualNet, ("head.weight", "dilations")),
    "rfdn": Kind(RFDN, ("fea_conv.weight", "B1.c1_d.weight")),
    "rnan": Kind(RNAN, ("head.0.weight", "body_nl_low.0.body.1.weight")),
    "rrdbnet": Kind(RRDBNet, ("conv_first.weight", "body.0.rdb1.conv1.weight")),
    "san": Kind(SAN, ("head.0.weight", "RG.0.gamma")),
    "srcnn": Kind(SRCNN, ("conv1.weight", "conv2.weight", "conv3.weight")),
    "srresnet": Kind(SRResNet, ("conv_first.weight", "body.0.conv2.weight", "body.0.conv1.weight")),
    "swinir": Kind(SwinIR, ("conv_first.weight", "layers.0.residual_group.blocks.0.attn.qkv.weight")),
}


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
    architecture = _ARCHITECTURES[choose("architecture", name, names())].module
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
        If no known architecture has these keys and shapes, several have, or an option is unknown.

    Examples
    --------
    >>> recognise(build("edsr", width=8, blocks=2, scale=2).state_dict())[0]
    'edsr'
    """
    claimed = [name for name, kind in _ARCHITECTURES.items() if kind.detect(state)]
    claimed = claimed or [name for name, kind in _ARCHITECTURES.items() if kind.keys[-1] in state]  # to say what lacks
    failures, fitting = [], []
    for name in claimed:
        try:
            _fit(name, state, options)
            fitting.append(name)
        except InputError as error:
            failures.append(error)
    if len(fitting) > 1:
        raise Ambiguous(
            f"weights: could be of {' or '.join(fitting)}, whose keys and shapes it has; say which: "
            f"networks.load({fitting[0]!r}, weights=path)."
        )
    if not fitting:
        raise failures[0] if failures else _unknown(state)
    return fitting[0], _filled(fitting[0], state, options)


def filled(name: str, state: State, **options: Any) -> nn.Module:
    """Return a network of a known architecture with a checkpoint's weights.

    Raises
    ------
    InputError
        If the checkpoint has other keys and shapes.

    Examples
    --------
    >>> type(filled("edsr", build("edsr", width=8, blocks=2).state_dict())).__name__
    'EDSR'
    """
    _fit(choose("architecture", name, names()), state, options)
    return _filled(name, state, options)


def _fit(name: str, state: State, options: Mapping[str, object]) -> None:
    """Raise an error unless a checkpoint has an architecture's keys and shapes; nothing is allocated before."""
    with torch.device("meta"):
        _compare(name, _empty(name, state, options), state)


def _filled(name: str, state: State, options: Mapping[str, object]) -> nn.Module:
    network = _empty(name, state, options)
    network.load_state_dict(dict(state))
    return network


def _empty(name: str, state: State, options: Mapping[str, object]) -> nn.Module:
    from_state = _ARCHITECTURES[name].module.from_state  # type: ignore[attr-defined]
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
        raise InputError(
            f"weights: looks like {name}, but its shapes fit no such network ({words_of(error):.120}); check the file."
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
    for name, kind in _ARCHITECTURES.items():
        with torch.device("meta"):
            keys = list(kind.module().state_dict())
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
