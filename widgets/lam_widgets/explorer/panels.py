"""Panels: what an answer is shown as, a tab each; no two show the same, and none is empty."""

from __future__ import annotations

import html
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import ipywidgets
import xarray as xr

import lam_nb
from lam_nb import result, views

from ..comparison import Comparison
from ..downloads import Downloads
from ..kit import Widget
from ..scrubber import Scrubber
from .question import Question

_WIDE = {"width": "100%"}


def story(found: xr.Dataset) -> views.View:
    """Return the figure that answers: the map over its picture, or the networks side by side."""
    return views.comparison(found) if result.MODEL in found.dims else views.attribution(found)


def preview(found: xr.Dataset, place: ipywidgets.Image) -> None:
    """Show an answer that is not the last, in place: nothing flashes."""
    buffer = io.BytesIO()
    story(found).picture().save(buffer, "PNG")
    place.value = buffer.getvalue()


def panels(found: xr.Dataset, question: Question, code: str) -> dict[str, list[ipywidgets.Widget]]:
    """Return the tabs of an answer: story, integration, numbers, export."""
    several = result.MODEL in found.dims
    shown = [found.isel({result.MODEL: k}) for k in range(found.sizes[result.MODEL])] if several else [found]
    widget: Widget = Comparison(found) if several else Scrubber(found)
    program = ipywidgets.HTML(f"<p>The program that computes the same:</p><pre>{html.escape(code)}</pre>")
    return {
        "Map": [drawn(story(found))],
        "Integration": [widget],
        "Numbers": [ipywidgets.HTML(views.table(shown)._repr_html_())],
        "Export": [Downloads(files(found, question.stem, widget, code)), program],
    }


def drawn(figure: views.View) -> ipywidgets.Output:
    """Return a figure inside a widget; displaying it would send it to the cell that runs."""
    shown = {"output_type": "display_data", "data": figure._repr_mimebundle_(), "metadata": {}}
    return ipywidgets.Output(outputs=(shown,), layout=_WIDE)


def files(found: xr.Dataset, stem: str, widget: Widget, code: str) -> dict[str, Callable[[], bytes]]:
    """Return what makes each file, by its name; figures for print where matplotlib is installed."""
    kinds: dict[str, Callable[[Path], object]] = {
        f"{stem}.nc": partial(lam_nb.save, found),
        f"{stem}.html": partial(story(found).to_html, title=stem),
        f"{stem} scrub.html": partial(widget.to_html, title=stem),
        f"{stem}.csv": lam_nb.summary(found).to_csv,
    }
    if find_spec("matplotlib"):
        kinds |= {f"{stem}.{kind}": partial(views.save, found) for kind in ("pdf", "png", "svg")}
    makers: dict[str, Callable[[], bytes]] = {name: partial(_written, name, write) for name, write in kinds.items()}
    makers[f"{stem}.py"] = lambda: f"{code}\n".encode()
    return {**makers, f"{stem}.zip": partial(_zipped, makers)}


def _written(name: str, write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def _zipped(makers: Mapping[str, Callable[[], bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, make in makers.items():
            archive.writestr(name, make())
    return buffer.getvalue()
