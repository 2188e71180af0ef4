"""Statistics: Dataset -> DataArray. They work unchanged with further dimensions, such as `model`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .result import (
    ALPHA,
    ATTRIBUTION,
    CHANNEL,
    COMPLETENESS_GAP,
    DETECTOR,
    DETECTOR_END,
    DETECTOR_START,
    GRADIENT,
    INTEGRAND,
    WEIGHT,
    X,
    Y,
    check,
)

if TYPE_CHECKING:
    from .networks import Network

_SINGULAR = 1e12
"""Condition above which all that counts lies on one line, and there is no area."""


def signed(dataset: xr.Dataset) -> xr.DataArray:
    """Sum the map over colour channels: (…, y, x), in units of the detector.

    Examples
    --------
    >>> float(signed(_example()).sum())
    2.0
    """
    return _named(check(dataset, ATTRIBUTION)[ATTRIBUTION].sum(CHANNEL), "attribution", "detector")


def magnitude(dataset: xr.Dataset) -> xr.DataArray:
    """Return how much each pixel was used, |Σ_channel attribution|: (…, y, x), in units of the detector.

    Examples
    --------
    >>> float(magnitude(_example()).max())
    2.0
    """
    return _named(abs(signed(dataset)), "attribution magnitude", "detector")


def contributions(dataset: xr.Dataset) -> xr.DataArray:
    """Return what each step adds to the map, weight × integrand summed over channels: (…, alpha, y, x).

    Examples
    --------
    >>> contributions(_example()).dims
    ('alpha', 'y', 'x')
    """
    steps = check(dataset, INTEGRAND)[INTEGRAND].sum(CHANNEL) * dataset[WEIGHT]
    return _named(steps, "contribution of a step", "detector")


def cumulative(dataset: xr.Dataset) -> xr.DataArray:
    """Return the map as it gathers along the path: (…, alpha, y, x); its last step is `signed`.

    Examples
    --------
    >>> float(cumulative(_example())[-1].sum())
    2.0
    """
    return _named(contributions(dataset).cumsum(ALPHA), "cumulative attribution", "detector")


def cumulative_share(dataset: xr.Dataset) -> xr.DataArray:
    """Return the gathered attribution over the detector's whole change: (…, alpha); 1 is complete.

    Examples
    --------
    >>> cumulative_share(_example()).values
    array([0.5, 1. ])
    """
    change = dataset[DETECTOR_END] - dataset[DETECTOR_START]
    return _named(cumulative(dataset).sum((Y, X)) / change, "share of the detector's change", "1")


def sensitivity(dataset: xr.Dataset) -> xr.DataArray:
    """Return the gradient along the path, summed over channels: (…, alpha, y, x).

    Examples
    --------
    >>> float(sensitivity(_example()).sum())
    4.0
    """
    return _named(check(dataset, GRADIENT)[GRADIENT].sum(CHANNEL), "gradient", "detector/intensity")


def response(dataset: xr.Dataset) -> xr.DataArray:
    """Return the detector's value along the path: (…, alpha).

    Examples
    --------
    >>> response(_example()).values
    array([1.5, 2.5])
    """
    return check(dataset, DETECTOR)[DETECTOR]


def gini(dataset: xr.Dataset) -> xr.DataArray:
    """Gini coefficient of `magnitude` over pixels: 0 when all count the same, near 1 when few do.

    G = Σ_i Σ_j |a_i − a_j| / (2 n² ā) (Gu & Dong, arXiv 2011.11036).

    Returns
    -------
    xarray.DataArray
        In [0, 1); NaN, with a warning, for a map that is zero everywhere or holds NaN. The
        attribute ``canvas_pixels`` holds n: values on different canvases do not compare.

    Examples
    --------
    >>> round(float(gini(_example())), 6)
    0.833333
    """
    used = magnitude(dataset)
    found = xr.apply_ufunc(_gini, used, input_core_dims=[[Y, X]], dask="parallelized", output_dtypes=[float])
    if bool(found.isnull().any()):
        warnings.warn(
            "a map is zero everywhere or holds NaN: its Gini coefficient and diffusion index are NaN; "
            "look at detector_start and detector_end.",
            RuntimeWarning,
            stacklevel=2,
        )
    return _named(found, "Gini coefficient", "1", canvas_pixels=used.sizes[Y] * used.sizes[X])


def diffusion_index(dataset: xr.Dataset) -> xr.DataArray:
    """How widely the network looked, (1 − gini) · 100 (Gu & Dong, arXiv 2011.11036).

    Returns
    -------
    xarray.DataArray
        In (0, 100]; larger is wider. It depends on the canvas: the same map on a larger image has
        a smaller index, so compare equal sizes only (attribute ``canvas_pixels``). NaN, with a
        warning, for a map that is zero or holds NaN.

    Examples
    --------
    >>> round(float(diffusion_index(_example())), 4)
    16.6667
    """
    found = gini(dataset)
    return _named((1 - found) * 100, "diffusion index", "1", canvas_pixels=found.attrs["canvas_pixels"])


def contribution_area(dataset: xr.Dataset) -> xr.DataArray:
    """Return where contributions gather: a weighted Gaussian kernel density over pixels, its maximum 1.

    The bandwidth is the weighted covariance of pixel positions times Scott's factor squared. On a
    pixel grid that density is a convolution, done here by FFT: the values of scipy's gaussian_kde,
    which the published demo takes, in milliseconds.

    Returns
    -------
    xarray.DataArray
        (…, y, x) in [0, 1]; NaN, with a warning, for a map without two pixels that count or with NaN.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> area = contribution_area(lam.attribute(net, lr, lam.Region(96, 96), progress=False))
    >>> float(area.max())
    1.0
    """
    sizes = [[Y, X]]
    settings: dict[str, Any] = {"input_core_dims": sizes, "output_core_dims": sizes, "vectorize": True}
    found = xr.apply_ufunc(_density, magnitude(dataset), dask="parallelized", output_dtypes=[float], **settings)
    if bool(found.isnull().any()):
        words = "a map has no two pixels that count, or holds NaN: its contribution area is NaN."
        warnings.warn(words, RuntimeWarning, stacklevel=2)
    return _named(found, "contribution area", "1")


def completeness(dataset: xr.Dataset) -> xr.DataArray:
    """Return the relative completeness gap, (Σ map − (D_end − D_start)) / |D_end − D_start|; 0 is complete.

    Examples
    --------
    >>> float(completeness(_example()))
    0.0
    """
    return check(dataset, COMPLETENESS_GAP)[COMPLETENESS_GAP]


def receptive_field(
    network: Network,
    pictures: Sequence[Any] | None = None,
    *,
    side: int = 64,
    limit: int = 1536,
    device: Any = None,
) -> xr.Dataset:
    """Measure how far a network can look, and how far it does.

    The receptive field is structural: a network that multiplies a pixel by zero still "sees" it. It is
    found by marking input pixels with NaN, which spreads to whatever depends on them, and belongs to
    all scale × scale output pixels over one input pixel. The effective one (Luo et al., 2016,
    arXiv 1701.04128) is the gradient of the channel sum of the centre output pixel, its positive
    part summed over channels and pictures, as log10(1 + sum) over its maximum.

    Papers often count each convolution as if it ran at the input's size, and get slightly more.

    Parameters
    ----------
    network : Network
        From `lam_nb.networks.load` or `lam_nb.networks.wrap`.
    pictures : sequence of images, optional
        Of one size, for the effective field; crops of the sample photographs when not given.
    side : int, default 64
        Side of those crops in input pixels.
    limit : int, default 1536
        Length of strips after which a field counts as unbounded.
    device : str or torch.device, optional
        Where the gradient is computed.

    Returns
    -------
    xarray.Dataset
        effective_receptive_field and influence (y, x), rows and columns counted from the pixel; above,
        below, left, right, field_height, field_width in input pixels, inf where unbounded.

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
    from . import fields

    return fields.measure(network, pictures, side=side, limit=limit, device=device)


