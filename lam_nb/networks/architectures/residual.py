"""A small residual family whose members differ in one thing: what they can see.

Plain (3 × 3 convolutions), dilated, with channel attention, with non-local attention:
same width, same depth, same tail. Made for this package, for comparisons that need a control.
"""

from __future__ import annotations

import torch
from torch import nn

from .layers import ChannelAttention, NonLocal, Residual, State, conv, count, upsampler, upsampler_scale


def _block(width: int, dilation: int, squeezed: int) -> Residual:
    first, second = (conv(width, width, dilation=dilation) for _ in range(2))
    attention = [ChannelAttention(width, squeezed)] if squeezed else []
    return Residual(first, nn.ReLU(), second, *attention)


def _dilations(blocks: int, widest: int) -> list[int]:
    climb = [2**k for k in range(widest.bit_length())]
    wave = climb + climb[-2:0:-1]
    return [wave[k % len(wave)] for k in range(blocks)]


class ResidualNet(nn.Module):
    """Residual blocks inside one long residual, then one pixel shuffle.

    Parameters
    ----------
    width : int, default 24
        Channels.
    blocks : int, default 8
        Residual blocks of two convolutions.
    scale : int, default 4
        Upscaling factor.
    squeezed : int, default 0
        Channels inside each block's channel attention (arXiv 1807.02758); 0 for none.
    widest : int, default 1
        Largest dilation, a power of two: along the blocks it climbs 1, 2, 4 … and falls again.
    attending : int, default 0
        After every so many blocks each pixel attends to all others (arXiv 1711.07971); 0 for never.
    """

    dilations: torch.Tensor

    def __init__(
        self, width: int = 24, blocks: int = 8, scale: int = 4, squeezed: int = 0, widest: int = 1, attending: int = 0
    ) -> None:
        super().__init__()
        dilations = _dilations(blocks, widest)
        self.register_buffer("dilations", torch.tensor(dilations))
        self.head = conv(3, width)
        self.blocks = nn.Sequential(*(_block(width, dilation, squeezed) for dilation in dilations))
        places = range(attending, blocks + 1, attending) if attending else ()
        self.attention = nn.ModuleDict({f"after{place}": NonLocal(width, width // 2, pooled=True) for place in places})
        self.last = conv(width, width)
        self.tail = upsampler(width, scale)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        shallow = features = self.head(image)
        for place, block in enumerate(self.blocks, 1):
            features = block(features)
            if f"after{place}" in self.attention:
                features = self.attention[f"after{place}"](features)
        return self.tail(shallow + self.last(features))

    @classmethod
    def from_state(cls, state: State) -> ResidualNet:
        """Build the network whose checkpoint `state` is, without its weights."""
        blocks = count(state, "blocks.{}.body.0.weight", first=0)
        squeezing = state.get("blocks.0.body.3.conv_du.0.weight")
        attending = [k for k in range(1, blocks + 1) if f"attention.after{k}.W.weight" in state]
        return cls(
            width=state["head.weight"].shape[0],
            blocks=blocks,
            scale=upsampler_scale(state["tail.0.weight"]),
            squeezed=0 if squeezing is None else squeezing.shape[0],
            widest=int(state["dilations"].max()),
            attending=attending[0] if attending else 0,
        )
