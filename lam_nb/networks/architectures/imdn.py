"""IMDN: information multi-distillation network (Hui et al., ACM MM 2019, arXiv 1909.11856)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .distillation import SLOPE, Distillation
from .layers import State, conv, count, squeeze, upsampler_scale


class ContrastAttention(nn.Module):
    """Channel attention on each channel's mean plus standard deviation over the whole image."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        self.conv_du = squeeze(width, max(width // reduction, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scale every channel."""
        mean = features.mean((2, 3), keepdim=True)
        contrast = (features - mean).square().mean((2, 3), keepdim=True).sqrt()
        return features * self.conv_du(contrast + mean)


class DistillationBlock(nn.Module):
    """Three times: convolve, put a quarter of the channels aside, refine the rest."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kept = width // 4
        rest = width - self.kept
        self.c1 = conv(width, width)
        self.c2 = conv(rest, width)
        self.c3 = conv(rest, width)
        self.c4 = conv(rest, self.kept)
        self.c5 = nn.Conv2d(4 * self.kept, width, 1)
        self.cca = ContrastAttention(4 * self.kept)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        kept, rest = [], features
        for layer in (self.c1, self.c2, self.c3):
            out = functional.leaky_relu(layer(rest), SLOPE)
            aside, rest = out.split((self.kept, out.shape[1] - self.kept), 1)
            kept.append(aside)
        kept.append(self.c4(rest))
        return self.c5(self.cca(torch.cat(kept, 1))) + features


class IMDN(Distillation):
    """Distillation blocks, all of them fused, one residual, one pixel shuffle.

    Parameters
    ----------
    width : int, default 64
        Channels; a multiple of 4.
    blocks : int, default 6
        Distillation blocks.
    scale : int, default 4
        Upscaling factor.

    Examples
    --------
    >>> IMDN(width=16, blocks=2)(torch.zeros(1, 3, 20, 24)).shape
    torch.Size([1, 3, 80, 96])
    """

    def __init__(self, width: int = 64, blocks: int = 6, scale: int = 4) -> None:
        super().__init__(DistillationBlock, "IMDB{}", width, blocks, scale)

    @classmethod
    def from_state(cls, state: State) -> IMDN:
        """Build the network whose checkpoint `state` is, without its weights."""
        return cls(
            width=state["fea_conv.weight"].shape[0],
            blocks=count(state, "IMDB{}.c1.weight"),
            scale=upsampler_scale(state["upsampler.0.weight"]),
        )
