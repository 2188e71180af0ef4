"""Verbs: what a sweep can compute, of windows of one picture or of a set of pictures at once, and the words for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from .. import images, result, statistics
from ..methods.attribution import attribute
from ..methods.causal import causal_effect
from ..methods.filtering import filters
from ..methods.representation import representations
from ..networks import Network
from ..result.ledger import Arrays, Row, columns, packed
from ..types import Image, NotConverged, Region
from ..validation import InputError
from .sources import opened
from .tasks import Pair, Work

_CELL = (result.MODEL, result.IMAGE)
_ROW = (*_CELL, result.REGION)
_SHARED: Mapping[str, result.names.Word] = {
    result.DONE: (_CELL, "whether it is there", "1"),
    result.FAILURE: (_CELL, "traceback of what failed last", "1"),
}
ATTRIBUTION = result.Table(
    {
        result.DIFFUSION_INDEX: (_ROW, "diffusion index", "1"),
        result.DIFFUSION_INDEX_ERROR: (_ROW, "estimated integration error of the diffusion index", "1"),
        result.QUADRATURE_ERROR: (_ROW, "estimated relative L1 error of the map", "1"),
        result.COMPLETENESS_GAP: (_ROW, "relative completeness gap", "1"),
        result.DETECTOR_START: (_ROW, "detector at the baseline", "detector"),
        result.DETECTOR_END: (_ROW, "detector at the image", "detector"),
        result.ATTRIBUTION: ((*_ROW, result.Y, result.X), "local attribution, summed over channels", "detector"),
        result.PSNR: (_CELL, "peak signal-to-noise ratio of the output, all channels", "dB"),
        result.PSNR_LUMA: (_CELL, "peak signal-to-noise ratio of the output's luma", "dB"),
        result.SSIM: (_CELL, "structural similarity of the output, all channels", "1"),
        result.PSNR_WINDOW: (_ROW, "peak signal-to-noise ratio of the window, all channels", "dB"),
    },
    _SHARED,
    maker="lam_nb.sweep",
    optional=(result.PSNR, result.PSNR_LUMA, result.SSIM, result.PSNR_WINDOW),
)
EFFECT = result.Table(
    {
        result.QUALITY_ORIGIN: (_ROW, "quality of the window without an intervention", "dB"),
        result.POSITIVE: (_ROW, "blocks that help", "1"),
        result.NEGATIVE: (_ROW, "blocks that harm", "1"),
        result.ZERO: (_ROW, "blocks without effect", "1"),
        result.OWN: (_ROW, "blocks that hold the window", "1"),
        result.EFFECT: ((*_ROW, result.BLOCK_Y, result.BLOCK_X), "quality lost by an intervention", "dB"),
        result.STANDARD_ERROR: ((*_ROW, result.BLOCK_Y, result.BLOCK_X), "standard error of the effect", "dB"),
    },
    _SHARED,
    maker="lam_nb.sweep",
    coordinates={
        result.BLOCK_Y: ((result.BLOCK_Y,), "row of blocks", "blocks"),
        result.BLOCK_X: ((result.BLOCK_X,), "column of blocks", "blocks"),
    },
)
_MEASURED = (result.QUALITY_ORIGIN, result.EFFECT, result.STANDARD_ERROR)
"""Effects, in the metric's units."""
WHOLE = {name: (word[0][:1], *word[1:]) for name, word in _SHARED.items()}
"""Words of verbs that answer for a set of pictures; what their results hold, they say themselves."""
Measured: TypeAlias = tuple[Row, Arrays]
Windows: TypeAlias = Callable[[Network, Image, Image | None, Sequence[Region], Work], Iterator[Measured]]


def _of_windows(function: Windows) -> Callable[[tuple[Network, ...], Pair, Work], Iterator[Measured]]:
    """Return what opens a picture, reduces it, and has its windows measured."""

    def measured(nets: tuple[Network, ...], pair: Pair, work: Work) -> Iterator[Measured]:
        (net,) = nets
        if isinstance(pair.source, Mapping):
            raise InputError(f"images: {pair.picture} is a set of pictures, expected one.")
        truth = opened(pair.source, net.axes.count)
        given = images.downscale(truth, net.scale) if work.as_truth and net.scale > 1 else truth
        rows, across = given.shape[-2:]
        common = {columns.SCALE: net.scale, columns.ROWS: rows, columns.COLUMNS: across}
        for row, arrays in function(net, given, truth if work.as_truth else None, pair.windows, work):
            yield {**common, **row}, arrays

    return measured


def _of_set(function: Callable[..., xr.Dataset]) -> Callable[[tuple[Network, ...], Pair, Work], Iterator[Measured]]:
    """Return what has all pictures of a set answered for at once, and keeps the whole result."""

    def measured(nets: tuple[Network, ...], pair: Pair, work: Work) -> Iterator[Measured]:
        sources = pair.source if isinstance(pair.source, Mapping) else {pair.picture: pair.source}
        given = {name: opened(source, nets[0].axes.count) for name, source in sources.items()}
        found = function(*nets, given, **work.settings, progress=False)
        row, arrays = packed(found)
        yield {columns.SCALE: nets[0].scale, columns.DEVICE: str(found.attrs["device"]), **row}, arrays

    return measured


