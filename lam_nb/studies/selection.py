"""Selection: which pictures and which windows have something to tell."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .. import images
from .._moved import renamed
from ..engine.scene import scene
from ..networks import NetworkLike, as_networks
from ..networks.loading import axes_of
from ..types import Device, Image, ImageLike, Region
from ..validation import InputError, whole


def test_set(folder: str | os.PathLike[str], n: int = 150, size: int = 256) -> dict[str, Image]:
    """Cut a test set of the paper's kind from any folder: the crops with most structure.

    Every picture is cut into non-overlapping crops; the `n` with the strongest mean gradient are kept,
    so that windows in their middle are hard (Gu & Dong, arXiv 2011.11036, took 150 of 256 × 256).

    Parameters
    ----------
    folder : path-like
        Of photographs; those smaller than a crop are left out.
    n : int, default 150
    size : int, default 256
        Side of a crop.

    Returns
    -------
    dict of str to torch.Tensor (3, size, size)
        Strongest first; names tell file and place.

    Raises
    ------
    InputError
        If no picture is large enough.

    Examples
    --------
    >>> from importlib import resources
    >>> found = test_set(resources.files("lam_nb") / "data" / "images", n=2, size=128)
    >>> [tuple(one.shape) for one in found.values()]
    [(3, 128, 128), (3, 128, 128)]
    """
    most, side = whole("n", n), whole("size", size)
    crops = []
    for path in images.files(folder):
        picture = images.load(path)
        rows, columns = (range(0, length - side + 1, side) for length in picture.shape[-2:])
        for y, x in ((y, x) for y in rows for x in columns):
            crop = images.crop(picture, y, x, side, side).clone()  # a view would hold the whole photograph
            crops.append((float(_slope(crop).mean()), f"{path.stem} y{y} x{x}", crop))
    if not crops:
        raise InputError(f"folder: no picture in {folder} is at least {size} × {size}; give a smaller size.")
    crops.sort(key=lambda one: (-one[0], one[1]))
    return {name: crop for _, name, crop in crops[:most]}


test_set.__test__ = False  # type: ignore[attr-defined] # its name is no test's


@renamed(truth="reference")
def hard_regions(
    reference: ImageLike,
    networks: Sequence[NetworkLike],
    n: int = 5,
    *,
    size: int = 16,
    stride: int = 8,
    apart: int | None = None,
    device: Device = None,
) -> list[Region]:
    """Choose windows where networks do worst and there is structure: where maps have something to tell.

    Windows are ranked by the squared error of the outputs, mean over the networks, times the mean
    gradient of the ground truth; chosen ones do not overlap and keep a window's side from the border.

    Parameters
    ----------
    reference : image
        Ground truth; networks get it reduced by their scale.
    networks : sequence of Network or str
        Or what `lam_nb.networks.load` takes.
    n : int, default 5
        Windows to choose; fewer if there is no room.
    size, stride : int
        Side of a window and distance of candidates, in output pixels.
    apart : int, optional
        Least distance of chosen windows, from corner to corner, in output pixels: more than `size`, by default,
        finds different places. Fewer windows may be found.
    device : str or torch.device, optional

    Returns
    -------
    list of Region
        Hardest first.

    Examples
    --------
    >>> import lam_nb as lam
    >>> len(hard_regions(lam.images.sample("facade"), [lam.networks.load("fsrcnn")], n=3))
    3
    """
    most, side, step = whole("n", n), whole("size", size), whole("stride", stride)
    distance = side if apart is None else whole("apart", apart)
    nets = as_networks(networks)
    picture = images.as_image(reference, "reference", axes_of(nets).count)
    if side > min(picture.shape[-2:]) or step > min(picture.shape[-2:]):
        raise InputError(
            f"size: got {side}, and stride={step}, for a picture of {tuple(picture.shape[-2:])}; choose smaller ones."
        )
    errors = []
    for network in nets:
        unit = network.scale * network.pad_to
        cut = images.crop(picture, 0, 0, *(length // unit * unit for length in picture.shape[-2:]))
        given = images.downscale(cut, network.scale) if network.scale > 1 else cut
        with scene(network, given, None, device=device) as s:
            errors.append((s.output[0].cpu() - cut).square().sum(0))
    rows, columns = (min(one.shape[k] for one in errors) for k in (0, 1))
    worth = torch.stack([one[:rows, :columns] for one in errors]).mean(0)
    score = _window_means(worth, side, step) * _window_means(_slope(picture)[:rows, :columns], side, step)
    margin = -(-side // step)
    for border in (score[:margin], score[-margin:], score[:, :margin], score[:, -margin:]):
        border[:] = -1
    found: list[Region] = []
    for k in np.argsort(-score.ravel(), kind="stable"):
        y, x = (int(at) * step for at in np.unravel_index(k, score.shape))
        is_free = all(max(abs(y - one.y), abs(x - one.x)) >= distance for one in found)
        if score.ravel()[k] >= 0 and is_free and len(found) < most:
            found.append(Region(y, x, side))
    return found


def _slope(picture: Image) -> torch.Tensor:
    """Return the gradient's magnitude of the mean colour, (y, x)."""
    grey = picture.mean(0)
    down, right = grey.diff(dim=0, append=grey[-1:]), grey.diff(dim=1, append=grey[:, -1:])
    return (down**2 + right**2).sqrt()


def _window_means(values: torch.Tensor, size: int, stride: int) -> NDArray[np.float64]:
    return torch.nn.functional.avg_pool2d(values[None, None].double(), size, stride)[0, 0].numpy()
