"""From any module, function, spandrel descriptor or transformers model to a Network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..types import RGB, Axes
from ..validation import InputError, choose, mapping, positive, switch, text, whole
from . import plausibility
from .described import is_descriptor, taken
from .network import COLOURS, Colours, Network, Settings

_PROBE = 24
"""Least side of the picture that tells a network's scale."""
_MOST = 256
"""Largest scale, and window of a network's sizes."""


def wrap(
    module: Callable[..., Any],
    *,
    scale: int | None = None,
    value_range: float = 1.0,
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
    pad_to: int | None = None,
    channels: int | Sequence[str | int] | None = None,
    colours: Colours | None = None,
    arguments: Mapping[str, object] | None = None,
    output: int | str | None = None,
    seed: int | None = None,
    name: str | None = None,
    task: str | None = None,
    about: Mapping[str, object] | None = None,
    check: bool = True,
) -> Network:
    """Make a Network of any module or function.

    Parameters
    ----------
    module : callable
        Takes a batch (n, c, y, x) and returns (n, c, scale·y, scale·x). Also a descriptor loaded
        by spandrel, whose inner model is taken, and super-resolution models of transformers.
    scale : int, optional
        Output pixels per input pixel, 1 for denoising. Read off a trial run when not given.
    value_range : float, default 1
        Largest value of the module's own input and output; 255 for many older networks.
    mean, std : float or one for each channel, default 0 and 1
        If the module works on standardised pictures, what was subtracted and divided by, for values
        in [0, 1]. Undone on its output.
    pad_to : int, default 1
        If the module takes only multiples of a window size, that size. The image is mirrored at its
        bottom and right and the output cropped.
    channels : tuple of str, or int, optional
        What its pictures have instead of red, green and blue: ("luma",), ("nir", "r", "g", "b") or how many.
        Results name them so. Found by trials where neither this nor `colours` is given: three, else what the
        first layer takes.
    colours : {"rgb", "bgr", "luma"}, default "rgb"
        For pictures that are RGB all the same: the order of the module's channels, or "luma" for a one-channel
        network that restores their luma (ITU-R BT.601, 16 … 235).
    arguments : mapping, optional
        More arguments of the module, by name, such as a noise level.
    output : int or str, optional
        Which part of a list, dictionary or object that the module returns is the picture.
    seed : int, optional
        For a module that draws random numbers: every picture is computed with the same ones, one at a time.
    name : str, optional
        Defaults to the class's or function's name.
    task : str, optional
        Such as "denoising". "super-resolution" or "restoration" when not given.
    about : mapping, optional
        More facts for the network's card, such as a citation.
    check : bool, default True
        Restore a small photograph once and warn if the result looks as if the value range, channel
        order, mean or weights were wrong.

    Returns
    -------
    Network

    Raises
    ------
    InputError
        If the module cannot be called, an argument is out of range or the trial run fails.

    Warns
    -----
    ImplausibleNetwork
        If the check fails: says how, and which argument would mend it.

    Examples
    --------
    >>> net = wrap(nn.Upsample(scale_factor=4, mode="bilinear"), name="bilinear")
    >>> net.scale, net(torch.rand(1, 3, 10, 12)).shape
    (4, torch.Size([1, 3, 40, 48]))
    """
    described = _Description()
    if is_descriptor(module):
        module, told = taken(module)
        described = _Description(**told)
    elif _is_configured(module):
        described = _Description(scale=module.config.upscale, pad_to=module.config.window_size)  # type: ignore[attr-defined]
    if not callable(module):
        raise InputError(f"module: got {type(module).__name__}, expected a torch module or a function of a batch.")
    if channels is None and colours is None:
        colours, channels = described.colours, described.channels
    settings: Settings = {
        "name": described.name or str(getattr(module, "__name__", type(module).__name__)),
        "scale": 1,
        "channels": RGB if channels is None else Axes.of(channels),
        "colours": COLOURS[COLOURS.index(choose("colours", colours or "rgb", COLOURS))],
        "pad_to": whole("pad_to", described.pad_to if pad_to is None else pad_to, most=_MOST),
        "value_range": positive("value_range", value_range, "the largest pixel value, such as 1 or 255"),
        "arguments": mapping("arguments", arguments),
        "output": output,
        "seed": seed,
        "task": task,
        "about": mapping("about", about),
    }
    if name is not None:
        settings["name"] = text("name", name, "a name for tables and plots")
    asked = described.scale if scale is None else whole("scale", scale, most=_MOST)
    settings |= _found(module, settings, asked, free=channels is None and colours is None)
    count = Axes.of(settings["channels"]).count
    settings |= {"mean": _levels("mean", mean, count), "std": _levels("std", std, count)}
    if described.asks_for:
        settings["about"] = {**(settings["about"] or {}), "asks_for": described.asks_for}
    network = Network(module, **settings)
    if switch("check", check):
        with trial(network):
            plausibility.warn(network, lambda **other: Network(module, **{**settings, **other}))
    return network