def _gini(values: NDArray[np.floating]) -> NDArray[np.float64]:
    flat = np.sort(values.reshape(*values.shape[:-2], -1).astype(np.float64), axis=-1)
    count = flat.shape[-1]
    rank = 2 * np.arange(1, count + 1) - count - 1
    total = flat.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (flat @ rank) / (count * total), np.nan)


def _density(values: NDArray[np.floating]) -> NDArray[np.float64]:
    total = values.sum(dtype=np.float64)
    height, width = values.shape
    if not total > 0 or np.count_nonzero(values) < 2:
        return np.full(values.shape, np.nan)
    weights = values.astype(np.float64) / total
    squares = (weights**2).sum()
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij")).reshape(2, -1)
    spread = np.cov(places, aweights=weights.ravel()) * squares ** (1 / 3)
    if np.linalg.cond(spread) > _SINGULAR:
        return np.full(values.shape, np.nan)
    down, right = (np.fft.ifftshift(np.arange(1 - side, side)) for side in (height, width))
    across = np.linalg.inv(spread)
    distance = across[0, 0] * down[:, None] ** 2 + 2 * across[0, 1] * np.outer(down, right) + across[1, 1] * right**2
    size = distance.shape
    spectrum = np.fft.rfft2(weights, size) * np.fft.rfft2(np.exp(-distance / 2))
    density = np.fft.irfft2(spectrum, size)[:height, :width].clip(min=0)
    return density / density.max()


def _named(values: xr.DataArray, label: str, units: str, **attributes: int) -> xr.DataArray:
    values.name = label.replace(" ", "_").replace("'", "")
    values.attrs = {"long_name": label, "units": units, **attributes}
    return values


def _example() -> xr.Dataset:
    """Return a map of one pixel of six that gathers in two equal steps; used by the examples here."""
    picture = np.zeros((3, 2, 3))
    picture[0, 0, 0] = 2
    along = (ALPHA, CHANNEL, Y, X), np.stack([picture, picture])
    scalars = {DETECTOR_START: 1.0, DETECTOR_END: 3.0, COMPLETENESS_GAP: 0.0}
    curves = {INTEGRAND: along, GRADIENT: along, DETECTOR: (ALPHA, [1.5, 2.5])}
    weights = {ALPHA: [0.25, 0.75], WEIGHT: (ALPHA, [0.5, 0.5])}
    return xr.Dataset({ATTRIBUTION: ((CHANNEL, Y, X), picture), **curves, **scalars}, coords=weights)
