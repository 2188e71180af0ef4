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
    """

    def __init__(self, width: int = 64, blocks: int = 20) -> None:
        super().__init__()
        widths = [3, *[width] * (blocks - 1), 3]
        layers = [part for pair in itertools.pairwise(widths) for part in (conv(*pair), nn.ReLU())]
        self.model = nn.Sequential(*layers[:-1])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to the same shape."""
        return image - self.model(image)

    @classmethod
    def from_state(cls, state: State) -> DnCNN:
        """Build the network whose checkpoint `state` is, without its weights."""
        return cls(width=state["model.0.weight"].shape[0], blocks=sum(key.endswith(".bias") for key in state))
