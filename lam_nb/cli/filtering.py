"""``lam-nb filters``: which kernels make the difference between two networks."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TypedDict, Unpack

import numpy as np
import xarray as xr

from .. import networks, result, statistics
from ..methods.filtering import filters
from ..methods.representation.samples import Degradations
from . import report, represent


class _Settings(TypedDict):
    """What the verb takes as it is."""

    device: str | None
    loss: str
    rule: str
    steps: int | None
    tolerance: float | None
    kernel: str
    batch: int | None
    seed: int
    store: str | None


def run(
    target: str,
    baseline: str,
    value_range: float | None,
    images: str,
    pairs: list[str],
    share: float,
    out: str | None,
    html: str | None,
    blur: str | None,
    noise: str | None,
    jpeg: str | None,
    size: str | None,
    **settings: Unpack[_Settings],
) -> None:
    """Score the kernels in which two networks differ by what they do to the loss."""
    report.check_outputs(out, html)
    degradations: Degradations = represent.degradations({"blur": blur, "noise": noise, "jpeg": jpeg}, pairs)
    one, other = (networks.load(name, value_range=value_range) for name in (target, baseline))
    dataset = filters(one, other, images, degradations, size=represent.sides(size), **settings)
    rows = [*_rows(dataset, share)]
    written = [result.save(dataset, out)] if out else []
    if html:
        from .. import views

        title = f"{dataset.attrs['network']} · lam_nb"
        written.append(views.write_html(views.filters(dataset, share=share), html, title=title))
    report.lines(rows, written)


def _rows(dataset: xr.Dataset, share: float) -> Iterator[tuple[str, str]]:
    facts = result.facts(dataset)
    yield "target", f"{facts['network']} ({facts['parameters']:,} parameters)"
    yield "baseline", str(facts["baseline"])
    yield "pictures", f"{facts['images']}, {facts['size']} px: {facts['conditions']}"
    yield "kernels", f"{facts['kernel_count']:,}, a {facts['kernel_kind']} each; rule {facts['rule']}"
    for k, name in enumerate(dataset[result.DEGRADATION].values):
        one = dataset.isel({result.DEGRADATION: k})
        ends = (float(one[end].mean()) for end in (result.LOSS_BASELINE, result.LOSS_TARGET, result.SIGNED_SUM))
        yield f"{name} ", "loss {:.4g} → {:.4g}, signed sum {:+.4g}".format(*ends)
        yield "", f"first {100 * share:g} %: {_where(dataset, str(name), share)}"
        yield "", f"strongest: {_strongest(dataset, str(name))}"
    yield "completeness gap", f"at most {float(np.abs(dataset[result.COMPLETENESS_GAP]).max()):.2%}"
    error, most = float(dataset[result.QUADRATURE_ERROR].max()), int(dataset[result.NODE_COUNT].max())
    yield "quadrature error", f"at most {error:.1%} (estimated, relative L1), {most} steps at most"
    yield "seconds", f"{facts['seconds']:.1f} on {facts['device']}"


def _where(dataset: xr.Dataset, name: str, share: float) -> str:
    """Return the layers with most of the first kernels."""
    found = statistics.kernel_layers(dataset, name, share)
    order = np.argsort(-found[result.TOP_SHARE].values, kind="stable")[:4]
    layers = found[result.LAYER].values[order], found[result.TOP_SHARE].values[order]
    return ", ".join(f"{part:.0%} in {layer}" for layer, part in zip(*layers, strict=True) if part)


def _strongest(dataset: xr.Dataset, name: str) -> str:
    """Return the first kernel, with its score and that score's standard error."""
    ranking = statistics.kernel_ranking(dataset, name)
    first = int(np.argmax(ranking.values))
    layer, out, into = (ranking[one].values[first] for one in (result.LAYER, result.OUT, result.INTO))
    row = dataset[result.DISCRIMINATIVE_ERROR].sel({result.DEGRADATION: name}).isel({result.KERNEL: first})
    others = row[dataset[result.AGAINST].values.astype(str) != name]
    error = f" ± {float(others[0]):.2g}" if others.size == 1 and np.isfinite(others[0]) else ""
    return f"{layer} out {out} in {into}, {ranking.values[first]:.3g}{error}"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("--target", required=True, help="network that learned more: shipped, or a checkpoint file")
    add("--baseline", required=True, help="what it was fine-tuned from, of the same architecture")
    add("--value-range", type=float, help="largest pixel value the networks work with: 1 or 255")
    report.add_device(parser)
    add("--images", required=True, help="folder of sharp photographs; the networks' inputs are made from them")
    represent.add_degradations(parser)
    add("--share", type=float, default=0.01, help="of the kernels that are told; default %(default)s")
    add("--loss", default="squared", help="squared or absolute; default %(default)s")
    add("--rule", default="midpoint", help="midpoint or paper; default %(default)s")
    add("--steps", type=int, help="evaluations along the line; default as many as the tolerance takes")
    add("--tolerance", type=float, help="relative error that is wanted; default 0.05")
    add("--kernel", default="slice", help="slice, filter or layer; default %(default)s")
    add("--size", help="pixels of the networks' input, SIDE or ROWS,COLUMNS; default as the smallest picture allows")
    add("--batch", type=int, help="pictures at once")
    add("--seed", type=int, default=0, help="of noise, default %(default)s")
    add("--store", help=".zarr to go on from after an interruption")
    add("--out", help="result to write: .nc or .zarr")
    add("--html", help="page to write")
