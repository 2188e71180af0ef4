"""Parameters: gradients of a loss by a network's parameters along a straight line from one network to another.

One module does for the whole line: it is called with the parameters of each place, and nothing is rebuilt, loaded or
left behind. A picture's integral over the line is one row of numbers, which grows a node at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.func import functional_call

from .. import quadrature
from ..networks import Network
from ..networks import kernels as parts
from ..networks.network import is_out_of_memory
from ..paths import as_row
from ..types import Alphas, Batch, Image
from ..validation import InputError, answer, choose, positive, whole
from . import along
from .running import Leased

Loss = Callable[[Batch, Batch], torch.Tensor]
"""(outputs, truths), each (n, channel, y, x) -> (n,)."""
LOSSES: Mapping[str, Loss] = {
    "squared": lambda outputs, truths: ((outputs - truths) ** 2).flatten(1).sum(1),
    "absolute": lambda outputs, truths: (outputs - truths).abs().flatten(1).sum(1),
}
ROUNDS = (9, 27, 81, 243)
"""Nodes that are tried in turn until the estimated error is below a tolerance."""
_PUBLISHED_STEPS = 100
TOLERANCE = 0.05
SAFETY = 1.25
"""As in `lam_nb.quadrature`."""
RULES = ("midpoint", "paper")
_NO_VIEW = "view size is not compatible"


@dataclass(frozen=True)
class Line:
    """A straight line in the space of parameters: alpha -> all of them in a row; 0 is the baseline, 1 the target.

    A path as any other: `lam_nb.engine.along` tells where it is and how fast it goes.

    Parameters
    ----------
    names : tuple of str
    shapes : tuple of torch.Size
    start, end : torch.Tensor (parameter,)

    Examples
    --------
    >>> line = Line(("w",), (torch.Size([2]),), torch.zeros(2), torch.tensor([3.0, 4.0]))
    >>> along.positions(line, [0.5]).tolist(), along.speed(line, np.array([0.0, 1.0])).tolist()
    ([[1.5, 2.0]], [5.0, 5.0])
    """

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]
    start: torch.Tensor
    end: torch.Tensor
    takes_rows = True

    @classmethod
    def between(cls, target: Network, baseline: Network, device: torch.device) -> Line:
        """Return the line between two networks of one architecture: of all parameters; buffers are the target's.

        Examples
        --------
        >>> from lam_nb.networks import load
        >>> nets = load("srresnet-residual-restoring"), load("srresnet-residual-mse")
        >>> Line.between(*nets, torch.device("cpu")).end.shape
        torch.Size([54291])
        """
        one: dict[str, torch.Tensor] = dict(target.named_parameters())
        other: dict[str, torch.Tensor] = dict(baseline.named_parameters())
        names = tuple(one)
        flat = (
            torch.cat([held[name].detach().to(device, target.dtype).flatten() for name in names])
            for held in (other, one)
        )
        return cls(names, tuple(one[name].shape for name in names), *flat)

    def __call__(self, alphas: Alphas) -> Batch:
        """Return the parameters at a row of alphas, (node, parameter)."""
        return torch.lerp(self.start, self.end, self._column(alphas))

    def velocity(self, alphas: Alphas) -> Batch:
        """Return d parameters / d alpha, the same everywhere, (node, parameter)."""
        return (self.end - self.start).expand(len(self._column(alphas)), -1)

    def _column(self, alphas: Alphas) -> torch.Tensor:
        return as_row(alphas).to(self.start.device, self.start.dtype).reshape(-1, 1)

    def named(self, row: torch.Tensor, ordered: bool = False) -> dict[str, torch.Tensor]:
        """Return the parameters of a row by name, each in its shape.

        Parameters
        ----------
        row : torch.Tensor (parameter,)
        ordered : bool
            In the order of bytes that convolutions are fastest in.
        """
        pieces = row.split([shape.numel() for shape in self.shapes])
        found = {name: one.view(shape) for name, one, shape in zip(self.names, pieces, self.shapes, strict=True)}
        if not ordered:
            return found
        last = torch.channels_last
        return {name: one.contiguous(memory_format=last) if one.ndim == 4 else one for name, one in found.items()}

    def cut(self, weights: Sequence[parts.Weight], prefix: str) -> tuple[tuple[parts.Weight, slice], ...]:
        """Return where in a row the weights of kernels lie."""
        ends = np.cumsum([0, *(shape.numel() for shape in self.shapes)])
        at = {name: slice(int(ends[k]), int(ends[k + 1])) for k, name in enumerate(self.names)}
        return tuple((one, at[prefix + one.name]) for one in weights)


@dataclass(frozen=True)
class Reduction:
    """Sums over kernels of what is known of each parameter.

    Parameters
    ----------
    line : Line
    weights : sequence of Weight
    prefix : str
        Of the weights' names on the line.
    kind : {"slice", "filter", "layer"}
    """

    line: Line
    weights: Sequence[parts.Weight]
    prefix: str
    kind: str

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Return sums, (n, kernel), of rows (n, parameter)."""
        pieces = self.line.cut(self.weights, self.prefix)
        sums = [one.summed(rows[:, at].reshape(-1, *one.shape), self.kind) for one, at in pieces]
        return torch.cat(sums, 1)


