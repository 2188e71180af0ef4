"""Along: where a path is, how fast it goes. Any space will do: paths are functions of alpha that return tensors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from ..paths import ClosedPath, as_row, lengths
from ..types import Alphas, Batch, Path, RowPath
from ..validation import InputError
from .running import BACKENDS

_FORWARD_MODE = threading.RLock()
"""Held while torch differentiates forwards: its level belongs to the process, and two threads in it fail."""
_KEPT = 64
"""Images that a path of several windows remembers: nine nodes at first, refined twice where it matters."""


def positions(path: Path, alphas: Alphas) -> Batch:
    """Return the images (node, 3, y, x) at a row of alphas, also for a path that takes one alpha at a time."""
    with BACKENDS.usual():
        images = path(alphas) if takes_rows(path) else [path(alpha) for alpha in as_row(alphas)]
    if isinstance(images, torch.Tensor):
        return images
    if not all(isinstance(image, torch.Tensor) for image in images):
        raise InputError(f"path: got {type(images[0]).__name__} at one alpha, expected an image tensor (3, y, x).")
    return torch.stack(images)


def velocities(path: Path, alphas: Alphas) -> Batch:
    """Return d path / d alpha (node, 3, y, x): the path's own closed form, else forward-mode differentiation.

    Examples
    --------
    >>> image = torch.ones(3, 4, 5)
    >>> float(velocities(lambda alpha: alpha**2 * image, [0.5]).mean())
    1.0
    """
    with BACKENDS.usual():
        closed = getattr(path, "velocity", None)
        if closed is not None:
            return closed(alphas) if takes_rows(path) else torch.stack([closed(alpha) for alpha in as_row(alphas)])
        one = torch.ones((), dtype=torch.float64)
    with BACKENDS.usual(), _FORWARD_MODE:  # in this order: who is alone never waits for who waits
        return torch.stack([torch.func.jvp(path, (alpha,), (one,))[1] for alpha in as_row(alphas)])


def speed(path: Path, alphas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of d path / d alpha at a row of alphas."""
    if not isinstance(path, ClosedPath):
        return lengths(partial(velocities, path), alphas).numpy()
    with BACKENDS.usual():
        return path.speed(alphas).numpy()


def takes_rows(path: Path) -> bool:
    """Whether a path says of itself that it takes a row of alphas at once.

    Examples
    --------
    >>> from lam_nb import paths
    >>> takes_rows(paths.blur()(torch.ones(3, 9, 8))), takes_rows(lambda alpha: torch.ones(3, 9, 8))
    (True, False)
    """
    return isinstance(path, RowPath) and bool(path.takes_rows)


class Remembered:
    """A path that keeps what it gave, for the next region that asks for the same alphas.

    Parameters
    ----------
    path : callable
        alpha -> image.
    most : int
        Images to keep.

    Examples
    --------
    >>> path = Remembered(lambda alpha: alpha * torch.ones(3, 4, 5))
    >>> path([0.25, 0.5]).shape, path.velocity([0.5]).shape
    (torch.Size([2, 3, 4, 5]), torch.Size([1, 3, 4, 5]))
    """

    takes_rows = True

    def __init__(self, path: Path, most: int = _KEPT) -> None:
        self.path, self.most = path, most
        self._known: dict[tuple[str, float], torch.Tensor] = {}

    def __call__(self, alphas: Alphas, /) -> Batch:
        """Return the images at a row of alphas."""
        return self._recalled(positions, alphas)

    def velocity(self, alphas: Alphas, /) -> Batch:
        """Return d path / d alpha at a row of alphas."""
        return self._recalled(velocities, alphas)

    def _recalled(self, function: Callable[[Path, Sequence[float]], Batch], alphas: Alphas) -> Batch:
        name, row = function.__name__, [float(alpha) for alpha in as_row(alphas)]
        missing = [alpha for alpha in row if (name, alpha) not in self._known]
        fresh = dict(zip(missing, function(self.path, missing), strict=True)) if missing else {}
        found = [fresh[alpha] if alpha in fresh else self._known[name, alpha] for alpha in row]
        for alpha, images in fresh.items():
            if len(self._known) < self.most:
                self._known[name, alpha] = images.clone()
        return torch.stack(found)
