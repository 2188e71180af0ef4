"""Reports: what a command prints and writes."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import xarray as xr

from .. import result, statistics
from ..result import writable_folder
from ..types import Region
from ..validation import InputError, address


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which network, and where it runs."""
    words = "shipped network, checkpoint file, or architecture with --weights"
    parser.add_argument("--network", required=True, help=words)
    parser.add_argument("--weights", help="checkpoint for the named architecture")
    words = "largest pixel value the network works with: 1 or 255"
    parser.add_argument("--value-range", type=float, help=words)
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where to compute."""
    parser.add_argument("--device", help="cpu, cuda, mps; default: CUDA when there is one")


def attribution(dataset: xr.Dataset, table: str | None, page: str | None) -> None:
    """Write a result of `lam_nb.attribute`, and print what came out."""
    written = [] if table is None else [result.save(dataset, table)]
    if page:
        from .. import views

        written.append(views.write_html(views.progression(dataset), page, title=f"{dataset.attrs['network']} · lam_nb"))
    lines(numbers(dataset), written)


def numbers(dataset: xr.Dataset) -> list[tuple[str, str]]:
    """Return what a map's numbers are, and how far they can be trusted, by name."""
    facts = result.facts(dataset)
    index, error = statistics.diffusion_index(dataset), statistics.index_error(dataset)
    quality = [("PSNR", f"{float(dataset[result.PSNR_WINDOW]):.2f} dB in the window")] if result.PSNR in dataset else []
    return [
        ("network", f"{facts['network']} ({facts['parameters']:,} parameters)"),
        ("region", window(Region.of_facts(facts))),
        ("diffusion index", f"{float(index):.2f} ± {float(error):.2f}"),
        ("Gini", f"{float(statistics.gini(dataset)):.4f}"),
        *quality,
        ("completeness gap", f"{float(statistics.completeness(dataset)):+.2%}"),
        ("quadrature error", f"{float(dataset[result.QUADRATURE_ERROR]):.1%} (estimated, relative L1)"),
        ("seconds", f"{facts['seconds']:.1f} on {facts['device']}"),
    ]


def window(region: Region) -> str:
    """Return in words which window it is.

    Examples
    --------
    >>> window(Region(3, 4, 5))
    'y=3, x=4, 5 × 5 px'
    """
    return f"y={region.y}, x={region.x}, {region.height} × {region.width} px"


def lines(rows: Iterable[tuple[str, str]], written: Iterable[Path] = ()) -> None:
    """Print a table of two columns, and which files there are."""
    for name, value in [*rows, *(("written", str(path.resolve())) for path in written)]:
        print(f"{name:<18}{value}")


def check_outputs(table: str | None, page: str | None) -> None:
    """Refuse names of files before anything is computed.

    Raises
    ------
    InputError
        If an ending is wrong or a folder cannot be written.
    """
    for path, endings in ((table, (".nc", ".zarr")), (page, (".html",))):
        if path is None:
            continue
        if address("output", path).suffix not in endings:
            raise InputError(f"output: got {path}, expected a name that ends in {' or '.join(endings)}.")
        writable_folder(path)
