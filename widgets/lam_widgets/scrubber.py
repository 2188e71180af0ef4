"""The scrubber: drag through an integration; step and alpha are values in the next cell."""

from __future__ import annotations

from pathlib import Path

import anywidget
import numpy as np
import traitlets
import xarray as xr
from numpy.typing import NDArray

from lam_nb import statistics
from lam_nb.result import ALPHA, SIGMA
from lam_nb.views.pictures import limit, palette

_FOLDER = Path(__file__).parent


class Scrubber(anywidget.AnyWidget):
    """Gradient, what a step adds and the map as it gathers, side by side, step by step.

    Drag the slider or use arrow keys, Home and End; the space bar or the button plays. Each panel
    keeps one symmetric colour scale; the strongest fifth of the
    pixels that count are shown in its end colours.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.attribute`, with ``gradient`` and ``integrand`` kept (the default).

    Attributes
    ----------
    step : int
        The step shown, from 0; set it to move.
    alpha : float
        Its position on the path.

    Raises
    ------
    InputError
        If a variable was not kept.
    traitlets.TraitError
        If `step` is set outside the path.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("imdn-small"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> scrubber = Scrubber(lam.attribute(net, lr, lam.Region(96, 96), steps=6, progress=False))
    >>> scrubber.step
    5
    """

    _esm = _FOLDER / "scrubber.js"
    _css = _FOLDER / "scrubber.css"
    frames = traitlets.Bytes(b"").tag(sync=True)
    shape = traitlets.List(traitlets.Int()).tag(sync=True)
    colours = traitlets.Bytes(b"").tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    units = traitlets.List(traitlets.Unicode()).tag(sync=True)
    limits = traitlets.List(traitlets.Float()).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    def __init__(self, dataset: xr.Dataset) -> None:
        panels = {
            "gradient": statistics.sensitivity(dataset),
            "this step adds": statistics.contributions(dataset),
            "gathered so far": statistics.cumulative(dataset),
        }
        values = np.stack([panel.transpose(ALPHA, ...).values for panel in panels.values()])
        ends = [limit(panel) for panel in values]
        self._alphas = dataset[ALPHA].values
        super().__init__(
            frames=np.stack([_quantised(panel, end) for panel, end in zip(values, ends, strict=True)]).tobytes(),
            shape=list(values.shape),
            colours=palette().tobytes(),
            titles=list(panels),
            units=[panel.attrs["units"] for panel in panels.values()],
            limits=ends,
            labels=_labels(dataset),
            step=values.shape[1] - 1,
        )

    @property
    def alpha(self) -> float:
        """Position on the path of the step shown."""
        return float(self._alphas[self.step])

    @traitlets.validate("step")
    def _inside(self, proposal: traitlets.Bunch) -> int:
        steps = self.shape[1] if self.shape else 1
        if not 0 <= proposal["value"] < steps:
            raise traitlets.TraitError(f"step: got {proposal['value']}, expected 0 to {steps - 1}.")
        return int(proposal["value"])


def _quantised(values: NDArray[np.floating], end: float) -> NDArray[np.uint8]:
    return np.round((np.clip(np.nan_to_num(values) / end, -1, 1) + 1) * 127.5).astype(np.uint8)


def _labels(dataset: xr.Dataset) -> list[str]:
    alphas = [f"α {alpha:.3f}" for alpha in dataset[ALPHA].values]
    if SIGMA not in dataset.coords:
        return alphas
    return [f"{label} · σ {sigma:.2f} px" for label, sigma in zip(alphas, dataset[SIGMA].values, strict=True)]
