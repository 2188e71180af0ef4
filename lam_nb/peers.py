"""Plain peers of the attribution map, in the same Dataset, so that they can be compared like networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr

from . import detectors, gradients, images, paths, provenance, result
from .attribution import attribute
from .networks import Network, checked
from .types import Batch, DetectorMaker, Region, positive, whole


def gradient(
    network: Network, image: Any, region: Region, *, detector: str | DetectorMaker = "edges", device: Any = None
) -> xr.Dataset:
    """Return the detector's gradient at the image: which pixel would change it most (arXiv 1312.6034).

    Parameters
    ----------
    network, image, region, detector, device
        As for `lam_nb.attribute`.

    Returns
    -------
    xarray.Dataset
        ``attribution`` (channel, y, x), here in units of detector per intensity; it has no sum to reach,
        so its completeness gap is NaN.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> gradient(net, lr, lam.Region(96, 96)).attrs["method"]
    'gradient'
    """
    return _measured(network, image, region, detector, device, "gradient", lambda picture: iter([picture[None]]))


def input_x_gradient(
    network: Network, image: Any, region: Region, *, detector: str | DetectorMaker = "edges", device: Any = None
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


def integrated_gradients(network: Network, image: Any, region: Region, **settings: Any) -> xr.Dataset:
    """Integrate along the straight line from black (Sundararajan et al., arXiv 1703.01365).

    Parameters
    ----------
    network, image, region, **settings
        As for `lam_nb.attribute`, whose ``path="black"`` this is.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> integrated_gradients(net, lr, lam.Region(96, 96), steps=6, progress=False).attrs["path"]
    "linear(baseline='black')"
    """
    settings = {"path": paths.linear("black")} | settings
    return attribute(network, image, region, **settings).assign_attrs(method="integrated gradients")


def smoothgrad(
    network: Network,
    image: Any,
    region: Region,
    *,
    samples: int = 32,
    noise: float = 0.1,
    seed: int = 0,
    batch: int = 4,
    detector: str | DetectorMaker = "edges",
    device: Any = None,
) -> xr.Dataset:
    """Return the mean gradient over noisy copies of the image (Smilkov et al., arXiv 1706.03825).

    Parameters
    ----------
    network, image, region, detector, device
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
        As of `gradient`; ``quadrature_error`` is the relative standard error of the mean.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> bool(smoothgrad(net, lr, lam.Region(96, 96), samples=8).quadrature_error > 0)
    True
    """
    positive("noise", noise, "a standard deviation")
    count, size = whole("samples", samples, 2), whole("batch", batch)

    def noisy(picture: torch.Tensor) -> Iterator[Batch]:
        source = torch.Generator().manual_seed(seed)
        for start in range(0, count, size):
            shape = (min(size, count - start), *picture.shape)
            yield picture + noise * torch.randn(shape, generator=source).to(picture)

    found = _measured(network, image, region, detector, device, "smoothgrad", noisy)
    return found.assign_attrs(samples=count, noise=noise, seed=seed)


def _measured(
    network: Network, image: Any, region: Any, detector: Any, device: Any, method: str, copies: Any
) -> xr.Dataset:
    """Return the mean gradient over copies of the image."""
    picture, window = images.as_image(image), Region.of(region)
    window.check(*checked(network).output_size(*picture.shape[-2:]))
    place, maker = gradients.device(device), detectors.named(detector)
    measure = maker(window)
    with gradients.frozen(network, place):
        given = picture.to(place, gradients.working_dtype(network))
        output = gradients.outputs(network, given[None])
        end = float(gradients.detect(measure, output, network.name))
        slopes = torch.cat([gradients.value_and_gradient(network, measure, batch)[1] for batch in copies(given)])
    mean = slopes.float().mean(0).cpu().numpy()
    values: dict[str, Any] = {result.INPUT: picture.numpy(), result.OUTPUT: output[0].float().cpu().numpy()}
    values |= {
        result.ATTRIBUTION: mean,
        result.DETECTOR_START: np.nan,
        result.DETECTOR_END: end,
        result.COMPLETENESS_GAP: np.nan,
    }
    values[result.QUADRATURE_ERROR] = _standard_error(slopes)
    told = provenance.of_network(network) | provenance.of_region(window) | {"method": method}
    told |= {"path": method, "detector": provenance.named(maker), "rule": "none", "steps": len(slopes)}
    told |= {"image_sha256": images.digest(picture), "device": provenance.of_device(place)}
    found = result.assemble(values, {}, told)
    found[result.ATTRIBUTION].attrs = {"long_name": method, "units": "detector/intensity"}
    return found


def _standard_error(slopes: Batch) -> float:
    """Return the relative L1 standard error of the mean; 0 for a single, exact gradient."""
    if len(slopes) < 2:
        return 0.0
    off = slopes.std(0) / len(slopes) ** 0.5
    return float(off.sum() / slopes.mean(0).abs().sum())


def names() -> tuple[str, ...]:
    """Names of the peers.

    Examples
    --------
    >>> names()
    ('gradient', 'input_x_gradient', 'integrated_gradients', 'smoothgrad')
    """
    return tuple(function.__name__ for function in (gradient, input_x_gradient, integrated_gradients, smoothgrad))