class Slopes:
    """Losses of pictures, and their gradients by all parameters, at places on a line.

    Parameters
    ----------
    run : Leased
        The target.
    line : Line
    loss : callable
        (outputs, truths) -> (n,).

    Examples
    --------
    >>> from lam_nb.networks import load
    >>> nets = load("srresnet-residual-restoring"), load("srresnet-residual-mse")
    >>> line = Line.between(*nets, torch.device("cpu"))
    >>> slopes = Slopes(Leased(nets[0], torch.device("cpu")), line, LOSSES["squared"])
    >>> losses, gradients = slopes(1.0, torch.rand(2, 3, 8, 9), torch.rand(2, 3, 32, 36))
    >>> losses.shape, gradients.shape
    (torch.Size([2]), torch.Size([2, 54291]))
    """

    def __init__(self, run: Leased, line: Line, loss: Loss) -> None:
        self.run, self.line, self.loss = run, line, loss
        buffers = dict(run.network.named_buffers())
        self._buffers = {name: one.to(run.device) for name, one in buffers.items() if one.device != run.device}
        self._together = self._ordered = run.dtype != torch.float64

    def losses(self, alpha: float, inputs: Batch, truths: Batch) -> torch.Tensor:
        """Return the loss of each picture (n,), in double precision, without gradients."""
        row = along.positions(self.line, [alpha])[0]
        with self.run.lease(), torch.no_grad():
            pairs = zip(inputs.split(1), truths.split(1), strict=True)
            return torch.cat([self._loss(self.line.named(row), *pair)[None] for pair in pairs]).double()

    def __call__(self, alpha: float, inputs: Batch, truths: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return losses (n,) and gradients (n, parameter) of pictures (n, channel, y, x) at one place."""
        row = along.positions(self.line, [alpha])[0]
        with self.run.lease():
            if len(inputs) > 1 and self._together:
                try:
                    return self._of_many(row, inputs, truths)
                except (InputError, RuntimeError) as error:
                    if is_out_of_memory(error) or is_out_of_memory(error.__cause__ or error):
                        raise
                    self._together = False  # not all that networks do can be done for several pictures by themselves
            each = [self._of_one(row, *pair) for pair in zip(inputs.split(1), truths.split(1), strict=True)]
        losses, gradients = zip(*each, strict=True)
        return torch.stack(losses), torch.stack(gradients)

    def _loss(self, parameters: Mapping[str, torch.Tensor], given: Batch, truth: Batch) -> torch.Tensor:
        output = functional_call(self.run.network, {**parameters, **self._buffers}, (given,))
        found: torch.Tensor = answer("loss", self.loss, output, truth)
        if not isinstance(found, torch.Tensor) or found.numel() != 1:
            got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise InputError(f"loss: it returned {got} for a picture, expected one number: (outputs, truths) -> (n,).")
        return found.reshape(())

    def _of_many(self, row: torch.Tensor, inputs: Batch, truths: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        def loss(parameters: torch.Tensor, given: Image, truth: Image) -> torch.Tensor:
            return self._loss(self.line.named(parameters), given[None], truth[None])

        both = torch.func.vmap(torch.func.grad_and_value(loss), in_dims=(None, 0, 0))
        gradients, losses = both(row, inputs, truths)
        return losses.detach(), gradients.detach()

    def _of_one(self, row: torch.Tensor, given: Batch, truth: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.line.named(row, self._ordered)
        parameters = {name: one.detach().requires_grad_() for name, one in found.items()}
        try:
            loss = self._loss(parameters, given, truth)
        except InputError as error:
            if not self._ordered or _NO_VIEW not in str(error.__cause__):
                raise
            self._ordered = False
            return self._of_one(row, given, truth)
        slopes = torch.autograd.grad(loss, [*parameters.values()], allow_unused=True, materialize_grads=True)
        return loss.detach(), torch.cat([one.reshape(-1) for one in slopes])


class Sum:
    """The integral over equal steps, a step at a time, and what its steps tell of its error.

    Keeps four rows for each picture, however many steps there are. The estimate is that of
    `lam_nb.quadrature.step_errors`, and for steps that are evaluated at their end also the first term of
    Euler and Maclaurin's formula, half of a step times the difference between the ends.

    Parameters
    ----------
    place : float
        Where in its step a node sits: 0.5 in the middle, 1 at its end.

    Examples
    --------
    >>> total = Sum(0.5)
    >>> for value in (1.0, 2.0, 3.0):
    ...     total.add(torch.tensor([[value]]))
    >>> float(total.value), float(total.deviation) > 0
    (6.0, True)
    """

    def __init__(self, place: float) -> None:
        self.place, self.count = place, 0
        self._spread = place**3 + (1 - place) ** 3

    def add(self, contributions: torch.Tensor) -> None:
        """Add what a step contributes, (n, parameter), after that of the step before."""
        now = contributions.double() if contributions.device.type != "mps" else contributions
        if not self.count:
            self.value, self._squares, self._first = now.clone(), torch.zeros_like(now), now
            self._before = self._last = now
        else:
            self.value += now
            step = now - self._last
            deviation = step if self.count == 1 else (self._last - self._before) - step
            self._squares += deviation**2 * (self._spread / 3 if self.count == 1 else self._spread / 6)
            self._before, self._last = self._last, now
        self.count += 1

    @property
    def deviation(self) -> torch.Tensor:
        """How far each parameter's integral is likely off, (n, parameter); zero for fewer than three steps."""
        if self.count < 3:
            return torch.zeros_like(self.value)
        squares = self._squares + (self._last - self._before) ** 2 * (self._spread / 3)
        if self.place == 1:
            squares = squares + ((self._last - self._first) / 2) ** 2
        return squares.sqrt()


@dataclass(frozen=True)
class Plan:
    """How many steps, and where in each its node sits.

    Parameters
    ----------
    rule : {"midpoint", "paper"}
    steps : int, optional
        None with a tolerance.
    tolerance : float, optional
    """

    rule: str
    steps: int | None
    tolerance: float | None

    @classmethod
    def of(cls, steps: int | None, tolerance: float | None, rule: str) -> Plan:
        """Return the plan of the arguments of `lam_nb.filters`.

        Raises
        ------
        InputError
            If they contradict each other.

        Examples
        --------
        >>> Plan.of(None, None, "paper"), Plan.of(None, None, "midpoint").rounds
        (Plan(rule='paper', steps=100, tolerance=None), (9, 27, 81, 243))
        """
        choose("rule", rule, RULES)
        if steps is not None and tolerance is not None:
            raise InputError(f"tolerance: got {tolerance!r} beside steps={steps!r}; give one of them.")
        if tolerance is not None and rule == "paper":
            raise InputError(f"tolerance: got {tolerance!r} beside rule='paper'; give steps=, or rule='midpoint'.")
        if steps is not None:
            return cls(rule, whole("steps", steps, most=quadrature.MOST), None)
        if rule == "paper":
            return cls(rule, _PUBLISHED_STEPS, None)
        return cls(
            rule,
            None,
            positive("tolerance", TOLERANCE if tolerance is None else tolerance, "a relative error, such as 0.05"),
        )

    @property
    def rounds(self) -> tuple[int, ...]:
        """Numbers of steps to try in turn."""
        return ROUNDS if self.steps is None else (self.steps,)

    def nodes(self, line: Line, steps: int) -> quadrature.Nodes:
        """Return where on the line to evaluate."""
        return quadrature.place(self.rule, lambda alphas: along.speed(line, alphas), steps)


@dataclass(frozen=True)
class Found:
    """What is known of some pictures, a row each.

    Parameters
    ----------
    score : torch.Tensor (n, kernel)
        Sums over each kernel's taps of the magnitudes of the integral.
    gradient : torch.Tensor (n, kernel)
        Sums over taps of the magnitudes of the gradient at the target.
    signed, losses, error, steps : torch.Tensor
        The integral summed over all parameters (n,); losses at baseline and target (n, 2); the estimated relative
        error of the integral (n,), of the kernels' parameters; steps (n,).
    """

    score: torch.Tensor
    gradient: torch.Tensor
    signed: torch.Tensor
    losses: torch.Tensor
    error: torch.Tensor
    steps: torch.Tensor

    def put(self, rows: torch.Tensor, other: Found) -> None:
        """Overwrite some rows."""
        for name, values in vars(self).items():
            values[rows] = vars(other)[name]


class Walk:
    """Goes along a line with a batch of pictures, and brings back sums for each kernel.

    Parameters
    ----------
    slopes : Slopes
    reduction : Reduction
    plan : Plan
    """

    def __init__(self, slopes: Slopes, reduction: Reduction, plan: Plan) -> None:
        self.slopes, self.reduction, self.plan = slopes, reduction, plan
        self.velocity = along.velocities(slopes.line, [0.0])

    def __call__(self, inputs: Batch, truths: Batch) -> Found:
        """Return what is known of pictures and their truths, both (n, channel, y, x)."""
        first, *others = self.plan.rounds
        gradients = self.slopes(1.0, inputs, truths)[1]
        losses = torch.stack([self.slopes.losses(alpha, inputs, truths) for alpha in (0.0, 1.0)], 1)
        ends = self.reduction(gradients.abs().double()), losses
        found = self._integrated(inputs, truths, first, *ends)
        for steps in others:
            rough = (found.error > (self.plan.tolerance or 0)).nonzero()[:, 0]
            if len(rough):
                some = (ends[0][rough], ends[1][rough])
                found.put(rough, self._integrated(inputs[rough], truths[rough], steps, *some))
        return found

    def _integrated(
        self, inputs: Batch, truths: Batch, steps: int, gradient: torch.Tensor, losses: torch.Tensor
    ) -> Found:
        nodes = self.plan.nodes(self.slopes.line, steps)
        total = Sum(nodes.place)
        for alpha, weight in zip(nodes.alphas, nodes.weights, strict=True):
            total.add(self.slopes(float(alpha), inputs, truths)[1] * (self.velocity * float(weight)))
        score = self.reduction(total.value.abs())
        error = SAFETY * self.reduction(total.deviation).sum(1) / score.sum(1).clamp(min=torch.finfo(score.dtype).tiny)
        error = error if steps >= 3 else torch.full_like(error, float("nan"))
        return Found(score, gradient, total.value.sum(1), losses, error, torch.full_like(error, steps))
