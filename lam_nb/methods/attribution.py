"""Attribution: image -> path -> gradients -> Dataset."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .. import identity, images, paths, quadrature, result
from ..engine import integration, running
from ..engine.along import Remembered, positions, speed
from ..engine.locality import Local, localised
from ..engine.peak import Peak
from ..engine.running import Leased, Lowered, outputs
from ..engine.sampling import Sampler, detect
from ..engine.scene import Scene, is_one, regions, scene
from ..networks import NetworkLike
from ..types import (
    Detector,
    DetectorMaker,
    Device,
    Image,
    ImageLike,
    Inconsistent,
    NotConverged,
    Path,
    PathMaker,
    Progress,
    Region,
    RegionLike,
)
from ..validation import InputError, choose, switch

_END_TOLERANCE = 1e-3
"""How far a path may end from the image, in intensity: less than a grey level of 8 bits."""
_DOUBT = 2.0
"""How many times its estimated error a map's sum may be off: estimates covered 72 of 72 measured maps at once."""
_ROUNDING = 1e-3
"""Part of a map that single precision may lose along the way."""
_DETECTED = 1e-5
"""Part of a detector's value that single precision may lose: all that a flat window's change consists of."""
_ALL = slice(None), slice(None)
_ALONG = (result.ALPHA, *result.PIXELS)
OPTIONAL = (
    result.INPUT,
    result.OUTPUT,
    result.PATH,
    result.GRADIENT,
    result.INTEGRAND,
    result.DETECTOR,
    result.OUTPUT_PATH,
)
"""What `keep` chooses from; the map and the scalars are always there."""
DEFAULT = tuple(name for name in OPTIONAL if name != result.OUTPUT_PATH)
"""What is kept unless said otherwise."""
_PER_NODE = (result.PATH, result.GRADIENT, result.INTEGRAND, result.DETECTOR, result.OUTPUT_PATH)
RUN = frozenset({"batch", "memory", "device", "local", "progress", "keep"})
"""Settings that say how a map is computed and what is kept; all others decide it."""
TABLE = result.Table(
    result.PICTURES,
    {
        result.PATH: (_ALONG, "image along the path", "intensity"),
        result.GRADIENT: (_ALONG, "derivative of the detector by the image", "detector/intensity"),
        result.INTEGRAND: (_ALONG, "derivative times path velocity", "detector"),
        result.DETECTOR: ((result.ALPHA,), "detector along the path", "detector"),
        result.OUTPUT_PATH: (
            (result.ALPHA, *result.OUTPUT_PIXELS),
            "network output along the path",
            "intensity/255",
        ),
        result.ATTRIBUTION: (result.PIXELS, "local attribution", "detector"),
        result.DETECTOR_START: ((), "detector at the baseline", "detector"),
        result.DETECTOR_END: ((), "detector at the image", "detector"),
        result.COMPLETENESS_GAP: ((), "relative completeness gap", "1"),
        result.QUADRATURE_ERROR: ((), "estimated relative L1 error of the map", "1"),
        result.DIFFUSION_INDEX_ERROR: ((), "estimated integration error of the diffusion index", "1"),
        result.PRECISION_ERROR: ((), "estimated relative L1 error of the map by low precision", "1"),
        result.STEP_ERROR: ((result.ALPHA,), "part of the estimated error that a step makes", "1"),
        result.NODE_COUNT: ((result.REFINEMENT,), "gradient evaluations so far", "1"),
        result.ERROR_HISTORY: ((result.REFINEMENT,), "estimated relative L1 error of the map so far", "1"),
        result.INDEX_HISTORY: ((result.REFINEMENT,), "diffusion index so far", "1"),
    },
    result.QUALITIES,
    maker="lam_nb.attribute",
    optional=(*OPTIONAL, result.PRECISION_ERROR, *result.QUALITIES),
    hints={name: f"attribute(..., keep=[{name!r}, ...])" for name in OPTIONAL}
    | {name: "attribute(..., reference=truth)" for name in result.QUALITIES},
)


class Choices(TypedDict, total=False):
    """Settings of `attribute` that verbs hand on; what is kept they decide themselves."""

    path: str | PathMaker
    detector: str | DetectorMaker
    steps: int | None
    tolerance: float | None
    rule: str | quadrature.Rule
    batch: int | None
    memory: str | int | None
    precision: str | None
    device: Device
    local: bool


