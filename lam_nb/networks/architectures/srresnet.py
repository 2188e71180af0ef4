"""SRResNet without normalisation, on top of a bilinear picture (Ledig et al., CVPR 2017, arXiv 1609.04802)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .layers import State, conv, count, factors, shuffles_scale

SLOPE = 0.1


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width)
        self.conv2 = conv(width, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        return features + self.conv2(functional.relu(self.conv1(features)))


class SRResNet(nn.Module):
    """Residual blocks and pixel shuffles that correct a bilinearly enlarged picture, or draw the picture alone.

    Parameters
    ----------
    width : int, default 64
        Channels.
    blocks : int, default 16
        Residual blocks.
    scale : int, default 4
        Upscaling factor: 2, 3 or 4.
    plain : int, default 0
        1 for a network without the enlarged picture, which its checkpoint tells.
    """

    def __init__(self, width: int = 64, blocks: int = 16, scale: int = 4, plain: int = 0) -> None:
        super().__init__()
        self.factors = factors(scale)
        self.plain = bool(plain)
        if plain:  # published checkpoints, none of them plain, have no such key
            self.register_buffer("without_picture", torch.tensor(1))
        self.conv_first = conv(3, width)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        for k, factor in enumerate(self.factors):
            self.add_module(f"upconv{k + 1}", conv(width, width * factor**2))
        self.conv_hr = conv(width, width)
        self.conv_last = conv(width, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        features = self.body(functional.leaky_relu(self.conv_first(image), SLOPE))
        for k, factor in enumerate(self.factors):
            shuffled = functional.pixel_shuffle(self.get_submodule(f"upconv{k + 1}")(features), factor)
            features = functional.leaky_relu(shuffled, SLOPE)
        detail = self.conv_last(functional.leaky_relu(self.conv_hr(features), SLOPE))
        if self.plain:
            return detail
        return detail + functional.interpolate(image, detail.shape[2:], mode="bilinear", align_corners=False)

    @classmethod
    def from_state(cls, state: State) -> SRResNet:
        """Build the network whose checkpoint `state` is, without its weights."""
        width = state["conv_first.weight"].shape[0]
        return cls(
            width=width,
            blocks=count(state, "body.{}.conv1.weight", first=0),
            scale=shuffles_scale(state, "upconv", width),
            plain=int("without_picture" in state),
        )
