"""SAN: second-order attention network (Dai et al., CVPR 2019)."""

from __future__ import annotations

import torch
from torch import nn

from .layers import NonLocal, State, conv, count, mean_shift, shuffles, shuffles_scale, squeeze

WINDOW = 1000
"""Largest side of the central window whose covariance is taken."""
STEPS = 5
"""Newton-Schulz steps towards the square root."""


def covariance(features: torch.Tensor) -> torch.Tensor:
    """Return the covariance of the channels over all pixels, (n, channel, channel)."""
    pixels = features.flatten(2)
    centred = pixels - pixels.mean(2, keepdim=True)
    return centred @ pixels.transpose(1, 2) / pixels.shape[2]


def square_root(matrix: torch.Tensor, steps: int = STEPS) -> torch.Tensor:
    """Approximate the square root of positive semi-definite matrices by coupled Newton-Schulz steps."""
    identity = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    trace = matrix.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
    root, inverse = matrix / trace, identity
    for _ in range(steps):
        step = (3 * identity - inverse @ root) / 2
        root, inverse = root @ step, step @ inverse
    return root * trace.sqrt()


class SecondOrderAttention(nn.Module):
    """Scales each channel by a weight made from the square root of the channels' covariance."""

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.conv_du = squeeze(width, squeezed)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the scaled features."""
        means = square_root(covariance(_centre(features))).mean(1)
        return features * self.conv_du(means[:, :, None, None])


def _centre(features: torch.Tensor) -> torch.Tensor:
    rows, columns = ((size - min(size, WINDOW)) // 2 for size in features.shape[2:])
    return features[..., rows : rows + WINDOW, columns : columns + WINDOW]


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_first = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        return features + self.conv_first(features)


class Group(nn.Module):
    """Residual blocks and second-order attention inside a residual. `gamma` is stored but unused."""

    def __init__(self, width: int, blocks: int, squeezed: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.rcab = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.soca = SecondOrderAttention(width, squeezed)
        self.conv_last = conv(width, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        return features + self.conv_last(self.soca(self.rcab(features)))


class Regions(nn.Module):
    """A non-local layer on each quarter of the picture. `soca` is stored but unused."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.soca = SecondOrderAttention(width, inner)
        self.non_local = NonLocal(width, inner, pooled=True)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        middle_y, middle_x = (size // 2 for size in features.shape[2:])
        halves = (half.tensor_split([middle_x], 3) for half in features.tensor_split([middle_y], 2))
        return torch.cat([torch.cat([self.non_local(part) for part in half], 3) for half in halves], 2)


class SAN(nn.Module):
    """Groups with second-order attention between two passes of one non-local layer.

    Published weights take and return pixel values in [0, 255], not in [0, 1].

    Parameters
    ----------
    width : int, default 64
        Channels.
    groups : int, default 20
        Groups of residual blocks.
    blocks : int, default 10
        Residual blocks per group.
    squeezed : int, default 4
        Channels inside the attention.
    inner : int, default 8
        Channels inside the non-local layer.
    scale : int, default 4
        Upscaling factor: 2, 3, 4 or 8.
    """

    def __init__(
        self, width: int = 64, groups: int = 20, blocks: int = 10, squeezed: int = 4, inner: int = 8, scale: int = 4
    ) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))
        self.sub_mean = mean_shift(-1)
        self.add_mean = mean_shift(1)
        self.head = nn.Sequential(conv(3, width))
        self.RG = nn.Sequential(*(Group(width, blocks, squeezed) for _ in range(groups)))
        self.conv_last = conv(width, width)
        self.non_local = Regions(width, inner)
        self.tail = nn.Sequential(shuffles(width, scale), conv(width, 3))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x). `conv_last` is stored but unused."""
        shallow = self.head(self.sub_mean(image))
        source = features = self.non_local(shallow)
        for group in self.RG:
            features = group(features) + self.gamma * source
        return self.add_mean(self.tail(shallow + self.non_local(features)))

    @classmethod
    def from_state(cls, state: State) -> SAN:
        """Build the network whose checkpoint `state` is, without its weights."""
        width = state["head.0.weight"].shape[0]
        return cls(
            width=width,
            groups=count(state, "RG.{}.gamma", first=0),
            blocks=count(state, "RG.0.rcab.{}.conv_first.0.weight", first=0),
            squeezed=state["RG.0.soca.conv_du.0.weight"].shape[0],
            inner=state["non_local.non_local.W.weight"].shape[1],
            scale=shuffles_scale(state, "tail.0.", width),
        )
