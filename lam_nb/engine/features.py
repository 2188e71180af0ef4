"""Features: what layers answer for many pictures, a batch at a time, in one forward pass for all layers.

A layer goes by its name in the network. ``name:in`` is what goes into it: the only way to features that a function,
and no layer, made last. ``output`` is what the whole network answers.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..networks import Network, NetworkLike, as_network
from ..networks.network import is_out_of_memory
from ..networks.wrapping import first_channels
from ..types import Batch, Image
from ..validation import InputError, nearest, whole
from .peak import Peak
from .running import Leased, in_words
from .sampling import _halved

OUTPUT = "output"
"""Name of what the whole network answers."""
INTO = ":in"
"""What follows a layer's name when what goes into it is wanted."""
FEW = 6
"""Layers that are chosen where none are named."""
_MOST = {"cuda": 32}
"""Pictures at once where memory is not bounded; elsewhere 8, from which on CPUs gain nothing more."""
_SPARE = 1.25
"""How much more than measured a larger batch may take for each picture."""
_CONTAINERS = nn.Sequential, nn.ModuleList, nn.ModuleDict


class _Plain(Network):
    """A module whose answer need not be a picture, such as a classifier: asked as it is."""

    def forward(self, batch: Batch) -> Batch:
        answer: Batch = self._called(batch)
        return answer


def askable(network: NetworkLike | nn.Module) -> Network:
    """Return a network as it is; of a bare module one that asks it as it is, with pictures in [0, 1].

    Raises
    ------
    InputError
        If it is something else.

    Examples
    --------
    >>> askable(nn.Sequential(nn.Flatten(), nn.Linear(12, 2))).name
    'Sequential'
    """
    if isinstance(network, nn.Module) and not isinstance(network, Network):
        return _Plain(network, name=type(network).__name__, scale=1, channels=first_channels(network) or 3)
    return as_network(network)


@dataclass(frozen=True)
class Layer:
    """A place in a network where features are taken.

    Parameters
    ----------
    name : str
        As in the network.
    depth : float
        Which share of the layers with weights has answered by then, in [0, 1].
    shape : tuple of int
        Of its features for one picture; (channel, y, x) mostly.
    """

    name: str
    depth: float
    shape: tuple[int, ...]

    def count(self, pooled: bool) -> int:
        """How many numbers it gives for a picture, if pooled their means over space.

        Examples
        --------
        >>> Layer("body.3", 0.5, (8, 4, 5)).count(False), Layer("body.3", 0.5, (8, 4, 5)).count(True)
        (160, 8)
        """
        return int(np.prod([n for k, n in enumerate(self.shape) if not pooled or k not in _space(len(self.shape))]))


def _space(axes: int) -> tuple[int, ...]:
    """Return which axes of one picture's features are places: rows and columns, or the row of tokens."""
    return {3: (1, 2), 2: (0,)}.get(axes, ())


def places(network: Network) -> dict[str, nn.Module]:
    """Return all modules that may be listened to, by name.

    Examples
    --------
    >>> list(places(askable(nn.Sequential(nn.Conv2d(3, 4, 3)))))
    ['0', 'output']
    """
    module = network.module if isinstance(network.module, nn.Module) else nn.Identity()
    inner = {name: one for name, one in module.named_modules() if name}
    return {**inner, OUTPUT: inner.get(OUTPUT, network)}


@contextmanager
def _listening(
    modules: Mapping[str, nn.Module], names: Sequence[str], heard: Callable[[str, object], None]
) -> Iterator[None]:
    """Have a function told what layers answer, or what goes into them; nobody listens after, whatever happens."""
    with ExitStack() as stack:
        for name in names:
            module = modules[name.removesuffix(INTO)]
            if name.endswith(INTO):
                handle = module.register_forward_pre_hook(
                    lambda _, given, name=name: heard(name, given[0] if given else None)
                )
            else:
                handle = module.register_forward_hook(lambda _, given, answer, name=name: heard(name, answer))
            stack.callback(handle.remove)
        yield


