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
    IMAGE,
    INPUT,
    INTEGRAND,
    MODEL,
    WEIGHT,
    X,
    Y,
    check,
)
from .types import InputError, whole

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


def diffusion_index(dataset: xr.Dataset, canvas: tuple[int, int] | None = None) -> xr.DataArray:
    """How widely the network looked, (1 − gini) · 100 (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    dataset : xarray.Dataset
    canvas : (rows, columns), optional
        Count as if the map lay on a canvas of this many pixels, zero elsewhere: the way to compare maps
        of different sizes. At least as large as the map.

    Returns
    -------
    xarray.DataArray
        In (0, 100]; larger is wider. It depends on the canvas: the same map on a larger image has
        a smaller index, so compare equal sizes only (attribute ``canvas_pixels``). NaN, with a
        warning, for a map that is zero or holds NaN.

    Raises
    ------
    InputError
        If the canvas is smaller than the map.

    Examples
    --------
    >>> round(float(diffusion_index(_example())), 4)
    16.6667
    >>> round(float(diffusion_index(_example(), canvas=(4, 3))), 4)
    8.3333
    """
    found = gini(dataset)
    pixels = found.attrs["canvas_pixels"]
    share = 1.0
    if canvas is not None:
        rows, columns = (whole("canvas", side) for side in canvas)
        if rows < dataset.sizes[Y] or columns < dataset.sizes[X]:
            size = f"{dataset.sizes[Y]} × {dataset.sizes[X]}"
            raise InputError(f"canvas: got {rows} × {columns}, expected at least the map's {size} pixels.")
        share, pixels = pixels / (rows * columns), rows * columns
    return _named((1 - found) * 100 * share, "diffusion index", "1", canvas_pixels=pixels)


def pixels_for_share(dataset: xr.Dataset, share: float = 0.95) -> xr.DataArray:
    """Return how few pixels hold `share` of the map's magnitude: (…), in input pixels.

    Unlike the diffusion index it does not depend on the canvas.

    Raises
    ------
    InputError
        If `share` is not in (0, 1].

    Examples
    --------
    >>> float(pixels_for_share(_example()))
    1.0
    """
    if not 0 < share <= 1:
        raise InputError(f"share: got {share!r}, expected a part of the whole, in (0, 1].")
    settings: dict[str, Any] = {"input_core_dims": [[Y, X]], "dask": "parallelized", "output_dtypes": [float]}
    found = xr.apply_ufunc(_fewest, magnitude(dataset), kwargs={"share": share}, **settings)
    return _named(found, "pixels for the share", "input pixels", share=share)


def spread(dataset: xr.Dataset) -> xr.DataArray:
    """Return the map's weighted radius: root of the mean squared distance to its centre, (…), in input pixels.

    To be held beside the receptive field, which says how far the network could look.

    Examples
    --------
    >>> float(spread(_example()))
    0.0
    """
    used = magnitude(dataset).astype(float)
    total = used.sum((Y, X))
    places = {side: xr.DataArray(np.arange(float(dataset.sizes[side])), dims=side) for side in (Y, X)}
    centres = {side: (used * place).sum((Y, X)) / total for side, place in places.items()}
    down, right = ((used * (places[side] - centres[side]) ** 2).sum((Y, X)) / total for side in (Y, X))
    return _named(((down + right) ** 0.5).where(total > 0), "spread", "input pixels")


def informative_area(many: xr.Dataset) -> xr.DataArray:
    """Return what every network uses and what only wide-looking ones do: (…, y, x), in about [−0.5, 1].

    With A and B the pixelwise largest and smallest contribution area over the networks:
    B − (A − B) / (2 max(A − B)). Near 1: all use it, enough for the most basic restoration; near
    −0.5: only some do, what looking wider may add. Of two networks, the second is B, as in the
    published demo (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    many : xarray.Dataset
        Of `lam_nb.compare`.

    Raises
    ------
    InputError
        If there is no dimension ``model`` with at least two networks.

    Examples
    --------
    >>> import lam_nb as lam
    >>> nets = [lam.networks.load(name) for name in ("rfdn-small", "fsrcnn")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> area = informative_area(lam.compare(nets, lr, lam.Region(96, 96), progress=False))
    >>> bool(-0.5 <= area.min() < 0)
    True
    """
    if many.sizes.get(MODEL, 0) < 2:
        raise InputError("many: expected at least two networks along 'model'; make it with lam_nb.compare.")
    areas = contribution_area(many)
    pair = many.sizes[MODEL] == 2
    wide = areas.isel({MODEL: 0}, drop=True) if pair else areas.max(MODEL)
    common = areas.isel({MODEL: 1}, drop=True) if pair else areas.min(MODEL)
    beyond = wide - common
    found = common - 0.5 * beyond / beyond.max((Y, X))
    named = _named(found, "informative area", "1")
    return named.assign_attrs(method="first network against second" if pair else "largest against smallest of all")


