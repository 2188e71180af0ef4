"""Locality: a window of the output needs only its receptive field of the input. Exact, or not used."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import torch

from . import fields, gradients
from .networks import Network
from .types import Batch, Detector, DetectorMaker, InputError, Region

_MARGINS = (0, 1, 2, 4, 8, 16, 32)
_WORTH = 0.8
"""Share of the picture above which a crop does not pay."""
_EXACT = 2e-5
"""Largest difference to the whole computation that is rounding, for pixels in [0, 1]."""
_REACHES: weakref.WeakKeyDictionary[Network, dict[int, fields.Reach]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Local:
    """A network that is given a part of a picture, and a detector of what it makes of that.

    Parameters
    ----------
    network : Network
    part : (slice, slice)
        Rows and columns of the part, in input pixels.
    kept : (slice, slice)
        The part of the output that is computed, in output pixels.
    canvas : torch.Tensor (1, 3, out_y, out_x), optional
        The whole output on a picture, into which the part is laid; without it the part is returned alone.
    """

    network: Network
    part: tuple[slice, slice]
    kept: tuple[slice, slice]
    canvas: Batch | None = None

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.network.name

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the network."""
        return self.network.dtype

    @property
    def pixels(self) -> int:
        """Input pixels that are computed for each picture."""
        rows, columns = self.part
        return (rows.stop - rows.start) * (columns.stop - columns.start)

    def __call__(self, batch: Batch) -> Batch:
        """Map parts of pictures (n, 3, rows, columns) to parts of the output, or to whole outputs."""
        output = self.network(batch)
        top, left = (side.start * self.network.scale for side in self.part)
        rows, columns = self.kept
        computed = output[..., rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        if self.canvas is None:
            return computed
        whole = self.canvas.to(batch).repeat(len(batch), 1, 1, 1)
        whole[..., rows, columns] = computed
        return whole


def localised(
    network: Network, measure_of: DetectorMaker, region: Region, picture: Batch, output: Batch
) -> tuple[Network | Local, Detector]:
    """Return the network on the part of the picture that the detector can depend on, if that pays and is exact.

    Neither the detector nor the network is taken at its word: pixels are marked with NaN to see what
    they depend on, and the part's output is compared with the whole one on the picture.

    Parameters
    ----------
    network : Network
        Frozen, on the pictures' device.
    measure_of : callable
        region -> detector.
    region : Region
    picture, output : torch.Tensor
        The image (1, 3, y, x) and the network's whole output for it.

    Returns
    -------
    Network or Local
    callable
        The detector for its output.
    """
    measure = measure_of(region)
    margin = _margin(measure, region, output)
    if margin is None:
        return network, measure
    height, width = picture.shape[-2:]
    found = _reach(network, max(height, width))
    pad, scale = network.pad_to, network.scale
    kept = _around(region, margin, output)
    rows = _needed(kept[0], found.rows, height, scale, pad)
    columns = _needed(kept[1], found.columns, width, scale, pad)
    local = Local(network, (rows, columns), kept)
    if local.pixels > _WORTH * height * width or not _is_exact(local, picture, output):
        return network, measure
    moved = _moved(measure_of, measure, region, kept, output)
    return (local, moved) if moved else (replace(local, canvas=output), measure)


def _moved(
    measure_of: DetectorMaker, measure: Detector, region: Region, kept: tuple[slice, slice], output: Batch
) -> Detector | None:
    """Return the detector of the same window within the kept part, if there it measures the same."""
    noise = torch.rand(output.shape, generator=torch.Generator().manual_seed(0)).to(output)
    try:
        moved = measure_of(Region(region.y - kept[0].start, region.x - kept[1].start, region.size))
        same = all(torch.equal(moved(one[..., kept[0], kept[1]]), measure(one)) for one in (output, noise))
    except (InputError, RuntimeError, IndexError):
        return None
    return moved if same else None


def _reach(network: Network, limit: int) -> fields.Reach:
    known = _REACHES.setdefault(network, {})
    if limit not in known:
        known[limit] = fields.reach(network, limit=limit)
    return known[limit]


def _margin(measure: Detector, region: Region, output: Batch) -> int | None:
    """Return how many pixels around the region the detector looks at, or None if it cannot be told."""
    value, marked = measure(output), torch.full_like(output, torch.nan)
    for margin in _MARGINS:
        rows, columns = _around(region, margin, output)
        marked[..., rows, columns] = output[..., rows, columns]
        try:
            if torch.equal(gradients.detect(measure, marked, ""), value):
                return margin
        except InputError:
            continue
    return None


def _around(region: Region, margin: int, output: Batch) -> tuple[slice, slice]:
    rows, columns = region.slices
    height, width = output.shape[-2:]
    return (
        slice(max(0, rows.start - margin), min(height, rows.stop + margin)),
        slice(max(0, columns.start - margin), min(width, columns.stop + margin)),
    )


def _needed(kept: slice, reach: tuple[int, int] | None, size: int, scale: int, pad: int) -> slice:
    if reach is None:
        return slice(0, size)
    first = max(0, kept.start // scale - reach[0])
    last = min(size, -(-kept.stop // scale) + reach[1])
    return slice(first // pad * pad, min(size, -(-last // pad) * pad))


def _is_exact(local: Local, picture: Batch, output: Batch) -> bool:
    with torch.no_grad():
        part = local(picture[..., local.part[0], local.part[1]].to(local.dtype))
    whole = output[..., local.kept[0], local.kept[1]]
    return bool((part - whole).abs().max() <= _EXACT * max(1.0, float(whole.abs().max())))
