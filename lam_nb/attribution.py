"""Attribution: image -> path -> gradients -> Dataset."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr

from . import detectors, gradients, images, locality, paths, quadrature, result, statistics
from .networks import Network
from .types import DetectorMaker, Image, InputError, NotConverged, PathMaker, Region, positive

_END_TOLERANCE = 1e-3
_TOLERANCE = 0.05
_FIRST, _MOST = 9, 243
"""Evaluations at first and at most."""
_STEPS, _PUBLISHED_STEPS = 24, 50
_DRAWS = 32


def attribute(
    network: Network,
    image: Any,
    region: Region | tuple[int, ...],
    *,
    path: str | PathMaker = "blur",
    detector: str | DetectorMaker = "edges",
    steps: int | None = None,
    tolerance: float | None = None,
    rule: str | quadrature.Rule = "arc",
    keep: str | Iterable[str] = result.DEFAULT,
    batch: int | None = None,
    device: str | torch.device | None = None,
    local: bool = True,
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
    steps : int, optional
        A fixed number of evaluations of the gradient along the path, instead of a tolerance.
    tolerance : float, default 0.05
        Evaluate, and refine the path's steps where the gradient changes most, until the estimated
        relative L1 error of the map is below this, or 243 evaluations are spent.
    rule : str or callable, default "arc"
        Where evaluations sit: "arc", "midpoint", "gauss", "paper" or "ends", see `lam_nb.quadrature`.
        All but "arc" take a fixed number of steps. ``rule="paper"`` (of 50) reproduces the published demo.
    keep : "all", "map" or names, default all but "output_path"
        Optional variables to keep: input, output, path, gradient, integrand, detector,
        output_path. The map and the scalars always are.
    batch : int, optional
        Nodes evaluated at once; chosen automatically.
    device : str or torch.device, optional
        Where to compute; CUDA when there is one. The network is put back where it was.
    local : bool, default True
        Compute only the part of the picture that the window can depend on, where there is one: the
        same map, to rounding, in less time. Not with ``output_path``, which is of the whole output.
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

    Warns
    -----
    NotConverged
        If the tolerance was not reached. The result says how far it got.

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
    asked, goal = _effort(steps, tolerance, rule)
    picture, window, kept = images.as_image(image), _region(region), result.chosen(keep)
    window.check(*_network(network).output_size(*picture.shape[-2:]))
    maker, measure_of, place = paths.named(path), detectors.named(detector), gradients.device(device)
    measure = measure_of(window)
    if not callable(measure):
        raise InputError(f"detector: its maker returned {type(measure).__name__}, expected a function of the output.")
    with gradients.frozen(network, place):
        along = _checked_path(maker, picture.to(place, gradients.working_dtype(network)))
        first, last = gradients.positions(along, [0.0, 1.0]).split(1)
        output = gradients.outputs(network, last)
        end = float(gradients.detect(measure, output, network.name))
        moving = result.OUTPUT_PATH in kept
        part = network if moving or not local else locality.localised(network, measure, window, last, output)
        start = float(gradients.detect(measure, gradients.outputs(part, first), network.name))

        def evaluate(nodes: quadrature.Nodes) -> gradients.Samples:
            return gradients.sample(part, measure, along, nodes, batch=batch, keep_output=moving, progress=progress)

        pace = lambda alphas: gradients.speed(along, alphas)  # noqa: E731
        integral = _fixed(evaluate, pace, rule, asked) if goal is None else _refined(evaluate, pace, goal)
    pictures = {result.INPUT: picture.numpy(), result.OUTPUT: output[0].float().cpu().numpy()}
    values = pictures | _integrated(integral, moving) | {result.DETECTOR_START: start, result.DETECTOR_END: end}
    values[result.COMPLETENESS_GAP] = _gap(values[result.ATTRIBUTION], start, end)
    provenance = _describe_network(network) | _describe_region(window)
    provenance |= {"path": _describe(maker), "detector": _describe(measure_of), "steps": len(integral.nodes.alphas)}
    provenance |= {"rule": rule if isinstance(rule, str) else _describe(rule), "image_sha256": images.digest(picture)}
    provenance |= {"tolerance": goal} if goal is not None else {}
    provenance |= {"computed_pixels": getattr(part, "pixels", picture.shape[-2] * picture.shape[-1])}
    provenance |= {"device": _describe_device(place), "precision": str(network.dtype).removeprefix("torch.")}
    provenance |= {"seconds": round(time.perf_counter() - started, 3)}
    unwanted = set(result.OPTIONAL) - set(kept)
    wanted = {name: value for name, value in values.items() if name not in unwanted}
    return result.assemble(wanted, _coordinates(along, integral.nodes), provenance)


@dataclass(frozen=True)
class _Integral:
    """Samples at nodes, and how the estimates went while there were fewer: (nodes, error, index) a round."""

    samples: gradients.Samples
    nodes: quadrature.Nodes
    widths: np.ndarray | None = None
    history: tuple[tuple[int, float, float], ...] = ()

    @property
    def contributions(self) -> np.ndarray:
        integrand = self.samples.gradient * self.samples.velocity
        return integrand * self.nodes.weights.astype(integrand.dtype).reshape(-1, 1, 1, 1)

    def noted(self) -> _Integral:
        """Return the integral with its own estimates at the end of the history."""
        contributions = self.contributions
        error = quadrature.relative_error(contributions, self.nodes.place, self.widths)
        row = len(contributions), error, float(_indices(contributions.sum((0, 1))[None])[0])
        return replace(self, history=(*self.history, row))


def _effort(steps: int | None, tolerance: float | None, rule: Any) -> tuple[int, float | None]:
    """Return a number of steps, or a tolerance to reach."""
    if steps is not None and tolerance is not None:
        raise InputError(f"tolerance: got {tolerance!r} beside steps={steps!r}; give one of them.")
    if steps is not None:
        return steps, None
    if rule == "arc":
        return 0, positive(
            "tolerance", _TOLERANCE if tolerance is None else tolerance, "a relative error, such as 0.05"
        )
    if tolerance is not None:
        raise InputError(f"tolerance: got {tolerance!r}, which rule={rule!r} cannot reach; give steps=, or rule='arc'.")
    return (_PUBLISHED_STEPS if rule in ("paper", "ends") else _STEPS), None


def _fixed(evaluate: Any, pace: quadrature.Speed, rule: Any, steps: int) -> _Integral:
    nodes = quadrature.place(rule, pace, steps)
    return _Integral(evaluate(nodes), nodes).noted()


def _refined(evaluate: Any, pace: quadrature.Speed, tolerance: float) -> _Integral:
    """Split the worst steps until the estimated error is below the tolerance; every evaluation is kept."""
    cells = quadrature.Cells.equal(pace, _FIRST)
    integral = _Integral(evaluate(cells.nodes()), cells.nodes(), cells.widths).noted()
    while integral.history[-1][1] > tolerance and len(cells.alphas) < _MOST:
        affordable = (_MOST - len(cells.alphas)) // 2
        cells, fresh = cells.split(quadrature.worst(integral.contributions, cells.widths, tolerance, affordable))
        samples = integral.samples.merged(evaluate(cells.nodes(fresh)), fresh)
        integral = replace(integral, samples=samples, nodes=cells.nodes(), widths=cells.widths).noted()
    error = integral.history[-1][1]
    if error > tolerance:
        words = f"after {_MOST} evaluations the map's estimated error is {error:.1%}, above tolerance={tolerance:g}"
        warnings.warn(f"{words}; take it as it is, or try another path.", NotConverged, stacklevel=3)
    return integral


def _integrated(integral: _Integral, moving: bool) -> dict[str, Any]:
    found, contributions = integral.samples, integral.contributions
    errors = quadrature.step_errors(contributions, integral.nodes.place, integral.widths)
    attribution = contributions.sum(0)
    counts, history, indices = zip(*integral.history, strict=True)
    return {
        result.PATH: found.path,
        result.GRADIENT: found.gradient,
        result.INTEGRAND: found.gradient * found.velocity,
        result.DETECTOR: found.detector,
        **({result.OUTPUT_PATH: found.output} if moving else {}),
        result.ATTRIBUTION: attribution,
        result.QUADRATURE_ERROR: history[-1],
        result.DIFFUSION_INDEX_ERROR: _index_error(attribution.sum(0), errors.sum(1), indices[-1]),
        result.STEP_ERROR: quadrature.shares(errors) * history[-1],
        result.NODE_COUNT: counts,
        result.ERROR_HISTORY: history,
        result.INDEX_HISTORY: indices,
    }


def _indices(maps: np.ndarray) -> np.ndarray:
    """Return the diffusion index of each signed map (draw, y, x)."""
    stacked = xr.Dataset({result.ATTRIBUTION: (("draw", result.CHANNEL, result.Y, result.X), maps[:, None])})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a map that is zero warns where its index is asked for
        return statistics.diffusion_index(stacked).values


def _index_error(signed: np.ndarray, errors: np.ndarray, index: float) -> float:
    """Estimate how far the index is off: give every step's likely error a random sign, many times."""
    signs = np.random.default_rng(0).choice(np.array([-1, 1], errors.dtype), (_DRAWS, len(errors)))
    drawn = _indices(signed + np.tensordot(signs, errors, 1))
    return float(np.sqrt(np.mean((drawn - index) ** 2)))


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
    unusual: dict[str, Any] = {
        "mean": network.mean,
        "std": network.std,
        "colours": network.colours,
        "arguments": network.arguments,
    }
    usual: dict[str, Any] = {"mean": 0.0, "std": 1.0, "colours": "rgb", "arguments": {}}
    told: dict[str, str | int | float] = {
        f"network_{key}": str(value) for key, value in unusual.items() if value != usual[key]
    }
    return told | {
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