def agreement(first: xr.Dataset, second: xr.Dataset, top: float = 0.05) -> xr.Dataset:
    """Compare two maps: do they rank pixels alike, do they share their strongest pixels.

    Parameters
    ----------
    first, second : xarray.Dataset
        Results on one canvas; further dimensions are matched.
    top : float, default 0.05
        Part of the pixels that counts as strongest.

    Returns
    -------
    xarray.Dataset
        ``rank_correlation`` (Spearman's, of magnitudes, over pixels that either uses) and
        ``top_overlap`` (shared part of the strongest), both (…).

    Raises
    ------
    InputError
        If the canvases differ or `top` is not in (0, 1].

    Examples
    --------
    >>> found = agreement(_example(), _example())
    >>> float(found.rank_correlation), float(found.top_overlap)
    (1.0, 1.0)
    """
    if not 0 < top <= 1:
        raise InputError(f"top: got {top!r}, expected a part of the pixels, in (0, 1].")
    pair = [magnitude(one) for one in (first, second)]
    sizes = [(one.sizes[Y], one.sizes[X]) for one in pair]
    if sizes[0] != sizes[1]:
        raise InputError(f"second: its canvas is {sizes[1]}, expected the first's, {sizes[0]}; compare equal sizes.")
    bare = [one.drop_vars([name for name in one.coords if name not in one.dims]) for one in pair]
    settings: dict[str, Any] = {"input_core_dims": [[Y, X]] * 2, "output_dtypes": [float]}
    correlation = xr.apply_ufunc(_rank_correlation, *bare, vectorize=True, **settings)
    overlap = xr.apply_ufunc(_top_overlap, *bare, vectorize=True, kwargs={"top": top}, **settings)
    return xr.Dataset(
        {
            "rank_correlation": _named(correlation, "rank correlation", "1"),
            "top_overlap": _named(overlap, "overlap of the strongest pixels", "1", top=top),
        }
    )


def causal_agreement(effects: xr.Dataset, attribution: xr.Dataset) -> xr.DataArray:
    """Correlate a causal effect map with an attribution map of the same window, block by block.

    They answer different questions: an attribution map says which pixels the window was made of, a
    causal effect map which content there raises or lowers its quality. A network may use pixels that
    do not help; so a low number is a finding, and no error of either map.

    Parameters
    ----------
    effects : xarray.Dataset
        Of `lam_nb.causal_effect`.
    attribution : xarray.Dataset
        Of `lam_nb.attribute` or a peer, on the same input.

    Returns
    -------
    xarray.DataArray
        Spearman's correlation of |effect| with the sum of magnitudes in the block, over the blocks
        beside the region that either uses (attribute ``blocks``); NaN if there are fewer than three.

    Raises
    ------
    InputError
        If the inputs differ in size or the windows differ, or the attribution is of several windows.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, hr = lam.networks.load("fsrcnn"), lam.images.sample("bricks")
    >>> lr, window = lam.images.downscale(hr, 4), lam.Region(96, 96, 32)
    >>> cem = lam.causal_effect(net, lr, window, reference=hr, fine=4, progress=False)
    >>> 0 < float(causal_agreement(cem, lam.attribute(net, lr, window, progress=False))) < 1
    True
    """
    used = magnitude(attribution)
    size = tuple(check(effects, "effect", INPUT).sizes[name] for name in (Y, X))
    if used.ndim != 2:
        raise InputError(f"attribution: got dimensions {used.dims}, expected one map; choose one with isel or sel.")
    places = [[one.attrs.get(f"region_{name}") for name in ("y", "x", "size")] for one in (effects, attribution)]
    if None not in places[1] and places[0] != places[1]:
        raise InputError(
            f"attribution: is of the window (y, x, size) {places[1]}, expected that of effects, {places[0]}."
        )
    if (used.sizes[Y], used.sizes[X]) != size:
        raise InputError(f"attribution: its canvas is {(used.sizes[Y], used.sizes[X])}, expected the input's, {size}.")
    side = int(effects.attrs["block"])
    rows, columns = (np.arange(0, n, side) for n in size)
    sums = np.add.reduceat(np.add.reduceat(used.transpose(Y, X).values, rows, 0), columns, 1)
    effect = abs(effects["effect"].values)
    known = np.isfinite(effect) & ((effect != 0) | (sums != 0))
    found = _rank_correlation(effect[known], sums[known]) if known.sum() > 2 else np.nan
    return _named(xr.DataArray(found), "rank correlation of |effect| and attribution", "1", blocks=int(known.sum()))


