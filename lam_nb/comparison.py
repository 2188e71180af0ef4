"""Comparisons: the same window of the same image, seen by several networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import xarray as xr

from . import images, result, statistics
from .attribution import attribute
from .networks import Network
from .progress import Progress, bar
from .types import InputError, Region

_FIELD_SIDE = 64


def compare(
    networks: Sequence[Network],
    image: Any,
    region: Region | tuple[int, ...],
    *,
    reference: Any = None,
    fields: bool = False,
    progress: Progress = True,
    **settings: Any,
) -> xr.Dataset:
    """Compute the attribution map of one window for several networks.

    Parameters
    ----------
    networks : sequence of Network
        Of the same scale; names that occur twice are numbered.
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        The networks' input, RGB in [0, 1].
    region : Region or (y, x, size)
        Window of the outputs, in output pixels.
    reference : image, optional
        The ground truth, as large as the outputs: adds ``psnr``, of the whole output, in dB.
    fields : bool, default False
        Measure the networks' receptive fields, too: adds ``effective_receptive_field`` (model, field_y,
        field_x), ``field_height`` and ``field_width`` in input pixels, inf for networks that see everything.
    progress : bool or callable, default True
        Show a progress bar, or tell a function (done, in all) in hundredths of a network, after every
        batch; what it raises stops the work.
    **settings
        Of `lam_nb.attribute`. With ``steps=`` all networks have the same nodes, and what belongs to
        nodes is kept; otherwise each network has nodes of its own, and only the maps are.

    Returns
    -------
    xarray.Dataset
        What `lam_nb.attribute` returns, with a first dimension ``model`` of the networks' names.

    Raises
    ------
    InputError
        If there are no networks, their scales differ or the reference has another size.

    Examples
    --------
    >>> import lam_nb as lam
    >>> nets = [lam.networks.load(name) for name in ("fsrcnn", "residual")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> many = compare(nets, lr, lam.Region(96, 96), steps=6, progress=False)
    >>> many.lam.diffusion_index().round(1)["model"].values.tolist()
    ['fsrcnn', 'residual']
    """
    found = list(networks) if isinstance(networks, Sequence) else []
    if not found or not all(isinstance(one, Network) for one in found):
        raise InputError(f"networks: got {networks!r}, expected a list of networks from lam_nb.networks.load or wrap.")
    if len({one.scale for one in found}) > 1:
        scales = ", ".join(f"{one.name} ×{one.scale}" for one in found)
        raise InputError(
            f"networks: their scales differ ({scales}), so a window is not the same place; compare equals."
        )
    picture = images.as_image(image)
    truth = None if reference is None else images.reference(reference, found[0].output_size(*picture.shape[-2:]))
    results = []
    with bar(progress, 100 * len(found), "compare", "%") as shown:
        for network in found:
            inner = _share_of(shown)
            results.append(attribute(network, picture, region, progress=inner, **settings))
            inner(1, 1)
    names = result.numbered([one.name for one in found])
    stack = result.stacked(results, result.MODEL).assign_coords({result.MODEL: names})
    if truth is not None:
        rows = [images.psnr(one[result.OUTPUT].values, truth.numpy()) for one in results]
        stack = result.with_psnr(stack, rows)
    if not fields:
        return stack
    unit = math.lcm(*(one.pad_to for one in found))
    given: dict[str, Any] = {"side": unit * -(-_FIELD_SIDE // unit), "device": settings.get("device")}
    return result.with_fields(stack, [statistics.receptive_field(network, **given) for network in found])


def _share_of(shown: Any) -> Any:
    """Return a function (done, total) that moves the bar by up to a hundred."""
    moved = 0

    def follow(done: int, total: int) -> None:
        nonlocal moved
        more = max(0, 100 * done // max(total, 1) - moved)
        moved += more
        shown.update(more)

    return follow
