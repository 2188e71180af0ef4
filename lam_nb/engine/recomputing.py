"""Recomputing: blocks of a network keep what goes in, and nothing within; for the gradient they are computed again.

Less memory for a forward pass more (Chen et al., arXiv 1604.06174); the same gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from ..types import Batch
from ..validation import InputError
from .narrowing import Narrowed
from .running import Around, Leased, Runnable

_ALIKE = 3
"""Modules of one kind beside each other that count as blocks."""


@dataclass(frozen=True)
class Recomputed(Around):
    """A network whose blocks are computed again for the gradient.

    Parameters
    ----------
    network : Runnable
        That was called before, so that its weights are laid out.

    Examples
    --------
    >>> import lam_nb as lam
    >>> run = Leased(lam.networks.load("imdn-small"), torch.device("cpu"))
    >>> batch = torch.rand(1, 3, 24, 32)
    >>> with run.lease():
    ...     before, after = run(batch), Recomputed(run)(batch)
    >>> bool((before == after).all())
    True
    """

    def __call__(self, batch: Batch) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        with ExitStack() as stack:
            for name, block in blocks(self):
                held = vars(block).get("forward")
                stack.callback(_put_back, block, held)
                block.forward = _light(block, _of(self.weights, name))
            return self.network(batch)


def recomputed(run: Runnable) -> Recomputed:
    """Return a network whose blocks are computed again, and whole: where pieces lie is not known any more then.

    Examples
    --------
    >>> import lam_nb as lam
    >>> run = Leased(lam.networks.load("residual"), torch.device("cpu"))
    >>> recomputed(Narrowed(run, (), (slice(8), slice(8)))).network is run
    True
    """
    return Recomputed(_wide(run))


def _wide(run: Runnable) -> Runnable:
    if isinstance(run, Narrowed):
        return run.network
    return replace(run, network=_wide(run.network)) if isinstance(run, Around) else run


def blocks(run: Runnable) -> list[tuple[str, nn.Module]]:
    """Return the largest modules of a network that are several of a kind beside each other, by name.

    Examples
    --------
    >>> import lam_nb as lam
    >>> run = Leased(lam.networks.load("residual"), torch.device("cpu"))
    >>> with run.lease():
    ...     _ = run(torch.rand(1, 3, 24, 32))
    >>> [name for name, _ in blocks(run)][:2]
    ['module.blocks.0', 'module.blocks.1']
    """
    while isinstance(run, Around):
        run = run.network
    return list(_blocks(run.network, "")) if isinstance(run, Leased) and run.weights else []


def _blocks(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    children = [(f"{prefix}{name}", child) for name, child in module.named_children()]
    kinds = [type(child) for _, child in children if any(True for _ in child.children())]
    for name, child in children:
        if kinds.count(type(child)) >= _ALIKE and not isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield name, child
        else:
            yield from _blocks(child, f"{name}.")


def _of(weights: Mapping[str, torch.Tensor], block: str) -> dict[str, torch.Tensor]:
    start = f"{block}."
    return {f"block.{name.removeprefix(start)}": one for name, one in weights.items() if name.startswith(start)}


class _Shell(nn.Module):
    """A block with the forward that it has by itself."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block, self.call = block, block.forward

    def forward(self, *given: object, **named: object) -> object:
        return self.call(*given, **named)


def _light(block: nn.Module, weights: dict[str, torch.Tensor]) -> Callable[..., object]:
    """Return a forward of a block that keeps what it is given, and is called again with the same weights."""
    shell = _Shell(block)

    def forward(*given: object, **named: object) -> object:
        def called(*again: object) -> object:
            return functional_call(shell, weights, again, named)

        before = _versions(given, named)
        answer: object = checkpoint(called, *given, use_reentrant=False, preserve_rng_state=False)
        if before != _versions(given, named):
            raise InputError(
                f"memory: {type(block).__name__} changes in place what it is given, and cannot be computed again to "
                "keep less; crop the image, or allow more."
            )
        return answer

    return forward


def _versions(given: tuple[object, ...], named: Mapping[str, object]) -> list[int]:
    return [one._version for one in (*given, *named.values()) if isinstance(one, torch.Tensor)]


def _put_back(block: nn.Module, forward: Callable[..., object] | None) -> None:
    if forward is None:
        del block.forward
    else:
        block.forward = forward
