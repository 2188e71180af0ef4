"""Checkpoint files: read without running anything in them, unwrapped, and named by their hash."""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from ..validation import InputError, address, readable
from .architectures.layers import State

__all__ = ["read"]

_WRAPPERS = ("params_ema", "state_dict", "params", "model")
_PREFIX = "module."
_DEEPEST = 8
"""Wrappers within wrappers; a file may hold itself."""
_SLACK = 1 << 20
"""Bytes that an archive may unfold to beyond its own size: names and padding."""


def read(path: str | os.PathLike[str]) -> State:
    """Read the weights of a .safetensors, .pth, .pt or .ckpt file, onto the CPU.

    Pickled files are read with ``weights_only=True``: nothing in them is executed. Wrappers
    (``state_dict``, ``params``, ``params_ema``, ``model``) and the prefix ``module.`` are taken off.

    Raises
    ------
    InputError
        If the file is missing, is no checkpoint, or holds more than weights.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/net.pth"
    >>> torch.save({"state_dict": {"module.weight": torch.zeros(2)}}, path)
    >>> list(read(path))
    ['weight']
    """
    path = address("weights", path)
    if not path.is_file():
        raise InputError(f"weights: there is no file {path}; check the path.")
    with readable("weights", path, "checkpoint that torch or safetensors can read"):
        found = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    return _unwrap(found, path)


def _unpickled(path: Path) -> object:
    _refuse_compressed(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "opcode" not in str(error) and "Weights only" not in str(error):
            raise
        raise InputError(
            f"weights: {path} holds more than weights, and running what is inside a checkpoint is not safe; "
            "save its state_dict() alone, best as safetensors."
        ) from None


def _refuse_compressed(path: Path) -> None:
    """Refuse archives that unfold to more than they hold: torch stores tensors as they are."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unfolded = sum(one.file_size for one in archive.infolist())
    if unfolded > path.stat().st_size + _SLACK:
        raise InputError(
            f"weights: {path} is compressed, {path.stat().st_size:,} bytes that unfold to {unfolded:,}; expected a "
            "file as torch.save writes it; save it again."
        )


def _unwrap(found: object, path: Path) -> State:
    for _ in range(_DEEPEST):
        inner = None if not isinstance(found, dict) else next((found[key] for key in _WRAPPERS if key in found), None)
        if not isinstance(inner, dict):
            break
        found = inner
    if not isinstance(found, dict) or not found:
        raise InputError(f"weights: {path} holds {type(found).__name__}, expected a dictionary of tensors.")
    for name, value in found.items():
        _check(name, value, path)
    return {name.removeprefix(_PREFIX): value for name, value in found.items()}


def _check(name: object, value: object, path: Path) -> None:
    """Refuse what is no weight of a network, whatever it says it is."""
    if not isinstance(name, str) or not isinstance(value, torch.Tensor):
        raise InputError(
            f"weights: {path} holds {type(value).__name__} under {name!r}, expected tensors under names; "
            "save the state_dict() alone."
        )
    if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
        kind = "quantised" if value.is_quantized else str(value.layout).removeprefix("torch.")
        raise InputError(f"weights: {path} holds {name} as {kind} on {value.device.type}, expected dense tensors.")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise InputError(
            f"weights: {path} says that {name} has {tuple(value.shape)} numbers, but does not hold as many; "
            "the file is damaged or made up."
        )


def __getattr__(name: str) -> object:
    from .. import _moved

    return _moved.moved(__name__, name)
