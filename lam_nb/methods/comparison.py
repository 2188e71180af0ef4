"""Comparisons: the same window of the same image, seen by several networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Unpack

import xarray as xr

from .. import images, result
from ..engine.progress import bar
from ..engine.scene import regions
from ..networks import NetworkLike, as_networks
from ..networks.loading import axes_of
from ..types import Bar, ImageLike, Progress, RegionLike
from ..validation import InputError, settings, switch
from .attribution import Settings, attribute
from .receptive import receptive_field

_FIELD_SIDE = 64
"""Least side of the pictures that receptive fields are measured on, in input pixels: what can be looked at."""


def compare(
    networks: Sequence[NetworkLike],
    image: ImageLike,
    region: RegionLike,
    *,
    reference: ImageLike | None = None,
    fields: bool = False,
    progress: Progress = True,
    **choices: Unpack[Settings],
) -> xr.Dataset:
    """Compute the attribution map of one window for several networks.

    Parameters
    ----------
    networks : sequence of Network or str
        Or what `lam_nb.networks.load` takes; of the same scale; names that occur twice are numbered.
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        The networks' input, RGB in [0, 1].
    region : Region, (y, x, size) or (y, x, height, width)
        Window of the outputs, in output pixels.
    reference : image, optional
        The ground truth, as large as the outputs: kept as ``reference``; adds ``psnr`` of the whole output and
        ``psnr_window`` of the window, in dB, and ``ssim``.
    fields : bool, default False
        Measure the networks' receptive fields, too: adds ``effective_receptive_field`` (model, field_y,
        field_x), ``field_height`` and ``field_width`` in input pixels, inf for networks that see everything.
    progress : bool or callable, default True
        Show a progress bar, or tell a function (done, in all) in hundredths of a network, after every
        batch; what it raises stops the work.
    **choices
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
    settings(choices, attribute, "compare")
    switch("fields", fields)
    found = as_networks(networks)
    if len({one.scale for one in found}) > 1:
        scales = ", ".join(f"{one.name} ×{one.scale}" for one in found)
        raise InputError(
            f"networks: their scales differ ({scales}), so a window is not the same place; compare equals."
        )
    count = axes_of(found).count
    picture, (window,) = images.as_image(image, channels=count), regions(region)
    size = found[0].output_size(*picture.shape[-2:])
    window.check(*size)
    truth = None if reference is None else images.reference(reference, size, count)
    results = []
    with bar(progress, 100 * len(found), "compare", "%") as shown:
        for network in found:
            inner = _share_of(shown)
            results.append(attribute(network, picture, window, reference=truth, progress=inner, **choices))
            inner(1, 1)
    names = result.numbered([one.name for one in found])
    stack = result.stacked(results, result.MODEL).assign_coords({result.MODEL: names})
    if not fields:
        return stack
    unit = math.lcm(*(one.pad_to for one in found))
    side = unit * -(-_FIELD_SIDE // unit)
    return _with_fields(stack, [receptive_field(network, side=side, device=choices.get("device")) for network in found])


def _with_fields(stack: xr.Dataset, fields: Sequence[xr.Dataset]) -> xr.Dataset:
    """Add the effective receptive field of every model, (model, field_y, field_x), and how far each can see."""
    names = {result.Y: result.FIELD_Y, result.X: result.FIELD_X}
    kept = [result.EFFECTIVE_FIELD, result.FIELD_HEIGHT, result.FIELD_WIDTH, result.FIELD_EXACT]
    rows = [one[kept].rename(names) for one in fields]
    return stack.merge(xr.concat(rows, result.MODEL).assign_coords({result.MODEL: stack[result.MODEL]}))


def _share_of(shown: Bar) -> Callable[[int, int], None]:
    """Return a function (done, total) that moves the bar by up to a hundred."""
    moved = 0

    def follow(done: int, total: int) -> None:
        nonlocal moved
        more = max(0, 100 * done // max(total, 1) - moved)
        moved += more
        shown.update(more)

    return follow
