"""Plain peers of the attribution map, in the same Dataset, so that they can be compared like networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Unpack

import torch
import xarray as xr

from .. import paths, result
from ..engine.sampling import detect, value_and_gradient
from ..engine.scene import scene
from ..networks import NetworkLike
from ..types import Batch, DetectorMaker, Device, Image, ImageLike, Progress, RegionLike
from ..validation import positive, settings, whole
from .attribution import Settings, attribute

_MOST = 100_000
"""Noisy copies."""
TABLE = result.Table(
    result.PICTURES,
    {
        result.ATTRIBUTION: (result.PIXELS, "attribution", "detector/intensity"),
        result.DETECTOR_END: ((), "detector at the image", "detector"),
        result.SAMPLING_ERROR: ((), "relative standard error of the map over noisy copies", "1"),
    },
    maker="lam_nb.gradient",
    optional=(result.SAMPLING_ERROR,),
)


def gradient(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    *,
    detector: str | DetectorMaker = "edges",
    device: Device = None,
) -> xr.Dataset:
    """Return the detector's gradient at the image: which pixel would change it most (arXiv 1312.6034).

    Parameters
    ----------
    network, image, region, detector, device
        As for `lam_nb.attribute`.

    Returns
    -------
    xarray.Dataset
        ``attribution`` (channel, y, x), here in units of detector per intensity. Nothing is integrated, so
        there is no sum to reach and no error of an integration.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> gradient(net, lr, lam.Region(96, 96)).attrs["method"]
    'gradient'
    """
    return _measured(network, image, region, detector, device, "gradient", lambda picture: iter([picture[None]]))


def input_x_gradient(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    *,
    detector: str | DetectorMaker = "edges",
    device: Device = None,
) -> xr.Dataset:
    """Return the gradient at the image times the image (arXiv 1605.01713).

    Parameters
    ----------
    network, image, region, detector, device
        As for `lam_nb.attribute`.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> input_x_gradient(net, lr, lam.Region(96, 96)).attribution.dims
    ('channel', 'y', 'x')
    """
    found = gradient(network, image, region, detector=detector, device=device)
    found[result.ATTRIBUTION] = found[result.ATTRIBUTION] * found[result.INPUT]
    found[result.ATTRIBUTION].attrs = {"long_name": "input times gradient", "units": "detector"}
    return found.assign_attrs(method="input x gradient")


def integrated_gradients(
    network: NetworkLike, image: ImageLike, region: RegionLike, **choices: Unpack[Settings]
) -> xr.Dataset:
    """Integrate along the straight line from black (Sundararajan et al., arXiv 1703.01365).

    Parameters
    ----------
    network, image, region, **choices
        As for `lam_nb.attribute`, whose ``path="black"`` this is.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> integrated_gradients(net, lr, lam.Region(96, 96), steps=6, progress=False).attrs["path"]
    "linear(baseline='black')"
    """
    settings(choices, attribute, "integrated_gradients")
    choices.setdefault("path", paths.linear("black"))
    return attribute(network, image, region, **choices).assign_attrs(method="integrated gradients")


def smoothgrad(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    *,
    samples: int = 32,
    noise: float = 0.1,
    seed: int = 0,
    batch: int = 4,
    detector: str | DetectorMaker = "edges",
    device: Device = None,
    progress: Progress = True,
) -> xr.Dataset:
    """Return the mean gradient over noisy copies of the image (Smilkov et al., arXiv 1706.03825).

    Parameters
    ----------
    network, image, region, detector, device, progress
        As for `lam_nb.attribute`.
    samples : int, default 32
        Copies.
    noise : float, default 0.1
        Standard deviation of the noise, in intensities of [0, 1].
    seed : int
        Of the noise.
    batch : int
        Copies at once.

    Returns
    -------
    xarray.Dataset
        As of `gradient`; ``sampling_error`` is the relative standard error of the mean.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> bool(smoothgrad(net, lr, lam.Region(96, 96), samples=8).sampling_error > 0)
    True
    """
    positive("noise", noise, "a standard deviation")
    count, size, seed = whole("samples", samples, 2, _MOST), whole("batch", batch), whole("seed", seed, 0)

    def noisy(picture: Image) -> Iterator[Batch]:
        source = torch.Generator().manual_seed(seed)
        for start in range(0, count, size):
            shape = (min(size, count - start), *picture.shape)
            yield picture + noise * torch.randn(shape, generator=source).to(picture)

    found = _measured(network, image, region, detector, device, "smoothgrad", noisy, progress, count)
    return found.assign_attrs(samples=count, noise=noise, seed=seed)


def _measured(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    detector: str | DetectorMaker,
    device: Device,
    method: str,
    copies: Callable[[Image], Iterator[Batch]],
    progress: Progress = False,
    count: int = 1,
) -> xr.Dataset:
    """Return the mean gradient over copies of the image; memory does not grow with their number."""
    with scene(network, image, region, detector=detector, device=device, progress=progress, total=count) as s:
        measure = s.detector(s.window)
        end = float(detect(measure, s.output, s.run.name))
        total = squares = torch.zeros_like(s.image, dtype=_sums(s.image))
        for batch in copies(s.image):
            slopes = value_and_gradient(s.run, measure, batch)[1].to(total.dtype)
            total, squares = total + slopes.sum(0), squares + slopes.square().sum(0)
            s.bar.update(len(batch))
    values = s.shown | {
        result.ATTRIBUTION: (total / count).float().cpu().numpy(),
        result.DETECTOR_END: end,
        result.SAMPLING_ERROR: _standard_error(total, squares, count),
    }
    facts = s.facts(s.window, method=method, evaluations=count)
    return TABLE.build(values, s.named, facts=facts, labels={result.ATTRIBUTION: method})


def _sums(image: Image) -> torch.dtype:
    """Return the precision of sums over copies: double, where the device has it."""
    return torch.float32 if image.device.type == "mps" else torch.float64


def _standard_error(total: Image, squares: Image, count: int) -> float | None:
    """Return the relative L1 standard error of the mean; none for a single gradient, which is exact."""
    if count < 2:
        return None
    variance = ((squares - total.square() / count) / (count - 1)).clamp(min=0)
    return float((variance / count).sqrt().sum() / (total / count).abs().sum())


def names() -> tuple[str, ...]:
    """Names of the peers.

    Examples
    --------
    >>> names()
    ('gradient', 'input_x_gradient', 'integrated_gradients', 'smoothgrad')
    """
    return tuple(function.__name__ for function in (gradient, input_x_gradient, integrated_gradients, smoothgrad))
