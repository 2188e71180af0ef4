"""Captions: what was computed, of which window, and what came out; only what is known and finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass

import plotly.graph_objects as go
import xarray as xr

from ... import statistics
from ...result import (
    ATTRIBUTION,
    COMPLETENESS_GAP,
    DETECTOR,
    DIFFUSION_INDEX_ERROR,
    PRECISION_ERROR,
    PSNR_WINDOW,
    QUADRATURE_ERROR,
    SAMPLING_ERROR,
    SSIM,
    X,
    Y,
    check,
    facts,
)
from ...types import Region
from ...validation import InputError

QUESTION = "Which input pixels made this window?"
OUTLINE = "Yellow outline: the window of the network's output that is asked about."
INDEX = "DI, diffusion index: 100 if all pixels count the same, near 0 if a few do; depends on the picture's size."
GIVE_OR_TAKE = "± of an index: the estimated error of its integration."
INTERVALS = "Bars: 95 % intervals, by drawing the images again."
GLOSSARY = (
    OUTLINE,
    "Red pixels push what the detector measures there up, blue ones down; the stronger, the more opaque.",
    "▲ ▼: a fifth of the pixels that count are stronger than the ends of the scale.",
    INDEX,
    f"{GIVE_OR_TAKE} σ: the blur, in input pixels.",
)
_QUESTION_ENDS, _QUESTION_EDGE = 34, 8
"""Pixels from the top of a figure to below its question, and from its right edge to what is told on demand."""
_NOTHING = "none"
"""Rule of the methods that integrate nothing, as version 0.1 wrote it."""


@dataclass(frozen=True)
class Doubt:
    """How far off a map may be, relative to its sum of magnitudes, and what kind of error that is."""

    value: float
    kind: str


_DETECTORS = {"intensity": "brightness", "gabor": "waves", "error": "the error"}
"""What detectors measure, where their name does not say it."""
ESTIMATED = "estimated error of the map"
SAMPLED = "standard error of the map over noisy copies"
_TOLD = {
    PRECISION_ERROR: "error by low precision {:.1%}",
    PSNR_WINDOW: "window {:.1f} dB",
    SSIM: "output SSIM {:.3f}",
}
"""What else a caption tells, if it is known."""


def caption(dataset: xr.Dataset, question: str = QUESTION) -> str:
    """Return lines for the top of a figure: the question, what was computed, and what came out.

    Examples
    --------
    >>> caption(xr.Dataset())
    Traceback (most recent call last):
    lam_nb.InputError: dataset: has no 'attribution'; expected a result of lam_nb.attribute.
    """
    check(dataset, ATTRIBUTION)
    name, settings, numbers = lines(dataset)
    return f"<b>{question}</b>{small(f'<b>{name}</b> · {settings}', numbers)}"


def lines(dataset: xr.Dataset) -> tuple[str, str, str]:
    """Return a result's network, of which window it is and how it was made, and the numbers that came out.

    Examples
    --------
    >>> from lam_nb import Region, attribute, images
    >>> found = attribute("fsrcnn", images.sample("bricks")[:, :64, :64], Region(96, 96), progress=False)
    >>> lines(found)[0], lines(found)[1][:26]
    ('fsrcnn', 'region y=96, x=96, 16 × 16')
    """
    told = facts(dataset)
    numbers = [f"diffusion index {index_words(dataset)} on {dataset.sizes[Y]} × {dataset.sizes[X]} px"]
    if _known(dataset, COMPLETENESS_GAP):
        numbers.append(f"completeness gap {float(statistics.completeness(dataset)):+.1%}")
    if found := doubt(dataset):
        numbers.append(f"{found.kind} {found.value:.1%}")
    numbers += [words.format(float(dataset[name])) for name, words in _TOLD.items() if _known(dataset, name)]
    return str(told["network"]), f"{where(told)} · {how(told)}", " · ".join(numbers)


def index_words(dataset: xr.Dataset) -> str:
    """Return the diffusion index, with the error of its integration if that is known."""
    return f"{float(statistics.diffusion_index(dataset)):.2f}{_give_or_take(dataset)}"


def explain(figure: go.Figure, lines: Iterable[str]) -> None:
    """Add what is told on demand, beside the figure's question: what is seen, and what the words mean.

    Comes last, when the margins are known.

    Examples
    --------
    >>> figure = go.Figure(layout={"margin": {"t": 100}})
    >>> explain(figure, [INDEX])
    >>> explained(figure)[0][:19]
    'DI, diffusion index'
    """
    figure.add_annotation(
        text="<i>? what am I looking at</i>",
        hovertext="<br>".join(lines),
        hoverlabel={"bgcolor": "#ffffff", "bordercolor": "#59636e", "font": {"size": 12, "color": "#1f2328"}},
        **{"xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right", "yanchor": "bottom"},
        xshift=(figure.layout.margin.r or 20) - _QUESTION_EDGE,
        yshift=(figure.layout.margin.t or 100) - _QUESTION_ENDS,
        showarrow=False,
        captureevents=True,
        name="explain",
    )


def explained(figure: go.Figure) -> list[str]:
    """Return what a figure tells on demand, line by line; nothing where it tells none."""
    told = [str(note.hovertext) for note in figure.layout.annotations if note.name == "explain"]
    return told[0].split("<br>") if told else []


def glossary(told: Mapping[str, object]) -> list[str]:
    """Return what a reader of a map may not know, in sentences, from a result's attributes.

    Examples
    --------
    >>> glossary({"path": "blur"})[-1]
    'This path: blur; α goes along it, from its start (0) to the picture (1).'
    """
    words = pushes(told)
    meant = [f"{words[:1].upper()}{words[1:].replace(' … ', ' (blue) … ')} (red)."] if DETECTOR in told else []
    along = f"This path: {told.get('path')}; α goes along it, from its start (0) to the picture (1)."
    return [*meant, *GLOSSARY, *([along] if "path" in told else [])]


def doubt(dataset: xr.Dataset) -> Doubt | None:
    """Return the error of a map, or None if there is none or it is not known.

    Examples
    --------
    >>> doubt(xr.Dataset({"quadrature_error": 0.02}))
    Doubt(value=0.02, kind='estimated error of the map')
    >>> doubt(xr.Dataset()) is None
    True
    """
    integrated = dataset.attrs.get("rule") != _NOTHING
    if _known(dataset, SAMPLING_ERROR):
        return Doubt(float(dataset[SAMPLING_ERROR]), SAMPLED)
    if _known(dataset, QUADRATURE_ERROR) and (integrated or "samples" in dataset.attrs):
        return Doubt(float(dataset[QUADRATURE_ERROR]), ESTIMATED if integrated else SAMPLED)
    return None


def how(told: Mapping[str, object]) -> str:
    """Return in words how a map was made, from a result's attributes.

    Examples
    --------
    >>> how({"path": "blur", "detector": "edges", "rule": "arc", "steps": 24})
    'path blur · detector edges · rule arc, 24 steps'
    >>> how({"method": "gradient", "detector": "edges", "evaluations": 1})
    'method gradient · detector edges'
    """
    integrated = told.get("rule", _NOTHING) != _NOTHING
    names = ("method", "path", "detector") if integrated else ("method", "detector")
    words = [f"{name} {told[name]}" for name in names if name in told]
    if "samples" in told:
        words.append(f"{told['samples']} noisy copies")
    if integrated:
        counts = [f", {told[name]} {name}" for name in ("steps", "evaluations") if name in told]
        words.append(f"rule {told['rule']}{''.join(counts[:1])}")
    return " · ".join(words)


def where(told: Mapping[str, object]) -> str:
    """Return in words which window a result is of.

    Examples
    --------
    >>> where({"region_y": 3, "region_x": 4, "region_size": 5})
    'region y=3, x=4, 5 × 5 px'
    >>> where(Region(3, 4, height=5, width=9).facts)
    'region y=3, x=4, 5 × 9 px'
    """
    window = Region.of_facts(told)
    return f"region y={window.y}, x={window.x}, {window.height} × {window.width} px"


def pushes(told: Mapping[str, object]) -> str:
    """Return in words what colours of a map mean, by the result's detector.

    Examples
    --------
    >>> pushes({"detector": "edges"}), pushes({"detector": "my_detector"})
    ('pushes edges in the window down … up', 'pushes my_detector in the window down … up')
    """
    name = str(told.get(DETECTOR, "the detector"))
    return f"pushes {_DETECTORS.get(name.partition('(')[0], name)} in the window down … up"


def small(*lines: str) -> str:
    """Return lines of small print, to follow a caption's first line.

    Examples
    --------
    >>> small("50 steps")
    "<br><span style='font-size:12px'>50 steps</span>"
    """
    return f"<br><span style='font-size:12px'>{'<br>'.join(lines)}</span>"


def listed(name: str, results: Iterable[xr.Dataset], maker: str) -> list[xr.Dataset]:
    """Return results as a list, at least one.

    Raises
    ------
    InputError
        If there is none, or one of them is no Dataset.

    Examples
    --------
    >>> len(listed("results", [xr.Dataset()], "lam_nb.attribute"))
    1
    """
    found = list(results) if isinstance(results, Iterable) and not isinstance(results, xr.Dataset | str) else []
    if not found:
        got = "none" if isinstance(results, Sized) and not len(results) else type(results).__name__
        raise InputError(f"{name}: got {got}, expected at least one result of {maker}, in a list.")
    return [check(one) for one in found]


def look(dataset: xr.Dataset, height: int, question: str = QUESTION) -> dict[str, object]:
    """Return the layout that all figures of a result share: caption, font, as wide as its place."""
    title = {"text": caption(dataset, question), "x": 0.01, "y": 1 - 22 / height, "yanchor": "top"}
    return {"title": title, "template": "lam", "autosize": True, "height": height}


def _known(dataset: xr.Dataset, name: str) -> bool:
    return name in dataset and math.isfinite(float(dataset[name]))


def _give_or_take(dataset: xr.Dataset) -> str:
    if not _known(dataset, DIFFUSION_INDEX_ERROR):
        return ""
    return f" ± {float(statistics.index_error(dataset)):.2f}"
