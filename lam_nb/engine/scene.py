"""The scene: a picture, windows, a network and a device, checked once, in one wording for every verb."""

from __future__ import annotations

import numbers
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from .. import detectors, identity, images, result
from ..networks import Network, NetworkLike, as_network
from ..types import (
    Bar,
    Batch,
    Detector,
    DetectorMaker,
    Device,
    Image,
    ImageLike,
    Progress,
    Region,
    RegionLike,
    SuspectedTruth,
)
from ..validation import InputError, answer
from .progress import bar as made_bar
from .running import Leased, device_name, working_dtype
from .running import device as chosen_device
from .tiling import whole_output

_LARGE = 160
"""Sides from which a picture may be a ground truth: those of the usual test sets begin there, and what networks
enlarge fourfold is mostly smaller. Spectra do not tell: over 22 published pictures, the slope of those made four
times smaller lies where the originals' does (1.31 to 1.62 against 1.13 to 1.72, quartiles)."""


@dataclass(frozen=True)
class Scene:
    """What a verb asks about.

    Parameters
    ----------
    run : Leased
        The network on the device.
    picture : torch.Tensor (channel, y, x)
        The image, float32, on the CPU; nobody else's memory.
    windows : tuple of Region
        Inside the output.
    detector_of : callable
        region -> detector.
    bar : Bar
        Told how far the work is.
    started : float
        When.
    """

    run: Leased
    picture: Image
    windows: tuple[Region, ...]
    detector_of: DetectorMaker
    bar: Bar
    started: float

    @property
    def network(self) -> Network:
        """The network that is asked."""
        return self.run.network

    @property
    def window(self) -> Region:
        """The only window.

        Raises
        ------
        InputError
            If there is none, or several.
        """
        if len(self.windows) != 1:
            raise InputError(
                f"region: got {list(self.windows) or None}, expected one, such as lam_nb.Region(y, x, size)."
            )
        return self.windows[0]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        return self.network.output_size(*self.picture.shape[-2:])

    @cached_property
    def image(self) -> Image:
        """The picture on the device, in working precision."""
        return self.picture.to(self.run.device, working_dtype(self.run))

    @cached_property
    def output(self) -> Batch:
        """The network's output for the picture, (1, channel, out_y, out_x)."""
        return whole_output(self.run, self.image[None])

    @property
    def named(self) -> dict[str, ArrayLike]:
        """The network's names of the channels, as coordinates of a result."""
        return {result.CHANNEL: self.network.axes.channels}

    def reference(self, truth: ImageLike) -> Image:
        """Return a ground truth as an image.

        Raises
        ------
        InputError
            If it has another size than the output, or other channels.
        """
        return images.reference(truth, self.size, self.network.axes.count)

    def suspect(self, stacklevel: int) -> None:
        """Warn if the picture may be the large one: it has a ground truth's size, and the windows would lie in it.

        For networks that enlarge three times or more, for which windows lie there by chance in one case of nine.
        """
        rows, columns = self.picture.shape[-2:]
        inside = all(w.y + w.height <= rows and w.x + w.width <= columns for w in self.windows)
        if not inside or self.network.scale < 3 or min(rows, columns) < _LARGE:
            return
        words = (
            f"image: got {rows} × {columns} px, which {self.network.name!r} enlarges {self.network.scale} times; "
            "the windows would also lie in the picture itself. If it is the large one, did you mean "
            f"images.downscale(picture, {self.network.scale})? If it is the small one, "
            "warnings.simplefilter('ignore', lam_nb.SuspectedTruth) ends this."
        )
        warnings.warn(words, SuspectedTruth, stacklevel=stacklevel + 1)

    def detector(self, window: Region) -> Detector:
        """Return the detector of a window.

        Raises
        ------
        InputError
            If its maker makes none.
        """
        detector = answer("detector", self.detector_of, window)
        if not callable(detector):
            raise InputError(
                f"detector: its maker returned {type(detector).__name__}, expected a function of the output."
            )
        return detector

    @cached_property
    def shown(self) -> dict[str, ArrayLike]:
        """Input and output, by variable name."""
        return {result.INPUT: self.picture.numpy(), result.OUTPUT: self.output[0].float().cpu().numpy()}

    @cached_property
    def _common(self) -> dict[str, str | int | float]:
        known = identity.facts(self.network)
        known |= {"image_sha256": identity.digest(self.picture), "device": device_name(self.run.device)}
        return known | {"precision": str(self.network.dtype).removeprefix("torch.")}

    def facts(self, window: Region | None = None, **more: str | int | float) -> dict[str, str | int | float]:
        """Return the whole provenance: network, picture, window, detector, device, time, and what a verb adds."""
        known = self._common | ({} if window is None else window.facts)
        known |= {"detector": identity.named(self.detector_of)}
        return known | {"seconds": round(time.perf_counter() - self.started, 3)} | more


@contextmanager
def scene(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike | Sequence[RegionLike] | None,
    *,
    detector: str | DetectorMaker = "edges",
    device: Device = None,
    progress: Progress = False,
    unit: str = "evaluation",
    total: int = 0,
) -> Iterator[Scene]:
    """Check what every verb is given, and have its bar shown while it works.

    The network is leased by whoever asks it, a batch at a time; a scene holds no lease.

    Parameters
    ----------
    network : Network or str
        Or what `lam_nb.networks.load` takes.
    image : image
        What `lam_nb.images.as_image` takes.
    region : Region, (y, x, size), or a sequence of them, or None
        None for verbs that look everywhere.
    detector, device, progress
        As for `lam_nb.attribute`.
    unit, total : str, int
        What the bar counts, and how many at first.

    Raises
    ------
    InputError
        If one of them does not fit: the same words, whatever the verb.
    """
    started = time.perf_counter()
    net, picture = network_and_image(network, image)
    windows = () if region is None else regions(region)
    for window in windows:
        window.check(*net.output_size(*picture.shape[-2:]))
    run = Leased(net, chosen_device(device))
    with made_bar(progress, total, net.name, unit) as bar:
        yield Scene(run, picture, windows, detectors.named(detector), bar, started)


def network_and_image(network: NetworkLike, image: ImageLike) -> tuple[Network, Image]:
    """Return a network, and a picture with the channels that it takes.

    Examples
    --------
    >>> import torch
    >>> network_and_image("fsrcnn", torch.zeros(3, 8, 6))[1].shape
    torch.Size([3, 8, 6])
    """
    net = as_network(network)
    return net, images.as_image(image, channels=net.axes.count)


def is_one(region: object) -> bool:
    """Whether it is one region, and not several.

    Examples
    --------
    >>> is_one((3, 4, 8)), is_one([(3, 4, 8)])
    (True, False)
    """
    return isinstance(region, Region) or (
        isinstance(region, tuple | list) and bool(region) and all(isinstance(one, numbers.Number) for one in region)
    )


def regions(region: RegionLike | Sequence[RegionLike], name: str = "region") -> tuple[Region, ...]:
    """Return one region or several as regions.

    Raises
    ------
    InputError
        If they are none.

    Examples
    --------
    >>> regions([(3, 4), (3, 4, 8, 16)])
    (Region(y=3, x=4, size=16), Region(y=3, x=4, height=8, width=16))
    """
    if is_one(region):
        return (Region.of(region),)
    if not isinstance(region, Sequence | np.ndarray) or isinstance(region, str) or not len(region):
        raise InputError(
            f"{name}: got {region!r}, expected lam_nb.Region(y, x, size), a tuple (y, x, size) or a list of them."
        )
    return tuple(Region.of(one) for one in region)
