"""Does a network restore a photograph at all? A wrong value range still draws a map, only not of this network."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator

import torch

from .. import images
from ..types import Image, ImplausibleNetwork
from ..validation import InputError
from .network import Network

_PHOTOGRAPH = "cat"
_SIDE = 48
"""Least side of the probe in input pixels."""
_NOISE = 0.04
"""Standard deviation of the noise on the probe of a network that does not enlarge."""
_RESEMBLES = 24.0
"""Least PSNR in dB between the input and the output shrunk to its size."""
_MARGIN = 3.0
"""How many dB below bicubic a network may stay: adversarially trained ones do."""
_CLEARER = 1.0
"""How many dB another setting must gain before it is named as the likely cause."""
_SAME = 1e-4
"""Difference of two answers that may be rounding: libraries may add up in another order."""
_UNTRAINED = (
    "No other usual value range, channel order or mean helps: are the weights trained, and for this task and scale? "
    "Compare with the code it was published with."
)
_PLAIN: dict[str, object] = {"mean": 0.0, "std": 1.0}
_HALF: dict[str, object] = {"mean": 0.5, "std": 0.5}
_IMAGENET: dict[str, object] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_DIV2K: dict[str, object] = {"mean": (0.4488, 0.4371, 0.4040), "std": 1.0}


def warn(network: Network, other: Callable[..., Network]) -> None:
    """Warn if the network does worse on a photograph than it could by chance.

    Parameters
    ----------
    network : Network
        In evaluation mode.
    other : callable
        Returns the same network with other settings (value_range, mean, std, colours).
    """
    if asked := network.about.get("asks_for"):
        _say(f"network {network.name!r}: asks for {asked}; of any other, it makes up what its maps then explain.")
        return
    truth = _photograph(network)
    given = _input(truth, network.scale)
    try:
        gained, likeness = _quality(network, given, truth)
        if (again := _apart(network, given)) > _SAME:
            _say(
                f"network {network.name!r}: answers differently when it is asked twice (by up to {again:.2g} of the "
                "intensity); it draws random numbers. Give seed=, or its maps differ, too."
            )
    except InputError as error:
        _say(f"network {network.name!r} could not be checked on a photograph: {error}")
        return
    passes = _passes(network, gained, likeness)
    if passes and gained >= 0:
        return
    better = _better(network, other, given, truth, gained)
    if passes and not better:
        return
    words = f"network {network.name!r}: restores a photograph {_decibels(gained)} than {_rival(network)} would"
    if likeness < _RESEMBLES:
        words += f", and its output does not look like its input (PSNR {likeness:.1f} dB)"
    cause = _cause(network, *better) if better else _UNTRAINED
    _say(f"{words}. {cause} Maps of it would mean little. check=False says that this is meant to be so.")


def _better(
    network: Network, other: Callable[..., Network], given: Image, truth: Image, gained: float
) -> tuple[float, dict[str, object]] | None:
    """Return the quality and the settings of the most plausible network that is clearly better."""
    found = []
    for settings in _alternatives(network):
        try:
            quality, likeness = _quality(other(**settings), given, truth)
        except InputError:
            continue
        if quality > gained + _CLEARER and _passes(network, quality, likeness):
            found.append((quality, settings))
    return max(found, key=lambda pair: pair[0], default=None)


def _cause(network: Network, quality: float, settings: dict[str, object]) -> str:
    words = ", ".join(f"{key}={value!r}" for key, value in settings.items())
    return f"Likely cause: with {words} it does {_decibels(quality)} than {_rival(network)}; give that."


def _passes(network: Network, gained: float, likeness: float) -> bool:
    least = 0 if network.task == "denoising" else -_MARGIN
    return gained >= least and likeness >= _RESEMBLES


def _alternatives(network: Network) -> Iterator[dict[str, object]]:
    colourless = network.taken != 3
    shifts = [_PLAIN, _HALF] if colourless else [_PLAIN, _HALF, _IMAGENET, _DIV2K]
    for largest in (1.0, 255.0):
        for shift in shifts:
            settings = {"value_range": largest, **shift}
            if any(getattr(network, key) != value for key, value in settings.items()):
                yield {key: value for key, value in settings.items() if getattr(network, key) != value}
    if network.axes.is_rgb and not colourless:
        yield {"colours": "bgr" if network.colours == "rgb" else "rgb"}


def _photograph(network: Network) -> Image:
    multiple = math.lcm(network.pad_to, 8)
    side = network.scale * multiple * -(-_SIDE // multiple)
    photograph = images.sample(_PHOTOGRAPH, network.axes.count)
    height, width = photograph.shape[-2:]
    if min(height, width) < side:
        repeats = (1, -(-side // height), -(-side // width))
        photograph = torch.cat([photograph, photograph.flip(2)], 2).tile(repeats)
        photograph = torch.cat([photograph, photograph.flip(1)], 1)
    return images.crop(photograph, 0, 0, side, side)


def _input(truth: Image, scale: int) -> Image:
    if scale > 1:
        return images.downscale(truth, scale)
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    return (truth + _NOISE * noise).clamp(0, 1)


def _quality(network: Network, given: Image, truth: Image) -> tuple[float, float]:
    """Return how many dB better than bicubic (or than the noisy input), and the likeness to the input in dB."""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    restored = network(given[None].to(device, network.dtype))[0].float().cpu().clamp(0, 1)
    if network.scale == 1:
        return images.psnr(restored, truth) - images.psnr(given, truth), images.psnr(restored, given)
    gained = images.psnr(restored, truth) - images.psnr(images.upscale(given, network.scale), truth)
    return gained, images.psnr(images.downscale(restored, network.scale), given)


def _apart(network: Network, given: Image) -> float:
    """Return the largest difference between two answers to one question."""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    asked = given[None].to(device, network.dtype)
    return float((network(asked) - network(asked)).abs().max())


def _rival(network: Network) -> str:
    return "bicubic enlargement" if network.scale > 1 else "doing nothing"


def _decibels(gained: float) -> str:
    if not math.isfinite(gained):
        return "infinitely worse"
    return f"{abs(gained):.1f} dB {'better' if gained > 0 else 'worse'}"


def _say(words: str) -> None:
    warnings.warn(words, ImplausibleNetwork, stacklevel=4)