def survey(run: Leased, picture: Image) -> dict[str, Layer]:
    """Ask a network once, and return all layers that gave features, in the order in which they did.

    Of a layer that is called several times the last call counts.

    Parameters
    ----------
    run : Leased
    picture : torch.Tensor (channel, y, x)

    Raises
    ------
    InputError
        If the network cannot be asked.

    Examples
    --------
    >>> module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3))
    >>> found = survey(Leased(askable(module), torch.device("cpu")), torch.zeros(3, 8, 9))
    >>> {name: layer.depth for name, layer in found.items() if not name.endswith(":in")}
    {'0': 0.5, '1': 0.5, '2': 1.0, 'output': 1.0}
    """
    modules = places(run.network)
    inner = {name: one for name, one in modules.items() if one is not run.network}
    weighty = {name for name, one in inner.items() if next(one.parameters(recurse=False), None) is not None}
    weighty = weighty or {name for name, one in inner.items() if not [*one.children()]}
    found: dict[str, tuple[int, tuple[int, ...]]] = {}
    passed = 0

    def heard(name: str, features: object) -> None:
        nonlocal passed
        passed += name in weighty
        found.pop(name, None)
        if isinstance(features, torch.Tensor) and features.ndim > 1 and len(features) == 1:
            found[name] = passed, tuple(features.shape[1:])

    with run.lease(), torch.no_grad(), _listening(modules, [*modules, *(name + INTO for name in modules)], heard):
        run(picture[None].to(run.device, run.dtype))
    return {name: Layer(name, done / max(1, passed), shape) for name, (done, shape) in found.items()}


def chosen(
    run: Leased, known: Mapping[str, Layer], layers: str | Sequence[str] | None, argument: str = "layers"
) -> tuple[Layer, ...]:
    """Return layers by exact name or pattern, in the order of the survey; by default some evenly through the depth.

    Parameters
    ----------
    run : Leased
    known : mapping of str to Layer
        Of `survey`.
    layers : str or sequence of str, optional
        Names, or patterns such as ``body.*`` of `fnmatch`, in which ``*`` stands for dots, too.
    argument : str
        What the caller calls them, for messages.

    Raises
    ------
    InputError
        If there is no layer of a name: tells the nearest.

    Examples
    --------
    >>> run = Leased(as_network("residual"), torch.device("cpu"))
    >>> [layer.name for layer in chosen(run, survey(run, torch.zeros(3, 8, 9)), ["head", "blocks.?"])][:3]
    ['head', 'blocks.0', 'blocks.1']
    """
    if layers is None:
        return _some(run.network, known)
    asked = [layers] if isinstance(layers, str) else layers
    if not isinstance(asked, Sequence) or isinstance(asked, bytes) or not all(isinstance(one, str) for one in asked):
        raise InputError(f"{argument}: got {layers!r:.80}, expected names of layers, or patterns such as 'body.*'.")
    wanted = {name for one in asked for name in _matching(run.network, known, one, argument)}
    if not wanted:
        raise InputError(f"{argument}: got none, expected at least one; leave it out for some through the depth.")
    return tuple(layer for name, layer in known.items() if name in wanted)


def _matching(network: Network, known: Mapping[str, Layer], asked: str, argument: str) -> list[str]:
    if asked in known:
        return [asked]
    into = asked.endswith(INTO)
    found = [name for name in known if fnmatch.fnmatchcase(name, asked) and name.endswith(INTO) == into]
    if found:
        return found
    every = places(network)
    if asked.removesuffix(INTO) in every:
        raise InputError(
            f"{argument}: {asked!r} gives no tensor with a row for each picture when {network.name!r} runs; choose one "
            "that does."
        )
    hint = nearest(asked, known) or f"there are {', '.join([*every][:8])}{', …' if len(every) > 8 else ''}."
    raise InputError(f"{argument}: got {asked!r}, which network {network.name!r} does not have; {hint}")


