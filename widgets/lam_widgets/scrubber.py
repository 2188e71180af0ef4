"""The scrubber: drag through an integration; step, alpha and pixel are values in the next cell."""

from __future__ import annotations

import numpy as np
import traitlets
import xarray as xr
from PIL import Image

from lam_nb import statistics
from lam_nb.result import (
    ALPHA,
    DETECTOR,
    DETECTOR_END,
    DETECTOR_START,
    INPUT,
    OUTPUT,
    OUTPUT_PATH,
    PATH,
    WEIGHT,
    check,
    facts,
)
from lam_nb.validation import InputError, choose
from lam_nb.views.kit import as_pixels, colour_source, labels, limit, lines, montage

from .kit import Stepped, largest, quantised, source, story, tables

PALETTES = {"blue – white – red": "RdBu_r", "brown – white – green": "BrBG", "purple – white – orange": "PuOr_r"}
"""All with a white middle, and safe for colour-blind readers."""


class Scrubber(Stepped):
    """The image on the path, the output, and over the grey picture the gradient, what a step adds and what is gathered.

    Drag the slider or use arrow keys, Home and End; the space bar or the button plays, round and round. Point
    at a pixel to read its value; click, or use arrow keys on a picture, to pin a pixel and see its curves
    (Escape lets go). Pictures are framed to where the maps lie; Ctrl and the wheel, buttons or + and − enlarge,
    dragging moves. Colours, scale, gamma and opacity change in the browser.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.attribute`, with ``gradient`` and ``integrand`` kept (the default); with ``path``
        the image on the path moves, too, with ``output_path`` the output.

    Attributes
    ----------
    step : int
        The step shown, from 0; set it to move.
    alpha : float
        Its position on the path.
    pixel : list
        [y, x] of the pinned pixel in input pixels, or empty.
    palette, scale, gamma, overlay
        Name of the colours; "common" or "own"; exponent in (0, 1]; opacity in [0, 1].
    bare, whole
        Whether maps hide the grey picture, and whether the whole of it is shown.

    Raises
    ------
    InputError
        If a variable was not kept.
    traitlets.TraitError
        If a value is set outside its range.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("imdn-small"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> scrubber = Scrubber(lam.attribute(net, lr, lam.Region(96, 96), steps=6, progress=False))
    >>> scrubber.step
    5
    """

    _esm = source("scrubber", "js")
    _css = source("scrubber", "css")
    pictures = traitlets.Bytes(b"").tag(sync=True)
    outputs = traitlets.List(traitlets.Unicode()).tag(sync=True)
    curve = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    palettes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    units = traitlets.List(traitlets.Unicode()).tag(sync=True)
    alphas = traitlets.List(traitlets.Float()).tag(sync=True)
    weights = traitlets.List(traitlets.Float()).tag(sync=True)
    pixel = traitlets.List(traitlets.Int()).tag(sync=True)
    palette = traitlets.Unicode(next(iter(PALETTES))).tag(sync=True)
    scale = traitlets.Enum(["common", "own"], "common").tag(sync=True)
    gamma = traitlets.Float(1.0, min=0.05, max=1.0).tag(sync=True)
    overlay = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True)

    def __init__(self, dataset: xr.Dataset, **settings: object) -> None:
        facts(check(dataset, INPUT))
        panels = {
            "gradient": statistics.sensitivity(dataset),
            "this step adds": statistics.contributions(dataset),
            "gathered so far": statistics.cumulative(dataset),
        }
        values = np.stack([panel.transpose(ALPHA, ...).values for panel in panels.values()])
        full = [largest(panel) for panel in values]
        name, *told = lines(dataset)
        super().__init__(
            frames=np.stack([quantised(panel, end) for panel, end in zip(values, full, strict=True)]).tobytes(),
            pictures=_coloured(dataset, PATH) if PATH in dataset else b"",
            outputs=_outputs(dataset),
            curve=_curve(dataset),
            lines=[f"{name} · {told[0]}", told[1]],
            shape=list(values.shape),
            colours=tables(*PALETTES.values()),
            palettes=list(PALETTES),
            titles=list(panels),
            units=[panel.attrs["units"] for panel in panels.values()],
            full=full,
            limits=[limit(panel) for panel in values],
            labels=labels(dataset),
            alphas=dataset[ALPHA].values.tolist(),
            weights=dataset[WEIGHT].values.tolist(),
            **{"step": values.shape[1] - 1} | story(dataset, np.abs(values).sum(1)) | settings,
        )

    @property
    def alpha(self) -> float:
        """Position on the path of the step shown."""
        return float(self.alphas[self.step])

    def picture(self) -> Image.Image:
        """Return the panels at the step shown, as a picture."""
        colours = PALETTES[self.palette]
        panels = [
            (title, self.laid(frame, full, end, colours))
            for title, frame, full, end in zip(self.titles, self.shown, self.full, self.limits, strict=True)
        ]
        if self.pictures:
            path = np.frombuffer(self.pictures, np.uint8).reshape(*self.shape[1:], 3)[self.step]
            panels.insert(0, ("image on the path", path))
        return montage(panels, f"{self.lines[0].partition(' · ')[0]} · {self.labels[self.step]}", box=self.box)

    @traitlets.validate("pixel")
    def _within(self, proposal: traitlets.Bunch) -> list[int]:
        pixel, sides = list(proposal["value"]), self.shape[2:] or [0, 0]
        if pixel and (len(pixel) != 2 or not all(0 <= at < side for at, side in zip(pixel, sides, strict=True))):
            raise traitlets.TraitError(f"pixel: got {pixel}, expected [y, x] inside {sides[0]} × {sides[1]}, or [].")
        return pixel

    @traitlets.validate("palette")
    def _known(self, proposal: traitlets.Bunch) -> str:
        try:
            return choose("palette", proposal["value"], PALETTES)
        except InputError as error:
            raise traitlets.TraitError(str(error)) from None


def _coloured(dataset: xr.Dataset, name: str) -> bytes:
    return as_pixels(dataset[name].values).tobytes()


def _outputs(dataset: xr.Dataset) -> list[str]:
    """Return the output at each step, or at the sharp image, or nothing, as far as it was kept."""
    if OUTPUT_PATH in dataset:
        return [colour_source(one) for one in dataset[OUTPUT_PATH].transpose(ALPHA, ...).values]
    return [colour_source(dataset[OUTPUT].values)] if OUTPUT in dataset else []


def _curve(dataset: xr.Dataset) -> list[list[float]]:
    """Return alpha, the detector and the gathered share from the baseline to the image."""
    if not {DETECTOR_START, DETECTOR_END, DETECTOR} <= set(dataset):
        return []
    start, end = (float(dataset[name]) for name in (DETECTOR_START, DETECTOR_END))
    share = statistics.cumulative_share(dataset).values.tolist()
    detector = [start, *statistics.response(dataset).values.tolist(), end]
    return [[0.0, *dataset[ALPHA].values.tolist(), 1.0], detector, [0.0, *share, share[-1]]]
