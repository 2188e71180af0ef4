"""Loading: by name, by address or from a checkpoint file; a network wherever one is taken."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata, resources
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

from torch import nn

from .. import identity
from ..types import Axes
from ..validation import InputError, address, choose, nearest, positive, whole
from . import architectures, catalogue, checkpoints, hub, published
from .described import recognised
from .network import Network
from .published import PUBLISHED
from .wrapping import first_channels, wrap

NetworkLike: TypeAlias = Network | str | os.PathLike[str]
"""A network, or what `load` takes."""

_VALUE_RANGES = dict.fromkeys(("drln", "msrn", "rcan", "rfdn", "rnan", "san"), 255.0)
"""Architectures whose published weights do not take [0, 1]."""


class _Given(TypedDict):
    """What `load` was asked for, beside the name."""

    value_range: float | None
    scale: int | None
    channels: int | Sequence[str | int] | None
    seed: int | None
    check: bool


def as_network(network: object, name: str = "network") -> Network:
    """Return a network as it is, or load the one that is named: whatever takes a network takes what `load` takes.

    Raises
    ------
    InputError
        If it is something else: tells how to make a network of it.

    Examples
    --------
    >>> as_network("fsrcnn").scale
    4
    """
    if isinstance(network, Network):
        return network
    if isinstance(network, str | os.PathLike):
        return load(network)
    if isinstance(network, nn.Module) or callable(network):
        kind = type(network).__name__ if isinstance(network, nn.Module) else identity.named(network)
        raise InputError(
            f"{name}: got {kind}, expected a Network; make one with lam_nb.networks.wrap(module, scale=..., "
            "value_range=...) or lam_nb.networks.load(name)."
        )
    raise InputError(
        f"{name}: got {network!r:.60}, expected a Network or a name; make one with lam_nb.networks.wrap(module, "
        "scale=..., value_range=...) or lam_nb.networks.load(name)."
    )


def as_networks(networks: object) -> list[Network]:
    """Return several networks, as `as_network` does each.

    Raises
    ------
    InputError
        If they are no list, or none.

    Examples
    --------
    >>> [one.name for one in as_networks(["fsrcnn", "residual"])]
    ['fsrcnn', 'residual']
    """
    if not isinstance(networks, Sequence) or isinstance(networks, str) or not networks:
        got = "none" if isinstance(networks, Sequence) and not networks else type(networks).__name__
        raise InputError(
            f"networks: got {got}, expected a list of networks, or names, from lam_nb.networks.load or wrap."
        )
    return [as_network(one, "networks") for one in networks]


def axes_of(networks: Sequence[Network]) -> Axes:
    """Return the channels that all networks take.

    Raises
    ------
    InputError
        If they differ.

    Examples
    --------
    >>> axes_of([load("fsrcnn"), load("residual")]).words
    '3 channels (r, g, b)'
    """
    if len({one.axes for one in networks}) > 1:
        words = ", ".join(f"{one.name}: {one.axes.words}" for one in networks)
        raise InputError(f"networks: their channels differ ({words}), so no picture is for all of them; take equals.")
    return networks[0].axes


def source(name: str | os.PathLike[str]) -> dict[str, str]:
    """Return what decides which network `load` makes of a name or file: the contents, not the path.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> list(source("fsrcnn"))
    ['file']
    """
    known = str(address("network", name))
    if known in shipped():
        return {"file": identity.of_file(folder() / f"{known}.safetensors")}
    if hub.is_address(known):
        repository = hub.Repository.of(known)
        return {"file": f"{repository.commit}:{repository.wanted}"}
    if Path(known).is_file():
        return {"file": identity.of_file(known)}
    published_as = known.lower() if known.lower() in PUBLISHED else catalogue.named(known)
    if published_as:
        return {"file": PUBLISHED[published_as].sha256}
    return {"file": load(known).weights_hash}


def shipped() -> tuple[str, ...]:
    """Names of the networks that come with the package.

    Examples
    --------
    >>> "imdn-small" in shipped()
    True
    """
    return tuple(sorted(path.stem for path in folder().glob("*.safetensors")))


def card(name: str) -> dict[str, Any]:
    """Return what is known about a shipped network or classifier: architecture, training, quality.

    Raises
    ------
    InputError
        If none has that name.

    Examples
    --------
    >>> card("imdn-small")["scale"]
    4
    """
    known = {path.stem: path for path in sorted(folder().rglob("*.json"))}
    return dict(json.loads(known[choose("network", name, known)].read_text()))


def load(
    name: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    value_range: float | None = None,
    scale: int | None = None,
    channels: int | Sequence[str | int] | None = None,
    seed: int | None = None,
    check: bool = True,
) -> Network:
    """Return a network, ready to be attributed.

    Parameters
    ----------
    name : str or path-like
        A shipped network (``lam_nb.networks.shipped()``), a published one (downloaded once:
        ``lam_nb.networks.PUBLISHED``; words that only one has are enough, such as "swinir-m-x4-df2k"), a
        checkpoint file whose architecture is recognised from its keys, a repository of Hugging Face such as
        "hf:caidas/swin2SR-classical-sr-x2-64" (extra ``hub``), or an architecture's name together with `weights`.
    weights : path-like, optional
        Checkpoint to fill the named architecture with.
    value_range : float, optional
        Largest value of the network's own input and output. Known for shipped and published
        networks: 255 for DRLN, MSRN, RCAN, RFDN, RNAN and SAN, otherwise 1.
    scale : int, optional
        For checkpoints that do not tell theirs (SRCNN, FSRCNN, CARN for several scales): 4 if not given.
    channels : tuple of str, or int, optional
        What its pictures have, see `wrap`, such as ("luma",): a one-channel network then takes pictures of one
        channel. Without it, it restores the luma of RGB.
    seed : int, optional
        For a network that draws random numbers, see `wrap`.
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
    known = str(address("network", name))
    if value_range is not None:
        positive("value_range", value_range, "the largest pixel value, such as 1 or 255")
    if scale is not None:
        whole("scale", scale)
    settings: _Given = {"value_range": value_range, "scale": scale, "channels": channels, "seed": seed, "check": check}
    if weights is not None:
        choose("network", known, architectures.names())
        return _from_file(weights, settings, expected=known)
    if hub.is_address(known):
        return _of_hub(known, settings)
    if known in shipped():
        return _shipped(known, settings)
    if known.lower() in PUBLISHED and not Path(known).is_file():
        return _published(known.lower(), settings)
    if Path(known).suffix or Path(known).exists():
        entry = catalogue.of_file(known) if Path(known).is_file() else None
        return _from_file(known, settings, about=None if entry is None else entry.about)
    if known in architectures.names():
        raise InputError(f"network: {known!r} is an architecture without weights; give weights= a checkpoint file.")
    if short := catalogue.named(known):
        return _published(short, settings)
    raise _unknown(known)


