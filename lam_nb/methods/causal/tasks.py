"""Tasks: what the input is made of, and what a patch goes through, for each kind of restoration."""

from __future__ import annotations

from dataclasses import dataclass

from ... import images
from ...networks import Network
from ...types import Degradation, Image
from ...validation import InputError, choose

NAMES = ("super-resolution", "denoising", "deraining")
SIGMA = 50 / 255
"""Noise of denoising, as in the published figures (Hu et al., arXiv 2407.19789)."""


@dataclass(frozen=True)
class Task:
    """What `lam_nb.causal_effect` is given for a sharp photograph.

    Parameters
    ----------
    name : str
    image : torch.Tensor (3, y, x)
        The network's input; for rain, which falls after the patches, the clean photograph.
    reference : torch.Tensor (3, out_y, out_x)
        The sharp photograph, its sides multiples of the scale.
    noise : float
        On each patch.
    finish : callable, optional
        After the patches.
    """

    name: str
    image: Image
    reference: Image
    noise: float = 0.0
    finish: Degradation | None = None


def task(network: Network, photograph: Image, name: str | None = None, *, sigma: float = SIGMA, seed: int = 0) -> Task:
    """Make a task of a sharp photograph.

    Parameters
    ----------
    network : Network
    photograph : torch.Tensor (3, y, x)
    name : str, optional
        "super-resolution", "denoising" or "deraining"; told from the scale when not given.
    sigma : float
        Of the noise of denoising.
    seed : int
        Of noise and rain.

    Raises
    ------
    InputError
        If the task does not fit the network's scale.

    Examples
    --------
    >>> from lam_nb import images, networks
    >>> task(networks.load("fsrcnn"), images.sample("bricks")).name
    'super-resolution'
    """
    scale = network.scale
    name = ("super-resolution" if scale > 1 else "denoising") if name is None else choose("task", name, NAMES)
    if (name == "super-resolution") != (scale > 1):
        raise InputError(f"task: got {name} for a network of scale {scale}; choose one that fits.")
    sharp = images.crop(photograph, 0, 0, *(side - side % scale for side in photograph.shape[-2:]))
    if name == "super-resolution":
        return Task(name, images.downscale(sharp, scale), sharp)
    if name == "denoising":
        return Task(name, images.Noise(sigma, seed)(sharp), sharp, noise=sigma)
    return Task(name, sharp, sharp, finish=images.Rain(seed))
