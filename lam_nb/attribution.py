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
    path: str | PathMaker = "blur",
    detector: str | DetectorMaker = "edges",
    steps: int = 24,
    rule: str | quadrature.Rule = "arc",
    keep: str | Iterable[str] = result.DEFAULT,
    batch: int | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Compute a local attribution map: which input pixels made this window of the output.

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
    path : callable or str, default ``lam_nb.paths.blur()``
        image -> (alpha -> image), or a name in ``lam_nb.paths.names()``.
    detector : callable or str, default ``lam_nb.detectors.edges``
        region -> (output -> one number per image), or a name in ``lam_nb.detectors.names()``.
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
    picture, window, kept = images.as_image(image), _region(region), result.chosen(keep)
    window.check(*_network(network).output_size(*picture.shape[-2:]))
    maker, measure_of, place = paths.named(path), detectors.named(detector), gradients.device(device)
    measure = measure_of(window)
    if not callable(measure):
        raise InputError(f"detector: its maker returned {type(measure).__name__}, expected a function of the output.")
    with gradients.frozen(network, place):
        along = _checked_path(maker, picture.to(place, gradients.working_dtype(network)))
        nodes = quadrature.place(rule, lambda alphas: gradients.speed(along, alphas), steps)
        ends = gradients.outputs(network, gradients.positions(along, [0.0, 1.0]))
        start, end = gradients.detect(measure, ends, network.name).tolist()
        moving = result.OUTPUT_PATH in kept
        found = gradients.sample(network, measure, along, nodes, batch=batch, keep_output=moving, progress=progress)
    pictures = {result.INPUT: picture.numpy(), result.OUTPUT: ends[1].float().cpu().numpy()}
    values = pictures | _integrated(found, nodes) | {result.DETECTOR_START: start, result.DETECTOR_END: end}
    values[result.COMPLETENESS_GAP] = _gap(values[result.ATTRIBUTION], start, end)
    provenance = _describe_network(network) | _describe_region(window)
    provenance |= {"path": _describe(maker), "detector": _describe(measure_of), "steps": len(nodes.alphas)}
    provenance |= {"rule": rule if isinstance(rule, str) else _describe(rule), "image_sha256": images.digest(picture)}
    provenance |= {"device": _describe_device(place), "precision": str(network.dtype).removeprefix("torch.")}
    provenance |= {"seconds": round(time.perf_counter() - started, 3)}
    unwanted = set(result.OPTIONAL) - set(kept)
    wanted = {name: value for name, value in values.items() if name not in unwanted}
    return result.assemble(wanted, _coordinates(along, nodes), provenance)


def _integrated(found: gradients.Samples, nodes: quadrature.Nodes) -> dict[str, Any]:
    integrand = found.gradient * found.velocity
    contributions = integrand * nodes.weights.astype(integrand.dtype).reshape(-1, 1, 1, 1)
    return {
        result.PATH: found.path,
        result.GRADIENT: found.gradient,
        result.INTEGRAND: integrand,
        result.DETECTOR: found.detector,
        result.OUTPUT_PATH: found.output,
        result.ATTRIBUTION: contributions.sum(0),
        result.QUADRATURE_ERROR: quadrature.relative_error(contributions, nodes.place),
    }


def _coordinates(path: Any, nodes: quadrature.Nodes) -> dict[str, Any]:
    along = {result.ALPHA: nodes.alphas, result.WEIGHT: nodes.weights}
    return along | ({result.SIGMA: path.sigma(nodes.alphas).numpy()} if hasattr(path, "sigma") else {})


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
    path = maker(image)
    if not callable(path):
        raise InputError(f"path: its maker returned {type(path).__name__}, expected a function alpha -> image.")
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


def _describe_region(region: Region) -> dict[str, str | int | float]:
    return {"region_y": region.y, "region_x": region.x, "region_size": region.size}


def _describe_device(place: torch.device) -> str:
    return torch.cuda.get_device_name(place) if place.type == "cuda" else place.type
