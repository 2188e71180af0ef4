"""``lam-nb represent``: what do features know, how a picture is degraded or what it shows."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import lam_nb as lam

from ..types import Batch
from ..validation import InputError
from . import completion, report
from . import options as shared

if TYPE_CHECKING:
    import xarray as xr

    from ..methods.representation.samples import Degradations

_GREY_LEVELS = 255
_MAKERS: Mapping[str, tuple[Callable[[float], Callable[[Batch], Batch]], str]] = {
    "blur": (lambda sigma: lam.images.Blur(sigma), "1,2,4"),
    "noise": (lambda sigma: lam.images.Noise(sigma / _GREY_LEVELS), "10,20"),
    "jpeg": (lambda quality: lam.images.JPEG(int(quality)), "50,20"),
}


def run(
    network: str,
    weights: str | None,
    value_range: float | None,
    images: str,
    pairs: Sequence[str],
    layers: str | None,
    size: str | None,
    out: str | None,
    html: str | None,
    blur: str | None,
    noise: str | None,
    jpeg: str | None,
    **settings: Any,
) -> None:
    """Ask whether the features of a network know degradation or content."""
    report.check_outputs(out, html)
    changes = degradations({"blur": blur, "noise": noise, "jpeg": jpeg}, pairs)
    net = lam.networks.load(network, weights=weights, value_range=value_range)
    settings |= {"layers": layers.split(",") if layers else None, "size": sides(size)}
    dataset = lam.representations(net, images, changes, **settings)
    written = [lam.result.save(dataset, out)] if out else []
    if html:
        page = lam.views.representations(dataset)
        written.append(lam.views.write_html(page, html, title=f"{net.name} · lam_nb"))
    report.lines(_rows(dataset), written)


def degradations(levels: Mapping[str, str | None], pairs: Sequence[str]) -> Degradations:
    """Return the degradations that the options name.

    Raises
    ------
    InputError
        If one of them does not fit.

    Examples
    --------
    >>> degradations({"blur": "1,2", "noise": None}, ["phone=photos/phone"])
    {'blur': [(1.0, Blur(sigma=1.0)), (2.0, Blur(sigma=2.0))], 'phone': 'photos/phone'}
    """
    made: Degradations = {name: _levels(name, text) for name, text in levels.items() if text}
    return {**made, **dict(_pair(one) for one in pairs)}


def _levels(name: str, text: str) -> list[tuple[float, Callable[[Batch], Batch]]]:
    maker, example = _MAKERS[name]
    try:
        return [(float(one), maker(float(one))) for one in text.split(",")]
    except InputError as error:
        raise InputError(f"--{name}: {error}") from None
    except ValueError:
        raise InputError(f"--{name}: got {text!r}, expected numbers such as {example}.") from None


def _pair(text: str) -> tuple[str, str]:
    name, _, folder = text.partition("=")
    if not (name and folder):
        raise InputError(f"--pair: got {text!r}, expected NAME=FOLDER, such as phone=photos/phone.")
    return name, folder


def sides(text: str | None) -> tuple[int, int] | int | None:
    """Return the pixels of an option, one number or two.

    Raises
    ------
    InputError
        If they are no numbers.

    Examples
    --------
    >>> sides("64"), sides("48,64"), sides(None)
    (64, (48, 64), None)
    """
    try:
        found = tuple(int(one) for one in text.split(",")) if text else ()
    except ValueError:
        found = (0, 0, 0)
    if len(found) > 2:
        raise InputError(f"--size: got {text!r}, expected pixels such as 64, or ROWS,COLUMNS.")
    if len(found) == 2:
        return found[0], found[1]
    return found[0] if found else None


def _rows(dataset: xr.Dataset) -> list[tuple[str, str]]:
    result = lam.result
    facts = result.facts(dataset)
    pair = {by: lam.statistics.separability(dataset, by) for by in (result.DEGRADATION, result.CONTENT)}
    rows = [
        ("network", f"{facts['network']} ({facts['parameters']:,} parameters)"),
        ("samples", f"{facts['images']} pictures: {facts['conditions']}"),
        ("inputs", f"{facts['size']} px, {facts['feature_kind']} features"),
        ("components", f"{facts['component_count']}, {facts['components_found']}"),
    ]
    for k, layer in enumerate(dataset[result.LAYER].values):
        told = [_told(by, one.isel({result.LAYER: k})) for by, one in pair.items()]
        share = float(dataset[result.EXPLAINED_VARIANCE][k].sum())
        rows.append((f"{layer} ", f"{', '.join(told)}; {share:.0%} of variance"))
    rows.append(("index", "Calinski-Harabasz of the components, 95 % interval over pictures"))
    rows.append(("seconds", f"{facts['seconds']:.1f} on {facts['device']}"))
    return rows


def _told(by: str, found: xr.Dataset) -> str:
    result = lam.result
    index = found.isel({result.MEASURE: 0})
    ends = (float(index[f"{result.SEPARABILITY}{end}"]) for end in result.ENDS)
    value, low, high = ends
    return f"by {by} {value:.2f} ({low:.2f} … {high:.2f}, p {float(index[result.P_VALUE]):.3f})"


def add_degradations(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how pictures are degraded."""
    add = parser.add_argument
    add("--blur", help="levels, Gaussian, in input pixels: 1,2,4")
    add("--noise", help="levels, standard deviation of 255: 10,20")
    add("--jpeg", help="levels, quality of 100: 50,20")
    add("--pair", dest="pairs", action="append", default=[], metavar="NAME=FOLDER", help="inputs degraded already")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    shared.network(parser)
    add = parser.add_argument
    words = "folder of sharp photographs; the network's inputs are made from them"
    shared.completed(add("--images", required=True, help=words), completion.files)
    add_degradations(parser)
    add("--layers", help="names or patterns, with commas between; default six through the depth")
    add("--features", default="whole", help="whole or pooled; default %(default)s")
    add("--components", type=int, default=50, help="default %(default)s")
    add("--perplexity", type=float, help="neighbours that count in the plane; default 30")
    add("--size", help="pixels of the network's input, SIDE or ROWS,COLUMNS; default as the smallest picture allows")
    add("--memory", help="what features may take, such as 2GB; default half of what is free")
    add("--seed", type=int, default=0, help="of noise and of the plane, default %(default)s")
    add("--store", help=".zarr to go on from after an interruption")
    shared.outputs(parser)
