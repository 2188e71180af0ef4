"""D-DBPN: dense deep back-projection network (Haris et al., CVPR 2018, arXiv 1803.02735)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from ...validation import InputError
from .layers import State, conv, count

KERNELS = {2: 6, 4: 8, 8: 12}
"""Scale -> side of the projections' kernels."""


def _layer(name: str, layer: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict([(name, layer), ("act", nn.PReLU())]))


def _up(width: int, scale: int) -> nn.Sequential:
    return _layer("deconv", nn.ConvTranspose2d(width, width, KERNELS[scale], stride=scale, padding=2))


def _down(width: int, scale: int) -> nn.Sequential:
    return _layer("conv", nn.Conv2d(width, width, KERNELS[scale], stride=scale, padding=2))


class Projection(nn.Module):
    """Enlarges (or reduces), goes back, and enlarges (reduces) what was lost on the way.

    Parameters
    ----------
    direction : "up" or "down"
        Whether it enlarges or reduces.
    width, scale : int
        Channels; factor.
    seen : int
        Earlier outputs of `width` channels that it is given; more than one are fused first.
    """

    def __init__(self, direction: str, width: int, scale: int, seen: int) -> None:
        super().__init__()
        there, back = (_up, _down) if direction == "up" else (_down, _up)
        self.names = [f"{direction}_conv{k}" for k in (1, 2, 3)]
        self.conv = _layer("conv", nn.Conv2d(seen * width, width, 1)) if seen > 1 else nn.Identity()
        for name, layer in zip(self.names, (there, back, there), strict=True):
            self.add_module(name, layer(width, scale))

    def forward(self, gathered: torch.Tensor) -> torch.Tensor:
        """Return the features at the new size."""
        features = self.conv(gathered)
        there, back, again = (self.get_submodule(name) for name in self.names)
        first = there(features)
        return first + again(back(first) - features)


class DDBPN(nn.Module):
    """Alternating up- and down-projections, each seeing all earlier ones at its size.

    Parameters
    ----------
    width : int, default 64
        Channels of a projection.
    blocks : int, default 7
        Up-projections, at least 2.
    scale : int, default 4
        Upscaling factor: 2, 4 or 8.
    first_width : int, default 256
        Channels of the first convolution.
    """

    def __init__(self, width: int = 64, blocks: int = 7, scale: int = 4, first_width: int = 256) -> None:
        super().__init__()
        if scale not in KERNELS:
            raise InputError(f"scale: got {scale}, expected 2, 4 or 8.")
        self.blocks = blocks
        self.feat0 = _layer("conv", conv(3, first_width))
        self.feat1 = _layer("conv", nn.Conv2d(first_width, width, 1))
        for k in range(1, blocks + 1):
            self.add_module(f"up{k}", Projection("up", width, scale, seen=max(k - 1, 1)))
        for k in range(1, blocks):
            self.add_module(f"down{k}", Projection("down", width, scale, seen=k))
        self.output_conv = nn.Sequential(OrderedDict(conv=conv(blocks * width, 3)))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        small = self.feat1(self.feat0(image))
        smalls: list[torch.Tensor] = []
        larges: list[torch.Tensor] = []
        for k in range(1, self.blocks):
            larges.insert(0, self.get_submodule(f"up{k}")(torch.cat(smalls or [small], 1)))
            smalls.insert(0, self.get_submodule(f"down{k}")(torch.cat(larges, 1)))
        larges.insert(0, self.get_submodule(f"up{self.blocks}")(torch.cat(smalls, 1)))
        return self.output_conv(torch.cat(larges, 1))

    @classmethod
    def from_state(cls, state: State) -> DDBPN:
        """Build the network whose checkpoint `state` is, without its weights."""
        first_width, width = state["feat0.conv.weight"].shape[0], state["feat1.conv.weight"].shape[0]
        kernel = state["up1.up_conv1.deconv.weight"].shape[2]
        return cls(
            width=width,
            blocks=count(state, "up{}.up_conv1.deconv.weight"),
            scale=kernel - 4,
            first_width=first_width,
        )
