"""Kernels: the slices of its weights that a network is made of, and where each lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..validation import choose
from .network import Network

KINDS = ("slice", "filter", "layer")
"""A kernel is one (out, in) slice of taps; all slices of one output channel; all of a layer."""
_TURNED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
"""Layers whose weights have the inputs first."""


@dataclass(frozen=True)
class Weight:
    """The weights of one layer that kernels are cut from.

    Parameters
    ----------
    name : str
        Of the parameter, as in the network's module.
    shape : tuple of int
        (out, in, *taps), or (in, out, *taps) if turned.
    turned : bool
        Whether inputs come first, as in transposed convolutions.
    """

    name: str
    shape: tuple[int, ...]
    turned: bool = False

    @property
    def layer(self) -> str:
        """Name of the layer; of other parameters than its ``weight`` their own."""
        return self.name.removesuffix(".weight")

    @property
    def outs(self) -> int:
        """Output channels; of a grouped transposed convolution those of a group."""
        return self.shape[self.turned]

    @property
    def ins(self) -> int:
        """Input channels; of a grouped convolution those of a group."""
        return self.shape[not self.turned]

    def summed(self, values: torch.Tensor, kind: str) -> torch.Tensor:
        """Return sums over the taps of each kernel.

        Parameters
        ----------
        values : torch.Tensor (n, *shape)
        kind : {"slice", "filter", "layer"}

        Returns
        -------
        torch.Tensor (n, kernel)

        Examples
        --------
        >>> Weight("conv.weight", (4, 3, 5, 5)).summed(torch.ones(2, 4, 3, 5, 5), "filter").tolist()[0]
        [75.0, 75.0, 75.0, 75.0]
        """
        sums = values.reshape(len(values), *self.shape[:2], -1).sum(-1)
        sums = sums.transpose(1, 2) if self.turned else sums
        if kind == "slice":
            return sums.flatten(1)
        return sums.sum(2) if kind == "filter" else sums.sum((1, 2))[:, None]

    def places(self, kind: str) -> NDArray[np.int64]:
        """Return output and input channel of each kernel, (kernel, 2); -1 where it has all of them.

        Examples
        --------
        >>> Weight("conv.weight", (2, 2, 3, 3)).places("slice").tolist()
        [[0, 0], [0, 1], [1, 0], [1, 1]]
        """
        outs = np.arange(self.outs) if kind != "layer" else np.array([-1])
        ins = np.arange(self.ins) if kind == "slice" else np.array([-1])
        return np.stack(np.meshgrid(outs, ins, indexing="ij"), -1).reshape(-1, 2)

    def mask(self, places: Iterable[tuple[int, int]]) -> torch.Tensor:
        """Return which of the weights belong to kernels, of the weights' shape.

        Parameters
        ----------
        places : iterable of (int, int)
            Output and input channels, as of `places`.

        Examples
        --------
        >>> int(Weight("conv.weight", (2, 3, 3, 3)).mask([(1, -1), (0, 2)]).sum())
        36
        """
        chosen = torch.zeros(self.outs, self.ins, dtype=torch.bool)
        for out, into in places:
            chosen[slice(None) if out < 0 else out, slice(None) if into < 0 else into] = True
        chosen = chosen.T if self.turned else chosen
        return chosen.reshape(*chosen.shape, *[1] * (len(self.shape) - 2)).expand(self.shape)


def weights(network: Network) -> tuple[Weight, ...]:
    """Return the weights that a network's kernels are cut from: all parameters with outputs and inputs.

    Biases, slopes and normalisation, which have one axis, have no kernels.

    Examples
    --------
    >>> from lam_nb.networks import load
    >>> [(one.layer, one.shape) for one in weights(load("fsrcnn"))][0]
    ('first_part.0', (56, 3, 5, 5))
    """
    return tuple(_weights(network))


def _weights(network: Network) -> Iterator[Weight]:
    module = network.module if isinstance(network.module, nn.Module) else network
    turned = {id(one.weight) for one in module.modules() if isinstance(one, _TURNED)}
    for name, values in module.named_parameters():
        if values.ndim > 1:
            yield Weight(name, tuple(values.shape), id(values) in turned)


def kind(name: str) -> str:
    """Return the name of a kind of kernel.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> kind("slice")
    'slice'
    """
    return choose("kernel", name, KINDS)
