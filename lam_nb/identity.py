"""Identity: what makes two computations the same. Stores, caches and cards ask here, and nowhere else.

Two things are the same if they are known to answer alike: networks by weights, settings and code, functions by
their code and all it refers to, pictures and files by their contents. What cannot be told apart is never taken
for the same.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import nn

from .validation import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .types import Axes, Image

__all__ = [
    "NetworkLike",
    "differences",
    "digest",
    "facts",
    "fingerprint",
    "named",
    "of_file",
    "of_network",
    "of_weights",
]
NUMBERS = 1
"""Raised with every release whose numbers differ from those of the one before: its stores start anew."""
UNKNOWN = "cannot be told apart"
_ATOMS = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, slice, type(Ellipsis))
_NAMED = {__name__.partition(".")[0], "torch", "numpy"}
"""Packages whose names tell enough: our own has `NUMBERS`, the others keep what they compute."""
_BUILDERS = {"__init__", "__new__", "__post_init__", "__setstate__"}
"""Methods whose assignments are settings; what other methods assign is state, which a run may change."""


class NetworkLike(Protocol):
    """What identity has to know of a network; `lam_nb.networks.Network` is one.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net: NetworkLike = lam.networks.load("fsrcnn")
    >>> net.name, net.scale, net.parameter_count
    ('fsrcnn', 4, 24683)
    """

    name: str
    scale: int
    value_range: float
    pad_to: int
    arguments: dict[str, object]
    output: int | str | None
    seed: int | None

    @property
    def axes(self) -> Axes:
        """Its pictures' channels."""

    @property
    def channels(self) -> str:
        """Names of the channels, as text."""

    @property
    def module(self) -> Any:
        """What is called."""

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""

    @property
    def weights_hash(self) -> str:
        """Hash of all weights and buffers."""


def digest(image: Image) -> str:
    """Return a hexadecimal SHA-256 of a picture's size and float32 values.

    Examples
    --------
    >>> len(digest(torch.zeros(3, 4, 5)))
    64
    """
    if not isinstance(image, torch.Tensor) or image.layout != torch.strided or image.is_meta:
        raise InputError(f"image: got {type(image).__name__}, expected a plain tensor with numbers.")
    array = image.detach().cpu().to(torch.float32).contiguous().numpy()
    return hashlib.sha256(repr(array.shape).encode() + array.tobytes()).hexdigest()


