"""Crops: what is learned from, cut at random out of photographs and spoilt; the same for the same seed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from tqdm.auto import tqdm

from ... import images
from ...types import Batch, Degradation
from ...validation import InputError, answer, mapping, shape

Pair: TypeAlias = tuple[torch.Tensor, torch.Tensor]
Degradations: TypeAlias = Mapping[str, Degradation | Sequence[Degradation]]
"""Name -> function of a batch, or several of them: its levels."""


def pairs(
    folder: str | os.PathLike[str], scale: int, patch: int, reduction: images.Reduction | None = None
) -> list[Pair]:
    """Return (small, large) 8-bit tensors of every photograph of at least `patch` small pixels; bicubic unless said.

    Examples
    --------
    >>> from lam_nb.images import photographs
    >>> small, large = pairs(photographs.folder(), 4, 16)[0]
    >>> small.dtype, large.shape[-1] // small.shape[-1]
    (torch.uint8, 4)
    """
    found = []
    for path in tqdm(images.files(folder), desc="photographs", unit="file"):
        large = images.load(path)
        if min(large.shape[-2:]) >= patch * scale:
            small = images.downscale(large, scale) if reduction is None else reduction(large, scale)
            found.append((_bytes(small), _bytes(large)))
    if not found:
        raise InputError(f"photographs: none in {folder} has {patch * scale} pixels a side; lower the patch size.")
    return found


def batches(
    data: list[Pair],
    scale: int,
    patch: int,
    size: int,
    seed: int,
    first: int,
    noise: float = 0,
    degradations: Degradations | None = None,
) -> Iterator[Pair]:
    """Yield random crops, flipped, turned, spoilt. Batch k depends on the seed and k alone: training can resume.

    Examples
    --------
    >>> from lam_nb.images import photographs
    >>> small, large = next(batches(pairs(photographs.folder(), 4, 16), 4, patch=16, size=2, seed=0, first=0))
    >>> small.shape, large.shape
    (torch.Size([2, 3, 16, 16]), torch.Size([2, 3, 64, 64]))
    """
    ways = levels(degradations)
    step = first
    while True:
        random = np.random.default_rng((seed, step))
        crops = [crop(*data[random.integers(len(data))], scale, patch, random) for _ in range(size)]
        small, large = (torch.stack(part).float() / 255 for part in zip(*crops, strict=True))
        small = spoilt(small, ways, random)
        yield small + _noise(small, noise, random), large
        step += 1


def crop(small: torch.Tensor, large: torch.Tensor, scale: int, patch: int, random: np.random.Generator) -> Pair:
    """Cut the same place out of both, flipped and turned alike."""
    y, x = (int(random.integers(side - patch + 1)) for side in small.shape[-2:])
    turns, flip = int(random.integers(4)), bool(random.integers(2))

    def cut(picture: torch.Tensor, factor: int) -> torch.Tensor:
        piece = images.crop(picture, y * factor, x * factor, patch * factor, patch * factor)
        piece = torch.rot90(piece, turns, (1, 2))
        return piece.flip(2) if flip else piece

    return cut(small, 1), cut(large, scale)


def levels(degradations: Degradations | None) -> list[list[Degradation]]:
    """Return the ways to spoil a crop, each as its levels; "clean" is among them, unless there is nothing to choose.

    Raises
    ------
    InputError
        If they are no mapping of functions.

    Examples
    --------
    >>> [len(way) for way in levels({"blur": [images.Blur(1), images.Blur(2)]})]
    [1, 2]
    """
    given = mapping("degradations", degradations)
    if not given:
        return []
    ways = {name: list(way) if isinstance(way, Sequence) else [way] for name, way in {"clean": _clean, **given}.items()}
    for name, way in ways.items():
        if not way or not all(callable(one) for one in way):
            raise InputError(
                f"degradations: got {given[name]!r:.80} for {name!r}, expected a function of a batch, such as "
                "lam_nb.images.Blur(2), or a list of them."
            )
    return list(ways.values())


def spoilt(small: Batch, ways: Sequence[Sequence[Degradation]], random: np.random.Generator) -> Batch:
    """Return the crops, each degraded in one of the ways, at one of its levels, all as likely; without any, as it is.

    Examples
    --------
    >>> blur = levels({"blur": images.Blur(1)})
    >>> spoilt(torch.rand(4, 3, 8, 9), blur, np.random.default_rng(0)).shape
    torch.Size([4, 3, 8, 9])
    """
    return torch.cat([_degraded(one, ways, random) for one in small.split(1)]) if ways else small


def _degraded(crop: Batch, ways: Sequence[Sequence[Degradation]], random: np.random.Generator) -> Batch:
    way = ways[int(random.integers(len(ways)))]
    degradation, seed = way[int(random.integers(len(way)))], int(random.integers(2**31))
    degradation = images.reseeded(degradation, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = answer("degradations", degradation, crop)
    got = shape(found) if isinstance(found, torch.Tensor) else type(found).__name__
    if got != shape(crop) or not found.isfinite().all():
        got = "NaN or infinity" if got == shape(crop) else got
        raise InputError(f"degradations: got {got} for a batch {shape(crop)}, expected finite numbers of that shape.")
    return found.to(crop)


def _clean(batch: Batch) -> Batch:
    return batch


def _noise(small: torch.Tensor, noise: float, random: np.random.Generator) -> torch.Tensor:
    if not noise:
        return torch.zeros(())
    level = random.uniform(0, noise, (len(small), 1, 1, 1))
    return torch.from_numpy((level * random.standard_normal(small.shape)).astype(np.float32))


def _bytes(image: torch.Tensor) -> torch.Tensor:
    return (image * 255).round().to(torch.uint8)
