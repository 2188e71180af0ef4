"""Receptive fields: how far a network can look, and how far it does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import xarray as xr
from numpy.typing import ArrayLike

from .. import identity, images, result
from ..engine.reach import Reach, reach
from ..engine.running import Leased, device_name
from ..engine.running import device as chosen_device
from ..engine.sampling import value_and_gradient
from ..networks import Network, NetworkLike, as_network
from ..types import Batch, Detector, Device, Image, ImageLike
from ..validation import InputError, choose, whole

_PLANE = (result.Y, result.X)
_POWER = 0.25
_DISPLAYS = {"log": "log10(1 + influence) / maximum", "power": "fourth root of the mean influence / maximum"}
TABLE = result.Table(
    {
        result.INFLUENCE: (_PLANE, "positive gradient of the centre output pixel", "1"),
        result.EFFECTIVE_FIELD: (_PLANE, "effective receptive field", "1"),
        result.ABOVE: ((), "rows it can see above its own", "input pixels"),
        result.BELOW: ((), "rows it can see below its own", "input pixels"),
        result.LEFT: ((), "columns it can see left of its own", "input pixels"),
        result.RIGHT: ((), "columns it can see right of its own", "input pixels"),
        result.FIELD_HEIGHT: ((), "height of the receptive field", "input pixels"),
        result.FIELD_WIDTH: ((), "width of the receptive field", "input pixels"),
        result.FIELD_EXACT: ((), "whether the field is exact, or at least so large", "1"),
    },
    maker="lam_nb.receptive_field",
    coordinates={
        result.Y: ((result.Y,), "rows from the output pixel", "input pixels"),
        result.X: ((result.X,), "columns from the output pixel", "input pixels"),
    },
)


def receptive_field(
    network: NetworkLike,
    pictures: Sequence[ImageLike] | None = None,
    *,
    side: int = 64,
    limit: int = 1536,
    display: str = "log",
    device: Device = None,
) -> xr.Dataset:
    """Measure how far a network can look, and how far it does.

    The receptive field is structural: a network that multiplies a pixel by zero still "sees" it. It is
    found by marking input pixels with NaN, which spreads to whatever depends on them, and belongs to
    all scale × scale output pixels over one input pixel. As many neighbours are marked as it takes until
    nothing grows, gradients must not reach further and a larger picture must not change it: where they do, or
    there are none, the field is "at least" so large, and ``field_exact`` is false.

    The effective one (Luo et al., 2016, arXiv 1701.04128) is the gradient of the channel sum of the centre
    output pixel, its positive part summed over channels and pictures: the influence.

    Papers often count each convolution as if it ran at the input's size, and get slightly more.

    Parameters
    ----------
    network : Network or str
        From `lam_nb.networks.load` or `lam_nb.networks.wrap`, or a name or file that `load` takes.
    pictures : sequence of images, optional
        Of one size, for the effective field; crops of the sample photographs when not given.
    side : int, default 64
        Side of those crops in input pixels.
    limit : int, default 1536
        Length of strips after which a field counts as unbounded. Windows and strides are seen up to a third
        of it.
    display : {"log", "power"}
        How the influence becomes an effective field: log10(1 + sum over pictures), as in RepLKNet (arXiv
        2203.06717), or the fourth root of their mean, as in MambaIR (arXiv 2402.15648); over its maximum.
    device : str or torch.device, optional
        Where the gradient is computed.

    Returns
    -------
    xarray.Dataset
        effective_receptive_field and influence (y, x), rows and columns counted from the pixel; above,
        below, left, right, field_height, field_width in input pixels, inf where unbounded; field_exact.

    Raises
    ------
    InputError
        If the pictures differ in size or the network cannot run on a strip.

    Examples
    --------
    >>> import lam_nb as lam
    >>> field = receptive_field(lam.networks.load("residual"), side=48)
    >>> float(field.field_width)
    39.0
    """
    net, shown_as = as_network(network), _DISPLAYS[choose("display", display, _DISPLAYS)]
    run = Leased(net, chosen_device(device))
    found = reach(run, limit=limit)
    batch = torch.stack(_pictures(net, pictures, side))
    _, slopes, _ = value_and_gradient(run, _centre(net, batch), batch.to(run.device))
    total = slopes.double().clamp(min=0).sum((0, 1)).cpu()
    shown = torch.log10(total + 1) if display == "log" else (total / len(batch)) ** _POWER
    values: dict[str, ArrayLike | None] = {
        result.INFLUENCE: total.numpy(),
        result.EFFECTIVE_FIELD: (shown / shown.max()).numpy(),
        **_bounds(found),
        result.FIELD_EXACT: found.exact,
    }
    offsets = {name: torch.arange(n) - n // 2 for name, n in zip(_PLANE, total.shape, strict=True)}
    facts = identity.facts(net) | {
        "limit": limit,
        "period": found.period,
        "display": display,
        "images": len(batch),
        "device": device_name(run.device),
    }
    named = {result.EFFECTIVE_FIELD: f"effective receptive field, {shown_as}"}
    return TABLE.build(values, {name: row.numpy() for name, row in offsets.items()}, facts=facts, labels=named)


def _bounds(found: Reach) -> dict[str, float]:
    names = (result.ABOVE, result.BELOW), (result.LEFT, result.RIGHT)
    sides = {
        name: float("inf") if side is None else float(side[k])
        for pair, side in zip(names, (found.rows, found.columns), strict=True)
        for k, name in enumerate(pair)
    }
    height, width = (float("inf") if n is None else float(n) for n in found.size)
    return sides | {result.FIELD_HEIGHT: height, result.FIELD_WIDTH: width}


def _pictures(network: Network, given: Sequence[ImageLike] | None, side: int) -> list[Image]:
    if given is not None and (not isinstance(given, Sequence) or isinstance(given, str | bytes)):
        raise InputError(f"pictures: got {type(given).__name__}, expected a list of images, or None for the samples.")
    count = network.axes.count
    pictures = _crops(network, side) if given is None else [images.as_image(one, "pictures", count) for one in given]
    if not pictures or len({one.shape for one in pictures}) > 1:
        raise InputError("pictures: expected at least one image, all of one size; crop them first, or lower side.")
    return pictures


def _crops(network: Network, side: int) -> list[Image]:
    """Return crops of the samples, reduced first where there is room: more to see in as many pixels."""
    side = network.pad_to * -(-whole("side", side) // network.pad_to)
    large = [images.sample(name, network.axes.count) for name in images.samples()]
    large = [images.downscale(one, 2) if min(one.shape[-2:]) >= 2 * side else one for one in large]
    return [images.crop(one, 0, 0, side, side) for one in large if min(one.shape[-2:]) >= side]


def _centre(network: Network, batch: Batch) -> Detector:
    y, x = (side // 2 for side in network.output_size(*batch.shape[-2:]))
    return lambda output: output[:, :, y, x].sum(1)
