"""MSRN: multi-scale residual network (Li et al., ECCV 2018)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .layers import State, conv, count, mean_shift, shuffles, shuffles_scale


class MultiScaleBlock(nn.Module):
    """Twice: 3 × 3 and 5 × 5 convolutions side by side, each seeing both of the stage before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_3_1 = conv(width, width, 3)
        self.conv_3_2 = conv(2 * width, 2 * width, 3)
        self.conv_5_1 = conv(width, width, 5)
        self.conv_5_2 = conv(2 * width, 2 * width, 5)
        self.confusion = nn.Conv2d(4 * width, width, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        both = functional.relu(torch.cat([self.conv_3_1(features), self.conv_5_1(features)], 1))
        both = functional.relu(torch.cat([self.conv_3_2(both), self.conv_5_2(both)], 1))
        return features + self.confusion(both)


class MSRN(nn.Module):
    """Multi-scale blocks, all of them fused, then pixel shuffles.

    Published weights take and return pixel values in [0, 255], not in [0, 1].

    Parameters
    ----------
    width : int, default 64
        Channels.
    blocks : int, default 8
        Multi-scale blocks.
    scale : int, default 4
        Upscaling factor: 2, 3, 4 or 8.
    """

    def __init__(self, width: int = 64, blocks: int = 8, scale: int = 4) -> None:
        super().__init__()
        self.sub_mean = mean_shift(-1)
        self.add_mean = mean_shift(1)
        self.head = nn.Sequential(conv(3, width))
        self.body = nn.Sequential(*(MultiScaleBlock(width) for _ in range(blocks)))
        self.tail = nn.Sequential(
            nn.Conv2d((blocks + 1) * width, width, 1), conv(width, width), shuffles(width, scale), conv(width, 3)
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        shallow = features = self.head(self.sub_mean(image))
        stages = []
        for block in self.body:
            features = block(features)
            stages.append(features)
        return self.add_mean(self.tail(torch.cat([*stages, shallow], 1)))

    @classmethod
    def from_state(cls, state: State) -> MSRN:
        """Build the network whose checkpoint `state` is, without its weights."""
        width = state["head.0.weight"].shape[0]
        return cls(
            width=width,
            blocks=count(state, "body.{}.confusion.weight", first=0),
            scale=shuffles_scale(state, "tail.2.", width),
        )