class Settings(Choices, total=False):
    """Settings of `attribute` that verbs hand on, with what is kept."""

    keep: str | Iterable[str] | None


def attribute(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike | Sequence[RegionLike],
    *,
    reference: ImageLike | None = None,
    path: str | PathMaker = "blur",
    detector: str | DetectorMaker = "edges",
    steps: int | None = None,
    tolerance: float | None = None,
    rule: str | quadrature.Rule = "arc",
    keep: str | Iterable[str] | None = None,
    batch: int | None = None,
    memory: str | int | None = None,
    precision: str | None = None,
    device: Device = None,
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
    network : Network or str
        From `lam_nb.networks.load` or `lam_nb.networks.wrap`, or a name or file that `load` takes.
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        The network's input, RGB in [0, 1], or as many channels as the network has.
    region : Region, (y, x, size) or (y, x, height, width), or a list of them
        Window of the output, in output pixels. Several share the path and, where the network looks at
        the whole picture, the forward passes: much less work than a call for each.
    reference : image, optional
        The ground truth, as large as the output: kept as ``reference``, and adds ``psnr`` of the output and
        ``psnr_window`` of the window, in dB, and ``ssim`` of the output (where scikit-image is installed and
        the output has 11 pixels a side).
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
        By how much the memory of the process, or of the GPU, may rise, such as "4GB": smaller batches, the
        same map. Batches are measured as they grow; what is kept of the result comes on top.
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
        If the tolerance was not reached, or `precision` costs more. The result says how far it got.
    SuspectedTruth
        If the image may be the large picture instead of the small one that the network enlarges.
    Inconsistent
        If the map's sum contradicts its estimated error: the network is random, or a part of it detached.

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
    plan, local = integration.Plan.of(steps, tolerance, rule), switch("local", local)
    alone, windows = is_one(region), regions(region)
    kept = _kept(keep, alone, ragged=not alone and plan.steps is None)
    maker, lower, moving = paths.named(path), running.precision(precision), result.OUTPUT_PATH in kept
    most = running.memory(memory)
    peak = None if most is None else Peak(running.device(device), most)
    how = _How(lower, batch, peak, keep_gradient=result.GRADIENT in kept, keep_output=moving)
    total = plan.least * len(windows)
    with scene(network, image, windows, detector=detector, device=device, progress=progress, total=total) as s:
        truth = None if reference is None else s.reference(reference)
        if truth is None:
            s.suspect(stacklevel=2)
        along = _checked_path(maker, s.image)
        work = _Work(s, Remembered(along), plan.on(lambda alphas: speed(along, alphas)), how)
        found = dict(one for share in work.shares(local and not moving) for one in work.integrated(share))
    plan.warn([one.integral.error for one in found.values()], stacklevel=2)
    facts: dict[str, str | int | float] = {"path": identity.named(maker)}
    facts |= {"rule": rule if isinstance(rule, str) else identity.named(rule)}
    facts |= {} if plan.tolerance is None else {"tolerance": plan.tolerance}
    facts |= {} if lower is None else {"precision": str(lower).removeprefix("torch.")}
    results = [_assembled(found[k], window, work, truth, kept, facts) for k, window in enumerate(windows)]
    _doubt(results, plan.tolerance or integration.TOLERANCE)
    return results[0] if alone else result.stacked(results, result.REGION)


def _doubt(results: Sequence[xr.Dataset], tolerance: float) -> None:
    """Warn of maps whose numbers contradict each other, and of a precision that costs more than the tolerance."""
    if doubtful := [float(one[result.COMPLETENESS_GAP]) for one in results if _is_inconsistent(one)]:
        worst = max(doubtful, key=abs)
        words = f"the map's completeness gap of {worst:+.1%} is more than its integration's error can explain: is the "
        words += "network random (dropout, noise), or a part of it detached from the gradient?"
        warnings.warn(words, Inconsistent, stacklevel=3)
    moved = [float(one[result.PRECISION_ERROR]) for one in results if result.PRECISION_ERROR in one]
    if max(moved, default=0.0) > tolerance:
        words = f"precision={results[0].attrs['precision']!r} moves the map by about {max(moved):.0%}, more than the "
        words += f"tolerance of {tolerance:g}; leave it out for maps that are to be trusted."
        warnings.warn(words, NotConverged, stacklevel=3)


def _is_inconsistent(found: xr.Dataset) -> bool:
    """Whether the sum is off by more than the map can be: its error, and that of precision, bound that of its sum."""
    size = float(abs(found[result.ATTRIBUTION]).sum())
    start, end = float(found[result.DETECTOR_START]), float(found[result.DETECTOR_END])
    known = float(found[result.QUADRATURE_ERROR]) + float(found.get(result.PRECISION_ERROR, 0.0))
    off = abs(float(found[result.ATTRIBUTION].astype(np.float64).sum()) - (end - start))
    lost = _ROUNDING * (size + abs(end - start)) + _DETECTED * (abs(start) + abs(end))
    return off > _DOUBT * known * size + lost  # NaN, where nothing is known, is no doubt


@dataclass(frozen=True)
class _How:
    """How it is run."""

    lower: torch.dtype | None
    batch: int | None
    peak: Peak | None
    keep_gradient: bool
    keep_output: bool


@dataclass(frozen=True)
class _Found:
    """An integral of one region, on a part of the picture."""

    integral: integration.Integral
    part: tuple[slice, slice]
    pixels: int
    start: float
    end: float
    moved: NDArray[np.floating] | None


@dataclass(frozen=True)
class _Share:
    """Regions that share forward passes of a network, or of a part of it."""

    run: Leased | Local
    members: tuple[int, ...] = ()
    detectors: tuple[Detector, ...] = ()
    ends: tuple[float, ...] = ()

    @property
    def crop(self) -> tuple[slice, slice]:
        return self.run.part if isinstance(self.run, Local) else _ALL

    def joined(self, member: int, detector: Detector, end: float) -> _Share:
        return _Share(self.run, (*self.members, member), (*self.detectors, detector), (*self.ends, end))


@dataclass(frozen=True)
class _Work:
    """What all regions share."""

    scene: Scene
    trace: Remembered
    integrator: integration.Integrator
    how: _How

    def shares(self, local: bool) -> list[_Share]:
        """Return what to run for which regions: the network for those that see it whole, parts of it for others."""
        run, windows = self.scene.run, self.scene.windows
        last = positions(self.trace, [1.0])
        together, alone = _Share(run), []
        for k, window in enumerate(windows):
            detector = self.scene.detector(window)
            end = float(detect(detector, self.scene.output, run.name))
            part, moved = (
                localised(run, self.scene.detector_of, window, last, self.scene.output) if local else (run, detector)
            )
            if part is run:
                together = together.joined(k, detector, end)
            else:
                alone.append(_Share(part).joined(k, moved, end))
        return [together, *alone] if together.members else alone

    def integrated(self, share: _Share) -> Iterator[tuple[int, _Found]]:
        """Yield what was found for the regions of a share."""
        run, crop, first = share.run, share.crop, positions(self.trace, [0.0])
        whole = first.shape[-2] * first.shape[-1]
        pixels = run.pixels if isinstance(run, Local) else whole
        before = outputs(run, first[..., crop[0], crop[1]])
        lowered = run if self.how.lower is None else Lowered(run, self.how.lower)
        sampler = Sampler(
            lowered,
            self.trace,
            crop,
            batch=self.how.batch,
            peak=self.how.peak,
            keep_gradient=self.how.keep_gradient,
            keep_output=self.how.keep_output,
        )
        integrals = self.integrator.integrate(sampler, share.detectors, pixels / whole, self.scene.bar)
        exact = Sampler(run, self.trace, crop, peak=self.how.peak)
        for k, detector, end, integral in zip(share.members, share.detectors, share.ends, integrals, strict=True):
            start = float(detect(detector, before, run.name))
            moved = None if self.how.lower is None else integration.moved_by_precision(integral, exact, detector)
            yield k, _Found(integral, crop, pixels, start, end, moved)


def _assembled(
    found: _Found,
    window: Region,
    work: _Work,
    truth: Image | None,
    kept: Sequence[str],
    facts: Mapping[str, str | int | float],
) -> xr.Dataset:
    integral, samples, along = found.integral, found.integral.samples, work.trace.path
    values = work.scene.shown | integral.values(found.moved)
    values |= {result.DETECTOR_START: found.start, result.DETECTOR_END: found.end}
    values[result.COMPLETENESS_GAP] = _gap(np.asarray(values[result.ATTRIBUTION]), found.start, found.end)
    if result.PATH in kept:
        values[result.PATH] = positions(along, integral.nodes.alphas).cpu().numpy()
    values |= {result.INTEGRAND: samples.integrand, result.GRADIENT: samples.gradient}
    values |= {result.DETECTOR: samples.detector, result.OUTPUT_PATH: samples.output}
    wanted = {name: value for name, value in values.items() if name not in OPTIONAL or name in kept}
    for name in {result.ATTRIBUTION, result.INTEGRAND, result.GRADIENT} & set(wanted):
        wanted[name] = _placed(np.asarray(wanted[name]), found.part, work.scene.picture.shape[-2:])
    if truth is not None:
        wanted |= _qualities(np.asarray(work.scene.shown[result.OUTPUT]), truth, window)
    own = {"steps": len(integral.nodes.alphas), "computed_pixels": found.pixels}
    along_and_across = _coordinates(along, integral.nodes) | work.scene.named
    return TABLE.build(wanted, along_and_across, facts=work.scene.facts(window, **facts, **own))


def _qualities(output: NDArray[np.floating], truth: Image, window: Region) -> dict[str, ArrayLike]:
    rows, columns = window.slices
    values: dict[str, ArrayLike] = {
        result.REFERENCE: truth.numpy(),
        result.PSNR: images.psnr(output, truth),
        result.PSNR_WINDOW: images.psnr(output[..., rows, columns], truth[..., rows, columns]),
    }
    with suppress(InputError):  # without scikit-image, or on a tiny output, there is none
        values[result.SSIM] = images.ssim(output.clip(0, 1), truth.numpy())
    return values


def _placed(values: NDArray[np.floating], part: tuple[slice, slice], size: Sequence[int]) -> NDArray[np.floating]:
    """Return values of a part of the picture with zeros around them."""
    if values.shape[-2:] == tuple(size):
        return values
    whole = np.zeros((*values.shape[:-2], *size), values.dtype)
    whole[..., part[0], part[1]] = values
    return whole


def chosen(keep: str | Iterable[str]) -> tuple[str, ...]:
    """Return the optional variables that `keep` names; "all" and "map" (none of them) are short for many.

    Raises
    ------
    InputError
        If a name is not one of the optional variables.

    Examples
    --------
    >>> chosen(["path", "detector"])
    ('path', 'detector')
    """
    if isinstance(keep, str):
        short = {"all": OPTIONAL, "map": ()}
        return short[keep] if keep in short else (choose("keep", keep, (*OPTIONAL, *short)),)
    if not isinstance(keep, Iterable):
        raise InputError(f'keep: got {keep!r}, expected "all", "map" or names among {", ".join(OPTIONAL)}.')
    return tuple(choose("keep", name, OPTIONAL) for name in keep)


def _kept(keep: str | Iterable[str] | None, alone: bool, ragged: bool) -> tuple[str, ...]:
    """Return the optional variables to keep."""
    if keep is None:
        return DEFAULT if alone else (result.INPUT, result.OUTPUT)
    kept = chosen(keep)
    per_node = [name for name in kept if name in _PER_NODE]
    if ragged and per_node:
        raise InputError(
            f"keep: got {per_node[0]!r} for several regions, which each have nodes of their own; "
            "give steps=, that all share, or leave it out."
        )
    return kept


def _coordinates(path: Path, nodes: quadrature.Nodes) -> dict[str, ArrayLike]:
    along: dict[str, ArrayLike] = {result.ALPHA: nodes.alphas, result.WEIGHT: nodes.weights}
    sigma = getattr(path, "sigma", None)  # blur paths tell it
    return along | ({} if sigma is None else {result.SIGMA: sigma(nodes.alphas).numpy()})


def _checked_path(maker: PathMaker, image: Image) -> Path:
    with running.BACKENDS.usual(image.device):
        path = paths.made(maker, image)
    end = positions(path, [1.0])[0]
    if end.shape != image.shape or (end - image).abs().max() > _END_TOLERANCE:
        raise InputError(
            f"path: at alpha = 1 it gives another picture than the image (shape {tuple(end.shape)}), "
            "expected path(0) = baseline and path(1) = image."
        )
    return path


def _gap(attribution: NDArray[np.floating], start: float, end: float) -> float:
    if end == start:
        return float("nan")
    return float((attribution.sum(dtype=np.float64) - (end - start)) / abs(end - start))