def _shipped(name: str, settings: _Given) -> Network:
    about = card(name)
    stated: _Given = {**settings, "value_range": _value_range(settings, about["value_range"])}
    return _from_file(folder() / f"{name}.safetensors", stated, title=name, about=about)


def _of_hub(name: str, settings: _Given) -> Network:
    repository = hub.Repository.of(name)
    if not repository.is_transformer:
        return _from_file(repository.weights(), settings, title=repository.title, about=repository.about)
    facts = {"architecture": "Swin2SR", "recognised_by": f"transformers {metadata.version('transformers')}"}
    return wrap(
        hub.transformer(repository),
        value_range=_value_range(settings, 1.0),
        channels=settings["channels"],
        seed=settings["seed"],
        name=repository.title,
        about=facts | repository.about,
        check=settings["check"],
    )


def _published(name: str, settings: _Given) -> Network:
    known = PUBLISHED[name]
    stated: _Given = {**settings, "value_range": _value_range(settings, known.value_range)}
    expected = name if name in architectures.names() else None
    facts = {"task": known.task, **known.about}
    return _from_file(published.fetch(name), stated, expected=expected, title=name, about=facts)


def _value_range(settings: _Given, known: float) -> float:
    """Return the value range that was given, or the known one."""
    given = settings["value_range"]
    return known if given is None else given


def _from_file(
    path: str | os.PathLike[str],
    settings: _Given,
    *,
    expected: str | None = None,
    title: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Network:
    scale = {} if settings["scale"] is None else {"scale": settings["scale"]}
    state = checkpoints.read(path)
    try:
        architecture, module = _own(state, expected, scale)
    except InputError as error:
        if expected or isinstance(error, architectures.Ambiguous):
            raise
        found = recognised(state, otherwise=error)
        return _described(found, title or Path(path).stem, settings, dict(about or {}))
    if expected and architecture != expected:
        raise InputError(f"weights: got a checkpoint of {architecture}, expected one of {expected}; check the file.")
    facts = {"architecture": architecture, **(about or {})}
    return wrap(
        module.eval(),
        value_range=_value_range(settings, _VALUE_RANGES.get(architecture, 1.0)),
        channels=settings["channels"],
        seed=settings["seed"],
        colours=None if settings["channels"] else "luma" if first_channels(module) == 1 else "rgb",
        name=title or expected or Path(path).stem,
        task=facts.pop("task", "denoising" if architecture == "dncnn" else None),
        about=facts,
        check=settings["check"],
    )


def _own(state: Mapping[str, Any], expected: str | None, options: Mapping[str, int]) -> tuple[str, nn.Module]:
    """Return the name and the network of one of our own architectures: the expected one, if it fits."""
    if expected is not None:
        with suppress(InputError):
            return expected, architectures.filled(expected, state, **options)
    return architectures.recognise(state, **options)


def _described(descriptor: Any, title: str, settings: _Given, about: dict[str, Any]) -> Network:
    """Return a network that spandrel recognised, whose values are always in [0, 1]."""
    if settings["value_range"] not in (None, 1):
        got = settings["value_range"]
        raise InputError(f"value_range: got {got!r}, but spandrel takes [0, 1] for every network; leave it out.")
    name = str(descriptor.architecture.name)
    facts = {"architecture": name, "recognised_by": f"spandrel {metadata.version('spandrel')}"}
    facts |= {"tags": ", ".join(descriptor.tags)} if descriptor.tags else {}
    task = about.pop("task", None)
    channels, seed, check = settings["channels"], settings["seed"], settings["check"]
    return wrap(descriptor, name=title, channels=channels, seed=seed, task=task, about=about | facts, check=check)


def _unknown(name: str) -> InputError:
    hint = nearest(name, (*shipped(), *PUBLISHED, *architectures.names()))
    return InputError(
        f"network: got {name!r}, expected one that comes along ({', '.join(shipped())}), a published one "
        f"(`lam-nb networks` lists {len(PUBLISHED)}), an architecture with weights=, or the path of a "
        f"checkpoint, such as net.pth; {hint or 'check the name.'}"
    )


def folder() -> Path:
    """Return the folder of the weights that come with the package."""
    return Path(str(resources.files(__name__.partition(".")[0]) / "data" / "weights"))
