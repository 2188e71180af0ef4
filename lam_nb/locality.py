"""Locality: a window of the output needs only its receptive field of the input. Exact, or not used."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch

from . import fields, gradients
from .networks import Network
from .types import Batch, Detector, InputError, Region

_MARGINS = (0, 1, 2, 4, 8, 16, 32)
_WORTH = 0.8
"""Share of the picture above which a crop does not pay."""
_EXACT = 2e-5
"""Largest difference to the whole computation that is rounding, for pixels in [0, 1]."""
_REACHES: weakref.WeakKeyDictionary[Network, dict[int, fields.Reach]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Local:
    """A network that is run on a part of its input; the rest of its output stays as it was on a given picture.

    Parameters
    ----------
    network : Network
    rows, columns : slice
        The part, in input pixels.
    kept_rows, kept_columns : slice
        The part of the output that is computed, in output pixels.
    canvas : torch.Tensor (1, 3, out_y, out_x)
        The output elsewhere.
    """

    network: Network
    rows: slice
    columns: slice
    kept_rows: slice
    kept_columns: slice
    canvas: Batch

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
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)

    def __call__(self, batch: Batch) -> Batch:
        """Map (n, 3, y, x) to (n, 3, scale·y, scale·x)."""
        output = self.canvas.to(batch).repeat(len(batch), 1, 1, 1)
        output[..., self.kept_rows, self.kept_columns] = self.part(batch)
        return output

    def part(self, batch: Batch) -> Batch:
        """Return the computed part of the output alone."""
        computed = self.network(batch[..., self.rows, self.columns])
        top, left = self.rows.start * self.network.scale, self.columns.start * self.network.scale
        rows = slice(self.kept_rows.start - top, self.kept_rows.stop - top)
        columns = slice(self.kept_columns.start - left, self.kept_columns.stop - left)
        return computed[..., rows, columns]


def localised(network: Network, measure: Detector, region: Region, picture: Batch, output: Batch) -> Network | Local:
    """Return the network on the part of the picture that the detector can depend on, if that pays and is exact.

    Neither the detector nor the network is taken at its word: pixels are marked with NaN to see what
    they depend on, and the part's output is compared with the whole one on the picture.

    Parameters
    ----------
    network : Network
        Frozen, on the pictures' device.
    measure : callable
        The detector of `region`.
    region : Region
    picture, output : torch.Tensor
        The image (1, 3, y, x) and the network's whole output for it.

    Returns
    -------
    Network or Local
    """
    margin = _margin(measure, region, output)
    if margin is None:
        return network
    height, width = picture.shape[-2:]
    found = _reach(network, max(height, width))
    pad, scale = network.pad_to, network.scale
    kept = [_widened(side, margin, size) for side, size in zip(region.slices, output.shape[-2:], strict=True)]
    rows = _needed(kept[0], found.rows, height, scale, pad)
    columns = _needed(kept[1], found.columns, width, scale, pad)
    local = Local(network, rows, columns, kept[0], kept[1], output)
    if local.pixels > _WORTH * height * width or not _is_exact(local, picture, output):
        return network
    return local


def _reach(network: Network, limit: int) -> fields.Reach:
    known = _REACHES.setdefault(network, {})
    if limit not in known:
        known[limit] = fields.reach(network, limit=limit)
    return known[limit]


def _margin(measure: Detector, region: Region, output: Batch) -> int | None:
    """Return how many pixels around the region the detector looks at, or None if it cannot be told."""
    for margin in _MARGINS:
        rows, columns = (
            _widened(side, margin, size) for side, size in zip(region.slices, output.shape[-2:], strict=True)
        )
        marked = torch.full_like(output, torch.nan)
        marked[..., rows, columns] = output[..., rows, columns]
        try:
            value = gradients.detect(measure, marked, "")
        except InputError:
            continue
        if torch.equal(value, measure(output)):
            return margin
    return None


def _widened(side: slice, margin: int, size: int) -> slice:
    return slice(max(0, side.start - margin), min(size, side.stop + margin))


def _needed(kept: slice, reach: tuple[int, int] | None, size: int, scale: int, pad: int) -> slice:
    if reach is None:
        return slice(0, size)
    first = max(0, kept.start // scale - reach[0])
    last = min(size, -(-kept.stop // scale) + reach[1])
    return slice(first // pad * pad, min(size, -(-last // pad) * pad))


def _is_exact(local: Local, picture: Batch, output: Batch) -> bool:
    with torch.no_grad():
        part = local.part(picture.to(local.dtype))
    whole = output[..., local.kept_rows, local.kept_columns]
    return bool((part - whole).abs().max() <= _EXACT * max(1.0, float(whole.abs().max())))
