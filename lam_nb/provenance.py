"""Provenance: what a result tells of the network, the window, the functions and the machine it came from."""

from __future__ import annotations

from typing import Any

import torch

from .networks import Network
from .types import Region


def named(item: Any) -> str:
    """Name a function by its name, anything else by its repr.

    Examples
    --------
    >>> named(len), named(3)
    ('len', '3')
    """
    return getattr(item, "__name__", None) or repr(item)


def of_network(network: Network) -> dict[str, str | int | float]:
    """Return a network's name, size, weights and settings; unusual settings only where they are.

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> of_network(wrap(torch.nn.Identity(), name="nothing", check=False))["network"]
    'nothing'
    """
    unusual: dict[str, Any] = {
        "mean": network.mean,
        "std": network.std,
        "colours": network.colours,
        "arguments": network.arguments,
    }
    usual: dict[str, Any] = {"mean": 0.0, "std": 1.0, "colours": "rgb", "arguments": {}}
    told: dict[str, str | int | float] = {
        f"network_{key}": str(value) for key, value in unusual.items() if value != usual[key]
    }
    return told | {
        "network": network.name,
        "parameters": network.parameter_count,
        "weights_sha256": network.weights_hash,
        "scale": network.scale,
        "value_range": network.value_range,
        "pad_to": network.pad_to,
    }


def of_region(region: Region) -> dict[str, str | int | float]:
    """Return where the window is, in output pixels.

    Examples
    --------
    >>> of_region(Region(3, 4, 5))
    {'region_y': 3, 'region_x': 4, 'region_size': 5}
    """
    return {"region_y": region.y, "region_x": region.x, "region_size": region.size}


def of_device(place: torch.device) -> str:
    """Name the device.

    Examples
    --------
    >>> of_device(torch.device("cpu"))
    'cpu'
    """
    return torch.cuda.get_device_name(place) if place.type == "cuda" else place.type
