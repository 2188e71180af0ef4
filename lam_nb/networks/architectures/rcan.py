"""RCAN: residual channel attention network (Zhang et al., ECCV 2018, arXiv 1807.02758)."""

from __future__ import annotations

import torch
from torch import nn

from .layers import ChannelAttention, Residual, State, conv, count, mean_shift, shuffles, shuffles_scale


def _block(width: int, squeezed: int) -> Residual:
    return Residual(conv(width, width), nn.ReLU(), conv(width, width), ChannelAttention(width, squeezed))


def _group(width: int, blocks: int, squeezed: int) -> Residual:
    return Residual(*(_block(width, squeezed) for _ in range(blocks)), conv(width, width))


class RCAN(nn.Module):
    """Residual groups of residual blocks with channel attention inside one long residual.

    Published weights take and return pixel values in [0, 255], not in [0, 1].

    Parameters
    ----------
    width : int, default 64
        Channels.
    groups : int, default 10
        Residual groups.
    blocks : int, default 20
        Residual blocks per group.
    squeezed : int, default 4
        Channels inside the attention.
    scale : int, default 4
        Upscaling factor: 2, 3, 4 or 8.
    """

    def __init__(self, width: int = 64, groups: int = 10, blocks: int = 20, squeezed: int = 4, scale: int = 4) -> None:
        super().__init__()
        self.sub_mean = mean_shift(-1)
        self.add_mean = mean_shift(1)
        self.head = nn.Sequential(conv(3, width))
        self.body = nn.Sequential(*(_group(width, blocks, squeezed) for _ in range(groups)), conv(width, width))
        self.tail = nn.Sequential(shuffles(width, scale), conv(width, 3))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        shallow = self.head(self.sub_mean(image))
        return self.add_mean(self.tail(shallow + self.body(shallow)))

    @classmethod
    def from_state(cls, state: State) -> RCAN:
        """Build the network whose checkpoint `state` is, without its weights."""
        width = state["head.0.weight"].shape[0]
        return cls(
            width=width,
            groups=count(state, "body.{}.body.0.body.0.weight", first=0),
            blocks=count(state, "body.0.body.{}.body.0.weight", first=0),
            squeezed=state["body.0.body.0.body.3.conv_du.0.weight"].shape[0],
            scale=shuffles_scale(state, "tail.0.", width),
        )
