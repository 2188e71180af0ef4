"""Locality: a window of the output needs only its receptive field of the input. Exact, or not used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from ..types import Batch, Detector, DetectorMaker, Region
from ..validation import InputError
from .narrowing import WORTH, Narrowed, narrowed
from .reach import known_reach
from .running import BACKENDS, Around, Leased, outputs
from .sampling import detect

_MARGINS = (0, 1, 2, 4, 8, 16, 32)
"""Output pixels around a window that a detector may look at: edges look at one, Gabor kernels at six."""
_ALIGNED = (1, 8, 16, 24, 32, 64)
"""Grids that a part may have to lie on: the windows of a network that tells of none."""
_MANY = 4
"""Passes from which narrowing pays: finding what is needed takes one."""
_NARROWING = ("cpu",)
"""Devices on which layers are narrowed: GPUs wait for launches of small networks, of which narrowing makes more."""
EXACT = 2e-5
"""Largest difference to the whole computation that is rounding, for pixels in [0, 1]."""


@dataclass(frozen=True)
class Local(Around):
    """A network that is given a part of a picture, and a detector of what it makes of that.

    Parameters
    ----------
    network : Leased or Narrowed
    part : (slice, slice)
        Rows and columns of the part, in input pixels.
    kept : (slice, slice)
        The part of the output that is computed, in output pixels.
    canvas : torch.Tensor (1, 3, out_y, out_x), optional
        The whole output on a picture, into which the part is laid; without it the part is returned alone.
    """

    network: Leased | Narrowed
    part: tuple[slice, slice]
    kept: tuple[slice, slice]
    canvas: Batch | None = None

    @property
    def pixels(self) -> int:
        """Input pixels that are computed for each picture."""
        rows, columns = self.part
        return (rows.stop - rows.start) * (columns.stop - columns.start)

    @property
    def within(self) -> tuple[slice, slice]:
        """What is computed, in output pixels of the part."""
        top, left = (side.start * self.network.scale for side in self.part)
        rows, columns = self.kept
        return slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)

    def __call__(self, batch: Batch) -> Batch:
        """Map parts of pictures (n, 3, rows, columns) to parts of the output, or to whole outputs."""
        rows, columns = self.kept
        computed = self.network(batch)[(..., *self.within)]
        if self.canvas is None:
            return computed
        around = self.canvas.to(batch).clone()
        around[..., rows, columns] = 0
        height, width = around.shape[-2:]
        margins = columns.start, width - columns.stop, rows.start, height - rows.stop
        return around + functional.pad(computed, margins)


def localised(
    run: Leased,
    detector_of: DetectorMaker,
    region: Region,
    picture: Batch,
    output: Batch,
    *,
    passes: int = 1,
    worth: float = WORTH,
) -> tuple[Leased | Local, Detector]:
    """Return the network on the part of the picture that the detector can depend on, if that pays and is exact.

    Of many passes, each layer computes what the detector can depend on of it, if that pays and is exact, too.

    Neither the detector nor the network is taken at its word: pixels are marked with NaN to see what
    they depend on, and the part's output is compared with the whole one on the picture.

    Parameters
    ----------
    run : Leased
        On the pictures' device.
    detector_of : callable
        region -> detector.
    region : Region
    picture, output : torch.Tensor
        The image (1, 3, y, x) and the network's whole output for it.
    passes : int
        How many are at least to come.
    worth : float
        Share of the network's products above which a whole picture's do not pay.

    Returns
    -------
    Leased or Local
    callable
        The detector for its output.
    """
    detector = detector_of(region)
    margin = _margin(detector, region, output)
    if margin is None:
        return run, detector
    height, width = picture.shape[-2:]
    kept = _around(region, margin, output)
    whole = Local(run, (slice(0, height), slice(0, width)), kept)
    local = next((one for one in _parts(whole, run) if _is_exact(one, picture, output)), whole)
    worth = worth if local is whole else WORTH
    if passes >= _MANY and worth and run.device.type in _NARROWING:
        local = _narrow(run, local, picture, output, worth)
    if local.network is run and local is whole:
        return run, detector
    moved = _moved(detector_of, detector, region, kept, output)
    return (local, moved) if moved else (replace(local, canvas=output), detector)


def _parts(whole: Local, run: Leased) -> Iterator[Local]:
    """Yield parts of the picture that the network may be given, of those that pay."""
    height, width = (side.stop for side in whole.part)
    try:
        found = known_reach(run, max(height, width))
    except InputError:  # it runs on no strip, only on pictures such as this one
        return
    for unit in dict.fromkeys(math.lcm(run.pad_to, one) for one in _ALIGNED):
        rows = needed(whole.kept[0], found.rows, height, run.scale, unit)
        columns = needed(whole.kept[1], found.columns, width, run.scale, unit)
        local = replace(whole, part=(rows, columns))
        if local.pixels <= WORTH * whole.pixels:
            yield local


def _narrow(run: Leased, local: Local, picture: Batch, output: Batch, worth: float) -> Local:
    """Return a part whose layers compute what is kept of it, if that pays and is exact."""
    rows, columns = local.part
    network = narrowed(run, (rows.stop - rows.start, columns.stop - columns.start), local.within, worth)
    narrow = replace(local, network=network or run)
    return narrow if network and _is_exact(narrow, picture, output) else local


def _moved(
    detector_of: DetectorMaker, detector: Detector, region: Region, kept: tuple[slice, slice], output: Batch
) -> Detector | None:
    """Return the detector of the same window within the kept part, if there it measures the same."""
    noise = torch.rand(output.shape, generator=torch.Generator().manual_seed(0)).to(output)
    try:
        moved = detector_of(region.moved(-kept[0].start, -kept[1].start))
        with BACKENDS.usual(output.device):
            same = all(torch.equal(moved(one[..., kept[0], kept[1]]), detector(one)) for one in (output, noise))
    except Exception:  # a detector of one's own may refuse a part in any way: then it is given the whole
        return None
    return moved if same else None


def _margin(detector: Detector, region: Region, output: Batch) -> int | None:
    """Return how many pixels around the region the detector looks at, or None if it cannot be told."""
    marked = torch.full_like(output, torch.nan)
    with BACKENDS.usual(output.device):
        value = detector(output)
    for margin in _MARGINS:
        rows, columns = _around(region, margin, output)
        marked[..., rows, columns] = output[..., rows, columns]
        try:
            if torch.equal(detect(detector, marked, ""), value):
                return margin
        except InputError:  # NaN came out: it looks further
            continue
        except Exception:  # a detector of one's own may refuse NaN in its own words: nothing can be told
            return None
    return None


def _around(region: Region, margin: int, output: Batch) -> tuple[slice, slice]:
    rows, columns = region.slices
    height, width = output.shape[-2:]
    return (
        slice(max(0, rows.start - margin), min(height, rows.stop + margin)),
        slice(max(0, columns.start - margin), min(width, columns.stop + margin)),
    )


def needed(kept: slice, reach: tuple[int, int] | None, size: int, scale: int, pad: int) -> slice:
    """Return the input that a part of the output depends on, along an axis, on a grid of so many pixels."""
    if reach is None:
        return slice(0, size)
    first = max(0, kept.start // scale - reach[0])
    last = min(size, -(-kept.stop // scale) + reach[1])
    return slice(first // pad * pad, min(size, -(-last // pad) * pad))


def _is_exact(local: Local, picture: Batch, output: Batch) -> bool:
    try:
        part = outputs(local, picture[..., local.part[0], local.part[1]])
    except InputError:  # a network may take the whole picture's sides and no others
        return False
    whole = output[..., local.kept[0], local.kept[1]]
    return bool((part - whole).abs().max() <= EXACT * max(1.0, float(whole.abs().max())))
