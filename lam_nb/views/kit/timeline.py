"""The timeline: a slider and play that swap a figure's pictures, without a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from ...result import ALPHA, X, Y
from ...validation import InputError, positive
from .theme import LIGHT

_LEAST_DURATION = 60
"""Shortest that a step is shown, in milliseconds."""
_SPEEDS = {"▶ play": 6.0, "▶ slowly": 15.0, "▶ fast": 2.5}
"""Seconds from the first step to the last."""
_ROUNDS = 10
_LEAST = 4
BUDGET = 3_000_000
"""Bytes that a figure's moving pictures take at most, unless said otherwise: three fit a notebook of 10 MB."""


def affordable(moving: Mapping[int, Sequence[str]], size: int | None) -> list[int]:
    """Return which steps to show so that their pictures take at most `size` bytes; first and last stay.

    Raises
    ------
    InputError
        If not even four steps fit.

    Examples
    --------
    >>> affordable({0: ["x" * 100] * 9}, size=500)
    [0, 2, 3, 5, 6, 8]
    """
    steps = len(next(iter(moving.values())))
    total = sum(len(source) for sources in moving.values() for source in sources)
    if size is None or total <= positive("size", size, "bytes"):
        return list(range(steps))
    count = int(steps * size / total) + 1
    if count < min(steps, _LEAST):
        raise InputError(
            f"size: got {size:,} bytes, but {min(steps, _LEAST)} steps take about "
            f"{total * min(steps, _LEAST) // steps:,}; allow more, or crop the image."
        )
    return spread(steps, count)


def spread(steps: int, count: int) -> list[int]:
    """Return at most so many steps, evenly apart, with the first and the last.

    Examples
    --------
    >>> spread(9, 5), spread(3, 5)
    ([0, 2, 4, 6, 8], [0, 1, 2])
    """
    return sorted({int(k) for k in np.linspace(0, steps - 1, count).round()})


def stepwise(values: xr.DataArray) -> xr.DataArray:
    """Return values with a dimension of steps before their pixels, of a single step if they do not move.

    Examples
    --------
    >>> stepwise(xr.DataArray(np.zeros((2, 3)), dims=("y", "x"))).sizes["alpha"]
    1
    """
    moving = values if ALPHA in values.dims else values.expand_dims(ALPHA)
    return moving.transpose(..., ALPHA, Y, X)


def add(
    figure: go.Figure,
    moving: Mapping[int, Sequence[str]],
    names: Sequence[str],
    cursor: tuple[int, Sequence[float]] | None = None,
    low: float = -0.12,
    first: int = 0,
) -> None:
    """Give a figure a slider and play that swap pictures: each step is a frame, which slider and label follow.

    Swapped layout images are the fastest that plotly draws; a curve's cursor is one, too. Play goes round for a
    minute, at three speeds.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    moving : mapping
        Number of a layout image -> its source at every step.
    names : sequence of str
        A label per step.
    cursor : (int, sequence of float), optional
        Number of the layout image that marks the step on a curve, and where it is at every step.
    low : float
        Where the controls are, in heights of the plots below them.
    first : int, default 0
        The step that is shown first; -1 for the last.
    """
    placed = [image.to_plotly_json() for image in figure.layout.images]
    first %= len(names)
    frames = []
    for k, name in enumerate(names):
        images = [{**image, "source": moving[n][k]} if n in moving else image for n, image in enumerate(placed)]
        if cursor is not None:
            images[cursor[0]] = {**images[cursor[0]], "x": float(cursor[1][k])}
        frames.append(go.Frame(name=name, layout={"images": images}))
    figure.layout.images = frames[first].layout.images
    step_through(figure, frames, low, first)


def step_through(
    figure: go.Figure, frames: Sequence[go.Frame], low: float = -0.12, first: int = 0, redraw: bool = False
) -> None:
    """Give a figure a slider and play that go through its frames.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    frames : sequence of plotly.graph_objects.Frame
        Their names are the labels.
    low, first
        As for `add`.
    redraw : bool, default False
        Whether more than pictures changes.

    Examples
    --------
    >>> figure = go.Figure()
    >>> step_through(figure, [go.Frame(name="first"), go.Frame(name="last")], first=-1)
    >>> figure.layout.sliders[0].active, figure.layout.sliders[0].steps[1].label
    (1, 'last')
    """
    names = [str(frame.name) for frame in frames]
    still = {"frame": {"duration": 0, "redraw": redraw}, "mode": "immediate", "transition": {"duration": 0}}
    figure.frames = frames
    steps = [{"method": "animate", "label": name, "args": [[name], still]} for name in names]
    current: dict[str, object] = {"prefix": "", "font": {"size": 14, "color": LIGHT.ink}, "xanchor": "right"}
    slider: dict[str, object] = {"active": first % len(names), "steps": steps, "x": 0, "len": 1, "y": low - 0.02}
    slider |= {"pad": {"t": 0}, "currentvalue": current, "font": {"size": 12}, "tickcolor": "#888"}
    buttons: list[dict[str, object]] = [
        {"method": "animate", "label": label, "args": [names * _ROUNDS, _playing(len(names), seconds, redraw)]}
        for label, seconds in _SPEEDS.items()
    ]
    buttons.append({"method": "animate", "label": "❚❚", "args": [[None], still]})
    menu: dict[str, object] = {"type": "buttons", "direction": "left", "buttons": buttons, "showactive": False}
    menu |= {"x": 0, "y": low, "xanchor": "left", "yanchor": "top"}
    figure.update_layout(sliders=[slider], updatemenus=[menu])


def _playing(steps: int, seconds: float, redraw: bool) -> dict[str, object]:
    """Return how so many steps are played in so many seconds."""
    frame = {"duration": max(_LEAST_DURATION, round(1000 * seconds / steps)), "redraw": redraw}
    return {"frame": frame, "fromcurrent": False, "mode": "immediate", "transition": {"duration": 0}}
