"""RNAN: residual non-local attention network (Zhang et al., ICLR 2019, arXiv 1903.10082)."""

from __future__ import annotations

import torch
from torch import nn

from .layers import NonLocal, State, conv, count, inside, mean_shift, residual_block, shuffles, shuffles_scale


def _blocks(width: int, number: int) -> nn.Sequential:
    return nn.Sequential(*(residual_block(width) for _ in range(number)))


class Mask(nn.Module):
    """Weights in (0, 1) from features at full and at half size, optionally with a non-local layer first.

    As in the authors' code, that layer normalises the weights that a pixel gives.
    """

    def __init__(self, width: int, *, non_local: bool) -> None:
        super().__init__()
        first = [NonLocal(width, width // 2, giving=True)] if non_local else []
        self.MB_RB1 = nn.Sequential(*first, residual_block(width))
        self.MB_Down = nn.Sequential(nn.Conv2d(width, width, 3, stride=2, padding=1))
        self.MB_RB2 = _blocks(width, 2)
        self.MB_Up = nn.Sequential(nn.ConvTranspose2d(width, width, 6, stride=2, padding=2))
        self.MB_RB3 = _blocks(width, 1)
        self.MB_1x1conv = nn.Sequential(nn.Conv2d(width, width, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return one weight per number of the features; of an odd size the half size's surplus is cut off."""
        full = self.MB_RB1(features)
        half = self.MB_Up(self.MB_RB2(self.MB_Down(full)))[..., : full.shape[2], : full.shape[3]]
        return torch.sigmoid(self.MB_1x1conv(self.MB_RB3(full + half)))


class Attention(nn.Module):
    """A trunk scaled by a mask, inside a residual, between residual blocks."""

    def __init__(self, width: int, *, non_local: bool) -> None:
        super().__init__()
        self.RA_RB1 = _blocks(width, 1)
        self.RA_TB = nn.Sequential(inside("body", *_blocks(width, 2)))
        self.RA_MB = nn.Sequential(Mask(width, non_local=non_local))
        self.RA_tail = _blocks(width, 2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        features = self.RA_RB1(features)
        return self.RA_tail(features + self.RA_TB(features) * self.RA_MB(features))


def _group(width: int, *, non_local: bool = False) -> nn.Sequential:
    return inside("body", Attention(width, non_local=non_local), conv(width, width))


class RNAN(nn.Module):
    """Attention groups, the first and the last of them non-local, inside one long residual.

    Published weights take and return pixel values in [0, 255], not in [0, 1].

    Parameters
    ----------
    width : int, default 64
        Channels; an even number.
    blocks : int, default 8
        Attention groups between the two non-local ones.
    scale : int, default 4
        Upscaling factor: 2, 3, 4 or 8.
    """

    def __init__(self, width: int = 64, blocks: int = 8, scale: int = 4) -> None:
        super().__init__()
        self.sub_mean = mean_shift(-1)
        self.add_mean = mean_shift(1)
        self.head = nn.Sequential(conv(3, width))
        self.body_nl_low = nn.Sequential(_group(width, non_local=True))
        self.body = nn.Sequential(*(_group(width) for _ in range(blocks)), conv(width, width))
        self.body_nl_high = nn.Sequential(_group(width, non_local=True))
        self.tail = nn.Sequential(shuffles(width, scale), conv(width, 3))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        shallow = self.head(self.sub_mean(image))
        features = self.body_nl_high(self.body(self.body_nl_low(shallow)))
        return self.add_mean(self.tail(shallow + features))

    @classmethod
    def from_state(cls, state: State) -> RNAN:
        """Build the network whose checkpoint `state` is, without its weights."""
        width = state["head.0.weight"].shape[0]
        return cls(
            width=width,
            blocks=count(state, "body.{}.body.1.weight", first=0),
            scale=shuffles_scale(state, "tail.0.", width),
        )
