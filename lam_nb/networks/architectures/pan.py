"""PAN: pixel attention network (Zhao et al., ECCVW 2020, arXiv 2010.01073)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .layers import State, conv, count, factors

SLOPE = 0.2


def _plain(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    return conv(inputs, outputs, kernel, bias=False)


class PixelAttention(nn.Module):
    """Scales every number of the features by its own weight."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the scaled features."""
        return features * torch.sigmoid(self.conv(features))


class AttendedConvolution(nn.Module):
    """A convolution, scaled by pixel attention, and another."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.k2 = nn.Conv2d(width, width, 1)
        self.k3 = _plain(width, width)
        self.k4 = _plain(width, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return features of the same shape."""
        return self.k4(self.k3(features) * torch.sigmoid(self.k2(features)))


class SelfCalibratedBlock(nn.Module):
    """Two branches of half the channels, one of them with pixel attention, inside a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.conv1_a = _plain(width, half, 1)
        self.conv1_b = _plain(width, half, 1)
        self.k1 = nn.Sequential(_plain(half, half))
        self.PAConv = AttendedConvolution(half)
        self.conv3 = _plain(2 * half, width, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        plain = self.k1(functional.leaky_relu(self.conv1_a(features), SLOPE))
        attended = self.PAConv(functional.leaky_relu(self.conv1_b(features), SLOPE))
        return features + self.conv3(functional.leaky_relu(torch.cat([plain, attended], 1), SLOPE))


class PAN(nn.Module):
    """Self-calibrated blocks and attended enlargements that correct a bilinearly enlarged picture.

    Parameters
    ----------
    width : int, default 40
        Channels; an even number.
    blocks : int, default 16
        Self-calibrated blocks.
    scale : int, default 4
        Upscaling factor: 2, 3 or 4. A checkpoint does not tell 2 from 3.
    last_width : int, default 24
        Channels from the first enlargement on.
    """

    def __init__(self, width: int = 40, blocks: int = 16, scale: int = 4, last_width: int = 24) -> None:
        super().__init__()
        self.factors = factors(scale)
        self.conv_first = conv(3, width)
        self.SCPA_trunk = nn.Sequential(*(SelfCalibratedBlock(width) for _ in range(blocks)))
        self.trunk_conv = conv(width, width)
        for k in range(len(self.factors)):
            self.add_module(f"upconv{k + 1}", conv(last_width if k else width, last_width))
            self.add_module(f"att{k + 1}", PixelAttention(last_width))
            self.add_module(f"HRconv{k + 1}", conv(last_width, last_width))
        self.conv_last = conv(last_width, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        shallow = self.conv_first(image)
        features = shallow + self.trunk_conv(self.SCPA_trunk(shallow))
        for k, factor in enumerate(self.factors):
            features = self._enlarge(functional.interpolate(features, scale_factor=factor), k + 1)
        detail = self.conv_last(features)
        return detail + functional.interpolate(image, detail.shape[2:], mode="bilinear", align_corners=False)

    def _enlarge(self, features: torch.Tensor, stage: int) -> torch.Tensor:
        upconv, attention, last = (self.get_submodule(f"{name}{stage}") for name in ("upconv", "att", "HRconv"))
        return functional.leaky_relu(last(functional.leaky_relu(attention(upconv(features)), SLOPE)), SLOPE)

    @classmethod
    def from_state(cls, state: State, *, scale: int | None = None) -> PAN:
        """Build the network whose checkpoint `state` is, without its weights."""
        last_width, width = state["upconv1.weight"].shape[:2]
        return cls(
            width=width,
            blocks=count(state, "SCPA_trunk.{}.conv3.weight", first=0),
            scale=scale or 2 ** count(state, "upconv{}.weight"),
            last_width=last_width,
        )
