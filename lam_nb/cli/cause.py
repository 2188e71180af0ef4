"""``lam-nb causal``: which blocks help a window, and which harm it."""

from __future__ import annotations

import argparse
from typing import Any

import xarray as xr

from .. import images, networks, result
from ..methods.causal import Task, causal_effect, metrics, task, tasks
from ..networks import Network
from ..types import Region
from ..validation import InputError
from . import report


def run(
    network: str,
    weights: str | None,
    value_range: float | None,
    truth: str,
    image: str | None,
    task_name: str | None,
    sigma: float,
    region: str,
    out: str | None,
    html: str | None,
    seed: int,
    **settings: Any,
) -> None:
    """Measure which blocks of the input help a window, and which harm it."""
    window = Region.parse(region)
    report.check_outputs(out, html)
    net = networks.load(network, weights=weights, value_range=value_range)
    try:
        work = task(net, images.load(truth), task_name, sigma=sigma, seed=seed)
    except InputError as error:
        raise InputError(f"--{error}" if str(error).startswith("task:") else str(error)) from None
    given = work.image
    if image is not None:
        if work.finish is not None:
            raise InputError("--image: rain must fall after the patches, on the clean --truth; leave --image out.")
        given = images.load(image)
    settings |= {"noise": work.noise, "finish": work.finish, "seed": seed}
    dataset = causal_effect(net, given, window, reference=work.reference, **settings)
    written = [result.save(dataset, out)] if out else []
    if html:
        from .. import views

        written.append(views.write_html(views.causal(dataset), html, title=f"{net.name} · lam_nb"))
    report.lines(_rows(dataset, net, work, window), written)


def _rows(dataset: xr.Dataset, net: Network, work: Task, window: Region) -> list[tuple[str, str]]:
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
    report.add_network(parser)
    add = parser.add_argument
    add("--truth", required=True, help="the sharp, clean photograph; the network's input is made from it")
    add("--image", help="the network's input, if it is not to be made")
    add("--task", dest="task_name", choices=tasks.NAMES, help="told from the scale")
    add("--sigma", type=float, default=tasks.SIGMA, help="noise of denoising, default 50/255")
    add("--region", required=True, metavar="Y,X,SIZE", help="window of the output; papers take 32 px")
    add("--out", help="result to write: .nc or .zarr")
    add("--html", help="page to write: .html")
    add("--store", help=".zarr to go on from after an interruption")
    add("--block", type=int, help="side of a block in input pixels; default 8 output pixels' worth")
    add("--fine", type=int, default=50, help="draws for blocks that matter, default %(default)s")
    add("--se", type=float, help="draw only until the standard error is below this, in the metric's units")
    told = ", ".join(f"{value:g} for {name}" for name, value in metrics.THRESHOLDS.items())
    add("--threshold", type=float, help=f"smaller effects count as none; default {told}")
    add("--tolerance", dest="threshold", type=float, help=argparse.SUPPRESS)  # its name of version 0.1
    add("--patches", help="folder of photographs, or .npz, to cut patches from")
    add("--metric", default="psnr", choices=metrics.names(), help="default %(default)s")
    add("--seed", type=int, default=0, help="of noise, rain and patches, default %(default)s")
