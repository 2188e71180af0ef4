"""Executors: where the cells of a sweep are computed, here or on Dask workers, which write their results themselves."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from numpy.typing import ArrayLike

from .. import images, networks, result, statistics
from ..methods.attribution import Choices, attribute
from ..networks import Network
from ..types import Image, NotConverged, Region
from .store import Store

if TYPE_CHECKING:
    from distributed import Client

Cell: TypeAlias = tuple[Network | str, Image, int, int]
"""A network, a picture, and their places in the store."""
Done: TypeAlias = tuple[int, int, str]
"""The places of a cell, and why it failed, if it did."""


@dataclass(frozen=True)
class Task:
    """What all cells of a sweep share."""

    regions: tuple[Region, ...]
    store: str
    as_truth: bool
    settings: Choices


def here(cells: Sequence[Cell], task: Task) -> Iterator[Done]:
    """Compute one cell after the other."""
    for cell in cells:
        yield computed(*cell, task)


def on(client: Client) -> Callable[[Sequence[Cell], Task], Iterator[Done]]:
    """Return a function that computes cells on Dask workers."""

    def run(cells: Sequence[Cell], task: Task) -> Iterator[Done]:
        from distributed import as_completed

        futures = {client.submit(computed, *cell, task, pure=False): cell for cell in cells}
        try:
            for future in as_completed(list(futures)):
                _, _, m, i = futures[future]
                yield future.result() if future.status == "finished" else (m, i, str(future.exception()))
        finally:
            client.cancel(list(futures))

    return run


def computed(network: Network | str, picture: Image, m: int, i: int, task: Task) -> Done:
    """Compute the maps of one network on one image, write them, and say so last; return why not, if not."""
    store = Store(task.store)
    try:
        net = networks.as_network(network)
        given = images.downscale(picture, net.scale) if task.as_truth and net.scale > 1 else picture
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConverged)  # quadrature_error tells
            warnings.simplefilter("ignore", RuntimeWarning)  # a flat window has no index: NaN says so
            found = attribute(net, given, list(task.regions), **task.settings, keep=[result.OUTPUT], progress=False)
            index = statistics.diffusion_index(found)
        values: dict[str, ArrayLike] = {name: found[name].values for name in store.scalars if name in found}
        values |= {result.DIFFUSION_INDEX: index.values, result.ATTRIBUTION: statistics.signed(found).values}
        if task.as_truth:
            output = found[result.OUTPUT].values
            height, width = output.shape[-2:]  # less than the picture if its sides are no multiples of the scale
            values[result.PSNR] = images.psnr(output, picture[:, :height, :width])
        store.write(m, i, values)
    except Exception as error:  # whatever it is, the other cells go on; the store keeps where it came from
        store.fail(m, i, traceback.format_exc())
        return m, i, f"{type(error).__name__}: {error}"
    return m, i, ""
