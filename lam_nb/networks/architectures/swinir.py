"""SwinIR: attention inside windows that shift by half a window from block to block (arXiv 2108.10257)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional

from ...validation import choose
from .layers import MEAN, State, conv, count, shuffles, shuffles_scale, upsampler

Tail: TypeAlias = Literal["shuffles", "shuffle", "nearest", "none"]
_TAILS = ("shuffles", "shuffle", "nearest", "none")
_MASKED = -100.0
_SLOPE = 0.2
_BLOCK = "layers.{}.residual_group.blocks.{}."


def _windows(features: torch.Tensor, window: int) -> torch.Tensor:
    """Cut (n, y, x, c) into (n · windows, window², c), row by row."""
    n, height, width, channels = features.shape
    cut = features.reshape(n, height // window, window, width // window, window, channels)
    return cut.transpose(2, 3).reshape(-1, window * window, channels)


def _joined(windows: torch.Tensor, shape: torch.Size, window: int) -> torch.Tensor:
    """Undo `_windows`."""
    n, height, width, channels = shape
    cut = windows.reshape(n, height // window, width // window, window, window, channels)
    return cut.transpose(2, 3).reshape(shape)


def _mask(height: int, width: int, window: int) -> torch.Tensor:
    """Return (windows, window², window²): 0 between neighbours of the shifted picture, very negative elsewhere."""
    shift = window // 2
    rows, columns = (
        (torch.arange(side) >= side - window).long() + (torch.arange(side) >= side - shift) for side in (height, width)
    )
    part = _windows((3 * rows[:, None] + columns)[None, ..., None], window)
    return (part != part.mT) * _MASKED


def _relative(window: int) -> torch.Tensor:
    """Return (window², window²): which entry of the table is the bias between two pixels of a window."""
    y, x = (part.flatten() for part in torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij"))
    side = 2 * window - 1
    return (y[:, None] - y + window - 1) * side + (x[:, None] - x + window - 1)


class _Attention(nn.Module):
    relative_position_index: torch.Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", _relative(window))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        query, key, value = self.qkv(windows).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)[None]
        if mask is not None:
            bias = (bias + mask[:, None].to(bias)).repeat(len(windows) // len(mask), 1, 1, 1)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query))
        return self.proj(attended.transpose(1, 2).flatten(2))


class _Perceptron(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.gelu(self.fc1(features)))


class _Block(nn.Module):
    attn_mask: torch.Tensor | None

    def __init__(self, width: int, heads: int, window: int, inner: int, size: int, shifted: bool) -> None:
        super().__init__()
        self.window, self.shifted, self.size = window, shifted, size
        self.norm1 = nn.LayerNorm(width)
        self.attn = _Attention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = _Perceptron(width, inner)
        self.register_buffer("attn_mask", _mask(size, size, window) if shifted else None)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        shift = self.window // 2 if self.shifted else 0
        moved = self.norm1(features).roll((-shift, -shift), (1, 2))
        attended = self.attn(_windows(moved, self.window), self._seen(features))
        features = features + _joined(attended, features.shape, self.window).roll((shift, shift), (1, 2))
        return features + self.mlp(self.norm2(features))

    def _seen(self, features: torch.Tensor) -> torch.Tensor | None:
        height, width = features.shape[1:3]
        if not self.shifted or (height, width) == (self.size, self.size):
            return self.attn_mask
        return _mask(height, width, self.window).to(features.device)


class _Group(nn.Module):
    def __init__(self, blocks: Sequence[_Block], join: nn.Module) -> None:
        super().__init__()
        self.residual_group = nn.ModuleDict({"blocks": nn.Sequential(*blocks)})
        self.conv = join

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + _convolved(self.conv, self.residual_group["blocks"](features))


def _convolved(layer: nn.Module, features: torch.Tensor) -> torch.Tensor:
    """Apply a convolution to (n, y, x, c)."""
    return layer(features.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def _join(width: int, convolutions: int) -> nn.Module:
    if convolutions == 1:
        return conv(width, width)
    inner = width // 4
    slopes = [nn.LeakyReLU(_SLOPE), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(conv(width, inner), slopes[0], nn.Conv2d(inner, inner, 1), slopes[1], conv(inner, width))


class SwinIR(nn.Module):
    """Groups of window-attention blocks between two convolutions; sides are mirrored to multiples of the window.

    Parameters
    ----------
    width : int, default 60
        Channels; 180 in the classical network.
    depths : sequence of int, default four of 6
        Blocks of each group.
    heads : int, default 6
        Attention heads.
    window : int, default 8
        Side of a window.
    inner : int, optional
        Channels inside each block's perceptron; twice the width.
    scale : int, default 4
        Upscaling factor; 1 for denoising.
    tail : {"shuffle", "shuffles", "nearest", "none"}
        One pixel shuffle (lightweight), several (classical), nearest-neighbour steps (real-world)
        or none (denoising).
    joining : {1, 3}
        Convolutions that end each group.
    size : int, default 64
        Side for which the checkpoint holds masks.
    channels : int, default 3
        Channels of the picture: 1 for networks of luma.
    inner_range : float, optional
        Factor on the picture inside; 255 for windows of 7 (published JPEG networks), otherwise 1.
    """

    mean: torch.Tensor

    def __init__(
        self,
        width: int = 60,
        depths: Sequence[int] = (6, 6, 6, 6),
        heads: int = 6,
        window: int = 8,
        inner: int | None = None,
        scale: int = 4,
        tail: Tail = "shuffle",
        joining: int = 1,
        size: int = 64,
        channels: int = 3,
        inner_range: float | None = None,
    ) -> None:
        super().__init__()
        self.window, self.scale = window, scale
        self.tail = choose("tail", tail, _TAILS)
        self.inner_range = inner_range or (255 if window == 7 else 1)
        mean = torch.tensor(MEAN if channels == 3 else (0.0,) * channels).reshape(1, channels, 1, 1)
        self.register_buffer("mean", mean, persistent=False)
        self.conv_first = conv(channels, width)
        self.patch_embed = nn.ModuleDict({"norm": nn.LayerNorm(width)})
        self.layers = nn.ModuleList(
            _Group(
                [_Block(width, heads, window, inner or 2 * width, size, k % 2 == 1) for k in range(depth)],
                _join(width, joining),
            )
            for depth in depths
        )
        self.norm = nn.LayerNorm(width)
        self.conv_after_body = _join(width, joining)
        self._add_tail(width, channels)

    def _add_tail(self, width: int, channels: int, wide: int = 64) -> None:
        if self.tail == "shuffle":
            self.upsample = upsampler(width, self.scale, channels)
            return
        if self.tail in ("shuffles", "nearest"):
            self.conv_before_upsample = nn.Sequential(conv(width, wide), nn.LeakyReLU())
        if self.tail == "shuffles":
            self.upsample = shuffles(wide, self.scale)
        if self.tail == "nearest":
            for step in range(round(math.log2(self.scale))):
                self.add_module(f"conv_up{step + 1}", conv(wide, wide))
            self.conv_hr = conv(wide, wide)
        self.conv_last = conv(width if self.tail == "none" else wide, channels)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        height, width = image.shape[-2:]
        below, right = -height % self.window, -width % self.window
        padded = functional.pad(image, (0, right, 0, below), "reflect") if below or right else image
        restored = self._restore((padded - self.mean) * self.inner_range) / self.inner_range + self.mean
        return restored[..., : height * self.scale, : width * self.scale]

    def _restore(self, image: torch.Tensor) -> torch.Tensor:
        shallow = self.conv_first(image)
        features = self.patch_embed["norm"](shallow.permute(0, 2, 3, 1))
        for layer in self.layers:
            features = layer(features)
        features = shallow + self.conv_after_body(self.norm(features).permute(0, 3, 1, 2))
        if self.tail == "none":
            return image + self.conv_last(features)
        if self.tail == "shuffle":
            return self.upsample(features)
        features = self.conv_before_upsample(features)
        if self.tail == "shuffles":
            return self.conv_last(self.upsample(features))
        return self._nearest(features)

    def _nearest(self, features: torch.Tensor) -> torch.Tensor:
        for step in range(round(math.log2(self.scale))):
            larger = functional.interpolate(features, scale_factor=2, mode="nearest")
            features = functional.leaky_relu(self.get_submodule(f"conv_up{step + 1}")(larger), _SLOPE)
        return self.conv_last(functional.leaky_relu(self.conv_hr(features), _SLOPE))

    @classmethod
    def from_state(cls, state: State, *, inner_range: float | None = None) -> SwinIR:
        """Build the network whose checkpoint `state` is, without its weights."""
        width, channels = state["conv_first.weight"].shape[:2]
        groups = count(state, _BLOCK.format("{}", 0) + "norm1.weight", first=0)
        first = _BLOCK.format(0, 0)
        window = math.isqrt(len(state[first + "attn.relative_position_index"]))
        mask = state.get(_BLOCK.format(0, 1) + "attn_mask")
        tail, scale = _read_tail(state, channels)
        return cls(
            width=width,
            depths=[count(state, _BLOCK.format(k, "{}") + "norm1.weight", first=0) for k in range(groups)],
            heads=state[first + "attn.relative_position_bias_table"].shape[1],
            window=window,
            inner=len(state[first + "mlp.fc1.bias"]),
            scale=scale,
            tail=tail,
            joining=1 if "conv_after_body.weight" in state else 3,
            size=64 if mask is None else math.isqrt(len(mask)) * window,
            channels=channels,
            inner_range=inner_range,
        )


def _read_tail(state: State, channels: int) -> tuple[Tail, int]:
    if "conv_up1.weight" in state:
        return "nearest", 2 ** count(state, "conv_up{}.weight")
    if "conv_before_upsample.0.weight" in state:
        return "shuffles", shuffles_scale(state, "upsample.", state["upsample.0.weight"].shape[1])
    if "upsample.0.weight" in state:
        return "shuffle", math.isqrt(len(state["upsample.0.bias"]) // channels)
    return "none", 1
