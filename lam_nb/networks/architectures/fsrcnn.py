"""FSRCNN: a thin hourglass and one transposed convolution (Dong et al., ECCV 2016, arXiv 1608.00367)."""

from __future__ import annotations

import torch
from torch import nn

from .layers import State, conv


def _activated(layer: nn.Conv2d) -> list[nn.Module]:
    return [layer, nn.PReLU(layer.out_channels)]


class FSRCNN(nn.Module):
    """Extract features, shrink them, map them, expand them, enlarge.

    Parameters
    ----------
    width : int, default 56
        Channels outside.
    inner : int, default 12
        Channels between shrinking and expanding.
    blocks : int, default 4
        Mapping convolutions.
    scale : int, default 4
        Upscaling factor. A checkpoint does not tell it.
    """

    def __init__(self, width: int = 56, inner: int = 12, blocks: int = 4, scale: int = 4) -> None:
        super().__init__()
        mapping = [conv(width, inner, 1), *(conv(inner, inner) for _ in range(blocks)), conv(inner, width, 1)]
        self.first_part = nn.Sequential(*_activated(conv(3, width, 5)))
        self.mid_part = nn.Sequential(*(part for layer in mapping for part in _activated(layer)))
        self.last_part = nn.ConvTranspose2d(width, 3, 9, stride=scale, padding=4, output_padding=scale - 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        return self.last_part(self.mid_part(self.first_part(image)))

    @classmethod
    def from_state(cls, state: State, *, scale: int = 4) -> FSRCNN:
        """Build the network whose checkpoint `state` is, without its weights."""
        inner, width = state["mid_part.0.weight"].shape[:2]
        convolutions = sum(key.startswith("mid_part.") and key.endswith(".bias") for key in state)
        return cls(width=width, inner=inner, blocks=convolutions - 2, scale=scale)
