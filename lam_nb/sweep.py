"""Sweeps: many networks × images × regions into one Zarr store that survives whatever happens overnight."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from . import images, networks, provenance, result, statistics
from .attribution import attribute
from .networks import Network
from .progress import Progress, bar
from .types import InputError, NotConverged, Region

_SCALARS = (
    result.DIFFUSION_INDEX,
    result.DIFFUSION_INDEX_ERROR,
    result.QUADRATURE_ERROR,
    result.COMPLETENESS_GAP,
    result.DETECTOR_START,
    result.DETECTOR_END,
)


def sweep(
    networks: Sequence[Network | str],
    images: Mapping[str, Any] | Sequence[Any],
    regions: Sequence[Region],
    *,
    store: str | os.PathLike[str],
    truth: bool = True,
    client: Any = None,
    progress: Progress = True,
    **settings: Any,
) -> xr.Dataset:
    """Compute the maps of many networks on many images and windows, each result written as soon as it is there.

    Interrupt it, kill it, lose a worker, run it again: what is in the store is not computed twice. A
    network and image that fails is told at the end, and tried again by the next call; all others go on.

    Parameters
    ----------
    networks : sequence of Network or str
        Networks, or names and checkpoints for `lam_nb.networks.load`.
    images : mapping of str to image, or sequence of images, files or names of samples
        All of one size.
    regions : sequence of Region
        Windows of the outputs, in output pixels, the same on every image.
    store : path-like
        Ends in .zarr; made, or continued.
    truth : bool, default True
        The images are the ground truth: networks that enlarge get them reduced by their scale, and
        PSNR is measured. Otherwise they are the networks' inputs.
    client : dask.distributed.Client, optional
        Compute on its workers (extra ``sweep``). Networks are then given by name or file, since
        modules do not travel.
    progress : bool or callable
        As for `lam_nb.attribute`, in pairs of network and image.
    **settings
        Of `lam_nb.attribute`: steps, tolerance, path, detector, … by name.

    Returns
    -------
    xarray.Dataset
        ``diffusion_index`` and its error, ``quadrature_error``, ``completeness_gap``, ``detector_start``,
        ``detector_end`` (model, image, region), ``psnr`` (model, image) in dB, ``attribution``
        (model, image, region, y, x), the signed map summed over channels, and ``done`` (model, image).

    Raises
    ------
    InputError
        If an argument does not fit, the store holds another sweep, or every pair failed.

    Warns
    -----
    RuntimeWarning
        If some pairs failed: which, and why.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> folder, regions = tempfile.mkdtemp(), [lam.Region(96, 96), lam.Region(32, 160)]
    >>> settings = {"store": folder + "/all.zarr", "steps": 4, "progress": False}
    >>> table = sweep(["fsrcnn", "residual"], ["bricks", "facade"], regions, **settings)
    >>> dict(table.diffusion_index.sizes)
    {'model': 2, 'image': 2, 'region': 2}
    """
    nets, pictures, windows = _networks(networks, client), _pictures(images), list(regions)
    if not windows or not all(isinstance(one, Region) for one in windows):
        raise InputError(f"regions: got {regions!r}, expected a list of lam_nb.Region.")
    path = Path(store)
    if path.suffix != ".zarr":
        raise InputError(f"store: got {path.name}, expected a name that ends in .zarr.")
    plan = _plan(nets, pictures, windows, truth, settings)
    group = _opened(path, plan, nets, pictures, windows)
    missing = [(int(m), int(i)) for m, i in np.argwhere(np.asarray(group[result.DONE]) == 0)]
    work = {"regions": windows, "store": str(path), "truth": truth, "settings": settings}
    tasks = [(nets[m][1], pictures[i][1], m, i) for m, i in missing]
    run = _here if client is None else _on(client)
    failures = []
    with bar(progress, len(nets) * len(pictures), "sweep", "map") as shown:
        shown.update(len(nets) * len(pictures) - len(missing))
        for m, i, failure in run(tasks, work):
            if failure:
                failures.append(f"{nets[m][0]} on {pictures[i][0]}: {failure}")
            shown.update(1)
    if len(failures) == len(nets) * len(pictures):  # nothing to keep: so that a mended call may use the name
        shutil.rmtree(path)
        raise InputError(f"all {len(failures)} pairs of network and image failed, the first with {failures[0]}")
    if failures:
        words = f"{len(failures)} of {len(tasks)} pairs failed and will be tried again by the next call; "
        warnings.warn(words + "; ".join(failures[:3]), RuntimeWarning, stacklevel=2)
    return result.open(path)


def _here(tasks: Sequence[Any], work: dict[str, Any]) -> Iterator[tuple[int, int, str]]:
    for task in tasks:
        yield _cell(*task, **work)


def _on(client: Any) -> Callable[..., Iterator[tuple[int, int, str]]]:
    """Return a function that runs tasks on Dask workers, which write their results themselves."""

    def run(tasks: Sequence[Any], work: dict[str, Any]) -> Iterator[tuple[int, int, str]]:
        from dask.distributed import as_completed

        futures = {client.submit(_cell, *task, **work, pure=False): task for task in tasks}
        try:
            for future in as_completed(list(futures)):
                _, _, m, i = futures[future]
                yield future.result() if future.status == "finished" else (m, i, str(future.exception()))
        finally:
            client.cancel(list(futures))

    return run


def _cell(
    network: Network | str,
    image: Any,
    m: int,
    i: int,
    *,
    regions: list[Region],
    store: str,
    truth: bool,
    settings: dict[str, Any],
) -> tuple[int, int, str]:
    """Compute the maps of one network on one image, write them, and say so last; return why not, if not."""
    try:
        net = networks.load(network) if isinstance(network, str) else network
        picture = images.as_image(image)
        given = images.downscale(picture, net.scale) if truth and net.scale > 1 else picture
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConverged)  # quadrature_error tells
            warnings.simplefilter("ignore", RuntimeWarning)  # a flat window has no index: NaN says so
            keep = settings.get("keep", [result.OUTPUT])
            found = attribute(net, given, regions, progress=False, **settings | {"keep": keep})
            index = statistics.diffusion_index(found)
        group = _group(store)
        values = found.assign({result.DIFFUSION_INDEX: index})
        for name in _SCALARS:
            group[name][m, i] = values[name].values
        group[result.ATTRIBUTION][m, i] = statistics.signed(found).values
        if truth:
            output = found[result.OUTPUT].values
            height, width = output.shape[-2:]  # less than the picture if its sides are no multiples of the scale
            group[result.PSNR][m, i] = images.psnr(output, picture[:, :height, :width].numpy())
        group[result.DONE][m, i] = 1
    except Exception as error:
        return m, i, f"{type(error).__name__}: {error}"
    return m, i, ""


def _networks(given: Sequence[Network | str], client: Any) -> list[tuple[str, Network | str]]:
    if not isinstance(given, Sequence) or not given or not all(isinstance(one, Network | str) for one in given):
        raise InputError(f"networks: got {given!r}, expected networks, or names for lam_nb.networks.load.")
    if client is not None and not all(isinstance(one, str) for one in given):
        raise InputError("networks: modules do not travel to workers; give names or checkpoint files, or no client.")
    return [(one if isinstance(one, str) else one.name, one) for one in given]


def _pictures(given: Mapping[str, Any] | Sequence[Any]) -> list[tuple[str, torch.Tensor]]:
    named = given.items() if isinstance(given, Mapping) else ((_name(one, k), one) for k, one in enumerate(given))
    found = [(str(name), _picture(one)) for name, one in named]
    if not found or len({one.shape for _, one in found}) > 1:
        sizes = ", ".join(f"{name} {tuple(one.shape[-2:])}" for name, one in found[:4])
        raise InputError(f"images: expected at least one, all of one size; got {sizes or 'none'}; crop them first.")
    return found


def _picture(one: Any) -> torch.Tensor:
    return images.sample(one) if isinstance(one, str) and one in images.samples() else images.as_image(one)


def _name(one: Any, k: int) -> str:
    return Path(one).stem if isinstance(one, str | Path) else f"image {k}"


def _plan(
    nets: Sequence[Any], pictures: Sequence[Any], windows: Sequence[Region], truth: bool, settings: dict[str, Any]
) -> str:
    """Return what makes two sweeps the same, as text."""
    hashes = [net if isinstance(net, str) else [name, net.weights_hash] for name, net in nets]
    plan = {"networks": hashes, "images": [images.digest(one) for _, one in pictures], "truth": truth}
    plan |= {"regions": [[one.y, one.x, one.size] for one in windows]}
    return json.dumps(
        plan | {"settings": {name: provenance.fingerprint(value) for name, value in sorted(settings.items())}}
    )


def _opened(path: Path, plan: str, nets: Sequence[Any], pictures: Sequence[Any], windows: Sequence[Region]) -> Any:
    """Return the store of the plan, made if it is not there yet."""
    if path.exists():
        group = _group(path)
        if group.attrs.get("plan") != plan:
            raise InputError(f"store: {path} holds another sweep; give another name, or delete it.")
        return group
    told = json.loads(plan)
    first = nets[0][1]
    scale = (networks.load(first) if isinstance(first, str) else first).scale if told["truth"] else 1
    height, width = (side // scale for side in pictures[0][1].shape[-2:])
    places = [(one.y, one.x, one.size) for one in windows]
    names = [name for name, _ in nets], [name for name, _ in pictures]
    result.sweep_store(path, *names, places, (height, width), _SCALARS, {"plan": plan, "scale": scale})
    return _group(path)


def _group(path: str | os.PathLike[str]) -> Any:
    import zarr

    return zarr.open_group(str(path), mode="r+")
