"""Narrowing: a convolution computes what a window needs of it, and no more.

A window needs few pixels of the last layer and more of every layer before. What it needs of each convolution is told
by a gradient of ones and zeros that is sent back through the network once. From then on outputs of convolutions are
pieces, which know where they lie. Operations that work place by place take pieces and give pieces; all others are
given them whole, with zeros around.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as tree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ..types import Batch
from ..validation import InputError
from .running import Around, Leased

WORTH = 0.8
"""Share of the picture, or of a network's products, above which a part does not pay."""
_BENT = frozenset(
    "abs clamp clamp_ clip elu elu_ gelu hardsigmoid hardswish hardtanh leaky_relu leaky_relu_ mish prelu relu relu6 "
    "relu_ selu sigmoid sigmoid_ silu softplus tanh tanh_".split()
)
"""Functions of one number, by name: some have no slope where they are cut off, and would hide what is needed."""
_PLACEWISE = _BENT | frozenset(
    "__add__ __iadd__ __imul__ __isub__ __itruediv__ __mul__ __neg__ __pow__ __radd__ __rmul__ __rsub__ __sub__ "
    "__truediv__ add add_ clone contiguous detach div div_ dropout exp float maximum minimum mul mul_ neg pow sqrt "
    "square sub sub_ to true_divide".split()
)
"""Functions whose value at a place depends on that place of their pictures alone."""
_PLACE, _NARROW = "_lam_nb_place", "narrow"
Function: TypeAlias = Callable[..., Batch]
Given: TypeAlias = Sequence[Any]
Named: TypeAlias = Mapping[str, Any]
Span: TypeAlias = tuple[int, int]


class Place(NamedTuple):
    """Where a piece lies in its whole: the sides of that, and first and last row and column, the last not included."""

    size: tuple[int, int]
    rows: Span
    columns: Span


class Need(NamedTuple):
    """What is needed of a convolution: where, None for everywhere, and the shape of its kernels."""

    place: Place | None
    kernels: tuple[int, ...]


class Found(NamedTuple):
    """What a window needs of all convolutions, as they are called, and the share of products that then are made."""

    needs: tuple[Need, ...]
    share: float


@dataclass(frozen=True)
class Narrowed(Around):
    """A network whose convolutions compute what is needed of a part; elsewhere its output is not what it was.

    Of pictures that it does something else with than it did when needs were found, all is computed.

    Parameters
    ----------
    network : Leased
    needs : tuple of Need
        For each convolution, as they are called one after the other.
    kept : (slice, slice)
        Rows and columns of the output that are the same.

    Examples
    --------
    >>> import lam_nb as lam
    >>> run = Leased(lam.networks.load("residual"), torch.device("cpu"))
    >>> batch, part = torch.rand(2, 3, 40, 44), (..., slice(64, 80), slice(72, 88))
    >>> with run.lease():
    ...     whole, narrow = run(batch), narrowed(run, (40, 44), part[1:])
    ...     some = narrow(batch)
    >>> bool((whole - some)[part].abs().max() < 1e-5), bool((whole == some).all())
    (True, False)
    """

    network: Leased
    needs: tuple[Need, ...]
    kept: tuple[slice, slice]

    @property
    def scale(self) -> int:
        """Output pixels per input pixel."""
        return self.network.scale

    def __call__(self, batch: Batch) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        pieces = _Pieces(self.needs)
        try:
            with pieces:
                output = self.network(batch)
        except (InputError, ValueError):
            return self.network(batch)
        return _whole(output) if pieces.are_used_up and self._is_kept(output) else self.network(batch)

    def _is_kept(self, output: Batch) -> bool:
        there = zip(self.kept, _place(output)[1:], strict=True)
        return all(first <= side.start and side.stop <= last for side, (first, last) in there)


