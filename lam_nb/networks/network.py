"""One uniform Network around any module or function: RGB in [0, 1] in, RGB in [0, 1] out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..types import Batch, InputError, positive, whole
from .checkpoints import digest

_PROBE = 24
"""Least side of the picture that tells a network's scale."""


class Network(nn.Module):
    """A restoration network with what attribution needs to know about it; made by `wrap` or `load`.

    Parameters
    ----------
    module : callable
        Batch (n, 3, y, x) -> batch (n, 3, scale·y, scale·x), in 0 … `value_range`.
    name : str
        For tables and plots.
    scale : int
        Output pixels per input pixel.
    value_range : float
        Largest value of the module's own input and output: 1 or 255.
    pad_to : int
        The module takes only sides that are multiples of this.

    Examples
    --------
    >>> Network(nn.Identity(), name="nothing", scale=1).task
    'restoration'
    """

    def __init__(
        self, module: Callable[[Any], Any], *, name: str, scale: int, value_range: float = 1.0, pad_to: int = 1
    ) -> None:
        super().__init__()
        self.module = module
        self.name = name
        self.scale = scale
        self.value_range = value_range
        self.pad_to = pad_to

    @property
    def task(self) -> str:
        """What the network does: "super-resolution" (scale > 1) or "restoration"."""
        return "super-resolution" if self.scale > 1 else "restoration"

    @property
    def parameter_count(self) -> int:
        """Number of trainable and fixed parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def weights_hash(self) -> str:
        """SHA-256 of all weights and buffers, hexadecimal; of nothing for a plain function."""
        return digest(self.state_dict())

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the weights; float32 where there are none."""
        kinds = [p.dtype for p in self.parameters() if p.is_floating_point()]
        return kinds[0] if kinds else torch.float32

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the output's rows and columns for an input of `height` × `width`."""
        return height * self.scale, width * self.scale

    def forward(self, batch: Batch) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x); pads, scales the range and crops inside.

        Raises
        ------
        InputError
            If the module answers with another shape than its scale promises.
        """
        height, width = batch.shape[-2:]
        output = self._run(self._padded(batch) * self.value_range)
        rows, columns = self.output_size(height + -height % self.pad_to, width + -width % self.pad_to)
        expected = (batch.shape[0], 3, rows, columns)
        if not isinstance(output, torch.Tensor) or output.shape != expected:
            got = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            raise InputError(
                f"network {self.name!r}: got output {got}, expected {expected} (scale {self.scale}); "
                "give networks.wrap the right scale= or a module that returns one RGB tensor."
            )
        rows, columns = self.output_size(height, width)
        return output[..., :rows, :columns] / self.value_range

    def _run(self, batch: Batch) -> Any:
        try:
            return self.module(batch)
        except (InputError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise InputError(
                f"network {self.name!r}: failed on a batch {tuple(batch.shape)} ({type(error).__name__}: {error}); "
                "networks.wrap takes modules of RGB batches (n, 3, y, x); pad_to= helps where sizes must be multiples."
            ) from error

    def extra_repr(self) -> str:
        """Return name, scale and range for `repr`."""
        return f"name={self.name!r}, scale={self.scale}, value_range={self.value_range:g}, pad_to={self.pad_to}"

    def _padded(self, batch: Batch) -> Batch:
        height, width = batch.shape[-2:]
        below, right = -height % self.pad_to, -width % self.pad_to
        if not (below or right):
            return batch
        mirrored = below < height and right < width
        return functional.pad(batch, (0, right, 0, below), mode="reflect" if mirrored else "replicate")


def wrap(
    module: Callable[[Any], Any],
    *,
    scale: int | None = None,
    value_range: float = 1.0,
    pad_to: int = 1,
    name: str | None = None,
) -> Network:
    """Make a Network of any module or function.

    Parameters
    ----------
    module : callable
        Takes a batch (n, 3, y, x) and returns (n, 3, scale·y, scale·x), RGB.
    scale : int, optional
        Output pixels per input pixel, 1 for denoising. Read off a trial run when not given.
    value_range : float, default 1
        Largest value of the module's own input and output; 255 for many older networks.
    pad_to : int, default 1
        If the module takes only multiples of a window size, that size. The image is mirrored at its
        bottom and right and the output cropped.
    name : str, optional
        Defaults to the class's or function's name.

    Returns
    -------
    Network

    Raises
    ------
    InputError
        If the module cannot be called, an argument is out of range or the trial run fails.

    Examples
    --------
    >>> net = wrap(nn.Upsample(scale_factor=4, mode="bilinear"), name="bilinear")
    >>> net.scale, net(torch.rand(1, 3, 10, 12)).shape
    (4, torch.Size([1, 3, 40, 48]))
    """
    if not callable(module):
        raise InputError(f"module: got {type(module).__name__}, expected a torch module or a function of a batch.")
    pad_to = whole("pad_to", pad_to)
    value_range = positive("value_range", value_range, "the largest pixel value, such as 1 or 255")
    scale = _probe_scale(module, value_range, pad_to) if scale is None else whole("scale", scale)
    title = name or str(getattr(module, "__name__", type(module).__name__))
    return Network(module, name=title, scale=scale, value_range=value_range, pad_to=pad_to)


def _probe_scale(module: Callable[[Any], Any], value_range: float, pad_to: int) -> int:
    side = pad_to * -(-_PROBE // pad_to)
    weight = next(iter(module.parameters()), None) if isinstance(module, nn.Module) else None
    probe = torch.full((1, 3, side, side + pad_to), 0.5 * value_range)
    if weight is not None:
        probe = probe.to(weight)
    try:
        with torch.no_grad():
            output = module(probe)
        rows, columns = output.shape[-2:]
    except Exception as error:
        raise InputError(
            f"module: a trial run on {tuple(probe.shape)} failed ({type(error).__name__}: {error}); "
            "give scale= (and pad_to= if it needs multiples of a window)."
        ) from error
    if rows % side or rows // side < 1 or columns != rows // side * (side + pad_to):
        raise InputError(
            f"scale: a trial run turned {side} × {side + pad_to} pixels into {rows} × {columns}, expected a whole "
            "multiple; give scale= or a module that keeps the proportions."
        )
    return int(rows // side)
