"""Attribution: image -> path -> gradients -> Dataset."""

from __future__ import annotations

import numbers
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr

from . import detectors, gradients, images, integration, locality, paths, provenance, quadrature, result
from .networks import Network, checked
from .progress import Progress, bar
from .types import Batch, Detector, DetectorMaker, Image, InputError, PathMaker, Region

_END_TOLERANCE = 1e-3
_ALL = slice(None), slice(None)
_PER_NODE = (result.PATH, result.GRADIENT, result.INTEGRAND, result.DETECTOR, result.OUTPUT_PATH)


def attribute(
    network: Network,
    image: Any,
    region: Region | tuple[int, ...] | Sequence[Region | tuple[int, ...]],
    *,
    path: str | PathMaker = "blur",
    detector: str | DetectorMaker = "edges",
    steps: int | None = None,
    tolerance: float | None = None,
    rule: str | quadrature.Rule = "arc",
    keep: str | Iterable[str] | None = None,
    batch: int | None = None,
    memory: str | int | None = None,
    precision: str | None = None,
    device: str | torch.device | None = None,
    local: bool = True,
    progress: Progress = True,
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
    region : Region or (y, x, size), or a list of them
        Window of the output, in output pixels. Several share the path and, where the network looks at
        the whole picture, the forward passes: much less work than a call for each.
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
        output_path. The map and the scalars always are. Of several regions only input and output are
        kept by default; the others, which are large, need `steps`, that all regions have the same.
    batch : int, optional
        Nodes evaluated at once; by default chosen from the memory that the first evaluation takes.
    memory : str or int, optional
        How much an evaluation may take, such as "4GB": smaller batches, the same map. An estimate, to
        about a third; what is kept of the result comes on top.
    precision : "float32", "bfloat16" or "float16", optional
        Run the network's products in a lower precision (torch's autocast). The result says how far
        that moves the map, ``precision_error``.
    device : str or torch.device, optional
        Where to compute; CUDA when there is one. The network is put back where it was.
    local : bool, default True
        Compute only the part of the picture that the window can depend on, where there is one: the
        same map, to rounding, in less time. Not with ``output_path``, which is of the whole output.
    progress : bool or callable, default True
        Show a progress bar, or tell a function (evaluations done, evaluations expected) after every
        batch; what it raises stops the work.

    Returns
    -------
    xarray.Dataset
        Dimensions alpha, channel, y, x (input pixels), out_y, out_x (output pixels), and region for a
        list; variable ``attribution`` (channel, y, x) is the map, in units of the detector.

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
    >>> many = lam.attribute(net, lr, [(110, 150, 16), (20, 30, 16)], steps=4, progress=False)
    >>> many.lam.diffusion_index().dims
    ('region',)
    """
    started = time.perf_counter()
    plan = integration.Plan.of(steps, tolerance, rule)
    picture, alone, windows = images.as_image(image), _is_one(region), _regions(region)
    for window in windows:
        window.check(*checked(network).output_size(*picture.shape[-2:]))
    kept = _kept(keep, alone, ragged=not alone and plan.tolerance is not None)
    maker, measure_of, place = paths.named(path), detectors.named(detector), gradients.device(device)
    lower, moving = gradients.precision(precision), result.OUTPUT_PATH in kept
    settings: dict[str, Any] = {"batch": batch, "memory": gradients.memory(memory)}
    settings |= {"keep_gradient": result.GRADIENT in kept, "keep_output": moving}
    expected = plan.least * len(windows)
    with gradients.frozen(network, place), bar(progress, expected, network.name, "evaluation") as shown:
        along = _checked_path(maker, picture.to(place, gradients.working_dtype(network)))
        output = gradients.outputs(network, gradients.positions(along, [1.0]))
        scene = _Scene(network, gradients.Remembered(along), output, plan, plan.start(_speed(along)), lower, settings)
        shares = scene.shares(measure_of, windows, local and not moving)
        found = dict(one for share in shares for one in scene.integrated(share, shown))
    common = {result.INPUT: picture.numpy(), result.OUTPUT: output[0].float().cpu().numpy()}
    told = provenance.of_network(network) | {"path": provenance.named(maker), "detector": provenance.named(measure_of)}
    told |= {"rule": rule if isinstance(rule, str) else provenance.named(rule), "image_sha256": images.digest(picture)}
    told |= {"tolerance": plan.tolerance} if plan.tolerance is not None else {}
    told |= {"device": provenance.of_device(place), "precision": str(lower or network.dtype).removeprefix("torch.")}
    told |= {"seconds": round(time.perf_counter() - started, 3)}
    results = [_assembled(found[k], window, picture, along, common, kept, told) for k, window in enumerate(windows)]
    return results[0] if alone else result.stacked(results, result.REGION)


@dataclass(frozen=True)
class _Found:
    """An integral of one region, on a part of the picture."""

    integral: integration.Integral
    part: tuple[slice, slice]
    pixels: int
    start: float
    end: float
    precision_error: float | None


@dataclass(frozen=True)
class _Scene:
    """What all regions share."""

    network: Network
    trace: gradients.Remembered
    output: Batch
    plan: integration.Plan
    begin: Any
    lower: torch.dtype | None
    settings: dict[str, Any]

    def integrated(self, share: _Share, shown: Any) -> Iterable[tuple[int, _Found]]:
        """Return what was found for the regions of a share."""
        run, crop, first = share.run, share.crop, gradients.positions(self.trace, [0.0])
        whole = first.shape[-2] * first.shape[-1]
        pixels = run.pixels if isinstance(run, locality.Local) else whole
        before = gradients.outputs(run, first[..., crop[0], crop[1]])
        lowered = run if self.lower is None else gradients.Lowered(run, self.lower)
        sampler = gradients.Sampler(lowered, self.trace, crop, **self.settings)
        integrals = self.plan.integrate(sampler, share.measures, self.begin, pixels / whole, shown)
        for k, measure, end, integral in zip(share.members, share.measures, share.ends, integrals, strict=True):
            start = float(gradients.detect(measure, before, run.name))
            exact = gradients.Sampler(run, self.trace, crop, memory=self.settings["memory"])
            moved = None if self.lower is None else integration.precision_error(integral, exact, measure)
            yield k, _Found(integral, crop, pixels, start, end, moved)

    def shares(self, measure_of: DetectorMaker, windows: Sequence[Region], local: bool) -> list[_Share]:
        """Return what to run for which regions: the network for those that see it whole, parts of it for others."""
        measures = [_measure(measure_of, window) for window in windows]
        ends = [float(gradients.detect(measure, self.output, self.network.name)) for measure in measures]
        last = gradients.positions(self.trace, [1.0])
        together, alone = _Share(self.network), []
        for k, (window, measure, end) in enumerate(zip(windows, measures, ends, strict=True)):
            run, moved = (
                locality.localised(self.network, measure_of, window, last, self.output)
                if local
                else (self.network, measure)
            )
            if run is self.network:
                together = together.joined(k, measure, end)
            else:
                alone.append(_Share(run).joined(k, moved, end))
        return [together] * bool(together.members) + alone


@dataclass(frozen=True)
class _Share:
    """Regions that share forward passes of a network, or of a part of it."""

    run: Network | locality.Local
    members: tuple[int, ...] = ()
    measures: tuple[Detector, ...] = ()
    ends: tuple[float, ...] = ()

    @property
    def crop(self) -> tuple[slice, slice]:
        return self.run.part if isinstance(self.run, locality.Local) else _ALL

    def joined(self, member: int, measure: Detector, end: float) -> _Share:
        return _Share(self.run, (*self.members, member), (*self.measures, measure), (*self.ends, end))


def _assembled(
    found: _Found,
    window: Region,
    picture: Image,
    along: Any,
    common: dict[str, Any],
    kept: Sequence[str],
    common_told: dict[str, Any],
) -> xr.Dataset:
    integral, samples = found.integral, found.integral.samples
    values = common | integral.values() | {result.DETECTOR_START: found.start, result.DETECTOR_END: found.end}
    values[result.COMPLETENESS_GAP] = _gap(values[result.ATTRIBUTION], found.start, found.end)
    if found.precision_error is not None:
        values[result.PRECISION_ERROR] = found.precision_error
    if result.PATH in kept:
        values[result.PATH] = gradients.positions(along, integral.nodes.alphas).cpu().numpy()
    values |= {result.INTEGRAND: samples.integrand, result.GRADIENT: samples.gradient}
    values |= {result.DETECTOR: samples.detector, result.OUTPUT_PATH: samples.output}
    unwanted = set(result.OPTIONAL) - set(kept)
    wanted = {name: value for name, value in values.items() if name not in unwanted}
    for name in {result.ATTRIBUTION, result.INTEGRAND, result.GRADIENT} & set(wanted):
        wanted[name] = _placed(wanted[name], found.part, picture.shape[-2:])
    own = provenance.of_region(window) | {"steps": len(integral.nodes.alphas), "computed_pixels": found.pixels}
    return result.assemble(wanted, _coordinates(along, integral.nodes), common_told | own)


def _placed(values: Any, part: tuple[slice, slice], size: Sequence[int]) -> Any:
    """Return values of a part of the picture with zeros around them."""
    if values.shape[-2:] == tuple(size):
        return values
    whole = np.zeros((*values.shape[:-2], *size), values.dtype)
    whole[..., part[0], part[1]] = values
    return whole


def _speed(along: Any) -> quadrature.Speed:
    return lambda alphas: gradients.speed(along, alphas)


def _kept(keep: str | Iterable[str] | None, alone: bool, ragged: bool) -> tuple[str, ...]:
    """Return the optional variables to keep."""
    if keep is None:
        return result.DEFAULT if alone else (result.INPUT, result.OUTPUT)
    kept = result.chosen(keep)
    per_node = [name for name in kept if name in _PER_NODE]
    if ragged and per_node:
        raise InputError(
            f"keep: got {per_node[0]!r} for several regions, which each have nodes of their own; "
            "give steps=, that all share, or leave it out."
        )
    return kept


def _coordinates(path: Any, nodes: quadrature.Nodes) -> dict[str, Any]:
    along = {result.ALPHA: nodes.alphas, result.WEIGHT: nodes.weights}
    return along | ({result.SIGMA: path.sigma(nodes.alphas).numpy()} if hasattr(path, "sigma") else {})


def _is_one(region: Any) -> bool:
    return isinstance(region, Region) or (
        isinstance(region, tuple | list) and bool(region) and all(isinstance(one, numbers.Number) for one in region)
    )


def _regions(region: Any) -> list[Region]:
    if _is_one(region):
        return [Region.of(region)]
    if not isinstance(region, Sequence | np.ndarray) or isinstance(region, str) or not len(region):
        raise InputError(
            f"region: got {region!r}, expected lam_nb.Region(y, x, size), a tuple (y, x, size) or a list of them."
        )
    return [Region.of(one) for one in region]


def _measure(measure_of: DetectorMaker, window: Region) -> Detector:
    measure = measure_of(window)
    if not callable(measure):
        raise InputError(f"detector: its maker returned {type(measure).__name__}, expected a function of the output.")
    return measure


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
