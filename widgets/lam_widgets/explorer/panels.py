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
from typing import TypeAlias

import ipywidgets
import xarray as xr

import lam_nb
from lam_nb import result, views

from ..comparison import Comparison
from ..downloads import Downloads
from ..kit import Widget, png
from ..scrubber import Scrubber
from .question import Question
from .verbs import FIRST, VERBS

Writer: TypeAlias = Callable[[Path], object]

_WIDE = {"width": "100%"}


def preview(found: xr.Dataset, question: Question, place: ipywidgets.Image) -> None:
    """Show an answer that is not the last, in place: nothing flashes."""
    place.value = png(VERBS[question.verb].story(found).picture())


def panels(found: xr.Dataset, question: Question, figure: views.View, code: str) -> dict[str, list[ipywidgets.Widget]]:
    """Return the tabs of an answer: its figure, for a map the integration, numbers, export."""
    program = ipywidgets.HTML(f"<p>The program that computes the same:</p><pre>{html.escape(code)}</pre>")
    stem = question.stem
    writers: dict[str, Writer] = {f"{stem}.nc": partial(lam_nb.save, found)}
    writers[f"{stem}.html"] = partial(figure.to_html, title=stem)
    if question.verb != FIRST:
        writers |= _printed(figure, stem)
        numbers, tabs = found._repr_html_(), {"Map": [drawn(figure)]}
    else:
        widget: Widget = Comparison(found) if result.MODEL in found.dims else Scrubber(found)
        writers |= {f"{stem} scrub.html": partial(widget.to_html, title=stem)}
        writers |= {f"{stem}.csv": lam_nb.summary(found).to_csv, **_printed(found, stem)}
        numbers = views.table(singles(found))._repr_html_()
        tabs = {"Map": [drawn(figure)], "Integration": [widget]}
    exports = [Downloads(files(writers, f"{stem}.py", code)), program]
    return {**tabs, "Numbers": [ipywidgets.HTML(numbers)], "Export": exports}


def singles(found: xr.Dataset) -> list[xr.Dataset]:
    """Return a result of several networks as one of each."""
    if result.MODEL not in found.dims:
        return [found]
    return [found.isel({result.MODEL: k}) for k in range(found.sizes[result.MODEL])]


def drawn(figure: views.View) -> ipywidgets.Output:
    """Return a figure inside a widget; displaying it would send it to the cell that runs."""
    shown = {"output_type": "display_data", "data": figure._repr_mimebundle_(), "metadata": {}}
    return ipywidgets.Output(outputs=(shown,), layout=_WIDE)


def files(writers: Mapping[str, Writer], program: str, code: str) -> dict[str, Callable[[], bytes]]:
    """Return what makes each file, by its name, the program and all in one among them."""
    makers: dict[str, Callable[[], bytes]] = {name: partial(_written, name, write) for name, write in writers.items()}
    makers[program] = lambda: f"{code}\n".encode()
    return {**makers, program.removesuffix("py") + "zip": partial(_zipped, makers)}


def _printed(shown: xr.Dataset | views.View, stem: str) -> dict[str, Writer]:
    """Return what writes figures for print, where matplotlib is installed."""
    kinds = ("pdf", "png", "svg") if find_spec("matplotlib") else ()
    return {f"{stem}.{kind}": partial(views.save, shown) for kind in kinds}


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
