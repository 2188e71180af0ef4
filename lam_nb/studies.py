"""Studies: the findings over networks and images, each a function that returns a Dataset with intervals."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from . import detectors, gradients, images, paths, result, statistics
from .networks import Network
from .sweep import sweep
from .types import DetectorMaker, Image, InputError, PathMaker, Region, whole

_DRAWS = 2000


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
    whole("n", n), whole("size", size)
    crops = []
    for path in images.files(folder):
        picture = images.load(path)
        rows, columns = (range(0, side - size + 1, size) for side in picture.shape[-2:])
        for y, x in ((y, x) for y in rows for x in columns):
            crop = images.crop(picture, y, x, size, size)
            crops.append((float(_slope(crop).mean()), f"{path.stem} y{y} x{x}", crop))
    if not crops:
        raise InputError(f"folder: no picture in {folder} is at least {size} × {size}; give a smaller size.")
    crops.sort(key=lambda one: (-one[0], one[1]))
    return {name: crop for _, name, crop in crops[:n]}


test_set.__test__ = False  # type: ignore[attr-defined] # its name is no test's


def hard_regions(
    truth: Any, networks: Sequence[Network], n: int = 5, *, size: int = 16, stride: int = 8, device: Any = None
) -> list[Region]:
    """Choose windows where networks do worst and there is structure: where maps have something to tell.

    Windows are ranked by the squared error of the outputs, mean over the networks, times the mean
    gradient of the ground truth; chosen ones do not overlap and keep a window's side from the border.

    Parameters
    ----------
    truth : image
        Ground truth; networks get it reduced by their scale.
    networks : sequence of Network
    n : int, default 5
        Windows to choose; fewer if there is no room.
    size, stride : int
        Side of a window and distance of candidates, in output pixels.
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
    whole("n", n), whole("size", size), whole("stride", stride)
    if not networks:
        raise InputError("networks: got none, expected at least one; their errors rank the windows.")
    picture, place = images.as_image(truth), gradients.device(device)
    errors = []
    for network in networks:
        unit = network.scale * network.pad_to
        cut = images.crop(picture, 0, 0, *(side // unit * unit for side in picture.shape[-2:]))
        given = images.downscale(cut, network.scale) if network.scale > 1 else cut
        with gradients.frozen(network, place):
            output = gradients.outputs(network, given[None].to(place))[0].cpu()
        errors.append((output - cut).square().sum(0))
    rows, columns = (min(one.shape[k] for one in errors) for k in (0, 1))
    worth = torch.stack([one[:rows, :columns] for one in errors]).mean(0)
    slope = _slope(picture)[:rows, :columns]
    score = _window_means(worth, size, stride) * _window_means(slope, size, stride)
    margin = -(-size // stride)
    score[:margin], score[-margin:], score[:, :margin], score[:, -margin:] = (-1.0,) * 4
    chosen: list[Region] = []
    for k in np.argsort(-score.ravel(), kind="stable"):
        y, x = (int(at) * stride for at in np.unravel_index(k, score.shape))
        apart = all(max(abs(y - one.y), abs(x - one.x)) >= size for one in chosen)
        if score.ravel()[k] >= 0 and apart and len(chosen) < n:
            chosen.append(Region(y, x, size))
    return chosen


def di_against_psnr(table: xr.Dataset, *, draws: int = _DRAWS, seed: int = 0) -> xr.Dataset:
    """Correlate how widely networks look with how well they restore: ln DI against PSNR.

    The paper found Pearson 0.85 and Spearman 0.88 over some forty networks (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.sweep`, with ground truth.
    draws, seed : int
        Of the bootstrap over images.

    Returns
    -------
    xarray.Dataset
        ``pearson``, ``spearman`` with ``_low`` and ``_high`` of 95 % intervals over images; per model
        ``diffusion_index`` and ``against``, means with intervals.

    Raises
    ------
    InputError
        If there are fewer than three networks, or no PSNR.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> nets, regions = ["fsrcnn", "residual", "rfdn-small"], [lam.Region(96, 96)]
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> study = di_against_psnr(lam.sweep(nets, ["bricks", "facade"], regions, **settings))
    >>> -1 <= float(study.spearman) <= 1
    True
    """
    _needs_psnr(table)
    return _correlated(table, table[result.PSNR], "PSNR", "dB", draws, seed)


def di_against(table: xr.Dataset, values: Mapping[str, float], label: str, units: str = "1") -> xr.Dataset:
    """Correlate ln DI with a number per network, such as its receptive field, width, depth or parameters.

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.sweep`.
    values : mapping of str to float
        Network's name -> number; infinite ones, such as global receptive fields, count as larger than all.
    label, units : str
        For the axis.

    Returns
    -------
    xarray.Dataset
        As of `di_against_psnr`; Pearson's leaves infinite values out.

    Raises
    ------
    InputError
        If a network has no number.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> nets, regions = ["fsrcnn", "residual", "rfdn-small"], [lam.Region(96, 96)]
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(nets, ["bricks"], regions, **settings)
    >>> float(di_against(table, {"fsrcnn": 15, "residual": 39, "rfdn-small": 200}, "receptive field").spearman)
    1.0
    """
    names = [str(name) for name in table[result.MODEL].values]
    missing = [name for name in names if name not in values]
    if missing:
        raise InputError(f"values: has no number for {missing[0]!r}; give one for each of {', '.join(names)}.")
    row = xr.DataArray([float(values[name]) for name in names], dims=result.MODEL)
    spread = row.expand_dims({result.IMAGE: table.sizes[result.IMAGE]}).transpose(result.MODEL, result.IMAGE)
    return _correlated(table, spread, label, units, _DRAWS, 0)


def di_against_size(
    table: xr.Dataset, sizes: Mapping[str, tuple[int, int]], *, draws: int = _DRAWS, seed: int = 0
) -> xr.Dataset:
    """Ask what width and depth do to diffusion index and PSNR, in a family of one architecture.

    `lam_nb.networks.family.train_family` trains one. The paper found that both numbers rise with width
    and depth of FSRCNN (Gu & Dong, arXiv 2011.11036).

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.sweep`, with ground truth.
    sizes : mapping of str to (int, int)
        Network's name -> its width and depth. Networks that share the commonest depth show the effect
        of width, and the other way round.
    draws, seed : int
        Of the bootstrap over images.

    Returns
    -------
    xarray.Dataset
        ``width``, ``depth``, ``diffusion_index``, ``psnr`` (model) with ``_low`` and ``_high`` of 95 %
        intervals over images; ``spearman`` (axis, quantity) of both numbers with each size, with interval.

    Raises
    ------
    InputError
        If a network has no size, PSNR is missing, or fewer than three networks differ along an axis.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> nets = ["fsrcnn", "residual", "residual-wide"]  # no family, but enough to show the call
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(nets, ["bricks"], [lam.Region(96, 96)], **settings)
    >>> sizes = {"fsrcnn": (8, 1), "residual": (16, 1), "residual-wide": (32, 1)}
    >>> di_against_size(table, sizes).spearman.sizes["axis"]
    1
    """
    _needs_psnr(table)
    names = [str(name) for name in table[result.MODEL].values]
    missing = [name for name in names if name not in sizes]
    if missing:
        raise InputError(f"sizes: has no width and depth for {missing[0]!r}; give them for each of {', '.join(names)}.")
    width, depth = np.array([sizes[name] for name in names], float).T
    held = {"width": (width, depth), "depth": (depth, width)}
    on = {axis: other == _commonest(other) for axis, (_, other) in held.items()}
    on = {axis: rows for axis, rows in on.items() if len(np.unique(held[axis][0][rows])) >= 3}
    if not on:
        raise InputError("sizes: expected at least three networks of one depth, or of one width.")
    index = _index(table)
    quantities = {result.DIFFUSION_INDEX: index, result.PSNR: table[result.PSNR].transpose(result.MODEL, ...).values}
    every = _drawn(index.shape[1], draws, seed)
    means = {name: np.array([np.nanmean(values[:, row], 1) for row in every]) for name, values in quantities.items()}
    columns = {name: _interval(one) for name, one in means.items()}

    def along(axis: str, drawn: NDArray[np.float64]) -> tuple[Any, Any, Any]:
        return _interval(np.array([_spearman(held[axis][0][on[axis]], row[on[axis]]) for row in drawn]))

    found = {axis: [along(axis, drawn) for drawn in means.values()] for axis in on}
    told = {"draws": draws, "seed": seed, "images": index.shape[1]}
    return result.scaling(names, {"width": width, "depth": depth}, columns, on, found, told)


def _needs_psnr(table: xr.Dataset) -> None:
    result.check(table, result.DIFFUSION_INDEX)
    if result.PSNR not in table or bool(table[result.PSNR].isnull().all()):
        raise InputError("table: has no PSNR; make it with lam_nb.sweep(..., truth=True).")


def _commonest(values: NDArray[np.float64]) -> float:
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def _index(table: xr.Dataset) -> NDArray[np.float64]:
    """Return the diffusion index, mean over regions, (model, image)."""
    index: NDArray[np.float64] = table[result.DIFFUSION_INDEX].mean(result.REGION).transpose(result.MODEL, ...).values
    return index


def _drawn(count: int, draws: int, seed: int) -> list[NDArray[np.int64]]:
    """Return which images count: all of them, then as many again with replacement, for every draw."""
    again = np.random.default_rng(seed).integers(0, count, (whole("draws", draws), count))
    return [np.arange(count), *again]


def _interval(drawn: NDArray[np.float64]) -> tuple[Any, Any, Any]:
    """Return the first row, and the ends of the 95 % interval of the others."""
    with np.errstate(invalid="ignore"):  # an infinite field has no interval
        low, high = np.nanquantile(drawn[1:], [0.025, 0.975], axis=0)
    return drawn[0], low, high


def content(table: xr.Dataset) -> xr.Dataset:
    """Sort images by the widest look that any network took at them: what makes networks look widely.

    Parameters
    ----------
    table : xarray.Dataset
        Of `lam_nb.sweep`.

    Returns
    -------
    xarray.Dataset
        ``largest``, ``mean`` diffusion index (image), widest first, and the ``widest`` network's name.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> settings = {"store": tempfile.mkdtemp() + "/all.zarr", "steps": 4, "progress": False}
    >>> table = lam.sweep(["fsrcnn", "residual"], ["bricks", "facade"], [lam.Region(96, 96)], **settings)
    >>> bool(content(table).largest[0] >= content(table).largest[1])
    True
    """
    index = table[result.DIFFUSION_INDEX].mean(result.REGION)
    found = xr.Dataset({"largest": index.max(result.MODEL), "mean": index.mean(result.MODEL)})
    filled = index.fillna(-np.inf)
    names = table[result.MODEL].values[filled.argmax(result.MODEL).values]
    found["widest"] = (result.IMAGE, np.array(names, dtype=object))
    for name in ("largest", "mean"):
        found[name].attrs = {"long_name": f"{name} diffusion index over networks", "units": "1"}
    return found.sortby("largest", ascending=False)


def path_sensitivity(
    networks: Sequence[Network],
    image: Any,
    region: Region,
    choices: Mapping[str, str | PathMaker] | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Ask how much maps and the ranking of networks change with path and baseline.

    Path methods are criticised for the freedom in choosing a baseline (arXiv 1908.09818); here is what
    the choice does to these networks on this window.

    Parameters
    ----------
    networks : sequence of Network
    image, region
        As for `lam_nb.attribute`.
    choices : mapping of str to path, optional
        By default blur (the paper's), linear from blur, black and mean.
    store : path-like, optional
        A folder for the maps, a sweep per choice: run again, an interrupted study goes on where it was.
    **settings
        Of `lam_nb.attribute`.

    Returns
    -------
    xarray.Dataset
        ``diffusion_index``, ``rank_correlation`` and ``top_overlap`` with the first choice's map (choice,
        model); ``ranking`` (choice): Spearman's correlation of the networks' order by DI with the first's.

    Examples
    --------
    >>> import lam_nb as lam
    >>> nets = [lam.networks.load(name) for name in ("fsrcnn", "residual")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> found = path_sensitivity(nets, lr, lam.Region(96, 96), steps=6, progress=False)
    >>> found.choice.values.tolist()
    ['blur', 'linear', 'black', 'mean']
    """
    choices = {name: name for name in paths.names()} if choices is None else choices
    return _variants(networks, image, region, "path", choices, store, settings)


def detector_sensitivity(
    networks: Sequence[Network],
    image: Any,
    region: Region,
    choices: Mapping[str, str | DetectorMaker] | None = None,
    *,
    reference: Any = None,
    store: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Ask how much maps and the ranking of networks change with the detector.

    Parameters
    ----------
    networks : sequence of Network
    image, region
        As for `lam_nb.attribute`.
    choices : mapping of str to detector, optional
        By default edges (the paper's), intensity, Gabor, and with a reference the error against it.
    reference : image, optional
        Ground truth, as large as the outputs.
    store : path-like, optional
        As for `path_sensitivity`.
    **settings
        Of `lam_nb.attribute`.

    Returns
    -------
    xarray.Dataset
        As of `path_sensitivity`.

    Examples
    --------
    >>> import lam_nb as lam
    >>> nets, hr = [lam.networks.load("fsrcnn"), lam.networks.load("residual")], lam.images.sample("bricks")
    >>> lr, settings = lam.images.downscale(hr, 4), {"steps": 6, "progress": False}
    >>> detector_sensitivity(nets, lr, lam.Region(96, 96), reference=hr, **settings).choice.values.tolist()
    ['edges', 'intensity', 'gabor', 'error']
    """
    if choices is None:
        choices = {name: name for name in detectors.names()}
        if reference is not None:
            choices |= {"error": detectors.error(images.as_image(reference))}
    return _variants(networks, image, region, "detector", choices, store, settings)


def _variants(
    nets: Sequence[Network],
    image: Any,
    region: Region,
    name: str,
    choices: Mapping[str, Any],
    store: str | os.PathLike[str] | None,
    settings: dict[str, Any],
) -> xr.Dataset:
    if not nets or not choices:
        raise InputError(f"networks, choices: expected at least one network and one {name}.")
    given = {"image": images.as_image(image)}, [Region.of(region)]
    with tempfile.TemporaryDirectory() if store is None else nullcontext(store) as folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        places = [Path(folder) / f"{name} {k}.zarr" for k in range(len(choices))]
        tables = [
            sweep(nets, *given, store=place, truth=False, **settings | {name: choice})
            for place, choice in zip(places, choices.values(), strict=True)
        ]
    tables = [one.isel({result.IMAGE: 0, result.REGION: 0}) for one in tables]
    index = np.array([one[result.DIFFUSION_INDEX].values for one in tables])
    maps = [xr.Dataset({result.ATTRIBUTION: one[result.ATTRIBUTION].expand_dims(result.CHANNEL)}) for one in tables]
    likeness = [statistics.agreement(maps[0], one) for one in maps]
    cells = {str(key): np.array([one[key].values for one in likeness]) for key in likeness[0].data_vars}
    ranking = np.array([_spearman(index[0], row) for row in index])
    names = result.numbered([str(name) for name in tables[0][result.MODEL].values])
    return result.variants(list(choices), names.tolist(), index, cells, ranking, {"varied": name})


def _correlated(table: xr.Dataset, against: xr.DataArray, label: str, units: str, draws: int, seed: int) -> xr.Dataset:
    """Correlate ln of the mean index with a mean, over models, with intervals by drawing images again."""
    index = _index(table)
    other = against.transpose(result.MODEL, result.IMAGE).values
    if len(index) < 3:
        raise InputError(f"table: has {len(index)} networks, expected at least three to correlate.")
    every = _drawn(index.shape[1], draws, seed)
    means = [(np.nanmean(index[:, row], 1), other[:, row].mean(1)) for row in every]
    curves = {"pearson": _pearson, "spearman": _spearman}
    found = {name: _interval(np.array([f(np.log(x), y) for x, y in means])) for name, f in curves.items()}
    names = (result.DIFFUSION_INDEX, "against")
    columns = {name: _interval(np.array([one[k] for one in means])) for k, name in enumerate(names)}
    told = {"against": label, "against_units": units, "draws": draws, "seed": seed, "images": index.shape[1]}
    return result.correlation([str(name) for name in table[result.MODEL].values], found, columns, told)


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64], least: int = 3) -> float:
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < least or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
        return float("nan")
    return float(np.corrcoef(x[known], y[known])[0, 1])


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    known = ~(np.isnan(x) | np.isnan(y))
    if known.sum() < 2:
        return float("nan")
    return _pearson(statistics.ranks(x[known]), statistics.ranks(y[known]), least=2)


def _slope(picture: Image) -> torch.Tensor:
    """Return the gradient's magnitude of the mean colour, (y, x)."""
    grey = picture.mean(0)
    down, right = grey.diff(dim=0, append=grey[-1:]), grey.diff(dim=1, append=grey[:, -1:])
    return (down**2 + right**2).sqrt()


def _window_means(values: torch.Tensor, size: int, stride: int) -> NDArray[np.float64]:
    return torch.nn.functional.avg_pool2d(values[None, None].double(), size, stride)[0, 0].numpy()
