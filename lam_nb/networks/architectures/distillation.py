"""What the distillation networks IMDN and RFDN share: all blocks fused, one residual, one pixel shuffle."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from .layers import conv, upsampler

SLOPE = 0.05
"""Of the leaky ReLUs below zero."""


class Distillation(nn.Module):
    """Blocks one after another, all of their outputs fused, one residual, one pixel shuffle.

    Parameters
    ----------
    block : callable
        Width -> block of that many channels.
    name : str
        Pattern of the blocks' names, such as "IMDB{}".
    width, blocks, scale : int
        Channels, number of blocks, upscaling factor.
    """

    def __init__(self, block: Callable[[int], nn.Module], name: str, width: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.blocks = [name.format(k + 1) for k in range(blocks)]
        self.fea_conv = conv(3, width)
        for one in self.blocks:
            self.add_module(one, block(width))
        self.c = nn.Sequential(nn.Conv2d(width * blocks, width, 1), nn.LeakyReLU(SLOPE))
        self.LR_conv = conv(width, width)
        self.upsampler = upsampler(width, scale)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        shallow = features = self.fea_conv(image)
        stages = []
        for name in self.blocks:
            features = self.get_submodule(name)(features)
            stages.append(features)
        return self.upsampler(self.LR_conv(self.c(torch.cat(stages, 1))) + shallow)
