"""Attribution: image -> path -> gradients -> Dataset."""

from __future__ import annotations

import inspect
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .. import identity, images, paths, quadrature, result
from ..engine import integration, running
from ..engine.along import Remembered, positions, speed
from ..engine.locality import Local, localised
from ..engine.narrowing import WORTH
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
from ..validation import InputError, choose, settings, switch

_END_TOLERANCE = 1e-3
"""How far a path may end from the image, in intensity: less than a grey level of 8 bits."""
_DOUBT = 2.0
"""How many times its estimated error a map's sum may be off: estimates covered 72 of 72 measured maps at once."""
_ROUNDING = 1e-3
"""Part of a map that single precision may lose along the way."""
_DETECTED = 1e-5
"""Part of a detector's value that single precision may lose: all that a flat window's change consists of."""
_WORTH_APART = 0.45
"""Share of products up to which several windows are computed apart; else they share forward passes, half of all."""
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
        By how much the memory of the process, or of the GPU, may rise, such as "4GB": smaller batches, and where
        one picture takes too much, blocks of the network that are computed again for the gradient; the same map.
        Batches are measured as they grow; what is kept of the result comes on top.
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
    asked = _Asked.of(region, keep, path, detector, steps, tolerance, rule, batch, memory, precision, device, local)
    (results,) = _rounds(asked, network, image, reference, progress, every=False)
    asked.warn(results)
    return results[0] if asked.alone else result.stacked(results, result.REGION)


def attribute_steps(
    network: NetworkLike,
    image: ImageLike,
    region: RegionLike,
    *,
    reference: ImageLike | None = None,
    keep: str | Iterable[str] | None = None,
    progress: Progress = False,
    **choices: Unpack[Choices],
) -> Iterator[xr.Dataset]:
    """Compute a local attribution map that is there early and gets better: a result after every refinement.

    The first comes after nine evaluations of the gradient, each says how far it may be off, and the last is that of
    `lam_nb.attribute`. Stop when it is good enough; what was not asked for is not computed.

    Parameters
    ----------
    network : Network or str
        As of `lam_nb.attribute`.
    image : torch.Tensor (3, y, x), array (y, x, 3), PIL image or path
        The network's input, as of `lam_nb.attribute`.
    region : Region, (y, x, size) or (y, x, height, width)
        One window of the output, in output pixels.
    reference : image, optional
        The ground truth, as of `lam_nb.attribute`.
    keep : "all", "map" or names, default all but "output_path"
        Optional variables to keep.
    progress : bool or callable, default False
        Show a progress bar, or tell a function (evaluations done, evaluations expected); what it raises stops the work.
    **choices
        Other settings of `lam_nb.attribute`. With ``steps=``, or a rule of fixed steps, there is one result.

    Yields
    ------
    xarray.Dataset
        Of `lam_nb.attribute`; ``quadrature_error`` falls, until it is below ``tolerance`` or 243 evaluations are spent.

    Raises
    ------
    InputError
        If an argument does not fit; before anything is computed.

    Warns
    -----
    NotConverged, SuspectedTruth, Inconsistent
        As `lam_nb.attribute`, of the last result.

    Examples
    --------
    >>> import lam_nb as lam
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> found = list(lam.attribute_steps("fsrcnn", lr, (96, 96, 16), tolerance=0.02))
    >>> found[0].attrs["steps"], float(found[-1].quadrature_error) <= 0.02
    (9, True)
    """
    settings(choices, attribute, "attribute_steps", without=("keep", "reference", "progress"))
    usual = inspect.signature(attribute).parameters
    given: dict[str, Any] = {name: usual[name].default for name in Choices.__annotations__} | dict(choices)
    asked = _Asked.of(region, keep, **given)
    if not asked.alone:
        raise InputError(f"region: got {region!r}, expected one window; lam_nb.attribute takes several.")
    return _refined(asked, network, image, reference, progress)


def _refined(
    asked: _Asked, network: NetworkLike, image: ImageLike, reference: ImageLike | None, progress: Progress
) -> Iterator[xr.Dataset]:
    results: list[xr.Dataset] = []
    for results in _rounds(asked, network, image, reference, progress, every=True):
        yield results[0]
    asked.warn(results)


@dataclass(frozen=True)
class _Asked:
    """What is asked for, checked."""

    plan: integration.Plan
    alone: bool
    windows: tuple[Region, ...]
    kept: tuple[str, ...]
    maker: PathMaker
    detector: str | DetectorMaker
    rule: str | quadrature.Rule
    device: Device
    local: bool
    how: _How

    @classmethod
    def of(
        cls,
        region: RegionLike | Sequence[RegionLike],
        keep: str | Iterable[str] | None,
        path: str | PathMaker,
        detector: str | DetectorMaker,
        steps: int | None,
        tolerance: float | None,
        rule: str | quadrature.Rule,
        batch: int | None,
        memory: str | int | None,
        precision: str | None,
        device: Device,
        local: bool,
    ) -> _Asked:
        """Return what is asked by the arguments of `attribute`."""
        plan, alone = integration.Plan.of(steps, tolerance, rule), is_one(region)
        kept = _kept(keep, alone, ragged=not alone and plan.steps is None)
        most, moving = running.memory(memory), result.OUTPUT_PATH in kept
        peak = None if most is None else Peak(running.device(device), most)
        how = _How(running.precision(precision), batch, peak, result.GRADIENT in kept, keep_output=moving)
        local = switch("local", local) and not moving
        return cls(plan, alone, regions(region), kept, paths.named(path), detector, rule, device, local, how)

    @property
    def facts(self) -> dict[str, str | int | float]:
        """What results tell of it."""
        facts: dict[str, str | int | float] = {"path": identity.named(self.maker)}
        facts |= {"rule": self.rule if isinstance(self.rule, str) else identity.named(self.rule)}
        facts |= {} if self.plan.tolerance is None else {"tolerance": self.plan.tolerance}
        lower = self.how.lower
        return facts | ({} if lower is None else {"precision": str(lower).removeprefix("torch.")})

    def warn(self, results: Sequence[xr.Dataset]) -> None:
        """Warn of what is not as good as asked, or contradicts itself; called by a verb, for its caller."""
        self.plan.warn([float(one[result.QUADRATURE_ERROR]) for one in results], stacklevel=3)
        _doubt(results, self.plan.tolerance or integration.TOLERANCE)


