"""Maps: sums, shares and curves of a result."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from ..result import (
    ALPHA,
    ATTRIBUTION,
    CHANNEL,
    COMPLETENESS_GAP,
    DETECTOR,
    DETECTOR_END,
    DETECTOR_START,
    GRADIENT,
    INTEGRAND,
    PATH,
    WEIGHT,
    X,
    Y,
    check,
)
from ..validation import InputError


def signed(dataset: xr.Dataset) -> xr.DataArray:
    """Sum the map over colour channels: (…, y, x), in the map's units.

    Examples
    --------
    >>> float(signed(example()).sum())
    2.0
    """
    found = check(dataset, ATTRIBUTION)[ATTRIBUTION]
    if not {CHANNEL, Y, X} <= set(found.dims):
        raise InputError(f"dataset: its map has dimensions {found.dims}, expected channel, y and x, as of attribute.")
    return named(found.sum(CHANNEL), "attribution", found.attrs.get("units", "detector"))


def magnitude(dataset: xr.Dataset) -> xr.DataArray:
    """Return how much each pixel was used, ``|Σ_channel attribution|``: (…, y, x), in the map's units.

    Examples
    --------
    >>> float(magnitude(example()).max())
    2.0
    """
    found = signed(dataset)
    return named(abs(found), "attribution magnitude", found.attrs["units"])


def contributions(dataset: xr.Dataset) -> xr.DataArray:
    """Return what each step adds to the map, weight × integrand summed over channels: (…, alpha, y, x).

    Examples
    --------
    >>> contributions(example()).dims
    ('alpha', 'y', 'x')
    """
    steps = check(dataset, INTEGRAND)[INTEGRAND].sum(CHANNEL) * dataset[WEIGHT]
    return named(steps, "contribution of a step", "detector")


def cumulative(dataset: xr.Dataset) -> xr.DataArray:
    """Return the map as it gathers along the path: (…, alpha, y, x); its last step is `signed`.

    Examples
    --------
    >>> float(cumulative(example())[-1].sum())
    2.0
    """
    return named(contributions(dataset).cumsum(ALPHA), "cumulative attribution", "detector")


def gathered(dataset: xr.Dataset) -> xr.DataArray:
    """Return the sum of the map as it gathers along the path: (…, alpha), in units of the detector.

    Examples
    --------
    >>> gathered(example()).values
    array([1., 2.])
    """
    return named(cumulative(dataset).sum((Y, X)), "gathered attribution", "detector")


def cumulative_share(dataset: xr.Dataset) -> xr.DataArray:
    """Return the gathered attribution over the detector's whole change: (…, alpha); 1 is complete.

    Examples
    --------
    >>> cumulative_share(example()).values
    array([0.5, 1. ])
    """
    check(dataset, DETECTOR_END, DETECTOR_START)
    change = dataset[DETECTOR_END] - dataset[DETECTOR_START]
    return named(gathered(dataset) / change, "share of the detector's change", "1")


def sensitivity(dataset: xr.Dataset) -> xr.DataArray:
    """Return the gradient along the path, summed over channels: (…, alpha, y, x).

    Examples
    --------
    >>> float(sensitivity(example()).sum())
    4.0
    """
    return named(check(dataset, GRADIENT)[GRADIENT].sum(CHANNEL), "gradient", "detector/intensity")


def response(dataset: xr.Dataset) -> xr.DataArray:
    """Return the detector's value along the path: (…, alpha).

    Examples
    --------
    >>> response(example()).values
    array([1.5, 2.5])
    """
    return check(dataset, DETECTOR)[DETECTOR]


def completeness(dataset: xr.Dataset) -> xr.DataArray:
    """Return the relative completeness gap, ``(Σ map − (D_end − D_start)) / |D_end − D_start|``; 0 is complete.

    Examples
    --------
    >>> float(completeness(example()))
    0.0
    """
    return check(dataset, COMPLETENESS_GAP)[COMPLETENESS_GAP]


def share(dataset: xr.Dataset) -> xr.DataArray:
    """Return the map as a share of its own sum of magnitudes: (…, y, x), or (…, alpha, y, x) as it gathers.

    So maps of networks whose detectors differ in strength can be laid beside each other: one that spreads
    is paler than one that gathers. With the integrand kept it is that of `cumulative`, over the finished
    map's sum. A map that is zero stays zero.

    Examples
    --------
    >>> float(share(example())[-1].max())
    1.0
    """
    total = magnitude(dataset).sum((Y, X))
    gathering = cumulative(dataset) if INTEGRAND in dataset else signed(dataset)
    return named(gathering / total.where(total > 0, 1), "share of the sum of magnitudes", "1")


def speed(dataset: xr.Dataset) -> xr.DataArray:
    """Return how fast the image changes along the path, its distance per alpha: (…, alpha).

    From differences between the nodes that were kept.

    Examples
    --------
    >>> still = xr.DataArray(np.ones((3, 1, 1, 1)), {"alpha": [0.0, 0.5, 1.0]}, ("alpha", "channel", "y", "x"))
    >>> speed(xr.Dataset({"path": still})).values
    array([0., 0., 0.])
    """
    moving = check(dataset, PATH)[PATH]
    return named((moving.differentiate(ALPHA) ** 2).sum((CHANNEL, Y, X)) ** 0.5, "speed of the path", "intensity/alpha")


def warn_of_nothing(found: xr.DataArray, statistic: str, stacklevel: int = 2) -> None:
    """Warn if a statistic of some map is NaN."""
    if bool(found.isnull().any()):
        words = (
            f"a map is zero everywhere or holds NaN: its {statistic} is NaN; look at detector_start and detector_end."
        )
        warnings.warn(words, RuntimeWarning, stacklevel=stacklevel + 1)


def named(values: xr.DataArray, label: str, units: str, **attributes: float) -> xr.DataArray:
    """Return a statistic with its name, long name and units, and nothing of what it came from."""
    values.name = label.replace(" ", "_").replace("'", "")
    values.attrs = {"long_name": label, "units": units, **attributes}
    return values


def example() -> xr.Dataset:
    """Return a map of one pixel of six that gathers in two equal steps; used by the examples here."""
    picture = np.zeros((3, 2, 3))
    picture[0, 0, 0] = 2
    along = (ALPHA, CHANNEL, Y, X), np.stack([picture, picture])
    scalars = {DETECTOR_START: 1.0, DETECTOR_END: 3.0, COMPLETENESS_GAP: 0.0}
    curves = {INTEGRAND: along, GRADIENT: along, DETECTOR: (ALPHA, [1.5, 2.5])}
    weights = {ALPHA: [0.25, 0.75], WEIGHT: (ALPHA, [0.5, 0.5])}
    return xr.Dataset({ATTRIBUTION: ((CHANNEL, Y, X), picture), **curves, **scalars}, coords=weights)
