"""Networks: shipped ones, published checkpoints, and your own module, all as one uniform Network."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from torch import nn

from ..types import InputError, choose
from . import architectures, checkpoints, published
from .network import Network, checked
from .published import PUBLISHED
from .wrapping import wrap

__all__ = [
    "PUBLISHED",
    "Network",
    "architectures",
    "card",
    "checked",
    "checkpoints",
    "load",
    "published",
    "shipped",
    "wrap",
]

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
    check: bool = True,
) -> Network:
    """Return a network, ready to be attributed.

    Parameters
    ----------
    name : str or path-like
        A shipped network (``lam_nb.networks.shipped()``), a published one (downloaded once:
        ``lam_nb.networks.PUBLISHED``), a checkpoint file whose architecture is recognised from its
        keys, or an architecture's name together with `weights`.
    weights : path-like, optional
        Checkpoint to fill the named architecture with.
    value_range : float, optional
        Largest value of the network's own input and output. Known for shipped and published
        networks: 255 for DRLN, MSRN, RCAN, RFDN, RNAN and SAN, otherwise 1.
    scale : int, optional
        For checkpoints that do not tell theirs (SRCNN, FSRCNN, CARN for several scales): 4 if not given.
    check : bool, default True
        Restore a small photograph once and warn if the result is implausible, see `wrap`.

    Returns
    -------
    Network
        In evaluation mode.

    Raises
    ------
    InputError
        If the name is unknown, the file is missing or unsafe, or its keys fit no architecture.

    Warns
    -----
    ImplausibleNetwork
        If the network restores a photograph far worse than bicubic enlargement.

    Examples
    --------
    >>> net = load("imdn-small")
    >>> net.scale, net.task
    (4, 'super-resolution')
    """
    known = str(name)
    settings: dict[str, Any] = {"value_range": value_range, "scale": scale, "check": check}
    if weights is not None:
        choose("network", known, architectures.names())
        return _from_file(weights, settings, expected=known)
    if known in shipped():
        return _shipped(known, settings)
    if Path(known).suffix or Path(known).exists():
        return _from_file(known, settings)
    if known in PUBLISHED:
        return _published(known, settings)
    if known in architectures.names():
        raise InputError(f"network: {known!r} is an architecture without weights; give weights= a checkpoint file.")
    raise _unknown(known)


def _shipped(name: str, settings: dict[str, Any]) -> Network:
    about = card(name)
    stated = settings | {"value_range": settings["value_range"] or about["value_range"]}
    return _from_file(_folder() / f"{name}.safetensors", stated, title=name, about=about)


def _published(name: str, settings: dict[str, Any]) -> Network:
    known = PUBLISHED[name]
    stated = settings | {"value_range": settings["value_range"] or known.value_range}
    return _from_file(published.fetch(name), stated, expected=name, about={"task": known.task, **known.about})


def _from_file(
    path: str | os.PathLike[str],
    settings: Mapping[str, Any],
    *,
    expected: str | None = None,
    title: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Network:
    scale = {"scale": settings["scale"]} if settings["scale"] else {}
    architecture, module = architectures.recognise(checkpoints.read(path), **scale)
    if expected and architecture != expected:
        raise InputError(f"weights: got a checkpoint of {architecture}, expected one of {expected}; check the file.")
    facts = {"architecture": architecture, **(about or {})}
    return wrap(
        module.eval(),
        value_range=settings["value_range"] or _VALUE_RANGES.get(architecture, 1.0),
        colours="luma" if _channels(module) == 1 else "rgb",
        name=title or expected or Path(path).stem,
        task=facts.pop("task", "denoising" if architecture == "dncnn" else None),
        about=facts,
        check=settings["check"],
    )


def _channels(module: nn.Module) -> int:
    return next((part.in_channels for part in module.modules() if isinstance(part, nn.Conv2d)), 3)


def _unknown(name: str) -> InputError:
    try:
        choose("network", name, tuple(dict.fromkeys(shipped() + tuple(PUBLISHED) + architectures.names())))
    except InputError as error:
        return InputError(f"{error} A checkpoint file is named by its path, such as net.pth.")
    raise AssertionError


def _folder() -> Path:
    return Path(str(resources.files("lam_nb") / "data" / "weights"))
