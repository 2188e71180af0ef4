"""Draws: natural-image patches, and which of them is pasted where."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ... import images
from ...images.photographs import in_channels
from ...types import Batch, Image
from ...validation import InputError, address, readable
from .blocks import Grid

_SHIPPED, SIDE = 500, 8
"""Default patches, and their side in pixels, as in the published demo (Hu et al., arXiv 2407.19789)."""


def patches(channels: int = 3) -> NDArray[np.uint8]:
    """Return the patches that are pasted by default, (500, 8, 8, channels): of the samples, from flat to sharp.

    Examples
    --------
    >>> patches().shape
    (500, 8, 8, 3)
    """
    every = _cut(images.sample(name, channels) for name in images.samples())
    grey = every.astype(float).mean(-1)
    sharpness = np.abs(np.diff(grey, axis=1)).mean((1, 2)) + np.abs(np.diff(grey, axis=2)).mean((1, 2))
    order = np.argsort(sharpness, kind="stable")
    return every[order[np.linspace(0, len(order) - 1, _SHIPPED).round().astype(int)]]


class Drawer:
    """Pastes patches: which one for which draw of which block follows from the seed alone."""

    def __init__(
        self, stock: NDArray[np.uint8], grid: Grid, seed: int, noise: float, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.grid, self.seed, self.noise = grid, seed, noise
        given = torch.from_numpy(stock).permute(0, 3, 1, 2).to(device, dtype) / 255
        if given.shape[-1] != grid.side or given.shape[-2] != grid.side:
            given = torch.nn.functional.interpolate(given, size=(grid.side,) * 2, mode="bicubic", align_corners=False)
        self.stock = given.clamp(0, 1)

    def pictures(self, full: Image, blocks: NDArray[np.int64], numbers: NDArray[np.int64]) -> Batch:
        """Return the image with a patch in each block."""
        batch = full[None].repeat(len(blocks), 1, 1, 1)
        for picture, k, number in zip(batch, blocks, numbers, strict=True):
            source = np.random.default_rng([self.seed, int(k), int(number)])
            patch = self.stock[int(source.integers(len(self.stock)))]
            if self.noise:
                patch = patch + self.noise * torch.from_numpy(source.standard_normal(patch.shape)).to(patch)
            rows, columns = self.grid.slices(int(k))
            picture[:, rows, columns] = patch[:, : rows.stop - rows.start, : columns.stop - columns.start]
        return batch


def stock(given: NDArray[np.generic] | str | os.PathLike[str] | None, channels: int) -> NDArray[np.uint8]:
    """Return patches (n, y, x, channels), 8 bits."""
    if given is None:
        return patches(channels)
    if isinstance(given, str | os.PathLike):
        path = address("patches", given)
        given = _stored(path) if path.suffix == ".npz" else _folder(path, channels)
    array = _array(given, channels)
    if array.dtype.kind not in "buif" or array.ndim != 4 or array.shape[-1] != channels or not len(array):
        raise InputError(f"patches: got an array of shape {array.shape}, expected (n, y, x, {channels}).")
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("patches: got NaN or infinite values, expected numbers in [0, 1] or bytes.")
    if np.issubdtype(array.dtype, np.integer):
        if low < 0 or high > 255:
            raise InputError(f"patches: got whole numbers from {low} to {high}, expected 0 to 255.")
        return array.astype(np.uint8)
    scaled: NDArray[np.uint8] = np.round(array.clip(0, 1) * 255).astype(np.uint8)
    return scaled


def _stored(path: Path) -> NDArray[np.generic]:
    """Return the first array of a file; nothing in it is run."""
    with readable("patches", path, "file of arrays that numpy can read"), path.open("rb") as file:
        with np.load(file, allow_pickle=False) as stored:
            return np.asarray(stored[stored.files[0]])


def _folder(path: Path, channels: int) -> NDArray[np.uint8]:
    return _cut(in_channels(images.load(one), channels) for one in images.files(path))


def _array(given: object, channels: int) -> NDArray[np.generic]:
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError):  # tensors that are elsewhere or sparse, lists of unequal rows
        raise InputError(f"patches: got {type(given).__name__}, expected an array (n, y, x, {channels}).") from None


def _cut(pictures: Iterable[Image]) -> NDArray[np.uint8]:
    """Return all whole patches of pictures, row by row."""
    cut = [one.unfold(1, SIDE, SIDE).unfold(2, SIDE, SIDE).flatten(1, 2).permute(1, 2, 3, 0) for one in pictures]
    return np.round(torch.cat(cut).numpy() * 255).astype(np.uint8)
