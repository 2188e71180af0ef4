"""Cells: what is computed of one picture through one network, and how it gets into the ledger."""

from __future__ import annotations

import hashlib
import os
import time
import traceback
import uuid
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, TypeAlias

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from .. import images, networks, result, statistics
from ..methods.attribution import attribute
from ..methods.causal import causal_effect
from ..networks import Network
from ..result.ledger import Arrays, Claims, Ledger, Row, columns
from ..types import Image, NotConverged, Region
from ..validation import InputError, words_of
from .sources import Source, opened

_PAUSE, _MOST = 1.0, 2**26
"""Seconds, and bytes of arrays, after which what is finished is written."""
_KEPT = 2
"""Networks that a thread of a worker keeps."""
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
)
Metric: TypeAlias = Callable[[Image, Image], float]
"""Output and truth, (channel, y, x) in [0, 1] -> a number."""


@dataclass(frozen=True)
class Work:
    """What all tasks of a sweep share; travels to workers."""

    store: str
    run: str
    verb: str
    as_truth: bool
    setting: tuple[str, str]
    settings: Mapping[str, Any]
    metrics: Mapping[str, Metric] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """The windows of one picture that are to be computed through one network."""

    picture_id: str
    picture: str
    source: Source
    windows: tuple[Region, ...]
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """Pairs of one network, computed one after the other."""

    network_id: str
    network: str
    spec: Network | str
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Done:
    """What became of a pair."""

    network: str
    picture: str
    cells: tuple[int, ...]
    failure: str = ""
    seconds: float = 0.0
    elsewhere: bool = False
    """Another sweep is at work on it."""


def computed(task: Task, work: Work) -> Iterator[Done]:
    """Compute the pairs of a task, write what is finished every second and at the end, and tell of each."""
    ledger = Ledger(work.store)
    claims, writer = Claims(ledger.place, work.run), _Writer(ledger)
    alone = all(name == presence(work.run) for name in ledger.place.names("claims") if name.startswith(presence("")))
    there: set[int] | None = None
    try:
        for pair in task.pairs:
            how = claims.take(claim_of(task.network_id, pair.picture_id, work.setting[0]))
            if not how:
                yield Done(task.network, pair.picture, pair.cells, elsewhere=True)
                continue
            if how != "new" or not alone:  # somebody was at work on it: what is there is not computed twice
                there = _there(ledger) if there is None or not alone else there
                if there.issuperset(pair.cells):
                    yield Done(task.network, pair.picture, pair.cells)
                    continue
            yield _pair(task, pair, work, writer)
            writer.flush(_PAUSE)
    finally:
        writer.flush()
        claims.release()


def all_computed(task: Task, work: Work) -> list[Done]:
    """Compute a task on a worker; it is told when everything is written."""
    return list(computed(task, work))


def presence(run: str) -> str:
    """Return the claim by which a sweep shows that it is at work."""
    return f"run-{run}"


def _there(ledger: Ledger) -> set[int]:
    rows = ledger.rows()
    return set(rows[columns.CELL][rows[columns.FAILURE].astype(str) == ""].tolist())


def claim_of(network_id: str, picture_id: str, setting_id: str) -> str:
    """Return the claim by which a sweep shows on what it is at work.

    Examples
    --------
    >>> len(claim_of("a", "b", "c"))
    32
    """
    return hashlib.sha256(f"{network_id} {picture_id} {setting_id}".encode()).hexdigest()[:32]


def _pair(task: Task, pair: Pair, work: Work, writer: _Writer) -> Done:
    started = time.perf_counter()
    common: Row = {
        columns.NETWORK: task.network,
        columns.PICTURE: pair.picture,
        columns.SETTING: work.setting[1],
        columns.NETWORK_ID: task.network_id,
        columns.PICTURE_ID: pair.picture_id,
        columns.SETTING_ID: work.setting[0],
    }
    try:
        net = _network(task)
        truth = opened(pair.source, net.axes.count)
        given = images.downscale(truth, net.scale) if work.as_truth and net.scale > 1 else truth
        rows, across = given.shape[-2:]
        common |= {columns.SCALE: net.scale, columns.ROWS: rows, columns.COLUMNS: across}
        measured = list(_VERBS[work.verb].function(net, given, truth if work.as_truth else None, pair.windows, work))
        failure = ""
    except Exception as error:  # whatever it is, the other cells go on; the ledger keeps where it came from
        failure, trace = f"{words_of(error):.300}", traceback.format_exc()
        measured = [({columns.FAILURE: trace}, {})] * len(pair.windows)
    seconds = time.perf_counter() - started
    for cell, window, (numbers, arrays) in zip(pair.cells, pair.windows, measured, strict=True):
        sides = dict(zip(columns.WINDOW, (window.y, window.x, window.height, window.width), strict=True))
        writer.add({columns.CELL: cell, **common, **sides, **numbers, columns.SECONDS: seconds / len(measured)}, arrays)
    return Done(task.network, pair.picture, pair.cells, failure, seconds)


class _Writer:
    """Rows that are finished and not yet written."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.rows, self.arrays = ledger, [], []  # type: ignore[var-annotated]
        self.told = {key: value for key, value in result.stamp().items() if key != columns.CREATED}
        self.since, self.bytes = time.monotonic(), 0

    def add(self, row: Row, arrays: Arrays) -> None:
        """Take a row."""
        if not self.rows:
            self.since, self.bytes = time.monotonic(), 0
        told = {columns.CREATED: result.stamp()["created"], columns.VERSIONS: self.told["versions"]}
        self.rows.append({**row, **told, columns.MACHINE: os.uname().nodename})
        self.arrays.append(arrays)
        self.bytes += sum(one.nbytes for one in arrays.values())

    def flush(self, pause: float = 0.0) -> None:
        """Write what there is, if the last time is so long ago."""
        if self.rows and (time.monotonic() - self.since >= pause or self.bytes > _MOST):
            self.ledger.write(f"{os.getpid()}-{uuid.uuid4().hex[:16]}", self.rows, self.arrays)
            self.rows, self.arrays = [], []


_LOADED: dict[int, OrderedDict[str, Network]] = {}
"""Networks by thread and identity: a thread never shares one."""


def _network(task: Task) -> Network:
    if isinstance(task.spec, Network):
        return task.spec
    mine = _LOADED.setdefault(get_ident(), OrderedDict())
    if task.network_id not in mine:
        mine[task.network_id] = networks.load(task.spec, check=False)
        while len(mine) > _KEPT:
            mine.popitem(last=False)
    mine.move_to_end(task.network_id)
    return mine[task.network_id]


Measured: TypeAlias = tuple[Row, Arrays]


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
    """What is computed of a picture's windows, and the words for it."""

    function: Callable[[Network, Image, Image | None, Sequence[Region], Work], Iterator[Measured]]
    of: Callable[..., xr.Dataset]
    words: Mapping[str, result.names.Word]
    without: tuple[str, ...]
    """Keywords that the sweep sets itself."""


_VERBS = {
    "attribute": Verb(_attributed, attribute, ATTRIBUTION.words, ("keep", "reference", "progress")),
    "causal_effect": Verb(_caused, causal_effect, EFFECT.words, ("keep", "reference", "progress", "store")),
}
VERBS: Mapping[str, Verb] = _VERBS
