"""CARN and CARN-M: cascading residual networks (Ahn et al., ECCV 2018, arXiv 1803.08664)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from ...validation import InputError
from .layers import Residual, State, conv, inside, mean_shift, residual_block, shuffles, shuffles_scale

NAMES = ("b1", "b2", "b3")
SCALES = (2, 3, 4)


class Cascade(nn.Module):
    """Three blocks; after each, a 1 × 1 convolution fuses the input and all outputs so far.

    Parameters
    ----------
    width : int
        Channels.
    *blocks : torch.nn.Module
        Three, or one that is used three times.
    """

    def __init__(self, width: int, *blocks: nn.Module) -> None:
        super().__init__()
        self.names = NAMES[: len(blocks)]
        for name, block in zip(self.names, blocks, strict=True):
            self.add_module(name, block)
        for k in (1, 2, 3):
            self.add_module(f"c{k}", inside("body", nn.Conv2d((k + 1) * width, width, 1), nn.ReLU()))

    def refine(self, features: torch.Tensor) -> torch.Tensor:
        """Return the refined features, same shape."""
        gathered = features
        for k in (0, 1, 2):
            block = self.get_submodule(self.names[k % len(self.names)])
            gathered = torch.cat([gathered, block(features)], 1)
            features = self.get_submodule(f"c{k + 1}")(gathered)
        return features

    forward = refine


class _CascadingNetwork(Cascade):
    """A cascade of cascades between an entry and pixel shuffles."""

    def __init__(self, width: int, cascades: list[Cascade], groups: int, scale: int, multiple: bool) -> None:
        super().__init__(width, *cascades)
        if multiple and scale not in SCALES:
            raise InputError(f"scale: got {scale}, expected 2, 3 or 4.")
        self.sub_mean = nn.Sequential(OrderedDict(shifter=mean_shift(-1)))
        self.add_mean = nn.Sequential(OrderedDict(shifter=mean_shift(1)))
        self.entry = conv(3, width)
        self.head = f"up{scale}" if multiple else "up"
        heads = {f"up{known}": known for known in SCALES} if multiple else {"up": scale}
        self.upsample = nn.ModuleDict(
            {name: inside("body", *shuffles(width, known, groups=groups, relu=True)) for name, known in heads.items()}
        )
        self.exit = conv(width, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        features = self.refine(self.entry(self.sub_mean(image)))
        return self.add_mean(self.exit(self.upsample[self.head](features)))


class CARN(_CascadingNetwork):
    """Nine residual blocks in three cascades.

    Parameters
    ----------
    width : int, default 64
        Channels.
    groups : int, default 1
        Groups of the upsampler's convolutions.
    scale : int, default 4
        Upscaling factor: 2, 3 or 4.
    multiple : bool, default False
        Whether there are upsamplers for all three factors, as in the authors' checkpoints, which
        then do not tell which one is meant.
    """

    def __init__(self, width: int = 64, groups: int = 1, scale: int = 4, multiple: bool = False) -> None:
        cascades = [Cascade(width, *(residual_block(width, relu=True) for _ in NAMES)) for _ in NAMES]
        super().__init__(width, cascades, groups, scale, multiple)

    @classmethod
    def from_state(cls, state: State, *, scale: int | None = None) -> CARN:
        """Build the network whose checkpoint `state` is, without its weights; ×4 where it has several scales."""
        return cls(**_options(state, scale))


class CARNM(_CascadingNetwork):
    """CARN for small devices: one block per cascade, used three times, of grouped convolutions.

    Parameters
    ----------
    width : int, default 64
        Channels.
    groups : int, default 4
        Groups of the convolutions.
    scale : int, default 4
        Upscaling factor: 2, 3 or 4.
    multiple : bool, default True
        Whether there are upsamplers for all three factors, as in the authors' checkpoints, which
        then do not tell which one is meant.
    """

    def __init__(self, width: int = 64, groups: int = 4, scale: int = 4, multiple: bool = True) -> None:
        cascades = [Cascade(width, _grouped_block(width, groups)) for _ in NAMES]
        super().__init__(width, cascades, groups, scale, multiple)

    @classmethod
    def from_state(cls, state: State, *, scale: int | None = None) -> CARNM:
        """Build the network whose checkpoint `state` is, without its weights; ×4 where it has several scales."""
        return cls(**_options(state, scale))


def _grouped_block(width: int, groups: int) -> Residual:
    grouped = [conv(width, width, groups=groups), nn.ReLU(), conv(width, width, groups=groups), nn.ReLU()]
    return Residual(*grouped, nn.Conv2d(width, width, 1), relu=True)


def _options(state: State, scale: int | None) -> dict[str, Any]:
    width = state["entry.weight"].shape[0]
    multiple = "upsample.up2.body.0.weight" in state
    first = "upsample.up2.body." if multiple else "upsample.up.body."
    if scale is None:
        scale = 4 if multiple else shuffles_scale(state, first, width)
    groups = width // state[f"{first}0.weight"].shape[1]
    return {"width": width, "groups": groups, "scale": scale, "multiple": multiple}
