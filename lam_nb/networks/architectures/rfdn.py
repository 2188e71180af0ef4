"""RFDN: residual feature distillation network (Liu et al., AIM 2020, arXiv 2009.11551)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .distillation import SLOPE, Distillation
from .layers import State, conv, count, upsampler_scale


class SpatialAttention(nn.Module):
    """Attention from a strided and pooled copy of the features (ESA): it sees far at low cost."""

    def __init__(self, width: int) -> None:
        super().__init__()
        squeezed = width // 4
        self.conv1 = nn.Conv2d(width, squeezed, 1)
        self.conv_f = nn.Conv2d(squeezed, squeezed, 1)
        self.conv_max = conv(squeezed, squeezed)
        self.conv2 = nn.Conv2d(squeezed, squeezed, 3, stride=2)
        self.conv3 = conv(squeezed, squeezed)
        self.conv3_ = conv(squeezed, squeezed)
        self.conv4 = nn.Conv2d(squeezed, width, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scale every pixel."""
        squeezed = self.conv1(features)
        pooled = functional.max_pool2d(self.conv2(squeezed), kernel_size=7, stride=3)
        coarse = functional.relu(self.conv3(functional.relu(self.conv_max(pooled))))
        wide = functional.interpolate(self.conv3_(coarse), features.shape[2:], mode="bilinear", align_corners=False)
        return features * torch.sigmoid(self.conv4(wide + self.conv_f(squeezed)))


class ResidualDistillationBlock(nn.Module):
    """Three times: put half the channels aside by a 1 × 1 convolution, refine all of them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        for k in (1, 2, 3):
            self.add_module(f"c{k}_d", nn.Conv2d(width, half, 1))
            self.add_module(f"c{k}_r", conv(width, width))
        self.c4 = conv(width, half)
        self.c5 = nn.Conv2d(4 * half, width, 1)
        self.esa = SpatialAttention(width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        kept = []
        for k in (1, 2, 3):
            kept.append(functional.leaky_relu(self.get_submodule(f"c{k}_d")(features), SLOPE))
            features = functional.leaky_relu(self.get_submodule(f"c{k}_r")(features) + features, SLOPE)
        kept.append(functional.leaky_relu(self.c4(features), SLOPE))
        return self.esa(self.c5(torch.cat(kept, 1)))


class RFDN(Distillation):
    """Residual distillation blocks, all of them fused, one residual, one pixel shuffle.

    Published weights take and return pixel values in [0, 255], not in [0, 1].

    Parameters
    ----------
    width : int, default 50
        Channels; an even number.
    blocks : int, default 4
        Residual distillation blocks.
    scale : int, default 4
        Upscaling factor.

    Examples
    --------
    >>> RFDN(width=16, blocks=2)(torch.zeros(1, 3, 20, 24)).shape
    torch.Size([1, 3, 80, 96])
    """

    def __init__(self, width: int = 50, blocks: int = 4, scale: int = 4) -> None:
        super().__init__(ResidualDistillationBlock, "B{}", width, blocks, scale)

    @classmethod
    def from_state(cls, state: State) -> RFDN:
        """Build the network whose checkpoint `state` is, without its weights."""
        return cls(
            width=state["fea_conv.weight"].shape[0],
            blocks=count(state, "B{}.c5.weight"),
            scale=upsampler_scale(state["upsampler.0.weight"]),
        )
