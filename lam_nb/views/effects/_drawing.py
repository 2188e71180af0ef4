"""What the views of causal effects share: a map over its grey input, its colour bar, its numbers in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray

from ...result import (
    BLOCK_X,
    BLOCK_Y,
    DRAWS,
    EFFECT,
    INPUT,
    NEGATIVE,
    OWN,
    POSITIVE,
    STANDARD_ERROR,
    ZERO,
    X,
    Y,
    check,
)
from ...validation import positive
from .. import kit

HEIGHT, SPACE, WIDEST = 480, 0.1, 1180
BAR = {"thickness": 12, "len": 0.9, "tickfont_size": 12}
MEANS = (
    kit.OUTLINE,
    "Each block of the input was given other content, several times; only what lies in the window was judged.",
    "Red: the block's own content helps, the window is restored better with it than without; blue: it harms.",
    "± is the standard error over draws. Seen through: blocks whose effect is not known.",
)
"""What a reader of causal effects may not know."""
_WORDS = {POSITIVE: "help", NEGATIVE: "harm", ZERO: "no effect", OWN: "own"}
_TICKS = np.array([-1, -0.5, 0, 0.5, 1])


@dataclass(frozen=True)
class Colours:
    """A scale from −`end` to `end` whose colours follow |effect| to the `exponent`."""

    end: float
    exponent: float

    @classmethod
    def of(cls, maps: Sequence[xr.Dataset], clip: float | None, power: float) -> Colours:
        """Return the scale that maps share; without `clip` it ends at their strongest effect."""
        strongest = max(float(np.nanmax(np.abs(one[EFFECT].values))) for one in maps) or 1.0
        end = strongest if clip is None else positive("clip", clip, "an effect in the metric's units")
        return cls(end, 1 / positive("power", power, "a power"))

    def shares(self, effect: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return where on the scale effects are, in [−1, 1]."""
        return np.sign(effect) * np.minimum(np.abs(effect) / self.end, 1) ** self.exponent

    def bar(self, figure: go.Figure, column: int, units: str) -> dict[str, object]:
        """Return a colour bar to the right of a column."""
        words = [f"{np.sign(t) * self.end * abs(t) ** (1 / self.exponent):.2g}" for t in _TICKS]
        title = {"text": units if units != "1" else "effect", "side": "top"}
        return {"title": title, "x": right(figure, column), "tickvals": _TICKS, "ticktext": words, **BAR}


def checked(dataset: xr.Dataset) -> xr.Dataset:
    """Return `dataset` if it is a causal effect map, else raise `InputError`."""
    return check(dataset, INPUT, EFFECT)


def draw(
    figure: go.Figure, dataset: xr.Dataset, column: int, colours: Colours, bar: dict[str, object] | None = None
) -> None:
    """Draw a map over its grey input, with a colour bar if one is given."""
    size, effect = (dataset.sizes[Y], dataset.sizes[X]), dataset[EFFECT].values
    kit.place(figure, kit.grey_source(dataset[INPUT].values), size, 1, column, "input px")
    data = np.stack([effect, dataset[STANDARD_ERROR].values, dataset[DRAWS].values], -1)
    hover = f"block at y %{{y}}, x %{{x}}<br>%{{customdata[0]:+.3f}} ± %{{customdata[1]:.3f}} {measured_in(dataset)}"
    hover += "<br>%{customdata[2]} interventions<extra></extra>"
    place = {"x": dataset[BLOCK_X].values, "y": dataset[BLOCK_Y].values, "customdata": data, "hovertemplate": hover}
    look = {"zmin": -1, "zmax": 1, "colorscale": kit.over_scale(), "showscale": bar is not None}
    figure.add_trace(go.Heatmap(z=colours.shares(effect), colorbar=bar, **place, **look), row=1, col=column)


def right(figure: go.Figure, column: int) -> float:
    """Return where a bar beside a column stands, in widths of the figure."""
    return float(next(figure.select_xaxes(row=1, col=column)).domain[1]) + 0.005


def measured_in(dataset: xr.Dataset) -> str:
    """Return the units of effects, or the metric where it has none."""
    return "dB" if dataset.attrs["units"] == "dB" else str(dataset.attrs["metric"])


def span(dataset: xr.Dataset) -> str:
    """Return the smallest and the largest effect in words."""
    effect = dataset[EFFECT].values
    return f"{np.nanmin(effect):+.3g} to {np.nanmax(effect):+.3g} {measured_in(dataset)}"


def counts(dataset: xr.Dataset) -> str:
    """Return how many blocks help, harm or do nothing, in words."""
    return ", ".join(f"{int(dataset[name])} {word}" for name, word in _WORDS.items())