def bootstrap(
    values: xr.DataArray, dimension: str = IMAGE, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> xr.Dataset:
    """Return the mean over a dimension with a bootstrap interval: draw its entries again, with replacement.

    Parameters
    ----------
    values : xarray.DataArray
    dimension : str, default "image"
        What was sampled, such as images; entries that are NaN are left out.
    level : float, default 0.95
    draws, seed : int

    Returns
    -------
    xarray.Dataset
        ``mean``, ``low``, ``high`` (…), in the values' units.

    Raises
    ------
    InputError
        If the dimension is missing or the level is not in (0, 1).

    Examples
    --------
    >>> found = bootstrap(xr.DataArray([1.0, 2.0, 3.0, 4.0], dims="image"))
    >>> float(found.low) < float(found["mean"]) < float(found.high)
    True
    """
    if dimension not in values.dims:
        raise InputError(f"dimension: got {dimension!r}, expected one of {', '.join(map(str, values.dims))}.")
    if not 0 < level < 1:
        raise InputError(f"level: got {level!r}, expected a probability such as 0.95.")
    count = values.sizes[dimension]
    rows = np.random.default_rng(seed).integers(0, count, (whole("draws", draws), count))
    drawn = values.isel({dimension: xr.DataArray(rows, dims=("draw", dimension))}).mean(dimension)
    low, high = (drawn.quantile(at, "draw").drop_vars("quantile") for at in ((1 - level) / 2, (1 + level) / 2))
    told = {"units": values.attrs.get("units", "1"), "level": level, "draws": draws, "seed": seed}
    parts = {"mean": values.mean(dimension), "low": low, "high": high}
    return xr.Dataset({name: one.assign_attrs(told) for name, one in parts.items()})


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


def _fewest(values: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    flat = -np.sort(-values.reshape(*values.shape[:-2], -1).astype(np.float64), axis=-1)
    gathered = flat.cumsum(-1)
    total = gathered[..., -1:]
    needed = (gathered < share * total * (1 - 1e-12)).sum(-1) + 1.0
    return np.where(total[..., 0] > 0, needed, np.nan)


def _rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    used = (first != 0) | (second != 0)
    used |= used.sum() < 2
    order = [ranks(one[used]) for one in (first, second)]
    if any(np.ptp(one) == 0 for one in order) or not all(np.isfinite(one).all() for one in (first, second)):
        return float("nan")
    return float(np.corrcoef(order[0], order[1])[0, 1].clip(-1, 1))


def _top_overlap(first: NDArray[np.floating], second: NDArray[np.floating], top: float) -> float:
    if not (first.any() and second.any()):
        return float("nan")
    count = max(1, round(top * first.size))
    strongest = [set(np.argsort(-one.ravel(), kind="stable")[:count].tolist()) for one in (first, second)]
    return len(strongest[0] & strongest[1]) / count


def ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the ranks of a row of numbers from 1, of equal ones their mean.

    Examples
    --------
    >>> ranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[inverse]


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


def _named(values: xr.DataArray, label: str, units: str, **attributes: float) -> xr.DataArray:
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
