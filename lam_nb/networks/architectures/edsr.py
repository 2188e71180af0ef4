"""EDSR: enhanced deep residual network (Lim et al., CVPRW 2017, arXiv 1707.02921)."""

from __future__ import annotations

import torch
from torch import nn

from .layers import State, conv, count, mean_shift, residual_block, shuffles, shuffles_scale


class EDSR(nn.Module):
    """Residual blocks without normalisation inside one long residual, then pixel shuffles.

    Parameters
    ----------
    width : int, default 64
        Channels; 256 in the authors' large network.
    blocks : int, default 16
        Residual blocks; 32 in the authors' large network.
    scale : int, default 4
        Upscaling factor: 2, 3, 4 or 8.
    residual_scale : float, optional
        Factor of each block's residual. A checkpoint does not tell it; by default as published:
        0.1 in the large network, otherwise 1.
    """

    def __init__(self, width: int = 64, blocks: int = 16, scale: int = 4, residual_scale: float | None = None) -> None:
        super().__init__()
        if residual_scale is None:
            residual_scale = 0.1 if (width, blocks) == (256, 32) else 1
        self.sub_mean = mean_shift(-1)
        self.add_mean = mean_shift(1)
        self.head = nn.Sequential(conv(3, width))
        self.body = nn.Sequential(
            *(residual_block(width, scale=residual_scale) for _ in range(blocks)), conv(width, width)
        )
        self.tail = nn.Sequential(shuffles(width, scale), conv(width, 3))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        shallow = self.head(self.sub_mean(image))
        return self.add_mean(self.tail(shallow + self.body(shallow)))

    @classmethod
    def from_state(cls, state: State, *, residual_scale: float | None = None) -> EDSR:
        """Build the network whose checkpoint `state` is, without its weights."""
        width = state["head.0.weight"].shape[0]
        return cls(
            width=width,
            blocks=count(state, "body.{}.body.0.weight", first=0),
            scale=shuffles_scale(state, "tail.0.", width),
            residual_scale=residual_scale,
        )
