"""Verbs: the questions that the Explorer asks, each with how it is answered, shown and written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import xarray as xr

import lam_nb
from lam_nb import result, statistics, views
from lam_nb.methods.causal import FINE
from lam_nb.methods.representation.samples import Degradations
from lam_nb.validation import InputError

from ..kit import Widget
from ..samples import Samples
from .answers import STEPS, Asked, Follow, Pace, attributed, told_last

Tabs: TypeAlias = Mapping[str, views.View | views.Table | xr.Dataset]
_NUMBERS = "Numbers"
_DRAWS = 30
"""Draws that measure a block, shown after every ten: a fifth of the standard error of one."""
_WINDOW = frozenset({"networks", "image", "is_truth", "region", "verb"})
_DAMAGE: Degradations = {
    "blur": lam_nb.images.Blur(2),
    "noise": lam_nb.images.Noise(0.08),
    "jpeg": lam_nb.images.JPEG(20),
}
"""What pictures suffer, to see whether features tell it apart."""
_SPOILT: Degradations = {"blur": lam_nb.images.Blur(2), "noise": lam_nb.images.Noise(0.1)}
"""What two networks are told apart by."""
_ENOUGH = 0.1
"""Relative error of kernels' scores that is enough to rank them."""
_RANKED = 10
_RANKED_HOW = (
    "score: how much of the loss's change a kernel carries in this degradation, less than in the other (blur or "
    "noise); ± standard error over pictures. Scores do not tell which of the two networks is the earlier."
)
_MOST_COMPONENTS = 50
_TOLD = {"calinski_harabasz": "index", "probe": "probe"}
_TOLD_HOW = (
    "index: Caliński–Harabasz, of the principal components; probe: how often a linear rule is right about pictures "
    "that it was told nothing of. In parentheses 95 % intervals over pictures."
)


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
    parts : frozenset of str
        What of a `Question` matters; an answer is out of date when one of these changes.
    of_all : bool
        Whether it is asked of all pictures that are offered, and not of one.
    tab : str
        What the figure's tab is called.
    widget : callable, optional
        Result -> the widget that stands in the figure's tab in its place.
    tabs : callable
        Result -> what its further tabs show, by their names: figures, tables, or the result itself.
    """

    answers: Callable[[Asked, Pace, Follow], Iterator[tuple[xr.Dataset, bool]]]
    story: Callable[[xr.Dataset], views.View]
    call: Callable[[int, str, int], str]
    shown: Callable[[int], str]
    doubt: Callable[[xr.Dataset], str] = lambda found: "not the last"
    parts: frozenset[str] = _WINDOW
    of_all: bool = False
    tab: str = "Map"
    widget: Callable[[xr.Dataset], Widget] | None = None
    tabs: Callable[[xr.Dataset], Tabs] = lambda found: {_NUMBERS: found}


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


def _known(asked: Asked, pace: Pace, follow: Follow) -> Iterator[tuple[xr.Dataset, bool]]:
    network = asked.only
    pictures = asked.sharp()
    count = _components(len(pictures))
    yield lam_nb.representations(network, pictures, _DAMAGE, components=count, progress=follow), True


def _components(pictures: int) -> int:
    """Return how many principal components so many pictures have, each clean and damaged, about their mean."""
    return min(_MOST_COMPONENTS, pictures * (len(_DAMAGE) + 1) - 1)


def _told_apart(asked: Asked, pace: Pace, follow: Follow) -> Iterator[tuple[xr.Dataset, bool]]:
    baseline, target = asked.pair
    yield lam_nb.filters(target, baseline, asked.sharp(), _SPOILT, tolerance=_ENOUGH, progress=follow), True


def _filter(count: int, where: str, steps: int) -> str:
    return f"lam.filters(net_1, net_0, truths, {_written(_SPOILT)}, tolerance={_ENOUGH})"


def _ranked(found: xr.Dataset) -> Tabs:
    """Return the kernels that matter most for each degradation, and less for the other, with standard errors."""
    rows = []
    for one, other in (found[result.DEGRADATION].values, found[result.DEGRADATION].values[::-1]):
        order = np.argsort(-statistics.kernel_ranking(found, str(one)).values, kind="stable")[:_RANKED]
        first = found.sel({result.DEGRADATION: one, result.AGAINST: other}).isel({result.KERNEL: order})
        scores = zip(first[result.DISCRIMINATIVE].values, first[result.DISCRIMINATIVE_ERROR].values, strict=True)
        told = [f"{score:.2f} ± {error:.2f}" for score, error in scores]
        place = (first[name].values for name in (result.LAYER, result.OUT, result.INTO))
        rows += [(str(one), *map(str, each)) for each in zip(*place, told, strict=True)]
    headings = ("degradation", "layer", "output channel", "input channel", "score")
    return {_NUMBERS: views.Table(headings, tuple(rows), _RANKED_HOW)}


def _written(degradations: Degradations) -> str:
    return f"{{{', '.join(f'{name!r}: lam.images.{how!r}' for name, how in degradations.items())}}}"


def _represent(count: int, where: str, steps: int) -> str:
    components = f"min({_MOST_COMPONENTS}, {len(_DAMAGE) + 1} * len(truths) - 1)"
    return f"lam.representations(net_0, truths, {_written(_DAMAGE)}, components={components})"


def _gathered(found: xr.Dataset) -> Tabs:
    """Return how clearly features gather: by degradation against depth; by content, too, as a table."""
    pair = [statistics.separability(found, by) for by in (result.DEGRADATION, result.CONTENT)]
    columns = [_cells(one, measure) for one in pair for measure in _TOLD]
    headings = [f"by {one.attrs['by']}, {words}" for one in pair for words in _TOLD.values()]
    layers = map(str, found[result.LAYER].values)
    table = views.Table(("layer", *headings), tuple(zip(layers, *columns, strict=True)), _TOLD_HOW)
    return {"Through the depth": views.separability(pair[0]), _NUMBERS: table}


def _cells(found: xr.Dataset, measure: str) -> list[str]:
    """Return a measure of every layer with its interval, in words."""
    one = found.sel({result.MEASURE: measure})
    rows = zip(*(one[f"{result.SEPARABILITY}{end}"].values for end in result.ENDS), strict=True)
    return [f"{value:.2f} ({low:.2f} … {high:.2f})" for value, low, high in rows]


VERBS = {
    "which pixels made it": Verb(
        attributed,
        _map,
        _attribute,
        lambda count: f"lam.views.{'attribution' if count == 1 else 'comparison'}(ds)",
        _off,
        _WINDOW | {"steps"},
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
        parts=frozenset({"networks", "verb"}),
    ),
    "what its features know": Verb(
        _known,
        views.representations,
        _represent,
        lambda count: "lam.views.representations(ds)",
        parts=frozenset({"networks", "images", "is_truth", "verb"}),
        of_all=True,
        tab="Samples",
        widget=Samples,
        tabs=_gathered,
    ),
    "which kernels differ": Verb(
        _told_apart,
        views.filters,
        _filter,
        lambda count: "lam.views.filters(ds)",
        parts=frozenset({"networks", "images", "is_truth", "verb"}),
        of_all=True,
        tab="Kernels",
        tabs=_ranked,
    ),
}
"""By the words that the Explorer asks with; what brings its verb here has its panels."""
FIRST = next(iter(VERBS))
