"""Layers that several architectures share, and what a checkpoint's shapes tell about them."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import nn
from torch.nn import functional

from ...validation import InputError

State: TypeAlias = Mapping[str, torch.Tensor]
"""A checkpoint: parameter name -> tensor."""

MEAN = (0.4488, 0.4371, 0.4040)
"""Mean colour of the DIV2K photographs, RGB in [0, 1]."""


def conv(inputs: int, outputs: int, kernel: int = 3, **options: int | bool) -> nn.Conv2d:
    """Return a convolution that keeps the picture's size (zero padding)."""
    padding = kernel // 2 * int(options.get("dilation", 1))
    return nn.Conv2d(inputs, outputs, kernel, padding=padding, **options)  # type: ignore[arg-type]


def upsampler(width: int, scale: int, channels: int = 3) -> nn.Sequential:
    """Return one convolution and one pixel shuffle to `channels` at `scale` times the size."""
    return nn.Sequential(conv(width, channels * scale**2), nn.PixelShuffle(scale))


def upsampler_scale(weight: torch.Tensor, channels: int = 3) -> int:
    """Read the scale back from the weight of `upsampler`'s convolution."""
    return round((weight.shape[0] / channels) ** 0.5)


def factors(scale: int) -> list[int]:
    """Return the steps in which the larger networks upscale.

    Raises
    ------
    InputError
        If the scale is neither 3 nor a power of two.

    Examples
    --------
    >>> factors(3), factors(4)
    ([3], [2, 2])
    """
    steps = [3] if scale == 3 else [2] * (scale.bit_length() - 1)
    if math.prod(steps) != scale:
        raise InputError(f"scale: got {scale}, expected 3 or a power of two (1, 2, 4, 8).")
    return steps


def shuffles(width: int, scale: int, *, groups: int = 1, relu: bool = False) -> nn.Sequential:
    """Return convolutions, each with a pixel shuffle (and before it a ReLU), that keep the width."""
    layers: list[nn.Module] = []
    for factor in factors(scale):
        layers.append(conv(width, width * factor**2, groups=groups))
        layers += [nn.ReLU()] * relu
        layers.append(nn.PixelShuffle(factor))
    return nn.Sequential(*layers)


def shuffles_scale(state: State, prefix: str, width: int) -> int:
    """Read the scale back from the biases of `shuffles`' convolutions, whose keys begin with `prefix`."""
    biases = [value for key, value in state.items() if key.startswith(prefix) and key.endswith(".bias")]
    return math.prod(round((bias.shape[0] / width) ** 0.5) for bias in biases)


def mean_shift(sign: int) -> nn.Conv2d:
    """Return a frozen 1 × 1 convolution that adds `sign` times the mean colour."""
    shift = nn.Conv2d(3, 3, 1).requires_grad_(False)
    shift.load_state_dict({"weight": torch.eye(3).reshape(3, 3, 1, 1), "bias": sign * torch.tensor(MEAN)})
    return shift


def inside(name: str, *layers: nn.Module) -> nn.Sequential:
    """Return the layers as a sequence whose parameters begin with ``{name}.0``, ``{name}.1`` and so on."""
    return nn.Sequential(OrderedDict({name: nn.Sequential(*layers)}))


def squeeze(width: int, squeezed: int) -> nn.Sequential:
    """Return two 1 × 1 convolutions through a bottleneck, ending in weights in (0, 1)."""
    return nn.Sequential(nn.Conv2d(width, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, width, 1), nn.Sigmoid())


class Residual(nn.Module):
    """Adds to the features what its layers make of them."""

    def __init__(self, *layers: nn.Module, scale: float = 1, relu: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)
        self.scale = scale
        self.after = nn.ReLU() if relu else nn.Identity()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features plus `scale` times the layers' output, rectified if asked for."""
        return self.after(features + self.scale * self.body(features))


def residual_block(width: int, *, scale: float = 1, relu: bool = False) -> Residual:
    """Return convolution, ReLU, convolution with a shortcut."""
    return Residual(conv(width, width), nn.ReLU(), conv(width, width), scale=scale, relu=relu)


class ChannelAttention(nn.Module):
    """Scales each channel by a weight made from the means of all channels (arXiv 1807.02758)."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.conv_du = squeeze(width, squeezed)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the scaled features."""
        return features * self.conv_du(features.mean((2, 3), keepdim=True))


class NonLocal(nn.Module):
    """Every pixel adds a sum over all pixels, weighted by likeness (arXiv 1711.07971).

    Parameters
    ----------
    width, inner : int
        Channels outside and inside.
    pooled : bool
        Whether the pixels that are summed are max-pooled 2 × 2 first.
    giving : bool
        Whether the weights that a pixel gives add up to 1, instead of those that it receives.
    """

    def __init__(self, width: int, inner: int, *, pooled: bool = False, giving: bool = False) -> None:
        super().__init__()
        self.giving = giving
        self.theta = nn.Conv2d(width, inner, 1)
        self.phi: nn.Module = nn.Conv2d(width, inner, 1)
        self.g: nn.Module = nn.Conv2d(width, inner, 1)
        self.W = nn.Conv2d(inner, width, 1)
        if pooled:
            self.phi, self.g = (nn.Sequential(layer, nn.MaxPool2d(2)) for layer in (self.phi, self.g))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features plus the weighted sums, same shape."""
        query, key, value = (layer(features).flatten(2).mT[:, None] for layer in (self.theta, self.phi, self.g))
        if self.giving:
            summed = torch.softmax(query @ key.mT, 2) @ value
        else:
            summed = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
        return features + self.W(summed[:, 0].mT.unflatten(2, features.shape[2:]))


def count(state: State, pattern: str, first: int = 1) -> int:
    """Count how many consecutive numbers from `first` make `pattern` a key of `state`.

    Examples
    --------
    >>> count({"B1.w": torch.ones(1), "B2.w": torch.ones(1)}, "B{}.w")
    2
    """
    return next(k for k in itertools.count() if pattern.format(first + k) not in state)