def _some(network: Network, known: Mapping[str, Layer]) -> tuple[Layer, ...]:
    """Return a few stages evenly through the depth; of those whose network answers with a picture not the last one."""
    stages = [known[name] for name in known if name in _stages(network)]
    is_picture = OUTPUT in known and len(known[OUTPUT].shape) == 3
    stages = (stages[:-1] if is_picture and len(stages) > 1 else stages) or [known[OUTPUT]]
    places = np.unique(np.linspace(0, len(stages) - 1, FEW).round().astype(int))
    return tuple(stages[k] for k in places)


def _stages(network: Network) -> set[str]:
    """Return what a network is made of: blocks and layers with weights, but nothing inside a block."""
    found: set[str] = set()

    def descend(module: nn.Module, name: str) -> None:
        parts = [(key, one) for key, one in module.named_children() if next(one.parameters(), None) is not None]
        opened = isinstance(module, _CONTAINERS) or not name or (len(parts) == 1 and not found)
        if opened and parts:
            for key, one in parts:
                descend(one, f"{name}.{key}".lstrip("."))
        elif name:
            found.add(name)

    if isinstance(network.module, nn.Module):
        descend(network.module, "")
    return found


def last(run: Leased, known: Mapping[str, Layer]) -> Layer:
    """Return the deepest features: what goes into the last layer with weights, unless that is a picture already.

    Raises
    ------
    InputError
        If no layer has weights.

    Examples
    --------
    >>> run = Leased(as_network("fsrcnn"), torch.device("cpu"))
    >>> last(run, survey(run, torch.zeros(3, 8, 9))).name
    'last_part:in'
    """
    modules = places(run.network)
    weighty = [
        name
        for name in known
        if not name.endswith(INTO) and next(modules[name].parameters(recurse=False), None) is not None
    ]
    into = [known[name + INTO] for name in weighty if name + INTO in known]
    if not into:
        raise InputError(f"layer: network {run.name!r} has no layer with weights; name one.")
    picture = known[OUTPUT].shape[:1] if OUTPUT in known else ()
    return ([one for one in into if one.shape[:1] != picture] or into)[-1]


