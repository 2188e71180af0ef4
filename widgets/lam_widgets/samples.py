"""The samples: what a network's features know, layer by layer; samples that are chosen stay marked in all layers."""

from __future__ import annotations

import math

import numpy as np
import traitlets
import xarray as xr
from numpy.typing import NDArray
from PIL import Image

from lam_nb import views
from lam_nb.result import CONTENT, DEGRADATION, LAYER, PLANE, SAMPLE, THUMBNAIL, check, numbered
from lam_nb.views.kit import as_pixels, explained, plain

from .kit import Widget, png, source

_MARGIN = 0.05


class Samples(Widget):
    """Samples in the plane, with their pictures; whoever is chosen in one layer stays marked in all others.

    Drag the slider or use its arrow keys to go through the depth, or click on one of the small panels. Point at a
    sample to see its picture; click to choose it, drag a box around several (with Shift, beside those chosen). On the
    large panel arrow keys go from sample to sample, Enter or the space bar chooses, Escape lets all go. The
    names below choose all samples of a degradation or of a picture.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `lam_nb.representations`, or some of its layers or samples.

    Attributes
    ----------
    step : int
        The layer shown, from 0; set it to go there.
    selected : list of str
        Names of the samples that are chosen: ``dataset.sel(sample=widget.selected)``.

    Raises
    ------
    InputError
        If the dataset is something else, of several networks, or has no layer or sample.
    traitlets.TraitError
        If a layer or sample is set that is not there.

    Examples
    --------
    >>> import lam_nb as lam
    >>> given = {"layers": ["first_part.0", "last_part"], "size": 24, "components": 4, "progress": False}
    >>> ds = lam.representations("fsrcnn", ["bricks", "facade", "cat"], {"blur": lam.images.Blur(2)}, **given)
    >>> samples = Samples(ds, selected=["cat, blur"])
    >>> samples.layer, ds.sel(sample=samples.selected).content.values.tolist()
    ('last_part', ['cat'])
    """

    _esm = source("samples", "js")
    _css = source("samples", "css")
    question = traitlets.Unicode("").tag(sync=True)
    lines = traitlets.List(traitlets.Unicode()).tag(sync=True)
    glossary = traitlets.List(traitlets.Unicode()).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    contents = traitlets.List(traitlets.Unicode()).tag(sync=True)
    content = traitlets.List(traitlets.Int()).tag(sync=True)
    degradations = traitlets.List(traitlets.Unicode()).tag(sync=True)
    degradation = traitlets.List(traitlets.Int()).tag(sync=True)
    places = traitlets.Bytes(b"").tag(sync=True)
    sheet = traitlets.Bytes(b"").tag(sync=True)
    sheet_shape = traitlets.List(traitlets.Int()).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, dataset: xr.Dataset, **settings: object) -> None:
        figure = views.representations(check(dataset, PLANE, SAMPLE, THUMBNAIL))
        self._dataset = dataset if LAYER in dataset[PLANE].dims else dataset.expand_dims(LAYER)
        question, *lines = plain(figure.layout.title.text).split("\n")
        layers = [str(name) for name in self._dataset[LAYER].values]
        (contents, content), (degradations, degradation) = (_told(dataset, name) for name in (CONTENT, DEGRADATION))
        small = as_pixels(dataset[THUMBNAIL].transpose(SAMPLE, ...).values)
        shape = sheet_shape(len(small))
        super().__init__(
            question=question,
            lines=[line for line in lines if line],
            glossary=explained(figure),
            labels=[str(frame.name) for frame in figure.frames] or layers,
            names=numbered([str(name) for name in dataset[SAMPLE].values]).tolist(),
            contents=contents,
            content=content,
            degradations=degradations,
            degradation=degradation,
            places=framed(self._dataset[PLANE].transpose(LAYER, SAMPLE, ...).values).tobytes(),
            sheet=png(Image.fromarray(sheet(small, shape)), optimize=True),
            sheet_shape=[*shape, *small.shape[1:3]],
            **{"step": len(layers) - 1} | settings,
        )

    @property
    def layer(self) -> str:
        """Name of the layer shown."""
        return str(self._dataset[LAYER].values[self.step])

    def picture(self) -> Image.Image:
        """Return the layer shown as a picture, drawn without a browser; chosen samples are not marked in it."""
        return views.representations(self._dataset.isel({LAYER: [self.step]})).picture()

    @traitlets.validate("step")
    def _inside(self, proposal: traitlets.Bunch) -> int:
        count = len(self.labels) or proposal["value"] + 1
        if not 0 <= proposal["value"] < count:
            raise traitlets.TraitError(f"step: got {proposal['value']}, expected 0 to {count - 1}.")
        return int(proposal["value"])

    @traitlets.validate("selected")
    def _there(self, proposal: traitlets.Bunch) -> list[str]:
        unknown = [name for name in proposal["value"] if name not in self.names]
        if unknown and self.names:
            raise traitlets.TraitError(
                f"selected: got {unknown[0]!r}, expected names of samples such as {self.names[0]!r}."
            )
        return list(proposal["value"])


def _told(dataset: xr.Dataset, name: str) -> tuple[list[str], list[int]]:
    """Return what samples are called by, and which of it each is called."""
    every = [str(one) for one in dataset[name].values]
    known = [*dict.fromkeys(every)]
    return known, [known.index(one) for one in every]


def framed(plane: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return places (layer, sample, 2) in a square from 0 to 1, y downwards, as far apart across as along.

    Examples
    --------
    >>> framed(np.array([[[0.0, 0.0], [4.0, 2.0]]])).round(3).tolist()
    [[[0.05000000074505806, 0.7250000238418579], [0.949999988079071, 0.2750000059604645]]]
    """
    known = np.where(np.isfinite(plane).all(-1, keepdims=True), plane, np.nan)
    filled = np.nan_to_num(known)
    low = np.where(np.isnan(known), np.inf, filled).min(1, keepdims=True)
    high = np.where(np.isnan(known), -np.inf, filled).max(1, keepdims=True)
    side = np.nan_to_num(high - low, posinf=0, neginf=0).max(-1, keepdims=True)
    middle = np.nan_to_num((low + high) / 2)
    share = (known - middle) / np.where(side > 0, side, 1) * (1 - 2 * _MARGIN)
    return (0.5 + share * [1, -1]).astype(np.float32)


def sheet_shape(count: int) -> tuple[int, int]:
    """Return rows and columns of a sheet of so many pictures.

    Examples
    --------
    >>> sheet_shape(7)
    (3, 3)
    """
    columns = math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


def sheet(pictures: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return pictures (picture, y, x, channel) side by side, row after row.

    Examples
    --------
    >>> sheet(np.zeros((3, 4, 5, 3), np.uint8), (2, 2)).shape
    (8, 10, 3)
    """
    rows, columns = shape
    _, height, width, channels = pictures.shape
    every = np.zeros((rows * columns, height, width, channels), np.uint8)
    every[: len(pictures)] = pictures
    laid = every.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return laid.reshape(rows * height, columns * width, channels)
