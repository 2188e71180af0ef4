"""Attribution: image -> path -> gradients -> Dataset."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import xarray as xr

from . import detectors, gradients, images, paths, quadrature, result
from .networks import Network
from .types import DetectorMaker, Image, InputError, PathMaker, Region

_END_TOLERANCE = 1e-3


def attribute(
    network: Network,
    image: Any,
    region: Region | tuple[int, ...],
    *,
    path: PathMaker | None = None,
    detector: DetectorMaker = detectors.edges,
    steps: int = 24,
    rule: str | quadrature.Rule = "arc",
    keep: str | Iterable[str] = result.DEFAULT,
    batch: int | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Local attribution map: which input pixels made this window of the output?

    Integrates the gradient of `detector` on the window, taken by the image, along a path from a
    baseline to the image:
    map = ∫₀¹ ∂D(F(γ(α)))/∂γ(α) · ∂γ(α)/∂α dα (Gu & Dong, CVPR 2021, arXiv 2011.11036). The
    map's sum is D at the image minus D at the baseline; how closely, `completeness_gap` says.

    Parameters
    ----------
    network : Network
        From `lam_nb.networks.load` or `lam_nb.networks.wrap`.
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        The network's input, RGB in [0, 1].
    region : Region or (y, x, size)
        Window of the output, in output pixels.
    path : callable, default ``lam_nb.paths.blur()``
        image -> (alpha -> image).
    detector : callable, default ``lam_nb.detectors.edges``
        region -> (output -> one number per image).
    steps : int, default 24
        Evaluations of the gradient along the path.
    rule : str or callable, default "arc"
        Where they sit: "arc", "midpoint", "gauss", "paper" or "ends", see `lam_nb.quadrature`.
        ``rule="paper", steps=50`` reproduces the published demo.
    keep : "all", "map" or names, default all but "output_path"
        Optional variables to keep: input, output, path, gradient, integrand, detector,
        output_path. The map and the scalars always are.
    batch : int, optional
        Nodes evaluated at once; chosen automatically.
    device : str or torch.device, optional
        Where to compute; CUDA when there is one. The network is put back where it was.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Dimensions alpha, channel, y, x (input pixels), out_y, out_x (output pixels); variable
        ``attribution`` (channel, y, x) is the map, in units of the detector.

    Raises
    ------
    InputError
        If an argument does not fit: says which, what came and what to do.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net = lam.networks.wrap(torch.nn.Upsample(scale_factor=4, mode="bicubic"), name="bicubic")
    >>> lr = lam.images.downscale(lam.images.sample("facade"), 4)
    >>> ds = lam.attribute(net, lr, lam.Region(y=110, x=150, size=16), steps=4, progress=False)
    >>> dict(ds.attribution.sizes)
    {'channel': 3, 'y': 64, 'x': 64}
    """
    started = time.perf_counter()
    maker = paths.blur() if path is None else path
    picture, window = images.as_image(image), _region(region)
    kept = result.chosen(keep)
    window.check(*_network(network).output_size(*picture.shape[-2:]))
    place = gradients.device(device)
    with gradients.frozen(network, place):
        on_device = picture.to(place, network.dtype)
        along = _checked_path(maker, on_device)
        measure = detector(window)
        nodes = quadrature.place(rule, lambda alphas: gradients.speed(along, alphas), steps)
        ends = gradients.outputs(network, gradients.positions(along, [0.0, 1.0]))
        start, end = measure(ends).double().tolist()
        found = gradients.sample(
            network, measure, along, nodes, batch=batch, keep_output="output_path" in kept, progress=progress
        )
    integrand = found.gradient * found.velocity
    contributions = integrand * nodes.weights.astype(integrand.dtype).reshape(-1, 1, 1, 1)
    attribution = contributions.sum(0)
    values = {
        result.INPUT: picture.numpy(),
        result.OUTPUT: ends[1].float().cpu().numpy(),
        result.PATH: found.path,
        result.GRADIENT: found.gradient,
        result.INTEGRAND: integrand,
        result.DETECTOR: found.detector,
        result.OUTPUT_PATH: found.output,
    }
    scalars = {
        result.ATTRIBUTION: attribution,
        result.DETECTOR_START: start,
        result.DETECTOR_END: end,
        result.COMPLETENESS_GAP: _gap(attribution, start, end),
        result.QUADRATURE_ERROR: quadrature.relative_error(contributions, nodes.place),
    }
    coordinates = {result.ALPHA: nodes.alphas, result.WEIGHT: nodes.weights}
    if hasattr(along, "sigma"):
        coordinates[result.SIGMA] = along.sigma(nodes.alphas).numpy()
    provenance = {
        **_describe_network(network),
        "path": _describe(maker),
        "detector": _describe(detector),
        "rule": rule if isinstance(rule, str) else _describe(rule),
        "steps": len(nodes.alphas),
        "region_y": window.y,
        "region_x": window.x,
        "region_size": window.size,
        "image_sha256": images.digest(picture),
        "device": _describe_device(place),
        "precision": str(network.dtype).removeprefix("torch."),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return result.assemble({name: values[name] for name in kept} | scalars, coordinates, provenance)


def _network(network: Network) -> Network:
    if not isinstance(network, Network):
        raise InputError(
            f"network: got {type(network).__name__}, expected a Network; "
            "make one with lam_nb.networks.wrap(module, scale=..., value_range=...) or lam_nb.networks.load(name)."
        )
    return network


def _region(region: Region | tuple[int, ...]) -> Region:
    if isinstance(region, Region):
        return region
    if isinstance(region, tuple | list) and len(region) in (2, 3):
        return Region(*region)
    raise InputError(f"region: got {region!r}, expected lam_nb.Region(y, x, size) or a tuple (y, x, size).")


def _checked_path(maker: PathMaker, image: Image) -> Any:
    if not callable(maker):
        raise InputError(f"path: got {maker!r}, expected a function image -> (alpha -> image) such as paths.blur().")
    path = maker(image)
    end = gradients.positions(path, [1.0])[0]
    if end.shape != image.shape or (end - image).abs().max() > _END_TOLERANCE:
        raise InputError(
            f"path: at alpha = 1 it gives another picture than the image (shape {tuple(end.shape)}), "
            "expected path(0) = baseline and path(1) = image."
        )
    return path


def _gap(attribution: np.ndarray, start: float, end: float) -> float:
    if end == start:
        return float("nan")
    return float((attribution.sum(dtype=np.float64) - (end - start)) / abs(end - start))


def _describe(item: Any) -> str:
    """Name a function by its name, anything else by its repr."""
    return getattr(item, "__name__", None) or repr(item)


def _describe_network(network: Network) -> dict[str, str | int | float]:
    return {
        "network": network.name,
        "parameters": network.parameter_count,
        "weights_sha256": network.weights_hash,
        "scale": network.scale,
        "value_range": network.value_range,
        "pad_to": network.pad_to,
    }


def _describe_device(place: torch.device) -> str:
    return torch.cuda.get_device_name(place) if place.type == "cuda" else place.type
