"""DRLN: densely residual Laplacian network (Anwar & Barnes, TPAMI 2020, arXiv 1906.12021)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from .layers import State, conv, inside, mean_shift, residual_block, shuffles, shuffles_scale

GROUPS = (3, 3, 3, 3, 4, 4)
"""Blocks per cascade."""


class LaplacianAttention(nn.Module):
    """Scales each channel by a weight that three dilated convolutions make from the channels' means."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        for k, dilation in enumerate((3, 5, 7)):
            dilated = nn.Conv2d(width, squeezed, 3, padding=dilation, dilation=dilation)
            self.add_module(f"c{k + 1}", inside("body", dilated, nn.ReLU()))
        self.c4 = inside("body", conv(3 * squeezed, width), nn.Sigmoid())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the scaled features."""
        mean = features.mean((2, 3), keepdim=True)
        return features * self.c4(torch.cat([self.get_submodule(name)(mean) for name in ("c1", "c2", "c3")], 1))


class LaplacianBlock(nn.Module):
    """Three residual blocks, each seeing the outputs of all before it, fused and attended."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.r1 = residual_block(width, relu=True)
        self.r2 = residual_block(2 * width, relu=True)
        self.r3 = residual_block(4 * width, relu=True)
        self.g = inside("body", nn.Conv2d(8 * width, width, 1), nn.ReLU())
        self.ca = LaplacianAttention(width, squeezed)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        for layer in (self.r1, self.r2, self.r3):
            features = torch.cat([features, layer(features)], 1)
        return self.ca(self.g(features))


class DRLN(nn.Module):
    """Twenty Laplacian blocks in six cascades, each inside a residual, then pixel shuffles.

    Published weights take and return pixel values in [0, 255], not in [0, 1].

    Parameters
    ----------
    width : int, default 64
        Channels.
    squeezed : int, default 4
        Channels inside the attention.
    scale : int, default 4
        Upscaling factor: 2, 3, 4 or 8.
    """

    def __init__(self, width: int = 64, squeezed: int = 4, scale: int = 4) -> None:
        super().__init__()
        self.sub_mean = nn.Sequential(OrderedDict(shifter=mean_shift(-1)))
        self.add_mean = nn.Sequential(OrderedDict(shifter=mean_shift(1)))
        self.head = conv(3, width)
        for number, seen in enumerate((k + 2 for size in GROUPS for k in range(size)), 1):
            self.add_module(f"b{number}", LaplacianBlock(width, squeezed))
            self.add_module(f"c{number}", inside("body", conv(seen * width, width), nn.ReLU()))
        self.upsample = nn.ModuleDict({"up": inside("body", *shuffles(width, scale, relu=True))})
        self.tail = conv(width, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        shallow = self.head(self.sub_mean(image))
        features = self._cascades(shallow) + shallow
        return self.add_mean(self.tail(self.upsample["up"](features)))

    def _cascades(self, shallow: torch.Tensor) -> torch.Tensor:
        fused = total = shallow
        first = 1
        for size in GROUPS:
            fused = self._cascade(range(first, first + size), fused, total)
            total = total + fused
            first += size
        return total

    def _cascade(self, numbers: range, fused: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
        """Run the blocks of one cascade: the first sees the total so far, each other what was fused before it.

        As in the authors' code, the fifth block sees the total as well.
        """
        gathered = fused
        for number in numbers:
            seen = total if number in (numbers[0], 5) else fused
            gathered = torch.cat([gathered, self.get_submodule(f"b{number}")(seen)], 1)
            fused = self.get_submodule(f"c{number}")(gathered)
        return fused

    @classmethod
    def from_state(cls, state: State) -> DRLN:
        """Build the network whose checkpoint `state` is, without its weights."""
        width = state["head.weight"].shape[0]
        return cls(
            width=width,
            squeezed=state["b1.ca.c1.body.0.weight"].shape[0],
            scale=shuffles_scale(state, "upsample.up.body.", width),
        )
