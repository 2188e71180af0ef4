"""SRCNN: three convolutions on the bicubically enlarged picture (Dong et al., TPAMI 2016, arXiv 1501.00092)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .layers import State, conv


class SRCNN(nn.Module):
    """Enlarge, then extract patches, map them and put them together.

    Parameters
    ----------
    width : int, default 64
        Channels of the first layer.
    inner : int, default 32
        Channels of the second layer.
    kernel : int, default 5
        Side of the second layer's kernel; odd.
    scale : int, default 4
        Upscaling factor. A checkpoint does not tell it.
    """

    def __init__(self, width: int = 64, inner: int = 32, kernel: int = 5, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.conv1 = conv(3, width, 9)
        self.conv2 = conv(width, inner, kernel)
        self.conv3 = conv(inner, 3, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        large = functional.interpolate(image, scale_factor=self.scale, mode="bicubic", align_corners=True)
        return self.conv3(functional.relu(self.conv2(functional.relu(self.conv1(large)))))

    @classmethod
    def from_state(cls, state: State, *, scale: int = 4) -> SRCNN:
        """Build the network whose checkpoint `state` is, without its weights."""
        inner, width, kernel, _ = state["conv2.weight"].shape
        return cls(width=width, inner=inner, kernel=kernel, scale=scale)
