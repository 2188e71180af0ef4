"""RRDBNet: residual-in-residual dense blocks, the generator of ESRGAN (Wang et al., ECCVW 2018, arXiv 1809.00219)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ...validation import InputError
from .layers import State, conv, count

SLOPE = 0.2
RESIDUAL_SCALE = 0.2
UNSHUFFLED = {1: 4, 2: 2, 4: 1}
"""Scale -> side of the squares of pixels that become channels before the first convolution."""


class DenseBlock(nn.Module):
    """Five convolutions, each seeing the outputs of all before it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for k in range(4):
            self.add_module(f"conv{k + 1}", conv(width + k * growth, growth))
        self.conv5 = conv(width + 4 * growth, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        gathered = features
        for k in range(4):
            new = functional.leaky_relu(self.get_submodule(f"conv{k + 1}")(gathered), SLOPE)
            gathered = torch.cat([gathered, new], 1)
        return features + RESIDUAL_SCALE * self.conv5(gathered)


class DenseGroup(nn.Module):
    """Three dense blocks inside one residual."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(width, growth)
        self.rdb2 = DenseBlock(width, growth)
        self.rdb3 = DenseBlock(width, growth)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        return features + RESIDUAL_SCALE * self.rdb3(self.rdb2(self.rdb1(features)))


class RRDBNet(nn.Module):
    """Groups of dense blocks inside one long residual, then two doublings by repeated pixels.

    Scales 1 and 2 first turn squares of pixels into channels; a picture that is no multiple of
    their side is continued by its last row and column, and the surplus is cut off at the end.

    Parameters
    ----------
    width : int, default 64
        Channels.
    blocks : int, default 23
        Groups of three dense blocks.
    growth : int, default 32
        Channels that each convolution of a dense block adds.
    scale : int, default 4
        Upscaling factor: 1, 2 or 4.
    """

    def __init__(self, width: int = 64, blocks: int = 23, growth: int = 32, scale: int = 4) -> None:
        super().__init__()
        if scale not in UNSHUFFLED:
            raise InputError(f"scale: got {scale}, expected 1, 2 or 4.")
        self.scale = scale
        self.side = UNSHUFFLED[scale]
        self.conv_first = conv(3 * self.side**2, width)
        self.body = nn.Sequential(*(DenseGroup(width, growth) for _ in range(blocks)))
        self.conv_body = conv(width, width)
        self.conv_up1 = conv(width, width)
        self.conv_up2 = conv(width, width)
        self.conv_hr = conv(width, width)
        self.conv_last = conv(width, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        rows, columns = image.shape[2:]
        padded = functional.pad(image, (0, -columns % self.side, 0, -rows % self.side), mode="replicate")
        shallow = self.conv_first(functional.pixel_unshuffle(padded, self.side))
        features = shallow + self.conv_body(self.body(shallow))
        for layer in (self.conv_up1, self.conv_up2):
            features = functional.leaky_relu(layer(functional.interpolate(features, scale_factor=2)), SLOPE)
        output = self.conv_last(functional.leaky_relu(self.conv_hr(features), SLOPE))
        return output[..., : rows * self.scale, : columns * self.scale]

    @classmethod
    def from_state(cls, state: State) -> RRDBNet:
        """Build the network whose checkpoint `state` is, without its weights."""
        width, channels = state["conv_first.weight"].shape[:2]
        return cls(
            width=width,
            blocks=count(state, "body.{}.rdb1.conv1.weight", first=0),
            growth=state["body.0.rdb1.conv1.weight"].shape[0],
            scale={48: 1, 12: 2}.get(channels, 4),
        )
