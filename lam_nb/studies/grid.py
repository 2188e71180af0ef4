"""The grid: many networks × images × regions into one Zarr store that survives whatever happens overnight."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import xarray as xr

from .. import identity, images, networks, result
from .._moved import renamed
from ..engine.progress import bar
from ..engine.scene import regions as as_regions
from ..methods.attribution import RUN, Choices, attribute
from ..networks import Network
from ..networks.loading import axes_of
from ..types import Axes, Image, ImageLike, Progress, RegionLike
from ..validation import InputError, settings, switch
from .executors import Task, here, on
from .store import Store

if TYPE_CHECKING:
    from distributed import Client


@renamed(truth="as_truth")
def sweep(
    networks: Sequence[Network | str | os.PathLike[str]],
    images: Mapping[str, ImageLike] | Sequence[ImageLike],
    regions: Sequence[RegionLike],
    *,
    store: str | os.PathLike[str],
    as_truth: bool = True,
    client: Client | None = None,
    progress: Progress = True,
    **choices: Unpack[Choices],
) -> xr.Dataset:
    """Compute the maps of many networks on many images and windows, each result written as soon as it is there.

    Interrupt it, kill it, lose a worker, run it again: what is in the store is not computed twice. A
    network and image that fails is told at the end, and tried again by the next call; all others go on.

    Parameters
    ----------
    networks : sequence of Network or str
        Networks, or names and checkpoints for `lam_nb.networks.load`; of one scale. Names that occur twice are
        numbered.
    images : mapping of str to image, or sequence of images, files or names of samples
        All of one size.
    regions : sequence of Region or (y, x, size)
        Windows of the outputs, in output pixels, the same on every image.
    store : path-like
        Ends in .zarr; made, or continued.
    as_truth : bool, default True
        The images are the ground truth: networks that enlarge get them reduced by their scale, and
        PSNR is measured. Otherwise they are the networks' inputs.
    client : dask.distributed.Client, optional
        Compute on its workers (extra ``sweep``). Networks are then given by name or file, since
        modules do not travel.
    progress : bool or callable
        As for `lam_nb.attribute`, in pairs of network and image.
    **choices
        Of `lam_nb.attribute`: steps, tolerance, path, detector, … by name. What decides a map has to stay
        the same when a sweep goes on; how it is run (batch, memory, device, local) may change.

    Returns
    -------
    xarray.Dataset
        ``diffusion_index`` and its error, ``quadrature_error``, ``completeness_gap``, ``detector_start``,
        ``detector_end`` (model, image, region), ``psnr`` (model, image) in dB, ``attribution``
        (model, image, region, y, x), the signed map summed over channels, and ``done`` (model, image).
        The store keeps the traceback of what failed, ``failure`` (model, image), for the next look.

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
    settings(choices, attribute, "sweep", without=("keep", "reference"))
    switch("as_truth", as_truth)
    nets, windows = _networks(networks, client is not None), as_regions(regions, "regions")
    scale, axes = _in_common(nets)
    pictures = _pictures(images, axes.count)
    target = Store(store)
    plan = _plan(nets, pictures, as_truth, choices) | {"regions": [repr(one) for one in windows]}
    sides = (side // scale if as_truth else side for side in pictures[0][1].shape[-2:])
    names = [name for name, _ in nets], [name for name, _ in pictures]
    target.begin(plan, *names, windows, tuple(sides), scale)
    missing = target.missing()
    work = Task(windows, str(target.path), as_truth, choices)
    tasks = [(nets[m][1], pictures[i][1], m, i) for m, i in missing]
    run = here if client is None else on(client)
    failures = []
    with bar(progress, len(nets) * len(pictures), "sweep", "map") as shown:
        shown.update(len(nets) * len(pictures) - len(missing))
        for m, i, failure in run(tasks, work):
            if failure:
                failures.append(f"{names[0][m]} on {names[1][i]}: {failure}")
            shown.update(1)
    if len(failures) == len(nets) * len(pictures):  # nothing to keep: so that a mended call may use the name
        target.discard()
        raise InputError(f"all {len(failures)} pairs of network and image failed, the first with {failures[0]}")
    if failures:
        words = f"{len(failures)} of {len(tasks)} pairs failed and will be tried again by the next call; "
        warnings.warn(words + "; ".join(failures[:3]), RuntimeWarning, stacklevel=2)
    return result.open(target.path)


def _networks(given: Sequence[Network | str | os.PathLike[str]], travel: bool) -> list[tuple[str, Network | str]]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise InputError(f"networks: got {given!r}, expected networks, or names for lam_nb.networks.load.")
    if travel and any(isinstance(one, Network) for one in given):
        raise InputError("networks: modules do not travel to workers; give names or checkpoint files, or no client.")
    nets = [
        _named(one) if isinstance(one, str | os.PathLike) else networks.as_network(one, "networks") for one in given
    ]
    names = result.numbered([one if isinstance(one, str) else one.name for one in nets])
    return list(zip(map(str, names), nets, strict=True))


def _named(network: Network | str | os.PathLike[str]) -> Network | str:
    """Return a name as text, a network as it is."""
    return os.fspath(network) if isinstance(network, str | os.PathLike) else networks.as_network(network, "networks")


def _in_common(nets: Sequence[tuple[str, Network | str]]) -> tuple[int, Axes]:
    """Return all networks' scale and axes; named ones are loaded once, to fail before the night does."""
    loaded = {name: networks.as_network(net) for name, net in nets}
    scales = {name: net.scale for name, net in loaded.items()}
    if len(set(scales.values())) > 1:
        words = ", ".join(f"{name} ×{scale}" for name, scale in scales.items())
        raise InputError(f"networks: their scales differ ({words}), so a window is not the same place; sweep equals.")
    return next(iter(scales.values())), axes_of(list(loaded.values()))


def _pictures(given: Mapping[str, ImageLike] | Sequence[ImageLike], channels: int) -> list[tuple[str, Image]]:
    if not isinstance(given, Mapping | Sequence) or isinstance(given, str | bytes):
        raise InputError(f"images: got {type(given).__name__}, expected a list of images or a dictionary of them.")
    named = given.items() if isinstance(given, Mapping) else ((_name(one, k), one) for k, one in enumerate(given))
    found = [(str(name), _picture(one, channels)) for name, one in named]
    if not found or len({one.shape for _, one in found}) > 1:
        sizes = ", ".join(f"{name} {tuple(one.shape[-2:])}" for name, one in found[:4])
        raise InputError(f"images: expected at least one, all of one size; got {sizes or 'none'}; crop them first.")
    return found


def _picture(one: ImageLike, channels: int) -> Image:
    if isinstance(one, str) and one in images.samples():
        return images.sample(one, channels)
    return images.as_image(one, channels=channels)


def _name(one: ImageLike, k: int) -> str:
    return Path(one).stem if isinstance(one, str | os.PathLike) else f"image {k}"


def _plan(
    nets: Sequence[tuple[str, Network | str]], pictures: Sequence[tuple[str, Image]], as_truth: bool, choices: Choices
) -> dict[str, object]:
    """Return what makes two sweeps the same; how a map is run does not."""
    decides = {name: identity.fingerprint(value) for name, value in sorted(choices.items()) if name not in RUN}
    return {
        "networks": {name: _identity(net) for name, net in nets},
        "images": {name: identity.digest(one) for name, one in pictures},
        "order": [[name for name, _ in nets], [name for name, _ in pictures]],  # cells have places, not names
        "as_truth": as_truth,
        "settings": decides,
        "numbers": identity.NUMBERS,
    }


def _identity(net: Network | str) -> dict[str, str]:
    return networks.source(net) if isinstance(net, str) else identity.of_network(net)