def narrowed(run: Leased, size: tuple[int, int], kept: tuple[slice, slice], worth: float = WORTH) -> Narrowed | None:
    """Return a network that computes a part of its output, for pictures of one size; None if that does not pay.

    Whether it is the same there is for the caller to look at.

    Parameters
    ----------
    run : Leased
        That was called before, so that its weights are laid out.
    size : (int, int)
        Rows and columns of the pictures.
    kept : (slice, slice)
        Rows and columns of the output.
    worth : float
        Share of the network's products above which it does not pay.
    """
    whole, part = (_NARROW, size), (_NARROW, size, *((side.start, side.stop) for side in kept))
    if not run.weights:  # compiled modules hide their convolutions
        return None
    if part not in run.notes and not run.notes.get(whole):  # what is broad for a window is so for all others
        try:
            found = _measured(run, size, kept)
        except Exception:  # whatever a network does that pieces cannot do: it is not tried again
            found = Found((), 1.0)
        run.notes.update({part: found, whole: found.share >= WORTH})
    known = run.notes.get(part)
    return Narrowed(run, known.needs, kept) if isinstance(known, Found) and known.share < worth else None


def _measured(run: Leased, size: tuple[int, int], kept: tuple[slice, slice]) -> Found:
    """Return what a part of the output needs."""
    shape = 1, *run.network.axes.shape(*size)
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=run.dtype)
    recorder, every, some = _Recorder(), _Products(), _Products()
    with run.lease(), torch.enable_grad():
        given = noise.to(run.device).requires_grad_()
        with recorder, every:
            output = run(given)
        torch.autograd.grad(output[..., kept[0], kept[1]].sum(), given)  # of one number: else torch imports sympy
    needs = tuple(recorder.needs)
    if not any(need.place for need in needs):
        return Found(needs, 1.0)
    with run.lease(), torch.no_grad(), some:
        Narrowed(run, needs, kept)(given.detach())
    return Found(needs, some.count / every.count)


