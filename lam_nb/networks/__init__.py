"""Networks: shipped ones, published checkpoints, and your own module, all as one uniform Network."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

from ..types import InputError, choose
from . import architectures, checkpoints
from .network import Network, wrap

__all__ = ["Network", "architectures", "card", "checkpoints", "load", "shipped", "wrap"]

_VALUE_RANGES = dict.fromkeys(("drln", "msrn", "rcan", "rfdn", "rnan", "san"), 255.0)
"""Architectures whose published weights do not take [0, 1]."""


def shipped() -> tuple[str, ...]:
    """Names of the networks that come with the package.

    Examples
    --------
    >>> "imdn-small" in shipped()
    True
    """
    return tuple(sorted(path.stem for path in _folder().glob("*.safetensors")))


def card(name: str) -> dict[str, Any]:
    """Return what is known about a shipped network: architecture, training, quality.

    Raises
    ------
    InputError
        If no shipped network has that name.

    Examples
    --------
    >>> card("imdn-small")["scale"]
    4
    """
    choose("network", name, shipped())
    return dict(json.loads((_folder() / f"{name}.json").read_text()))


def load(
    name: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    value_range: float | None = None,
    scale: int | None = None,
) -> Network:
    """Return a network, ready to be attributed.

    Parameters
    ----------
    name : str or path-like
        A shipped network (``lam_nb.networks.shipped()``), a checkpoint file whose architecture is
        recognised from its keys, or an architecture's name together with `weights`.
    weights : path-like, optional
        Checkpoint to fill the named architecture with.
    value_range : float, optional
        Largest value of the network's own input and output. Known for shipped and published
        networks: 255 for DRLN, MSRN, RCAN, RFDN, RNAN and SAN, otherwise 1.
    scale : int, optional
        For checkpoints that do not tell theirs (SRCNN, FSRCNN, CARN for several scales): 4 if not given.

    Returns
    -------
    Network
        In evaluation mode.

    Raises
    ------
    InputError
        If the name is unknown, the file is missing or unsafe, or its keys fit no architecture.

    Examples
    --------
    >>> net = load("imdn-small")
    >>> net.scale, net.task
    (4, 'super-resolution')
    """
    known = str(name)
    if weights is not None:
        choose("network", known, architectures.names())
        return _from_file(weights, value_range, scale, expected=known)
    if known in shipped():
        stated = value_range or card(known)["value_range"]
        return _from_file(_folder() / f"{known}.safetensors", stated, scale, title=known)
    if Path(known).suffix or Path(known).exists():
        return _from_file(known, value_range, scale)
    if known in architectures.names():
        raise InputError(f"network: {known!r} is an architecture without weights; give weights= a checkpoint file.")
    raise _unknown(known)


def _from_file(
    path: str | os.PathLike[str],
    value_range: float | None,
    scale: int | None,
    *,
    expected: str | None = None,
    title: str | None = None,
) -> Network:
    architecture, module = architectures.recognise(checkpoints.read(path), **({"scale": scale} if scale else {}))
    if expected and architecture != expected:
        raise InputError(f"weights: got a checkpoint of {architecture}, expected one of {expected}; check the file.")
    largest = value_range or _VALUE_RANGES.get(architecture, 1.0)
    return wrap(module.eval(), value_range=largest, name=title or expected or Path(path).stem)


def _unknown(name: str) -> InputError:
    try:
        choose("network", name, shipped() + architectures.names())
    except InputError as error:
        return InputError(f"{error} A checkpoint file is named by its path, such as net.pth.")
    raise AssertionError


def _folder() -> Path:
    return Path(str(resources.files("lam_nb") / "data" / "weights"))
