"""Provenance: what a result tells of the network, the window, the functions and the machine it came from."""

from __future__ import annotations

import hashlib
from functools import partial
from types import CodeType, MethodType
from typing import Any

import numpy as np
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


def fingerprint(item: Any) -> str:
    """Tell items apart that may share a name: functions by their code and what they hold, tensors by value.

    The same whenever Python is started, so that a store knows whether it holds what is asked for.

    Examples
    --------
    >>> double, triple = (lambda x: 2 * x), (lambda x: 3 * x)
    >>> fingerprint(double) == fingerprint(lambda x: 2 * x), fingerprint(double) == fingerprint(triple)
    (True, False)
    """
    return _told(item, ())


def _told(item: Any, within: tuple[int, ...]) -> str:
    """Fingerprint what lies `within` other items; one that holds itself is told once."""
    if id(item) in within:
        return "itself"

    def inner(part: Any) -> str:
        return _told(part, (*within, id(item)))

    if isinstance(item, torch.Tensor):
        item = (item.float() if item.dtype == torch.bfloat16 else item).detach().cpu().numpy()
    if isinstance(item, np.ndarray):
        return f"array {item.shape} {item.dtype} {hashlib.sha256(np.ascontiguousarray(item).tobytes()).hexdigest()}"
    if isinstance(item, list | tuple | set | frozenset):
        found = [inner(one) for one in item]
        return f"{type(item).__name__} {found if isinstance(item, list | tuple) else sorted(found)}"
    if isinstance(item, dict):
        return f"dict {sorted((str(key), inner(value)) for key, value in item.items())}"
    if isinstance(item, partial):
        return f"partial {inner([item.func, item.args, item.keywords])}"
    if isinstance(item, MethodType):
        return f"method {inner([item.__func__, item.__self__])}"
    code = item if isinstance(item, CodeType) else getattr(item, "__code__", None)
    if code is not None:
        cells = getattr(item, "__closure__", None) or ()
        held = [getattr(item, "__defaults__", None), *(cell.cell_contents for cell in cells)]
        parts = [code.co_code.hex(), code.co_names, *map(inner, code.co_consts), *map(inner, held)]
        return f"code {hashlib.sha256(repr(parts).encode()).hexdigest()}"
    if " at 0x" in repr(item):  # a plain object tells its address, which is another one next time
        return f"{type(item).__qualname__} {inner(getattr(item, '__dict__', {}))}"
    state = vars(item) if hasattr(item, "__dict__") and not isinstance(item, type) else {}
    return f"{item!r} {inner(state)}" if state else repr(item)


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