class _Products(TorchDispatchMode):
    """Counts products, of convolutions and matrices."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch would import its compiler for that, which takes more than a second

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, function: torch._ops.OpOverload[..., object], types: object, args: Given = (), kwargs: Named | None = None
    ) -> object:
        answer = function(*args, **(kwargs or {}))
        formula = flop_registry.get(function.overloadpacket)
        self.count += formula(*args, **(kwargs or {}), out_val=answer) if formula else 0
        return answer


class _Recorder(TorchFunctionMode):
    """Notes, while a gradient goes back, where it reaches outputs of convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.needs: list[Need] = []
        self._noise = torch.Generator().manual_seed(0)

    def __torch_function__(
        self,
        function: Function,
        types: object,
        args: Given = (),
        kwargs: Named | None = None,
    ) -> object:
        name = _name(function)
        if name in _BENT:  # straight, so that nothing is cut off
            return args[0].clone()
        answer = function(*args, **(kwargs or {})) if name != "conv2d" else None
        return self._convolved(_Convolution.of(*args, **(kwargs or {}))) if answer is None else answer

    def _convolved(self, asked: _Convolution) -> Batch:
        """Return noise whose gradient goes the way of all kernels, whatever their weights; note where it comes from."""
        number, kernels = len(self.needs), asked.kernels
        self.needs.append(Need(None, kernels))
        nothing = asked.input - asked.input.detach()
        way = asked._replace(input=nothing, weight=torch.ones_like(asked.weight), bias=None)()
        output = way + torch.rand(way.shape, generator=self._noise).to(way)
        if not output.requires_grad:
            return output

        def reached(gradient: Batch) -> Batch:
            mask = gradient != 0
            seen = mask.flatten(0, -3).any(0)
            rows, columns = (seen.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
            if rows:
                place = Place(_size(gradient), (rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1))
                self.needs[number] = Need(place, kernels)
            return mask.to(gradient)  # of one size, however deep: gradients of far pixels would vanish

        output.register_hook(reached)
        return output


class _Convolution(NamedTuple):
    """What a convolution is called with."""

    input: Batch
    weight: torch.Tensor
    bias: torch.Tensor | None
    stride: Span
    padding: Span | str
    dilation: Span
    groups: int

    @classmethod
    def of(
        cls,
        input: Batch,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
        stride: int | Span = 1,
        padding: int | Span | str = 0,
        dilation: int | Span = 1,
        groups: int = 1,
    ) -> _Convolution:
        """Return the arguments of `torch.conv2d`, a pair for each axis."""
        sides = padding if isinstance(padding, str) else _pair(padding)
        return cls(input, weight, bias, _pair(stride), sides, _pair(dilation), groups)

    def __call__(self) -> Batch:
        """Compute it."""
        return torch.conv2d(**self._asdict())

    @property
    def kernels(self) -> tuple[int, ...]:
        """Shape of the weights."""
        return tuple(self.weight.shape)

    def gives(self, size: tuple[int, int]) -> bool:
        """Whether its whole output has a size."""
        if isinstance(self.padding, str):
            return False
        sides = zip(_place(self.input).size, self.padding, self.dilation, self.kernels[2:], self.stride, strict=True)
        return size == tuple(
            (side + 2 * around - apart * (kernel - 1) - 1) // step + 1 for side, around, apart, kernel, step in sides
        )

    def piece(self, place: Place) -> Batch:
        """Compute a piece of its output."""
        spans, margins, padding = [], [], self.padding
        for axis, (start, stop) in enumerate((place.rows, place.columns)):
            side = _place(self.input).size[axis]
            first, last = (at * self.stride[axis] - int(padding[axis]) for at in (start, stop - 1))
            last += self.dilation[axis] * (self.kernels[2 + axis] - 1) + 1
            spans.append((max(first, 0), min(last, side)))
            margins.append((max(-first, 0), max(last - side, 0)))
        given = _cut(self.input, *spans)
        if any(map(any, margins)):
            given = functional.pad(given, (*margins[1], *margins[0]))
        return _placed(self._replace(input=given, padding=(0, 0))(), place)


class _Pieces(TorchFunctionMode):
    """Has convolutions compute what is needed of them."""

    def __init__(self, needs: Sequence[Need]) -> None:
        super().__init__()
        self.needs, self.count = needs, 0

    @property
    def are_used_up(self) -> bool:
        """Whether as many convolutions were called as there are needs, once or several times."""
        return self.count % len(self.needs) == 0

    def __torch_function__(
        self,
        function: Function,
        types: object,
        args: Given = (),
        kwargs: Named | None = None,
    ) -> object:
        named, name = dict(kwargs or {}), _name(function)
        if name == "conv2d":
            return self._convolved(function, args, named)
        tensors = [one for one in tree.tree_leaves((args, named)) if isinstance(one, torch.Tensor)]
        pieces = [one for one in tensors if _is_piece(one)]
        if not pieces:
            return function(*args, **named)
        if name == "size" or function == torch.Tensor.shape.__get__:  # type: ignore[attr-defined]
            full = torch.Size([*pieces[0].shape[:-2], *_place(pieces[0]).size])
            return full[args[1]] if len(args) > 1 else full[named["dim"]] if named else full
        if name == "pixel_shuffle":
            return _shuffled(function, *args, **named)
        if _is_placewise(name, args, named) and _are_alike(tensors, name):
            return _placewise(function, args, named, [one for one in tensors if not _is_plain(one)])
        return _of_wholes(function, args, named)

    def _convolved(self, function: Function, args: Given, named: Named) -> Batch:
        asked = _Convolution.of(*args, **named)
        need = self.needs[self.count % len(self.needs)]  # from the start again where it is called picture by picture
        self.count += 1
        if need.place is not None and need.kernels == asked.kernels and asked.gives(need.place.size):
            return asked.piece(need.place)
        return _of_wholes(function, args, named)


def _of_wholes(function: Function, args: Given, named: Named) -> Batch:
    """Call a function with pictures that are whole again."""
    whole: tuple[Given, Named] = tree.tree_map_only(torch.Tensor, _whole, (args, named))
    return function(*whole[0], **whole[1])


def _placewise(function: Function, args: Given, named: Named, pictures: Sequence[Batch]) -> object:
    """Call a function with what all its pictures have in common."""
    places = [_place(one) for one in pictures]
    size = places[0].size
    rows, columns = (
        (max(place[axis][0] for place in places), min(place[axis][1] for place in places)) for axis in (1, 2)
    )

    def common(one: torch.Tensor) -> torch.Tensor:
        return _cut(one, rows, columns) if any(one is picture for picture in pictures) else one

    cut: tuple[Given, Named] = tree.tree_map_only(torch.Tensor, common, (args, named))
    answer = function(*cut[0], **cut[1])
    return tree.tree_map_only(torch.Tensor, lambda one: _placed(one, Place(size, rows, columns)), answer)


def _shuffled(function: Function, picture: Batch, factor: int) -> Batch:
    place = _place(picture)
    size, rows, columns = ((first * factor, second * factor) for first, second in place)
    return _placed(function(picture, factor), Place(size, rows, columns))


def _is_plain(one: torch.Tensor) -> bool:
    """Whether it is the same at all places: a number, or one for each channel."""
    return not _is_piece(one) and (one.ndim < 2 or _size(one) == (1, 1))


def _are_alike(tensors: Sequence[torch.Tensor], name: str) -> bool:
    """Whether all that a function is called with is of one picture's places, or of none."""
    rows = [one for one in tensors if one.ndim == 1 and name not in ("prelu", "batch_norm")]
    return not rows and len({_place(one).size for one in tensors if not _is_plain(one)}) == 1


def _is_placewise(name: str, args: Given, named: Named) -> bool:
    """Whether each place of what a call answers depends on the same place of its pictures alone."""

    def asked(position: int, word: str, usual: object) -> object:
        return args[position] if len(args) > position else named.get(word, usual)

    if name in ("cat", "concat"):
        return asked(1, "dim", 0) in (1, -3)
    if name in ("chunk", "split"):
        return asked(2, "dim", 0) in (1, -3)
    if name == "batch_norm":
        return not asked(5, "training", False)
    if name == "__getitem__":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return len(index) <= 2 and all(isinstance(one, slice) for one in index)
    return name in _PLACEWISE and not (name == "to" and not _is_piece(args[0]))  # others may be taken to its type


def _name(function: Function) -> str:
    return getattr(function, "__name__", "")


def _pair(value: int | Sequence[int]) -> Span:
    if isinstance(value, int):
        return value, value
    first, *more = value
    return first, more[0] if more else first


def _size(picture: torch.Tensor) -> tuple[int, int]:
    rows, columns = picture.shape[-2:]
    return rows, columns


def _is_piece(one: object) -> bool:
    return isinstance(one, torch.Tensor) and hasattr(one, _PLACE)


def _place(picture: Batch) -> Place:
    size = _size(picture)
    place: Place = getattr(picture, _PLACE, Place(size, (0, size[0]), (0, size[1])))
    return place


def _placed(picture: Batch, place: Place) -> Batch:
    if picture.ndim != 4 or _size(picture) != tuple(stop - start for start, stop in place[1:]):
        raise ValueError(f"a piece of shape {tuple(picture.shape)} that should lie at {place}")
    if place[1:] != ((0, place.size[0]), (0, place.size[1])):
        setattr(picture, _PLACE, place)
    return picture


def _cut(picture: Batch, rows: Span, columns: Span) -> Batch:
    """Return a piece of a piece, or of a whole; unmarked unless it is all of it."""
    _, (top, bottom), (left, right) = _place(picture)
    if (rows, columns) == ((top, bottom), (left, right)):
        return picture
    if not (top <= rows[0] < rows[1] <= bottom and left <= columns[0] < columns[1] <= right):
        raise ValueError(f"rows {rows} and columns {columns} of a piece that has {top, bottom} and {left, right}")
    return picture[..., rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]


def _whole(picture: Batch) -> Batch:
    """Return a piece with zeros around it."""
    if not _is_piece(picture):
        return picture
    (height, width), (top, bottom), (left, right) = _place(picture)
    return functional.pad(picture, (left, width - right, top, height - bottom))