class Listener:
    """Listens to layers while a network is asked, as many pictures at a time as memory allows.

    Parameters
    ----------
    run : Leased
    layers : sequence of Layer
        Of `chosen`.
    pooled : bool
        Features are means over rows and columns (or tokens) instead of all numbers.
    batch : int, optional
        Pictures at once.
    allowed : int, optional
        Bytes that a batch may take, features included; measured, and batches grow to it.
    beside : int
        Bytes of features of a picture that somebody still holds while the next batch is asked.

    Examples
    --------
    >>> run = Leased(as_network("fsrcnn"), torch.device("cpu"))
    >>> inputs = [torch.rand(3, 8, 9) for _ in range(5)]
    >>> listener = Listener(run, chosen(run, survey(run, inputs[0]), "first_part"), pooled=True, batch=2)
    >>> [(start, rows["first_part"].shape) for start, rows in listener(inputs)]
    [(0, (2, 56)), (2, (2, 56)), (4, (1, 56))]
    """

    def __init__(
        self,
        run: Leased,
        layers: Sequence[Layer],
        *,
        pooled: bool = False,
        batch: int | None = None,
        allowed: int | None = None,
        beside: int = 0,
    ) -> None:
        self._beside = beside
        self.run, self.layers, self.pooled, self.allowed = run, {one.name: one for one in layers}, pooled, allowed
        self._most = whole("batch", batch) if batch is not None else _MOST.get(run.device.type, 8)
        self._size = self._most if batch is not None or allowed is None else 1
        self._grows = batch is None and allowed is not None
        self._rise = self._tried = 0

    def __call__(self, inputs: Sequence[Image]) -> Iterator[tuple[int, dict[str, NDArray[np.float32]]]]:
        """Yield where a batch of inputs begins, and its features by layer, (picture, feature).

        The network is leased for each batch, and nobody listens to it between two.

        Raises
        ------
        InputError
            If features hold NaN, change their size from picture to picture or have no row for each, or one picture
            takes more memory than allowed.
        """
        start = 0
        while start < len(inputs):
            pictures = torch.stack([*inputs[start : start + self._size]])
            try:
                rows = self._watched(pictures)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._most = self._size = _halved(len(pictures), self.run.name, pictures)
                continue
            yield start, rows
            start += len(pictures)

    def _watched(self, pictures: Batch) -> dict[str, NDArray[np.float32]]:
        peak = Peak(self.run.device, self.allowed) if self._grows and self.allowed is not None else None
        with nullcontext() if peak is None else peak.watched():
            rows = self._heard(pictures)
        if peak is not None:
            self._rise, self._tried = max(self._rise, peak.rise, 1), max(self._tried, len(pictures))
            self._size = self._affordable(peak.allowed)
        return {name: one.numpy() for name, one in rows.items()}

    def _affordable(self, allowed: int) -> int:
        taken = self._rise + self._tried * self._beside
        if self._tried == 1 and taken > allowed:
            raise InputError(
                f"memory: network {self.run.name!r} takes about {in_words(taken)} for one picture, more than "
                f"the {in_words(allowed)} that are left for it; give a smaller size=, or allow more."
            )
        each = taken / self._tried
        return max(1, min(self._most, self._tried + math.floor((allowed / _SPARE - taken) / each)))

    def _heard(self, pictures: Batch) -> dict[str, torch.Tensor]:
        rows: dict[str, torch.Tensor] = {}
        few: set[str] = set()

        def heard(name: str, features: object) -> None:
            if isinstance(features, torch.Tensor) and len(features) == 1 < len(pictures):
                few.add(name)
            else:
                rows[name] = self._taken(self.layers[name], features, len(pictures))

        modules = places(self.run.network)
        with self.run.lease(), torch.no_grad(), _listening(modules, [*self.layers], heard):
            self.run(pictures.to(self.run.device, self.run.dtype))
        if few:  # the network takes one picture at a time
            self._most = self._size = 1
            parts = [self._heard(one) for one in pictures.split(1)]
            return {name: torch.cat([part[name] for part in parts]) for name in self.layers}
        return {name: self._finite(name, rows.get(name)) for name in self.layers}

    def _taken(self, layer: Layer, features: object, count: int) -> torch.Tensor:
        """Return a copy of features: what comes after a layer may write over what it answered."""
        found = tuple(features.shape) if isinstance(features, torch.Tensor) else ()
        if not isinstance(features, torch.Tensor) or len(found) != len(layer.shape) + 1 or found[0] != count:
            raise InputError(
                f"layers: {layer.name!r} gave {found or type(features).__name__} for {count} pictures, expected a row "
                "for each of them; choose another layer."
            )
        if features.is_complex():
            raise InputError(f"layers: {layer.name!r} gives complex numbers, expected real ones; choose another layer.")
        space = tuple(axis + 1 for axis in _space(len(layer.shape))) if self.pooled else ()
        if space:
            features = features.float().mean(space)
        if features[0].numel() != layer.count(self.pooled):
            raise InputError(
                f"layers: {layer.name!r} changes its size from picture to picture, {found[1:]} after {layer.shape}; "
                "features='pooled' takes such layers if their channels stay; or choose another layer."
            )
        copied = torch.empty(features.shape)
        return copied.copy_(features).flatten(1)

    def _finite(self, name: str, rows: torch.Tensor | None) -> torch.Tensor:
        if rows is None:
            raise InputError(f"layers: {name!r} is not called for every picture; choose another layer.")
        if not (bool(rows.sum().isfinite()) or bool(rows.isfinite().all())):  # a sum is quicker, and rarely overflows
            raise InputError(
                f"layers: {name!r} of network {self.run.name!r} gives NaN or infinite numbers; mend the network or its "
                "input, such as with a value_range that fits."
            )
        return rows
