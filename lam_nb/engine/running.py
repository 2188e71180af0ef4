"""Running: how a network is asked. Under a lease, on a device, and left as it was found.

A lease belongs to one module. It locks it (a thread may take it again and again), has it in evaluation mode, and
undoes that when the last holder lets go. Weights that have to lie otherwise than the user's (on another device, in
the order of bytes that convolutions are fastest in) are copies that the lease holds: the user's own are never moved,
for another thread may be inside.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from ..networks import Network
from ..types import Batch, Device
from ..validation import InputError, choose, positive, whole

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_SIZES = {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_NO_VIEW = "view size is not compatible"
"""What torch says of ``.view`` on the outputs of convolutions whose weights are in channels-last order."""


class Runnable(Protocol):
    """What is asked: a network under a lease, or one on a part of its input, or in a lower precision."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""

    @property
    def weights(self) -> Mapping[str, torch.Tensor]:
        """Weights it runs with, which lie in memory whatever is asked."""

    def lease(self) -> AbstractContextManager[object]:
        """Return a context in which it may be called."""

    def __call__(self, batch: Batch, /) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x); under a lease."""


class _Copies(NamedTuple):
    """Weights that lie otherwise than the user's, and what those were, where the user has them."""

    laid: dict[str, torch.Tensor]
    seen: dict[str, torch.Tensor]


@dataclass(eq=False)
class _Lease:
    """The lock of one module, what it was like before, and the copies of its weights."""

    lock: AbstractContextManager[object] = field(default_factory=threading.RLock)
    holders: set[object] = field(default_factory=set)
    before: ExitStack = field(default_factory=ExitStack)
    copies: dict[tuple[torch.device, bool], _Copies] = field(default_factory=dict)
    notes: dict[object, object] = field(default_factory=dict)
    """What was found out about the module, with the weights that it has."""
    plain: bool = False
    """Whether channels-last weights have failed."""


_LEASES: weakref.WeakKeyDictionary[object, _Lease] = weakref.WeakKeyDictionary()
_LEASES_LOCK = threading.Lock()


def _lease_of(network: Network) -> _Lease:
    """Return the lease of what a network wraps: two networks around one module share it."""
    owner = network.module if isinstance(network.module, nn.Module) else network
    with _LEASES_LOCK:
        return _LEASES.setdefault(owner, _Lease())


class Leased:
    """A network on a device. Only under its lease may it be called.

    Parameters
    ----------
    network : Network
    device : torch.device

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> net = wrap(torch.nn.Conv2d(3, 3, 3, padding=1), check=False).train()
    >>> run = Leased(net, torch.device("cpu"))
    >>> with run.lease():
    ...     net.training, run(torch.zeros(1, 3, 8, 6)).requires_grad
    (False, False)
    >>> net.training
    True
    """

    def __init__(self, network: Network, device: torch.device) -> None:
        self.network, self.device = network, device
        self._lease = _lease_of(network)
        self._weights: dict[str, torch.Tensor] | None = None

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.network.name

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self.network.dtype

    @property
    def scale(self) -> int:
        """Output pixels per input pixel."""
        return self.network.scale

    @property
    def pad_to(self) -> int:
        """Sides are padded to multiples of this."""
        return self.network.pad_to

    @property
    def weights(self) -> Mapping[str, torch.Tensor]:
        """Weights that the network runs with."""
        return self._weights or {}

    @property
    def notes(self) -> dict[object, object]:
        """What was found out about the network with these weights; forgotten when they change."""
        return self._lease.notes

    @contextmanager
    def lease(self, *, exact: bool = False) -> Iterator[Leased]:
        """Lock the network, in evaluation mode; undo it when the last holder lets go, whatever happened.

        With `exact` nobody else computes meanwhile, see `_Backends`; never within a lease that is not.
        """
        holder = object()
        with self._lease.lock, ExitStack() as stack:
            first = not self._lease.holders
            stack.callback(self._leave, holder)  # before anything is changed: an interruption may come at any time
            self._lease.holders.add(holder)
            if first:
                _evaluating(self.network, self._lease.before)
            stack.enter_context(BACKENDS.exact() if exact else BACKENDS.usual(self.device))
            yield self

    def _leave(self, holder: object) -> None:
        self._lease.holders.discard(holder)
        if not self._lease.holders:
            self._lease.before.close()  # every piece by itself, even if another fails

    def __call__(self, batch: Batch) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        if self._weights is None:
            self._weights = self._arranged()
        try:
            return functional_call(self.network, self._weights, (batch,)) if self._weights else self.network(batch)
        except InputError as error:
            if self._lease.plain or _NO_VIEW not in str(error.__cause__):
                raise
            self._lease.plain = True
            self._weights = self._arranged()
            return functional_call(self.network, self._weights, (batch,))

    def _arranged(self) -> dict[str, torch.Tensor]:
        """Return weights on the device, without gradients; copies only where they have to lie otherwise."""
        if any(isinstance(part, torch.jit.ScriptModule) for part in self.network.modules()):
            self._move()  # compiled modules take no other weights
            return {}
        own = {name: one.detach() for name, one in self.network.named_parameters() if not _is_lazy(one)}
        own |= {name: one.detach() for name, one in self.network.named_buffers() if one.device != self.device}
        ordered = self._may_be_ordered(own)
        key = self.device, ordered
        held = self._lease.copies.get(key)
        if held is None or not _are_equal(held.seen, own):
            laid = {name: _laid(one, self.device, ordered) for name, one in own.items()}
            seen = {name: laid[name] if one.device == self.device else one.clone() for name, one in own.items()}
            held = _Copies(laid, seen)
            self._lease.copies = {key: held}  # the last ones only: they cost memory
            self._lease.notes = {}
        return held.laid

    def _may_be_ordered(self, weights: Mapping[str, torch.Tensor]) -> bool:
        """Whether weights gain by channels-last order: all that have four axes are in the usual one.

        Not on CUDA: with all bits of float32 its convolutions then take up to twice as long (H100, IMDN).
        """
        kernels = [one for one in weights.values() if one.ndim == 4]
        usual = all(one.is_contiguous() for one in kernels) and self.device.type != "cuda"
        return bool(kernels) and usual and self.dtype != torch.float64 and not self._lease.plain

    def _move(self) -> None:
        home = next((one.device for one in self.network.parameters()), self.device)
        if home != self.device:
            self._lease.before.callback(self.network.to, home)
            self.network.to(self.device)


