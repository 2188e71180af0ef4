"""Sensitivity: how much maps and the order of networks change with the choice of a path or a detector."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Unpack

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from .. import detectors, identity, images, paths, result, statistics
from ..engine.scene import regions
from ..methods.attribution import Choices, attribute
from ..networks import Network, NetworkLike, as_networks
from ..networks.loading import axes_of
from ..statistics import array
from ..types import DetectorMaker, ImageLike, PathMaker, Progress, RegionLike
from ..validation import InputError, address
from ..validation import settings as checked
from .grid import sweep

_CELLS = (result.CHOICE, result.MODEL)
TABLE = result.Table(
    {
        result.DIFFUSION_INDEX: (_CELLS, "diffusion index", "1"),
        result.RANK_CORRELATION: (_CELLS, "rank correlation with the first choice's map", "1"),
        result.TOP_OVERLAP: (_CELLS, "overlap of the strongest pixels with the first choice's map", "1"),
        result.RANKING: ((result.CHOICE,), "rank correlation of the networks' order with the first choice's", "1"),
    },
    maker="lam_nb.studies.path_sensitivity",
    coordinates={
        result.CHOICE: ((result.CHOICE,), "what was chosen", "1"),
        result.MODEL: ((result.MODEL,), "network", "1"),
    },
)


def path_sensitivity(
    networks: Sequence[NetworkLike],
    image: ImageLike,
    region: RegionLike,
    choices: Mapping[str, str | PathMaker] | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
    progress: Progress = True,
    **settings: Unpack[Choices],
) -> xr.Dataset:
    """Ask how much maps and the ranking of networks change with path and baseline.

    Path methods are criticised for the freedom in choosing a baseline (arXiv 1908.09818); here is what
    the choice does to these networks on this window.

    Parameters
    ----------
    networks : sequence of Network or str
    image, region
        As for `lam_nb.attribute`.
    choices : mapping of str to path, optional
        By default blur (the paper's), linear from blur, black and mean.
    store : path-like, optional
        A folder for the maps, a sweep per choice: run again, an interrupted study goes on where it was.
    progress
        As for `lam_nb.attribute`.
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
    checked(settings, attribute, "path_sensitivity", without=("path", "reference", "keep"))
    choices = {name: name for name in paths.names()} if choices is None else choices
    return _variants(networks, image, region, "path", choices, store, progress, settings)


def detector_sensitivity(
    networks: Sequence[NetworkLike],
    image: ImageLike,
    region: RegionLike,
    choices: Mapping[str, str | DetectorMaker] | None = None,
    *,
    reference: ImageLike | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress = True,
    **settings: Unpack[Choices],
) -> xr.Dataset:
    """Ask how much maps and the ranking of networks change with the detector.

    Parameters
    ----------
    networks : sequence of Network or str
    image, region
        As for `lam_nb.attribute`.
    choices : mapping of str to detector, optional
        By default edges (the paper's), intensity, Gabor, and with a reference the error against it.
    reference : image, optional
        Ground truth, as large as the outputs.
    store : path-like, optional
        As for `path_sensitivity`.
    progress
        As for `lam_nb.attribute`.
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
            choices |= {
                "error": detectors.error(images.as_image(reference, "reference", axes_of(as_networks(networks)).count))
            }
    checked(settings, attribute, "detector_sensitivity", without=("detector", "keep"))
    return _variants(networks, image, region, "detector", choices, store, progress, settings)


def _variants(
    networks: Sequence[NetworkLike],
    image: ImageLike,
    region: RegionLike,
    name: str,
    choices: Mapping[str, str | PathMaker] | Mapping[str, str | DetectorMaker],
    store: str | os.PathLike[str] | None,
    progress: Progress,
    settings: Choices,
) -> xr.Dataset:
    if not isinstance(choices, Mapping) or not choices:
        raise InputError(f"choices: got {type(choices).__name__}, expected a dictionary with at least one {name}.")
    nets, (window,) = as_networks(networks), regions(region)
    picture = images.as_image(image, channels=axes_of(nets).count)
    different, places = _different(nets)
    index, likeness, first = [], [], None
    with tempfile.TemporaryDirectory() if store is None else nullcontext(store) as folder:
        _made("store", folder)
        for k, choice in enumerate(choices.values()):
            varied: Choices = {"path": choice} if name == "path" else {"detector": choice}  # type: ignore[typeddict-item]
            given = {"store": Path(folder) / f"{name} {k}.zarr", "as_truth": False, "progress": progress}
            table = sweep(different, {"image": picture}, [window], **given, **{**settings, **varied})  # type: ignore[arg-type]
            cells = table.isel({result.IMAGE: 0, result.REGION: 0, result.MODEL: places})
            maps = xr.Dataset({result.ATTRIBUTION: cells[result.ATTRIBUTION].load().expand_dims(result.CHANNEL)})
            first = maps if first is None else first
            likeness.append(statistics.agreement(first, maps))
            index.append(cells[result.DIFFUSION_INDEX].values)
    values: dict[str, ArrayLike | None] = {
        key: np.array([one[key].values for one in likeness]) for key in (result.RANK_CORRELATION, result.TOP_OVERLAP)
    }
    values |= {
        result.DIFFUSION_INDEX: np.array(index),
        result.RANKING: [array.spearman(index[0], row) for row in index],
    }
    axes: dict[str, ArrayLike] = {
        result.CHOICE: list(choices),
        result.MODEL: result.numbered([net.name for net in nets]),
    }
    return TABLE.build(values, axes, facts={"varied": name, **window.facts})


def _different(nets: Sequence[Network]) -> tuple[list[Network], list[int]]:
    """Return networks that differ, and which of them each is: a sweep's cells go by identity."""
    keys = [str(identity.of_network(one)) for one in nets]
    found = {key: one for key, one in reversed(list(zip(keys, nets, strict=True)))}
    known = list(dict.fromkeys(keys))
    return [found[key] for key in known], [known.index(key) for key in keys]


def _made(name: str, folder: str | os.PathLike[str]) -> None:
    """Make a folder if it is not there."""
    try:
        address(name, folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{name}: {folder} cannot be a folder ({error.strerror}); give another name.") from None