def _rounds(
    asked: _Asked,
    network: NetworkLike,
    image: ImageLike,
    reference: ImageLike | None,
    progress: Progress,
    every: bool,
) -> Iterator[list[xr.Dataset]]:
    """Yield the results of all windows: of one window after every round, otherwise when all are done."""
    with scene(
        network,
        image,
        asked.windows,
        detector=asked.detector,
        device=asked.device,
        progress=progress,
        total=asked.plan.least * len(asked.windows),
    ) as s:
        truth = None if reference is None else s.reference(reference)
        if truth is None:
            s.suspect(stacklevel=3)
        along = _checked_path(asked.maker, s.image)
        work = _Work(s, Remembered(along), asked.plan.on(lambda alphas: speed(along, alphas)), asked.how)
        found: dict[int, _Found] = {}
        for share in work.shares(asked.local, asked.plan.least):
            for part in work.rounds(share, every):
                found |= part
                if every:
                    yield _all_assembled(found, asked, work, truth)
    if not every:
        yield _all_assembled(found, asked, work, truth)


def _all_assembled(found: Mapping[int, _Found], asked: _Asked, work: _Work, truth: Image | None) -> list[xr.Dataset]:
    windows = enumerate(asked.windows)
    return [_assembled(found[k], window, work, truth, asked.kept, asked.facts) for k, window in windows]


def _doubt(results: Sequence[xr.Dataset], tolerance: float) -> None:
    """Warn of maps whose numbers contradict each other, and of a precision that costs more than the tolerance."""
    if doubtful := [float(one[result.COMPLETENESS_GAP]) for one in results if _is_inconsistent(one)]:
        worst = max(doubtful, key=abs)
        words = f"the map's completeness gap of {worst:+.1%} is more than its integration's error can explain: is the "
        words += "network random (dropout, noise), or a part of it detached from the gradient?"
        warnings.warn(words, Inconsistent, stacklevel=4)
    moved = [float(one[result.PRECISION_ERROR]) for one in results if result.PRECISION_ERROR in one]
    if max(moved, default=0.0) > tolerance:
        words = f"precision={results[0].attrs['precision']!r} moves the map by about {max(moved):.0%}, more than the "
        words += f"tolerance of {tolerance:g}; leave it out for maps that are to be trusted."
        warnings.warn(words, NotConverged, stacklevel=4)


def _is_inconsistent(found: xr.Dataset) -> bool:
    """Whether the sum is off by more than the map can be: its error, and that of precision, bound that of its sum."""
    attribution = found[result.ATTRIBUTION].values
    size = float(np.abs(attribution).sum(dtype=np.float64))
    start, end = float(found[result.DETECTOR_START]), float(found[result.DETECTOR_END])
    known = float(found[result.QUADRATURE_ERROR]) + float(found.get(result.PRECISION_ERROR, 0.0))
    off = abs(float(attribution.sum(dtype=np.float64)) - (end - start))
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

    def shares(self, local: bool, passes: int) -> list[_Share]:
        """Return what to run for which regions: the network for those that see it whole, parts of it for others."""
        run, windows = self.scene.run, self.scene.windows
        worth = WORTH if len(windows) == 1 else _WORTH_APART
        worth = worth if self.how.peak is None else 0.0  # finding out takes memory that nobody bounds
        asked, last, output = self.scene.detector_of, positions(self.trace, [1.0]), self.scene.output
        together, alone = _Share(run), []
        for k, window in enumerate(windows):
            detector = moved = self.scene.detector(window)
            end = float(detect(detector, output, run.name))
            part: Leased | Local = run
            if local:
                part, moved = localised(run, asked, window, last, output, passes=passes, worth=worth)
            if part is run:
                together = together.joined(k, detector, end)
            else:
                alone.append(_Share(part).joined(k, moved, end))
        return [together, *alone] if together.members else alone

    def rounds(self, share: _Share, every: bool) -> Iterator[dict[int, _Found]]:
        """Yield what was found for the regions of a share: after every round, or after the last alone."""
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
        exact = Sampler(run, self.trace, crop, peak=self.how.peak)
        starts = [float(detect(detector, before, run.name)) for detector in share.detectors]
        rounds = self.integrator.rounds(sampler, share.detectors, pixels / whole, self.scene.bar)
        for integrals in rounds if every else deque(rounds, maxlen=1):
            found = {}
            for n, integral in enumerate(integrals):
                lower, detector = self.how.lower is not None, share.detectors[n]
                moved = integration.moved_by_precision(integral, exact, detector) if lower else None
                found[share.members[n]] = _Found(integral, crop, pixels, starts[n], share.ends[n], moved)
            yield found


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