def _attributed(
    net: Network, given: Image, truth: Image | None, windows: Sequence[Region], work: Work
) -> Iterator[Measured]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)  # quadrature_error tells
        warnings.simplefilter("ignore", RuntimeWarning)  # a flat window has no index: NaN says so
        asked = list(windows) if len(windows) > 1 else windows[0]
        found = attribute(net, given, asked, **work.settings, keep=[result.OUTPUT], progress=False)
        index = np.atleast_1d(statistics.diffusion_index(found).values)
    output, signed = found[result.OUTPUT].values, statistics.signed(found).values.astype(np.float32)
    signed = signed.reshape(len(windows), *signed.shape[-2:])
    scalars = (name for name, word in ATTRIBUTION.words.items() if word[0] == _ROW and name in found)
    numbers = {name: np.atleast_1d(found[name].values) for name in scalars}
    whole = {} if truth is None else _qualities(output, truth, work)
    device = str(found.attrs["device"])
    for k, window in enumerate(windows):
        own: Row = {name: float(values[k]) for name, values in numbers.items()}
        own |= {result.DIFFUSION_INDEX: float(index[k]), columns.DEVICE: device, **whole}
        if truth is not None:
            rows, across = window.slices
            own[result.PSNR_WINDOW] = images.psnr(output[..., rows, across], truth[..., rows, across])
        yield own, {result.ATTRIBUTION: signed[k]}


def _qualities(output: NDArray[np.floating], truth: Image, work: Work) -> Row:
    height, width = output.shape[-2:]  # less than the picture if its sides are no multiples of the scale
    cut = truth[:, :height, :width]
    found: Row = {result.PSNR: images.psnr(output, cut)}
    if len(cut) == 3:
        found[result.PSNR_LUMA] = images.psnr(*(images.luma(one) for one in (torch.from_numpy(output), cut)))
    with suppress(InputError):  # without scikit-image, or on a tiny output, there is none
        found[result.SSIM] = images.ssim(output.clip(0, 1), cut.numpy())
    return found | {name: float(metric(torch.from_numpy(output), cut)) for name, metric in work.metrics.items()}


def _caused(
    net: Network, given: Image, truth: Image | None, windows: Sequence[Region], work: Work
) -> Iterator[Measured]:
    if truth is None:
        raise InputError("as_truth: causal effects are measured against a ground truth; leave it True.")
    height, width = net.output_size(*given.shape[-2:])
    for window in windows:
        cem: xr.Dataset = causal_effect(
            net,
            given,
            window,
            reference=truth[:, :height, :width],
            **work.settings,
            progress=False,
        )
        names = (result.QUALITY_ORIGIN, result.POSITIVE, result.NEGATIVE, result.ZERO, result.OWN)
        own: Row = {name: float(cem[name]) for name in names}
        arrays = {name: cem[name].values.astype(np.float32) for name in (result.EFFECT, result.STANDARD_ERROR)}
        yield own | {columns.DEVICE: str(cem.attrs["device"])}, arrays


@dataclass(frozen=True)
class Verb:
    """What is computed, of windows of a picture or of a set of pictures, and the words for it."""

    measured: Callable[[tuple[Network, ...], Pair, Work], Iterator[Measured]]
    of: Callable[..., xr.Dataset]
    words: Mapping[str, result.names.Word]
    without: tuple[str, ...]
    """Keywords that the sweep sets itself."""
    kind: str = "sweep"
    """Of the store: results of one kind lie together."""
    networks: int = 1
    """How many are asked at once."""
    also: tuple[str, ...] = ()
    """What else must be given by name."""

    @property
    def of_sets(self) -> bool:
        """Whether a cell is all pictures, and not a window of one."""
        return self.kind != "sweep"

    def words_for(self, choices: Mapping[str, object]) -> dict[str, result.names.Word]:
        """Return dimensions, labels and units, which may depend on the settings."""
        if self.of is causal_effect and choices.get("metric", "psnr") != "psnr":
            return {name: (*word[:2], "1") if name in _MEASURED else word for name, word in self.words.items()}
        return dict(self.words)


_EFFECT_WITHOUT = ("keep", "reference", "progress", "store")
VERBS: Mapping[str, Verb] = {
    "attribute": Verb(_of_windows(_attributed), attribute, ATTRIBUTION.words, ("keep", "reference", "progress")),
    "causal_effect": Verb(_of_windows(_caused), causal_effect, EFFECT.words, _EFFECT_WITHOUT),
    "representations": Verb(
        _of_set(representations), representations, WHOLE, ("progress", "store"), "representations", 1, ("degradations",)
    ),
    "filters": Verb(_of_set(filters), filters, WHOLE, ("progress", "store"), "filters", 2, ("degradations",)),
}
