"""Diffusion fields: how widely does a network look, window by window over the whole output."""

from __future__ import annotations

import time
import warnings
from typing import Unpack

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .. import result, statistics
from ..engine.progress import bar
from ..engine.scene import network_and_image
from ..networks import Network, NetworkLike
from ..types import ImageLike, NotConverged, Progress, Region
from ..validation import InputError, settings, whole
from .attribution import Choices, attribute

_TOGETHER = 16
"""Windows that share forward passes: more would save little, and hold more in memory."""
_WINDOWS = (result.WINDOW_Y, result.WINDOW_X)
TABLE = result.Table(
    {
        result.DIFFUSION_INDEX: (_WINDOWS, "diffusion index", "1"),
        result.DIFFUSION_INDEX_ERROR: (_WINDOWS, "estimated integration error of the diffusion index", "1"),
        result.QUADRATURE_ERROR: (_WINDOWS, "estimated relative L1 error of the map", "1"),
        result.COMPLETENESS_GAP: (_WINDOWS, "relative completeness gap", "1"),
        result.DETECTOR_START: (_WINDOWS, "detector at the baseline", "detector"),
        result.DETECTOR_END: (_WINDOWS, "detector at the image", "detector"),
        result.PRECISION_ERROR: (_WINDOWS, "estimated relative L1 error of the map by low precision", "1"),
    },
    result.PICTURES,
    maker="lam_nb.diffusion_field",
    optional=(result.PRECISION_ERROR,),
    coordinates={
        result.WINDOW_Y: ((result.WINDOW_Y,), "row of the window's centre", "output pixels"),
        result.WINDOW_X: ((result.WINDOW_X,), "column of the window's centre", "output pixels"),
    },
)
_OWN = {"region_y", "region_x", "steps", "computed_pixels"}
"""Facts of single windows, which a field does not tell."""


def diffusion_field(
    network: NetworkLike,
    image: ImageLike,
    *,
    stride: int = 16,
    size: int = 16,
    progress: Progress = True,
    **choices: Unpack[Choices],
) -> xr.Dataset:
    """Compute the diffusion index of a window at every stride of the output, as a map.

    Where does the network look widely? The maps behind the numbers are not kept.

    Parameters
    ----------
    network : Network or str
        Or what `lam_nb.networks.load` takes.
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        The network's input, RGB in [0, 1].
    stride : int, default 16
        Distance of windows, in output pixels.
    size : int, default 16
        Their side, in output pixels.
    progress : bool or callable, default True
        Show a progress bar, or tell a function (windows done, windows in all).
    **choices
        Of `lam_nb.attribute`, but ``keep``: path, detector, steps, tolerance, rule, batch, memory, precision,
        device, local.

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
    settings(choices, attribute, "diffusion_field", without=("keep", "reference"))
    started = time.perf_counter()
    net, picture = network_and_image(network, image)
    rows, columns = _corners(net, picture.shape[-2:], whole("stride", stride), whole("size", size))
    windows = [Region(int(y), int(x), size) for y in rows for x in columns]
    parts, rough = [], 0
    with bar(progress, len(windows), net.name, "window") as shown:
        for start in range(0, len(windows), _TOGETHER):
            chosen = windows[start : start + _TOGETHER]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotConverged)
                found = attribute(net, picture, chosen, **choices, keep=tuple(result.PICTURES), progress=False)
            rough += int((found[result.QUADRATURE_ERROR] > found.attrs.get("tolerance", np.inf)).sum())
            parts.append(found)
            shown.update(len(chosen))
    if rough:
        words = f"{rough} of {len(windows)} windows are above tolerance={found.attrs['tolerance']:g}"
        warnings.warn(f"{words}; their quadrature_error tells.", NotConverged, stacklevel=2)
    facts = {name: value for name, value in found.attrs.items() if name not in _OWN}
    facts |= {"stride": stride, "evaluations": sum(map(_evaluations, parts))}
    facts |= {"canvas_pixels": picture.shape[-2] * picture.shape[-1]}
    facts |= {"seconds": round(time.perf_counter() - started, 3)}
    centres: dict[str, ArrayLike] = {result.WINDOW_Y: rows + (size - 1) / 2, result.WINDOW_X: columns + (size - 1) / 2}
    centres |= {result.CHANNEL: net.axes.channels}
    return TABLE.build(_numbers(parts, (len(rows), len(columns))), centres, facts=facts)


def _corners(
    network: Network, sides: tuple[int, ...], stride: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    output = network.output_size(*sides)
    if size > min(output):
        raise InputError(f"size: got {size}, expected at most the output's smaller side, {min(output)}.")
    rows, columns = (np.arange(0, side - size + 1, stride) for side in output)
    return rows, columns


def _numbers(parts: list[xr.Dataset], grid: tuple[int, int]) -> dict[str, ArrayLike | None]:
    """Return the numbers of all windows on their grid, and the pictures that they share."""
    values: dict[str, ArrayLike | None] = {name: parts[0][name].values for name in result.PICTURES}
    for name in TABLE.names:
        if name in parts[0] and name not in values:
            values[name] = np.concatenate([one[name].values for one in parts]).reshape(grid)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a flat window has no index: NaN says so
        indices = [statistics.diffusion_index(one).values for one in parts]
    return values | {result.DIFFUSION_INDEX: np.concatenate(indices).reshape(grid)}


def _evaluations(found: xr.Dataset) -> int:
    if "steps" in found.attrs:
        return int(found.attrs["steps"]) * found.sizes[result.REGION]
    return int(found["steps"].sum())