def _is_lazy(weights: torch.Tensor) -> bool:
    return isinstance(weights, nn.parameter.UninitializedParameter)


def _laid(weights: torch.Tensor, device: torch.device, ordered: bool) -> torch.Tensor:
    order = torch.channels_last if ordered and weights.ndim == 4 else torch.preserve_format
    return weights.to(device, memory_format=order)


def _are_equal(seen: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> bool:
    """Whether weights are still what they were: they may be trained between two questions.

    Compared by value. A counter of changes would be quicker, but ``weights.data`` changes behind its back.
    """
    if seen.keys() != own.keys():
        return False
    pairs = [(seen[name], one) for name, one in own.items()]
    alike = all(a.shape == b.shape and a.dtype == b.dtype and a.device == b.device for a, b in pairs)
    return alike and all(_is_equal(a, b) for a, b in pairs)


def _is_equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors hold the same; by numpy where it can: torch wakes all threads for it, half a millisecond."""
    bits = _BITS.get(one.element_size())
    if bits is None or one.device.type != "cpu":
        return torch.equal(one, other)
    return np.array_equal(one.view(bits).numpy(), other.view(bits).numpy())


def _evaluating(network: Network, before: ExitStack) -> None:
    """Have a network in evaluation mode, and note how to undo it."""
    modes = {module: module.training for module in network.modules()}
    if not any(modes.values()):
        return
    if any(_transforms(module) for module in modes):
        # Such modules may merge weights on the way in and out again, which rounds.
        before.callback(_put_back, network, {name: one.clone() for name, one in network.state_dict().items()})
    for module, mode in reversed(modes.items()):  # the stack unwinds backwards: parents first, then their children
        before.callback(_set_mode, module, mode)
    network.eval()


def _transforms(module: nn.Module) -> bool:
    """Whether a change of mode does more to a module than setting a flag."""
    return type(module).train is not nn.Module.train or type(module).eval is not nn.Module.eval


def _set_mode(module: nn.Module, mode: bool) -> None:
    if _transforms(module):
        module.train(mode)
    else:
        module.training = mode


@torch.no_grad()
def _put_back(network: Network, values: Mapping[str, torch.Tensor]) -> None:
    for name, now in network.state_dict().items():
        then = values.get(name)
        if then is not None and then.shape == now.shape and not torch.equal(then, now):
            now.copy_(then)


class _Backends:
    """Torch's switches for the whole process, under one lock.

    Usual computations may run beside each other. Exact ones, which turn libraries off for everybody, run alone.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._holders: dict[object, tuple[int, bool]] = {}
        self._alone: int | None = None
        self._before = ExitStack()

    @contextmanager
    def usual(self, device: torch.device | None = None) -> Iterator[None]:
        """Compute as usual; CUDA's convolutions keep all bits of float32, which they cut to 10 otherwise.

        Needed wherever something convolves, also without a network: others may be exact meanwhile, which rounds
        otherwise. The device is the one that convolves; any, if none is given.
        """
        cuda = torch.cuda.is_available() if device is None else device.type == "cuda"
        me, holder = threading.get_ident(), object()
        with ExitStack() as stack:
            stack.callback(self._leave, holder)
            with self._change:
                self._change.wait_for(lambda: self._alone in (None, me))
                if cuda and not self._on_cuda:
                    convolutions: Any = torch.backends.cudnn
                    convolutions = convolutions.conv
                    self._before.callback(setattr, convolutions, "fp32_precision", convolutions.fp32_precision)
                    convolutions.fp32_precision = "ieee"
                self._holders[holder] = me, cuda
            yield

    def _leave(self, holder: object) -> None:
        with self._change:
            self._holders.pop(holder, None)
            if not self._on_cuda:
                self._before.close()
            self._change.notify_all()

    @property
    def _on_cuda(self) -> bool:
        return any(cuda for _, cuda in self._holders.values())

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Have convolutions that compute every output from its own inputs alone, not in tiles or spectra."""
        me = threading.get_ident()
        with ExitStack() as stack:
            with self._change:
                self._change.wait_for(lambda: self._alone in (None, me) and self._others(me) == set())
                stack.callback(self._share, self._alone)
                self._alone = me
            # Not their .flags(): those also set switches of precision, and raise or warn where some are set already.
            backends: tuple[Any, ...] = torch.backends.cudnn, torch.backends.mkldnn
            for backend in backends:
                stack.callback(setattr, backend, "enabled", backend.enabled)
                backend.enabled = False
            yield

    def _others(self, me: int) -> set[int]:
        return {thread for thread, _ in self._holders.values()} - {me}

    def _share(self, before: int | None) -> None:
        with self._change:
            self._alone = before
            self._change.notify_all()


BACKENDS = _Backends()


@dataclass(frozen=True)
class Around:
    """Something around a network, which is called in its place and otherwise is as the network is."""

    network: Runnable

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.network.name

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self.network.dtype

    @property
    def weights(self) -> Mapping[str, torch.Tensor]:
        """Weights of the network."""
        return self.network.weights

    def lease(self) -> AbstractContextManager[object]:
        """Return the network's lease."""
        return self.network.lease()


@dataclass(frozen=True)
class Lowered(Around):
    """A network whose products run in a lower precision where torch's autocast deems that safe.

    Parameters
    ----------
    network : Runnable
    precision : torch.dtype
    """

    precision: torch.dtype

    def __call__(self, batch: Batch) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x), in the weights' precision again."""
        with torch.autocast(batch.device.type, self.precision):
            return self.network(batch).to(self.dtype)


