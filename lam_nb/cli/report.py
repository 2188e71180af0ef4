"""Reports: what a command reads, prints and writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import lam_nb as lam

from ..types import Region
from ..validation import InputError, address

if TYPE_CHECKING:
    import xarray as xr

    from ..networks import Network
    from ..types import Image


def photograph(option: str, name: str) -> Image:
    """Return a picture: a file, or a sample by its name.

    Raises
    ------
    InputError
        If there is neither.

    Examples
    --------
    >>> photograph("--image", "facade").shape
    torch.Size([3, 256, 256])
    """
    if name in lam.images.samples() and not Path(name).exists():
        return lam.images.sample(name)
    try:
        return lam.images.load(name)
    except InputError as error:
        known = ", ".join(lam.images.samples())
        known = f" (samples by name: {known})" if not Path(name).exists() else ""
        raise InputError(f"{option}: {error}{known}") from None


def given(
    networks: Iterable[Network], truth: str | None, image: str | None, shrunk: bool = False
) -> tuple[Image, Image | None, dict[str, str]]:
    """Return what networks are given, the truth where it is known, and facts on the two.

    Raises
    ------
    InputError
        If there is not exactly one picture, or it cannot be made.
    """
    if (truth is None) == (image is None):
        got = "neither" if truth is None else "both"
        words = f"--truth, --image: got {got}, expected --truth or --image, one of the two; "
        raise InputError(f"{words}--truth facade is a sample that comes along.")
    name = truth if truth is not None else str(image)
    facts = {"image": Path(name).name, "downscaling": "none"}
    if truth is None and not shrunk:
        return photograph("--image", name), None, facts
    scales = {net.scale for net in networks}
    if len(scales) > 1:
        raise InputError(f"--truth: networks enlarge by {', '.join(map(str, sorted(scales)))}; choose one scale.")
    (scale,) = scales
    if scale == 1 and truth is not None:
        raise InputError("--truth: these networks do not enlarge; give them what they restore, as --image.")
    picture = photograph("--truth", name)
    facts["downscaling"] = "PIL bicubic, 8 bit"
    small = lam.images.downscale(picture, scale)
    sharp = picture[:, : scale * small.shape[1], : scale * small.shape[2]]
    return small, None if truth is None else sharp, facts


def attribution(dataset: xr.Dataset, table: str | None, page: str | None, machine: bool = False) -> None:
    """Write a result of `lam_nb.attribute`, and print what came out."""
    written = [] if table is None else [lam.result.save(dataset, table)]
    if page:
        title = f"{dataset.attrs['network']} · lam_nb"
        written.append(lam.views.write_html(lam.views.progression(dataset), page, title=title))
    tell(dataset, numbers(dataset), written, machine)


def tell(dataset: xr.Dataset, rows: Iterable[tuple[str, str]], written: Iterable[Path], machine: bool) -> None:
    """Print what came out, in words or as JSON."""
    if machine:
        table = lam.summary(dataset).reset_index()
        records(json.loads(table.to_json(orient="records")), [str(path.resolve()) for path in written])
        return
    lines(rows, written)
    if not list(written):
        print("Nothing is kept; --out keeps the result, --html a page.")


def records(found: list[Mapping[str, object]], written: list[str] | None = None) -> None:
    """Print JSON: a list of records, with what was written; numbers that are none, or infinite, are null.

    Examples
    --------
    >>> records([{"psnr": float("inf")}])
    [
      {
        "psnr": null
      }
    ]
    """
    told = found if written is None else {"results": found, "written": written}
    plain = json.dumps(told, default=lambda one: one.item())  # numpy's
    print(json.dumps(json.loads(plain, parse_constant=lambda _: None), indent=2, ensure_ascii=False))


def numbers(dataset: xr.Dataset) -> list[tuple[str, str]]:
    """Return what a map's numbers are, and how far they can be trusted, by name."""
    result, statistics = lam.result, lam.statistics
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
        lam.result.writable_folder(path)