@dataclass(frozen=True)
class _Description:
    """What a module says of itself."""

    scale: int | None = None
    pad_to: int = 1
    colours: Colours | None = None
    channels: int | None = None
    name: str | None = None
    asks_for: str = ""


@contextmanager
def trial(module: object) -> Iterator[None]:
    """Have a module in evaluation mode and nothing recorded; undo it after."""
    modes = {part: part.training for part in module.modules()} if isinstance(module, nn.Module) else {}
    try:
        with torch.no_grad():
            for part in modes:
                part.training = False
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _is_configured(module: object) -> bool:
    """Whether it is a super-resolution model of transformers, which takes only whole windows."""
    config = getattr(module, "config", None)
    return all(isinstance(getattr(config, part, None), int) for part in ("upscale", "window_size"))


def _levels(name: str, given: float | Sequence[float], count: int) -> float | tuple[float, ...]:
    try:
        values = [float(value) for value in (given if isinstance(given, Sequence) else [given])]
    except (TypeError, ValueError):
        values = []
    if len(values) not in (1, count) or (name == "std" and min(values) <= 0):
        above, many = ", above 0" if name == "std" else "", "three" if count == 3 else str(count)
        raise InputError(f"{name}: got {given!r}, expected a number or {many}{above}, for pixel values in [0, 1].")
    return values[0] if len(values) == 1 else tuple(values)


def _found(module: Callable[..., Any], settings: Settings, scale: int | None, *, free: bool) -> Settings:
    """Return the scale and, where they are free, the channels: as trials tell that were not told."""
    own = Network(module, **settings)
    likely = first_channels(module) or (1 if scale is None else own.taken)
    counts = dict.fromkeys((own.taken, likely)) if free else (own.taken,)
    if scale is not None and len(counts) == 1:
        return {"name": own.name, "scale": scale}
    tried, failure = {}, None
    for count in counts:
        try:
            tried[count] = _tried(module, settings, count)
        except InputError as error:
            failure = failure or error
    fitting = [count for count, (there, _) in tried.items() if there == count] or [*tried, own.taken]
    if scale is None and not tried and failure:
        raise failure
    found = tried[fitting[0]][1] if scale is None else scale
    told: Settings = {"name": own.name, "scale": found}
    return told if fitting[0] == own.taken else {**told, "channels": fitting[0]}


def first_channels(module: object) -> int | None:
    """Return how many channels the first layer takes, where there is one that tells.

    Examples
    --------
    >>> first_channels(nn.Conv2d(4, 8, 3)), first_channels(nn.Identity())
    (4, None)
    """
    parts = module.modules() if isinstance(module, nn.Module) else ()
    return next((part.in_channels for part in parts if isinstance(part, nn.Conv2d)), None)


def _tried(module: Callable[..., Any], settings: Settings, count: int) -> tuple[int, int]:
    """Return the channels that a module returns for so many, and its scale."""
    pad_to = settings["pad_to"]
    side = pad_to * -(-_PROBE // pad_to)
    weight = next(iter(module.parameters()), None) if isinstance(module, nn.Module) else None
    probe = torch.full((1, count, side, side + pad_to), 0.5 * settings["value_range"])
    probe = probe if weight is None else probe.to(weight)
    network = Network(module, **settings)
    try:
        with trial(module):
            there, rows, columns = network._called(probe).shape[-3:]
    except Exception as error:
        reason = str(error.__cause__ or error)
        raise InputError(
            f"module: a trial run on {tuple(probe.shape)} failed ({reason}); give scale= (and channels= if its "
            "pictures are not RGB, pad_to= if it needs multiples of a window, arguments= if it needs more than that)."
        ) from error
    if rows % side or rows // side < 1 or columns != rows // side * (side + pad_to):
        raise InputError(
            f"scale: a trial run turned {side} × {side + pad_to} pixels into {rows} × {columns}, expected a whole "
            "multiple; give scale= or a module that keeps the proportions."
        )
    return int(there), int(rows // side)