def outputs(run: Runnable, batch: Batch) -> Batch:
    """Run a network without gradients, on the batch's device and in the network's precision.

    Examples
    --------
    >>> from lam_nb.networks import wrap
    >>> outputs(Leased(wrap(torch.nn.Identity()), torch.device("cpu")), torch.zeros(2, 3, 24, 24)).shape
    torch.Size([2, 3, 24, 24])
    """
    with run.lease(), torch.no_grad():
        return run(batch.to(run.dtype))


def working_dtype(run: Runnable) -> torch.dtype:
    """Return the precision of paths and sums: float64 for a float64 network, else float32."""
    return torch.float64 if run.dtype == torch.float64 else torch.float32


def device(name: Device = None) -> torch.device:
    """Return the device to compute on: the named one, or CUDA when there is one, or the CPU.

    Raises
    ------
    InputError
        If torch does not know the name, the machine has no such device, or it computes nothing.

    Examples
    --------
    >>> device("cpu")
    device(type='cpu')
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        found = torch.device(name)
    except (RuntimeError, AssertionError, TypeError):
        raise InputError(f"device: got {str(name)!r}, which this machine does not have; try 'cpu' or None.") from None
    if found.type == "meta":
        raise InputError("device: got 'meta', which holds no numbers; try 'cpu' or None.")
    return found


def device_name(device: torch.device) -> str:
    """Name the device.

    Examples
    --------
    >>> device_name(torch.device("cpu"))
    'cpu'
    """
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def precision(name: str | None) -> torch.dtype | None:
    """Return the precision of a name; None, or float32, is the network's own.

    Raises
    ------
    InputError
        If the name is unknown.

    Examples
    --------
    >>> precision("bfloat16")
    torch.bfloat16
    """
    if name is None:
        return None
    found = _PRECISIONS[choose("precision", name, _PRECISIONS)]
    return None if found == torch.float32 else found


def memory(amount: str | int | None) -> int | None:
    """Return an amount of memory, such as "4GB" or "500 MiB" or a number of bytes, in bytes.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> memory("4GB"), memory("1.5 MiB")
    (4000000000, 1572864)
    """
    if amount is None:
        return None
    if isinstance(amount, str):
        found = re.fullmatch(r"\s*([\d.]+)\s*([kmgt]?i?b)\s*", amount.lower())
        with suppress(ValueError):
            if found:
                return int(positive("memory", float(found[1]) * _SIZES[found[2]], "an amount of memory"))
        raise InputError(f'memory: got {amount!r}, expected an amount such as "4GB" or a number of bytes.')
    return whole("memory", amount)


def in_words(size: float) -> str:
    """Return an amount of memory, bytes, as `memory` reads it.

    Examples
    --------
    >>> in_words(4.2e9), in_words(999.9e6), in_words(12)
    ('4.2 GB', '1000 MB', '12 B')
    """
    name = next((name for name in ("TB", "GB", "MB", "kB") if size >= _SIZES[name.lower()]), "B")
    return f"{float(f'{size / _SIZES[name.lower()]:.3g}'):g} {name}"
