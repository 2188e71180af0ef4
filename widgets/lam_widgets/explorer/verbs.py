"""Verbs: the questions that the Explorer asks, each with how it is answered, shown and written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

import lam_nb
from lam_nb import result, views
from lam_nb.methods.causal import FINE
from lam_nb.validation import InputError

from .answers import STEPS, Asked, Follow, Pace, attributed, told_last

_DRAWS = 30
"""Draws that measure a block, shown after every ten: a fifth of the standard error of one."""


@dataclass(frozen=True)
class Verb:
    """A question.

    Parameters
    ----------
    answers : callable
        (asked, pace, follow) -> results and whether it is the last.
    story : callable
        Result -> the figure that answers.
    call : callable
        (number of networks, window and truth in words, steps) -> the line that computes it.
    shown : callable
        Number of networks -> the line that shows it.
    doubt : callable
        A result that is not the last -> how far it may be off, in words.
    """

    answers: Callable[[Asked, Pace, Follow], Iterator[tuple[xr.Dataset, bool]]]
    story: Callable[[xr.Dataset], views.View]
    call: Callable[[int, str, int], str]
    shown: Callable[[int], str]
    doubt: Callable[[xr.Dataset], str] = lambda found: "not the last"


def _map(found: xr.Dataset) -> views.View:
    return views.comparison(found) if result.MODEL in found.dims else views.attribution(found)


def _off(found: xr.Dataset) -> str:
    return f"off by about {float(found[result.QUADRATURE_ERROR].max()):.0%}"


def _uncertain(found: xr.Dataset) -> str:
    errors = found[result.STANDARD_ERROR].where(found[result.STAGE] == FINE)
    most = errors.where(np.isfinite(errors)).max()
    return f"standard errors up to {float(most):.2g} dB" if most.notnull() else "a few draws a block"


def _attribute(count: int, where: str, steps: int) -> str:
    if count == 1:
        return f"lam.attribute(net_0, lr, {where}{f', steps={steps}' if steps else ''})"
    every = ", ".join(f"net_{k}" for k in range(count))
    return f'lam.compare([{every}], lr, {where}, steps={steps or STEPS}, keep=["input", "output", "integrand"])'


def _caused(asked: Asked, pace: Pace, follow: Follow) -> Iterator[tuple[xr.Dataset, bool]]:
    network = asked.only
    if asked.truth is None:
        raise InputError("image: a causal effect is measured against the truth; choose that the image is the truth.")
    given = asked.image, asked.region
    yield from told_last(
        lam_nb.causal_effect_steps(network, *given, reference=asked.truth, fine=_DRAWS, progress=follow)
    )


def _seen(asked: Asked, pace: Pace, follow: Follow) -> Iterator[tuple[xr.Dataset, bool]]:
    network = asked.only
    follow(0, 1)
    yield lam_nb.receptive_field(network), True


VERBS = {
    "which pixels made it": Verb(
        attributed,
        _map,
        _attribute,
        lambda count: f"lam.views.{'attribution' if count == 1 else 'comparison'}(ds)",
        _off,
    ),
    "which blocks help or harm": Verb(
        _caused,
        views.causal,
        lambda count, where, steps: f"lam.causal_effect(net_0, lr, {where}, fine={_DRAWS})",
        lambda count: "lam.views.causal(ds)",
        _uncertain,
    ),
    "how far it can see": Verb(
        _seen,
        views.receptive_field,
        lambda count, where, steps: "lam.receptive_field(net_0)",
        lambda count: "lam.views.receptive_field(ds)",
    ),
}
"""By the words that the Explorer asks with; what brings its verb here has its panels."""
FIRST = next(iter(VERBS))