def of_weights(state: Mapping[str, torch.Tensor]) -> str:
    """Return a hexadecimal SHA-256 of names, shapes and values.

    Examples
    --------
    >>> of_weights({"w": torch.zeros(2)}) == of_weights({"w": torch.zeros(2)})
    True
    """
    total = hashlib.sha256()
    for name, value in sorted(state.items()):
        array = value.detach().cpu().contiguous()
        total.update(f"{name}{tuple(array.shape)}{array.dtype}".encode())
        total.update(array.flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def of_file(path: str | os.PathLike[str]) -> str:
    """Return a hexadecimal SHA-256 of what a file holds, wherever it lies.

    Examples
    --------
    >>> len(of_file(__file__))
    64
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_network(network: NetworkLike) -> dict[str, str]:
    """Return all that decides what a network answers, by name.

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> one, other = (wrap(nn.Identity(), value_range=v, check=False) for v in (1, 255))
    >>> differences({"network": of_network(one)}, {"network": of_network(other)})
    ['network value_range']
    """
    settings = {name: getattr(network, name) for name in ("scale", "value_range", "mean", "std", "colours", "pad_to")}
    settings |= {"arguments": network.arguments, "output": network.output}
    settings |= {} if network.axes.is_rgb else {"channels": network.channels}  # older stores tell neither
    settings |= {} if network.seed is None else {"seed": network.seed}
    prints = {name: fingerprint(_plain(value)) for name, value in settings.items()}
    return prints | {"weights": network.weights_hash, "code": fingerprint(_Code(network.module))}


def facts(network: NetworkLike) -> dict[str, str | int | float]:
    """Return a network's name, size, weights and settings for a result; unusual settings only where they are.

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> facts(wrap(nn.Identity(), name="nothing", check=False))["network"]
    'nothing'
    """
    usual = {"mean": 0.0, "std": 1.0, "colours": "rgb", "arguments": {}, "output": None, "seed": None}
    unusual = {name: getattr(network, name) for name, value in usual.items() if getattr(network, name) != value}
    unusual |= {} if network.axes.is_rgb else {"channels": network.channels}
    known: dict[str, str | int | float] = {f"network_{name}": str(value) for name, value in unusual.items()}
    return known | {
        "network": network.name,
        "parameters": network.parameter_count,
        "weights_sha256": network.weights_hash,
        "scale": network.scale,
        "value_range": network.value_range,
        "pad_to": network.pad_to,
    }


def differences(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """Return in words in what two plans differ, or cannot be told apart; nothing if they are the same.

    Parameters
    ----------
    one, other : mapping
        Of text, numbers, lists and mappings, as read from JSON.

    Examples
    --------
    >>> differences({"steps": 5, "path": {"sigma": 1}}, {"steps": 6, "path": {"sigma": 1}})
    ['steps']
    """
    found = []
    for name in dict.fromkeys([*one, *other]):
        a, b = one.get(name), other.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += [f"{name} {inner}" for inner in differences(a, b)]
        elif a != b:
            found.append(name)
        elif UNKNOWN in str(a):
            found.append(f"{name}, which {UNKNOWN} from another")
    return found


def named(item: object) -> str:
    """Name a function by its name, anything else by its repr.

    Examples
    --------
    >>> named(len), named(3)
    ('len', '3')
    """
    return getattr(item, "__name__", None) or repr(item)


def fingerprint(item: object) -> str:
    """Tell items apart that may share a name: functions by their code and all it refers to, tensors by value.

    The same whenever Python is started. Functions and classes of Python, torch, numpy and this
    package go by their names, those of other installed packages by name and source file.
    Of an object, attributes count that its ``__init__`` sets; what other methods set is state.

    Examples
    --------
    >>> double, triple = (lambda x: 2 * x), (lambda x: 3 * x)
    >>> fingerprint(double) == fingerprint(lambda x: 2 * x), fingerprint(double) == fingerprint(triple)
    (True, False)
    """
    text = _Teller().text_of(item)
    doubt = f"{UNKNOWN}: " if UNKNOWN in text else ""
    return text if len(text) < 80 and not doubt else doubt + hashlib.sha256(text.encode()).hexdigest()


class _Code:
    """A module whose weights are told elsewhere."""

    def __init__(self, module: object) -> None:
        self.module = module


class _Teller:
    """Tells one item; what holds itself is told once, what is shared is told once and remembered."""

    def __init__(self) -> None:
        self._within: list[int] = []
        self._known: dict[int, tuple[object, str]] = {}

    def text_of(self, item: object) -> str:
        if isinstance(item, _ATOMS):
            return repr(item)
        if id(item) in self._within:
            return f"itself, {len(self._within) - self._within.index(id(item))} up"
        if id(item) in self._known:
            return self._known[id(item)][1]
        self._within.append(id(item))
        text = self._by_kind(item)
        self._within.pop()
        if not self._within or "itself" not in text:
            self._known[id(item)] = item, text  # the item is kept, so that no other gets its id
        return text

    def _by_kind(self, item: Any) -> str:
        if isinstance(item, torch.Tensor | np.ndarray | np.generic):
            return self._array(item)
        if isinstance(item, list | tuple):
            return f"{type(item).__name__} [{', '.join(map(self.text_of, item))}]"
        if isinstance(item, set | frozenset):
            return f"{type(item).__name__} {{{', '.join(sorted(map(self.text_of, item)))}}}"
        if isinstance(item, Mapping):
            return f"mapping {sorted((self.text_of(key), self.text_of(value)) for key, value in item.items())}"
        if isinstance(item, partial):
            return f"partial {self.text_of([item.func, item.args, item.keywords])}"
        if isinstance(item, MethodType):
            return f"method {self.text_of([item.__func__, item.__self__])}"
        if isinstance(item, BuiltinFunctionType):
            owner = item.__self__
            return f"built-in {item.__qualname__} {'' if isinstance(owner, ModuleType) else self.text_of(owner)}"
        if isinstance(item, ModuleType):
            return f"module {item.__name__}"
        if isinstance(item, CodeType):
            return self._code(item)
        if isinstance(item, FunctionType):
            return self._function(item)
        if isinstance(item, type):
            return self._class(item)
        if isinstance(item, _Code):
            return self._module(item.module) if isinstance(item.module, nn.Module) else self.text_of(item.module)
        if isinstance(item, nn.Module):
            return f"{of_weights(item.state_dict())} {self._module(item)}"
        return self._object(item)

    def _array(self, item: torch.Tensor | NDArray[Any] | np.generic) -> str:
        if isinstance(item, torch.Tensor):
            return f"tensor {tuple(item.shape)} {item.dtype} {of_weights({'': item})}"
        array = np.ascontiguousarray(item)
        if array.dtype.hasobject:
            return f"array {array.shape} {self.text_of(array.ravel().tolist())}"
        return f"array {array.shape} {array.dtype} {hashlib.sha256(array.tobytes()).hexdigest()}"

    def _code(self, code: CodeType) -> str:
        return f"code {code.co_code.hex()} {code.co_names} {[self.text_of(one) for one in code.co_consts]}"

    def _function(self, item: FunctionType) -> str:
        if _is_named(item):
            return f"function {_installed_name(item)}"
        held = [item.__defaults__, item.__kwdefaults__, *_held(item)]
        return f"function {self._code(item.__code__)} {[self.text_of(one) for one in held]}"

    def _class(self, item: type) -> str:
        if _is_named(item):
            return f"class {_installed_name(item)}"
        own = {name: value for name, value in vars(item).items() if name not in _UNTOLD}
        bases = [self.text_of(base) for base in item.__bases__]
        return f"class {item.__qualname__} {bases} {sorted((name, self.text_of(value)) for name, value in own.items())}"

    def _module(self, item: nn.Module) -> str:
        parts = []
        for name, part in item.named_modules():
            settings = {key: value for key, value in _settings(part).items() if not isinstance(value, nn.Module)}
            parts.append(f"{name} {self.text_of(type(part))} {self.text_of(settings)}")
        return f"network {parts}"

    def _object(self, item: object) -> str:
        kind = self.text_of(type(item))
        if isinstance(item, property | classmethod | staticmethod):
            parts = (getattr(item, name, None) for name in ("fget", "fset", "__func__"))
            return f"{kind} {[self.text_of(one) for one in parts]}"
        if wrapped := getattr(item, "__wrapped__", None):
            return f"{kind} {self.text_of(wrapped)}"
        plain = type(item).__repr__ is not object.__repr__ and " at 0x" not in repr(item)
        if plain and _is_library(type(item)) and not hasattr(item, "__dict__"):
            return f"{kind} {item!r}"  # its slots may hold caches
        settings = _settings(item)
        if settings:
            return f"{kind} {self.text_of(settings)}"
        if plain:
            return f"{kind} {item!r}"
        empty = hasattr(item, "__dict__") or any("__slots__" in vars(base) for base in type(item).__mro__)
        return kind if empty else f"{UNKNOWN}: {kind}"


_UNTOLD = {"__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__", "__annotations__"}
_UNTOLD |= {"__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__slots__"}
_UNTOLD |= {"__abstractmethods__", "_abc_impl", "__parameters__", "__match_args__", "__dataclass_params__"}
_UNTOLD |= {"__dataclass_fields__", "__hash__", "__protocol_attrs__", "_is_protocol", "_is_runtime_protocol"}
_OF_MODULES = {*vars(nn.Module()), "_is_full_backward_hook", "_is_hf_initialized"}


def _settings(item: object) -> dict[str, object]:
    """Return the attributes of an object that are settings and not state."""
    state = {name for base in type(item).__mro__ if not _is_library(base) for name in _written(base)}
    if isinstance(item, nn.Module):
        state |= _OF_MODULES
    found = dict(getattr(item, "__dict__", {}))
    for base in type(item).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in {"__dict__", "__weakref__"} and hasattr(item, name):
                found[name] = getattr(item, name)
    return {name: value for name, value in found.items() if name not in state}


@functools.cache
def _written(kind: type) -> frozenset[str]:
    """Return the names that a class's methods assign to, but for those that make an object."""
    methods = (value for name, value in vars(kind).items() if name not in _BUILDERS and isinstance(value, FunctionType))
    return frozenset(
        str(one.argval) for method in methods for one in _instructions(method.__code__) if one.opname == "STORE_ATTR"
    )


def _held(item: FunctionType) -> Iterator[object]:
    """Yield what a function's code refers to: its closure, and globals by name."""
    for cell in item.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not yet bound
            yield None
    names = {str(one.argval) for one in _instructions(item.__code__) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    yield from (item.__globals__[name] for name in sorted(names) if name in item.__globals__)


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _instructions(inner)


def _is_named(item: FunctionType | type) -> bool:
    """Whether the name of a function or class tells what it is: it is a library's, and not made on the way."""
    return _is_library(item) and "<" not in item.__qualname__


def _is_library(item: object) -> bool:
    return _is_installed((getattr(item, "__module__", None) or "").partition(".")[0])


@functools.cache
def _is_installed(package: str) -> bool:
    """Whether a package came with Python, from an installation, or is this one."""
    if package in _NAMED or (package in sys.stdlib_module_names and package != "__main__"):
        return True
    file = getattr(sys.modules.get(package), "__file__", None)
    folders = [sysconfig.get_paths()[name] for name in ("purelib", "platlib")]
    return file is not None and any(Path(file).is_relative_to(folder) for folder in folders)


def _installed_name(item: FunctionType | type) -> str:
    """Return where a library's function is found; a laboratory's own package may change under one version."""
    module = item.__module__
    known = module.partition(".")[0]
    name = f"{module}.{item.__qualname__}"
    return name if known in _NAMED or known in sys.stdlib_module_names else f"{name} {_source(module)}"


@functools.cache
def _source(module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None)
    return of_file(file) if file and Path(file).is_file() else ""


def _plain(value: object) -> object:
    """Return numbers that are equal in one spelling: 1 is 1.0."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
