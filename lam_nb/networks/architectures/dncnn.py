"""DnCNN: a plain deep network that estimates noise (Zhang et al., TIP 2017, arXiv 1608.03981)."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from .layers import State, conv


class DnCNN(nn.Module):
    """Convolutions and ReLUs without normalisation whose output is taken off the picture.

    Parameters
    ----------
    width : int, default 64
        Channels.
    blocks : int, default 20
        Convolutions: 20 in the blind denoiser, 17 in the others.
    channels : int, default 3
        Of the picture; 1 in the grey denoisers.
    """

    def __init__(self, width: int = 64, blocks: int = 20, channels: int = 3) -> None:
        super().__init__()
        widths = [channels, *[width] * (blocks - 1), channels]
        layers = [part for pair in itertools.pairwise(widths) for part in (conv(*pair), nn.ReLU())]
        self.model = nn.Sequential(*layers[:-1])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, y, x) to the same shape."""
        return image - self.model(image)

    @classmethod
    def from_state(cls, state: State) -> DnCNN:
        """Build the network whose checkpoint `state` is, without its weights."""
        width, channels = state["model.0.weight"].shape[:2]
        return cls(width, blocks=sum(key.endswith(".bias") for key in state), channels=channels)
