"""Masking: a network with some of its kernels put back to what they were in another."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import torch
import xarray as xr
from torch import nn

from ..result import INTO, KERNEL, LAYER, OUT
from ..validation import InputError
from . import kernels as parts
from .loading import NetworkLike, as_network
from .network import Network


def masked(target: NetworkLike, baseline: NetworkLike, kernels: xr.DataArray, amount: float = 1.0) -> Network:
    """Return the target with chosen kernels (partly) put back to the baseline's values; biases stay.

    A chosen kernel becomes θ + amount · (θ̄ − θ), of the target's θ and the baseline's θ̄ (Xie et al., NeurIPS 2021).

    Parameters
    ----------
    target, baseline : Network or name
        Of one architecture; neither is changed.
    kernels : xarray.DataArray of bool (kernel,)
        Which, with coordinates ``layer``, ``out`` and ``in`` as results of `lam_nb.filters` have; such as of
        `lam_nb.statistics.top_kernels`.
    amount : float, default 1
        0 is the target, 1 the baseline's kernels; beyond, they go on in the same direction.

    Returns
    -------
    Network
        A new one.

    Raises
    ------
    InputError
        If the networks differ in more than weights, or the kernels are not theirs.

    Examples
    --------
    >>> from lam_nb.networks import load
    >>> target, baseline = load("srresnet-residual-restoring"), load("srresnet-residual-mse")
    >>> one = xr.DataArray([True], dims="kernel", coords={"layer": ("kernel", ["conv_first"])})
    >>> one = one.assign_coords({"out": ("kernel", [0]), "in": ("kernel", [2])})
    >>> put_back = masked(target, baseline, one)
    >>> bool((put_back.module.conv_first.weight[0, 2] == baseline.module.conv_first.weight[0, 2]).all())
    True
    """
    target, baseline = as_network(target), as_network(baseline)
    alike(target, baseline)
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not math.isfinite(amount):
        raise InputError(f"amount: got {amount!r}, expected a finite number, such as 1 for the baseline's values.")
    chosen = _chosen(kernels)
    known = {one.layer: one for one in parts.weights(target)}
    made = copy.deepcopy(target)
    own, other = dict(_module(made).named_parameters()), dict(_module(baseline).named_parameters())
    count = 0
    for layer, places in chosen.items():
        weight = _fitting(known, layer, places, target.name)
        count += len(places)
        with torch.no_grad():
            values, back = own[weight.name], other[weight.name].to(own[weight.name])
            there = weight.mask(places).to(values.device)
            moved = back if amount == 1 else values + amount * (back - values)
            values.copy_(torch.where(there, moved, values))
    made.name = f"{target.name}, {count} kernels back" + ("" if amount == 1 else f" {amount:g}")
    return made


def alike(target: Network, baseline: Network) -> None:
    """Refuse two networks that differ in more than weights, by the name of what differs first.

    Raises
    ------
    InputError
        If they do.

    Examples
    --------
    >>> from lam_nb.networks import load
    >>> alike(load("srresnet-residual-mse"), load("srresnet-mse"))
    Traceback (most recent call last):
    lam_nb.InputError: baseline: 'srresnet-mse' has 'without_picture', which 'srresnet-residual-mse' has not; ...
    """
    pair = (target, baseline)
    for network in pair:
        if not isinstance(network.module, nn.Module) or not any(True for _ in network.module.parameters()):
            raise InputError(f"target, baseline: {network.name!r} has no parameters; expected two trained networks.")
    one, other = (_module(network).state_dict() for network in pair)
    end = "expected two networks of one architecture, such as one and its fine-tuning."
    for name in dict.fromkeys([*one, *other]):
        if (name in one) != (name in other):
            has, lacks = (target, baseline) if name in one else (baseline, target)
            argument = "baseline" if has is baseline else "target"
            raise InputError(f"{argument}: {has.name!r} has {name!r}, which {lacks.name!r} has not; {end}")
        if one[name].shape != other[name].shape:
            shapes = f"{tuple(one[name].shape)} in {target.name!r} and {tuple(other[name].shape)} in {baseline.name!r}"
            raise InputError(f"baseline: {name!r} is {shapes}; {end}")
    for name in ("scale", "value_range", "mean", "std", "colours", "pad_to", "channels"):
        if getattr(target, name) != getattr(baseline, name):
            a, b = (getattr(network, name) for network in pair)
            raise InputError(f"baseline: {name} is {a!r} in {target.name!r} and {b!r} in {baseline.name!r}; {end}")


def _module(network: Network) -> nn.Module:
    return network.module if isinstance(network.module, nn.Module) else network


def _chosen(kernels: object) -> dict[str, list[tuple[int, int]]]:
    """Return (out, in) of the chosen kernels by layer."""
    fits = isinstance(kernels, xr.DataArray) and kernels.dims == (KERNEL,) and kernels.dtype == bool
    if not fits or not isinstance(kernels, xr.DataArray) or not {LAYER, OUT, INTO} <= {*map(str, kernels.coords)}:
        got = f"{kernels.dtype} {kernels.dims}" if isinstance(kernels, xr.DataArray) else type(kernels).__name__
        raise InputError(
            f"kernels: got {got}, expected a boolean DataArray along {KERNEL!r} with {LAYER!r}, {OUT!r} and {INTO!r}, "
            "such as lam_nb.statistics.top_kernels(ds, 'blur')."
        )
    found: dict[str, list[tuple[int, int]]] = {}
    some = kernels[kernels.values]
    for layer, out, into in zip(some[LAYER].values, some[OUT].values, some[INTO].values, strict=True):
        found.setdefault(str(layer), []).append((int(out), int(into)))
    return found


def _fitting(known: Mapping[str, parts.Weight], layer: str, places: list[tuple[int, int]], name: str) -> parts.Weight:
    weight = known.get(layer)
    if weight is None or any(out >= weight.outs or into >= weight.ins for out, into in places):
        raise InputError(
            f"kernels: got some of {layer!r}, which network {name!r} has not; score this pair of networks."
        )
    return weight
