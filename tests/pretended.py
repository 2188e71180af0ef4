"""A device that pretends: tensors that say they lie elsewhere, computed on the CPU all the same.

It is a device of its own to torch, so that what would fail on a GPU fails here: operands on two devices, ``.numpy()``
of a tensor that is not on the CPU, weights or buffers that were left behind. What would make a GPU wait, copies to the
CPU and numbers read one by one, is counted by the line of lam_nb that asked.
"""

from __future__ import annotations

import collections
import pathlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.utils import _pytree as tree
from torch.utils import backend_registration

NAME = "pretended"
AVAILABLE = hasattr(backend_registration, "_setup_privateuseone_for_python_backend") and not torch.cuda.is_available()
"""Whether this torch can be taught devices in Python; beside a GPU its gradients fail then."""
_READS = {"_local_scalar_dense", "is_nonzero", "equal", "nonzero", "_assert_async"}
_MIXES = {"copy_", "index", "index_put_", "_index_put_impl_", "set_", "_copy_from", "_copy_from_and_resize"}
"""What a GPU does with operands on two devices, too."""
_VIEWS = {"view", "_unsafe_view", "_reshape_alias"}
_CPU = torch.device("cpu")
_numbers: dict[int, torch.Tensor] = {}
"""Storage of a tensor that pretends -> the tensor on the CPU that holds its numbers."""
waits: collections.Counter[str] = collections.Counter()
"""Lines of lam_nb that a GPU would have waited for, and how often."""


class _Pretending(torch.Tensor):
    """A tensor that says it lies elsewhere."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, numbers: torch.Tensor) -> _Pretending:
        made = torch._C._acc.create_empty_tensor(numbers.shape, numbers.dtype)
        made.__class__ = cls
        _numbers[made.untyped_storage()._cdata] = numbers  # for copies that torch makes without asking
        return made

    def __init__(self, numbers: torch.Tensor) -> None:
        self.numbers = numbers


def _pretends(item: object) -> bool:
    return isinstance(item, torch.Tensor) and item.device.type == NAME


def _plain(item: object) -> object:
    """Return a tensor's numbers on the CPU, and the CPU for the pretended device."""
    if isinstance(item, torch.device):
        return _CPU if item.type == NAME else item
    if not _pretends(item):
        return item
    return item.numbers if isinstance(item, _Pretending) else _numbers[item.untyped_storage()._cdata]


def _asker() -> str:
    """Return which line of lam_nb is asking."""
    frame = sys._getframe(1)
    while frame is not None:
        path = pathlib.Path(frame.f_code.co_filename)
        if "lam_nb" in path.parts and "tests" not in path.parts:
            return f"{path.parent.name}/{path.name}:{frame.f_lineno}"
        frame = frame.f_back
    return "outside"


def _operation(name: str, operation: Callable[..., object]) -> Callable[..., object]:
    base = name.partition(".")[0]

    def run(*given: object, **settings: object) -> object:
        leaves = tree.tree_leaves((given, settings))
        tensors = [one for one in leaves if isinstance(one, torch.Tensor)]
        if (
            base not in _MIXES
            and any(not _pretends(one) and one.ndim for one in tensors)
            and any(map(_pretends, tensors))
        ):
            raise RuntimeError(f"Expected all tensors to be on the same device, but got {NAME} and cpu in {name}")
        target = next((one for one in leaves if isinstance(one, torch.device)), None)
        if base in _READS or (target == _CPU and any(map(_pretends, tensors))):
            waits[_asker()] += 1
        plain, options = tree.tree_map(_plain, (given, settings))
        if base in _VIEWS and not isinstance(plain[1], torch.dtype):
            made = plain[0].reshape(plain[1])  # the pretending tensor counts as contiguous, its numbers may not be
        else:
            made = operation(*plain, **options)
        known = {id(_plain(one)): one for one in tensors if _pretends(one)}

        def back(item: object) -> object:
            if not isinstance(item, torch.Tensor) or _pretends(item) or target == _CPU:
                return item
            return known.get(id(item)) if id(item) in known else _Pretending(item)

        return tree.tree_map(back, made)

    return run


def _copy(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    if _pretends(source) and not _pretends(target):
        waits[_asker()] += 1
    _plain(target).copy_(_plain(source))
    return target


def _register() -> torch.library.Library:
    """Teach torch the device: every operation that is no composition of others."""
    hidden = {"is_available": lambda _: False, "device_count": lambda _: 0}  # torch itself is not to choose it
    backend_module = type("Module", (backend_registration._DummyBackendModule,), hidden)()
    hook = type("Hook", (backend_registration._DummyPrivateUse1Hook,), hidden)()
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module, hook)
    _kept.extend((backend_module, hook))
    library = torch.library.Library("aten", "IMPL")
    for full in torch._C._dispatch_get_all_op_names():
        name = full.removeprefix("aten::")
        base, _, overload = name.partition(".")
        composed = torch._C._dispatch_has_kernel_for_dispatch_key(full, "CompositeImplicitAutograd")
        if name == full or composed or base.startswith("_copy_from"):
            continue
        operation = getattr(getattr(torch.ops.aten, base, None), overload or "default", None)
        if operation is not None:
            library.impl(name, _operation(name, operation), "PrivateUse1")
    library.impl("_copy_from", _copy, "PrivateUse1")
    library.impl("_copy_from_and_resize", lambda source, target: _copy(source, target), "PrivateUse1")
    return library


_library: list[torch.library.Library] = []
_kept: list[object] = []
"""What torch asks, and does not keep itself."""


def device() -> torch.device:
    """Return the pretended device, known to torch from now on."""
    if not _library:
        _library.append(_register())
    return torch.device(NAME, 0)


@contextmanager
def counted() -> Iterator[collections.Counter[str]]:
    """Count what a GPU would have waited for."""
    waits.clear()
    yield waits
