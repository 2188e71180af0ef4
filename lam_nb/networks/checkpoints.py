"""Checkpoint files: read without running anything in them, unwrapped, and named by their hash."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..validation import InputError
from .architectures.layers import State

__all__ = ["read"]

_WRAPPERS = ("params_ema", "state_dict", "params", "model")
_PREFIX = "module."


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
    path = Path(path)
    if not path.is_file():
        raise InputError(f"weights: there is no file {path}; check the path.")
    try:
        found = load_file(path) if path.suffix == ".safetensors" else _unpickle(path)
    except pickle.UnpicklingError:
        raise InputError(
            f"weights: {path} holds more than weights, and running what is inside a checkpoint is not safe; "
            "save its state_dict() alone, best as safetensors."
        ) from None
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise InputError(f"weights: {path} is no checkpoint that torch or safetensors can read ({error}).") from None
    return _unwrap(found, path)


def _unpickle(path: Path) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def _unwrap(found: object, path: Path) -> State:
    while isinstance(found, dict) and (inner := next((found[key] for key in _WRAPPERS if key in found), None)):
        found = inner
    if not isinstance(found, dict) or not found or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise InputError(f"weights: {path} holds {type(found).__name__}, expected a dictionary of tensors.")
    return {name.removeprefix(_PREFIX): value for name, value in found.items()}


def __getattr__(name: str) -> object:
    from .. import _moved

    return _moved.moved(__name__, name)
