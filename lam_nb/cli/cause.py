"""``lam-nb causal``: which blocks help a window, and which harm it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import lam_nb as lam

from ..types import Region
from ..validation import InputError
from . import completion, report
from . import options as shared

if TYPE_CHECKING:
    import xarray as xr

    from ..methods.causal import Task
    from ..networks import Network

TASKS, METRICS = ("super-resolution", "denoising", "deraining"), ("psnr", "ssim", "l1")
THRESHOLDS = {"psnr": 0.01, "ssim": 0.0005, "l1": 0.0001}
"""Names and defaults of `lam_nb.methods.causal`; told here so that help waits for nothing."""


def run(
    network: str,
    weights: str | None,
    value_range: float | None,
    truth: str,
    image: str | None,
    task_name: str | None,
    sigma: float | None,
    region: str,
    out: str | None,
    html: str | None,
    json: bool,
    seed: int,
    **settings: Any,
) -> None:
    """Measure which blocks of the input help a window, and which harm it."""
    from ..methods.causal import task

    window = Region.parse(region)
    report.check_outputs(out, html)
    net = lam.networks.load(network, weights=weights, value_range=value_range)
    try:
        work = task(
            net,
            report.photograph("--truth", truth),
            task_name,
            seed=seed,
            **({} if sigma is None else {"sigma": sigma}),
        )
    except InputError as error:
        raise InputError(f"--{error}" if str(error).startswith("task:") else str(error)) from None
    given = work.image
    if image is not None:
        if work.finish is not None:
            raise InputError("--image: rain must fall after the patches, on the clean --truth; leave --image out.")
        given = report.photograph("--image", image)
    settings |= {"noise": work.noise, "finish": work.finish, "seed": seed}
    dataset = lam.causal_effect(net, given, window, reference=work.reference, **settings)
    written = [lam.result.save(dataset, out)] if out else []
    if html:
        written.append(lam.views.write_html(lam.views.causal(dataset), html, title=f"{net.name} · lam_nb"))
    rows = _rows(dataset, net, work, window)
    if json:
        report.records([_numbers(dataset)], [str(path.resolve()) for path in written])
    else:
        report.lines(rows, written)


def _numbers(dataset: xr.Dataset) -> dict[str, object]:
    """Return the facts, and what is one number."""
    single = {str(name): one.item() for name, one in dataset.data_vars.items() if one.ndim == 0}
    effect = dataset[lam.result.EFFECT]
    return {**dataset.attrs, **single, "effect_min": float(effect.min()), "effect_max": float(effect.max())}


def _rows(dataset: xr.Dataset, net: Network, work: Task, window: Region) -> list[tuple[str, str]]:
    result = lam.result
    effect, units = dataset[result.EFFECT], dataset.attrs["units"]
    names = (result.POSITIVE, result.NEGATIVE, result.ZERO, result.OWN)
    return [
        ("network", f"{net.name} ({net.parameter_count:,} parameters), {work.name}"),
        ("region", report.window(window)),
        ("without", f"{float(dataset[result.QUALITY_ORIGIN]):.3f} {units}"),
        ("effects", f"{float(effect.min()):+.3f} to {float(effect.max()):+.3f} {units}"),
        ("largest error", f"{float(dataset[result.STANDARD_ERROR].max()):.3f} {units} (standard error)"),
        ("blocks", ", ".join(f"{int(dataset[name])} {name}" for name in names)),
        ("interventions", f"{dataset.attrs['pictures_computed']:,} in {dataset.attrs['seconds']:.1f} s"),
    ]


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    shared.network(parser)
    add = parser.add_argument
    words = "sharp, clean photograph, or a sample's name; the network's input is made from it"
    shared.completed(add("--truth", required=True, help=words), completion.pictures)
    shared.completed(add("--image", help="the network's input, if it is not to be made"), completion.pictures)
    add("--task", dest="task_name", choices=TASKS, help="told from the scale")
    add("--sigma", type=float, help="noise of denoising, default 50/255")
    add("--region", required=True, metavar="Y,X,SIZE", help="window of the output; papers take 32 px")
    shared.outputs(parser)
    shared.machine(parser)
    add("--store", help=".zarr to go on from after an interruption")
    add("--block", type=int, help="side of a block in input pixels; default 8 output pixels' worth")
    add("--fine", type=int, default=50, help="draws for blocks that matter, default %(default)s")
    add("--se", type=float, help="draw only until the standard error is below this, in the metric's units")
    told = ", ".join(f"{value:g} for {name}" for name, value in THRESHOLDS.items())
    add("--threshold", type=float, help=f"smaller effects count as none; default {told}")
    add("--tolerance", dest="threshold", type=float, action=shared.Renamed, now="--threshold")
    add("--patches", help="folder of photographs, or .npz, to cut patches from")
    add("--metric", default="psnr", choices=METRICS, help="default %(default)s")
    add("--seed", type=int, default=0, help="of noise, rain and patches, default %(default)s")
