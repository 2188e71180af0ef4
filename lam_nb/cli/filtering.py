"""``lam-nb filters``: which kernels make the difference between two networks."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict, Unpack

import lam_nb as lam

from . import completion, report, represent
from . import options as shared

if TYPE_CHECKING:
    import xarray as xr

    from ..methods.representation.samples import Degradations


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
    one, other = (lam.networks.load(name, value_range=value_range) for name in (target, baseline))
    dataset = lam.filters(one, other, images, degradations, size=represent.sides(size), **settings)
    rows = [*_rows(dataset, share)]
    written = [lam.result.save(dataset, out)] if out else []
    if html:
        title = f"{dataset.attrs['network']} · lam_nb"
        written.append(lam.views.write_html(lam.views.filters(dataset, share=share), html, title=title))
    report.lines(rows, written)


def _rows(dataset: xr.Dataset, share: float) -> Iterator[tuple[str, str]]:
    result = lam.result
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
    yield "completeness gap", f"at most {float(abs(dataset[result.COMPLETENESS_GAP]).max()):.2%}"
    error, most = float(dataset[result.QUADRATURE_ERROR].max()), int(dataset[result.NODE_COUNT].max())
    yield "quadrature error", f"at most {error:.1%} (estimated, relative L1), {most} steps at most"
    yield "seconds", f"{facts['seconds']:.1f} on {facts['device']}"


def _where(dataset: xr.Dataset, name: str, share: float) -> str:
    """Return the layers with most of the first kernels."""
    result = lam.result
    found = lam.statistics.kernel_layers(dataset, name, share)
    order = (-found[result.TOP_SHARE].values).argsort(kind="stable")[:4]
    layers = found[result.LAYER].values[order], found[result.TOP_SHARE].values[order]
    return ", ".join(f"{part:.0%} in {layer}" for layer, part in zip(*layers, strict=True) if part)


def _strongest(dataset: xr.Dataset, name: str) -> str:
    """Return the first kernel, with its score and that score's standard error."""
    result = lam.result
    ranking = lam.statistics.kernel_ranking(dataset, name)
    first = int(ranking.values.argmax())
    layer, out, into = (ranking[one].values[first] for one in (result.LAYER, result.OUT, result.INTO))
    row = dataset[result.DISCRIMINATIVE_ERROR].sel({result.DEGRADATION: name}).isel({result.KERNEL: first})
    others = row[dataset[result.AGAINST].values.astype(str) != name]
    error = f" ± {float(others[0]):.2g}" if others.size == 1 and math.isfinite(others[0]) else ""
    return f"{layer} out {out} in {into}, {ranking.values[first]:.3g}{error}"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    words = "network that learned more: shipped, or a checkpoint file"
    shared.completed(add("--target", required=True, help=words), completion.networks)
    words = "what it was fine-tuned from, of the same architecture"
    shared.completed(add("--baseline", required=True, help=words), completion.networks)
    shared.value_range(parser)
    shared.device(parser)
    words = "folder of sharp photographs; the networks' inputs are made from them"
    shared.completed(add("--images", required=True, help=words), completion.files)
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
    shared.outputs(parser)
