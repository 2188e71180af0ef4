"""Diffusion fields: how widely does a network look, window by window over the whole output."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import xarray as xr

from . import images, result, statistics
from .attribution import attribute
from .networks import Network, checked
from .progress import Progress, bar
from .types import InputError, NotConverged, Region, whole

_TOGETHER = 16
"""Windows that share forward passes: more would save little, and hold more in memory."""
_SETTINGS = ("path", "detector", "rule", "network", "parameters", "weights_sha256", "scale", "image_sha256", "device")


def diffusion_field(
    network: Network,
    image: Any,
    *,
    stride: int = 16,
    size: int = 16,
    progress: Progress = True,
    **settings: Any,
) -> xr.Dataset:
    """Compute the diffusion index of a window at every stride of the output, as a map.

    Where does the network look widely? The maps behind the numbers are not kept.

    Parameters
    ----------
    network : Network
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        The network's input, RGB in [0, 1].
    stride : int, default 16
        Distance of windows, in output pixels.
    size : int, default 16
        Their side, in output pixels.
    progress : bool or callable, default True
        Show a progress bar, or tell a function (windows done, windows in all).
    **settings
        Of `lam_nb.attribute`: path, detector, steps, tolerance, rule, batch, memory, precision, device.

    Returns
    -------
    xarray.Dataset
        diffusion_index, diffusion_index_error, quadrature_error, completeness_gap, detector_start and
        detector_end (window_y, window_x); coordinates are the windows' centres in output pixels. The
        index is NaN where the window is flat at both ends of the path. Also input and output.

    Raises
    ------
    InputError
        If the window does not fit the output, or a setting does not fit.

    Warns
    -----
    NotConverged
        If some windows did not reach the tolerance; how many, and `quadrature_error` says which.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> field = diffusion_field(net, lr, stride=64, steps=4, progress=False)
    >>> dict(field.diffusion_index.sizes)
    {'window_y': 4, 'window_x': 4}
    """
    started = time.perf_counter()
    picture = images.as_image(image)
    rows, columns = _places(network, picture, whole("stride", stride), whole("size", size))
    windows = [Region(int(y), int(x), size) for y in rows for x in columns]
    settings |= {"keep": (result.INPUT, result.OUTPUT), "progress": False}
    parts, rough = [], 0
    with bar(progress, len(windows), network.name, "window") as shown:
        for start in range(0, len(windows), _TOGETHER):
            chosen = windows[start : start + _TOGETHER]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotConverged)
                found = attribute(network, picture, chosen, **settings)
            rough += int((found[result.QUADRATURE_ERROR] > found.attrs.get("tolerance", np.inf)).sum())
            parts.append(_numbers(found))
            shown.update(len(chosen))
    if rough:
        words = f"{rough} of {len(windows)} windows are above tolerance={found.attrs['tolerance']:g}"
        warnings.warn(f"{words}; their quadrature_error tells.", NotConverged, stacklevel=2)
    told = {name: found.attrs[name] for name in _SETTINGS if name in found.attrs}
    told |= {"region_size": size, "stride": stride, "evaluations": sum(int(one.attrs["evaluations"]) for one in parts)}
    told |= {"canvas_pixels": picture.shape[-2] * picture.shape[-1], "seconds": round(time.perf_counter() - started, 3)}
    numbers = xr.concat(parts, result.REGION, combine_attrs="drop")
    pictures = found[[result.INPUT, result.OUTPUT]]
    return result.window_field(numbers, pictures, rows + (size - 1) / 2, columns + (size - 1) / 2, told)


def _places(network: Network, picture: Any, stride: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    sides = checked(network).output_size(*picture.shape[-2:])
    if size > min(sides):
        raise InputError(f"size: got {size}, expected at most the output's smaller side, {min(sides)}.")
    rows, columns = (np.arange(0, side - size + 1, stride) for side in sides)
    return rows, columns


def _numbers(found: xr.Dataset) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a flat window has no index: NaN says so
        index = statistics.diffusion_index(found)
    scalars = [str(name) for name, one in found.data_vars.items() if one.dims == (result.REGION,)]
    alike = found.attrs["steps"] * found.sizes[result.REGION] if "steps" in found.attrs else found["steps"].sum()
    numbers = found[scalars].assign({result.DIFFUSION_INDEX: index}).drop_vars(list(found.coords), errors="ignore")
    return numbers.assign_attrs(evaluations=int(alike))
