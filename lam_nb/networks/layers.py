"""Layers that several architectures share, and what a checkpoint's shapes tell about them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import nn

State: TypeAlias = Mapping[str, torch.Tensor]
"""A checkpoint: parameter name -> tensor."""


def conv(inputs: int, outputs: int, kernel: int = 3, **options: int | bool) -> nn.Conv2d:
    """Return a convolution that keeps the picture's size (zero padding)."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **options)  # type: ignore[arg-type]


def upsampler(width: int, scale: int, channels: int = 3) -> nn.Sequential:
    """Return one convolution and one pixel shuffle to `channels` at `scale` times the size."""
    return nn.Sequential(conv(width, channels * scale**2), nn.PixelShuffle(scale))


def upsampler_scale(weight: torch.Tensor, channels: int = 3) -> int:
    """Read the scale back from the weight of `upsampler`'s convolution."""
    return round((weight.shape[0] / channels) ** 0.5)


def count(state: State, pattern: str, first: int = 1) -> int:
    """Count how many consecutive numbers from `first` make `pattern` a key of `state`.

    Examples
    --------
    >>> count({"B1.w": torch.ones(1), "B2.w": torch.ones(1)}, "B{}.w")
    2
    """
    return next(k for k in itertools.count() if pattern.format(first + k) not in state)
