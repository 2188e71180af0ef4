"""Panels: what an answer is shown as, a tab each; no two show the same, and none is empty."""

from __future__ import annotations

import html
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import ipywidgets
import pandas
import xarray as xr

import lam_nb
from lam_nb import result, views

from ..comparison import Comparison
from ..downloads import Downloads
from ..kit import Widget, png
from ..scrubber import Scrubber
from .question import Question
from .runs import Run
from .verbs import FIRST, VERBS

Writer: TypeAlias = Callable[[Path], object]
Maker: TypeAlias = Callable[[], bytes]

_WIDE = {"width": "100%"}


def preview(found: xr.Dataset, question: Question, place: ipywidgets.Image) -> None:
    """Show an answer that is not the last, in place: nothing flashes."""
    place.value = png(VERBS[question.verb].story(found).picture())


def panels(run: Run) -> dict[str, list[ipywidgets.Widget]]:
    """Return the tabs of an answer: its figure, others of its verb, for a map the integration, numbers, export."""
    program = ipywidgets.HTML(f"<p>The program that computes the same:</p><pre>{html.escape(run.code)}</pre>")
    found, verb = run.dataset, VERBS[run.question.verb]
    tabs = {verb.tab: [verb.widget(found) if verb.widget else drawn(run.figure)]}
    if run.question.verb == FIRST:
        tabs["Integration"] = [scrubbing(found)]
        tabs["Numbers"] = numbers([run])
    else:
        tabs |= {title: [inside(one)] for title, one in verb.tabs(found).items()}
    return {**tabs, "Export": [Downloads(bundle([run])), program]}


def beside(runs: Sequence[Run]) -> dict[str, list[ipywidgets.Widget]]:
    """Return the tabs of several answers: their figures together, the numbers of maps, export of all."""
    tabs = {"Side by side": [drawn(run.figure) for run in runs]}
    if any(run.question.verb == FIRST for run in runs):
        tabs["Numbers"] = numbers(runs)
    return {**tabs, "Export": [Downloads(bundle(runs))]}


def numbers(runs: Sequence[Run]) -> list[ipywidgets.Widget]:
    """Return the table of maps, to be copied and saved, too."""
    named = [(each, run.title) for run in runs if run.question.verb == FIRST for each in singles(run.dataset)]
    columns = {"run": [name for _, name in named]} if len(runs) > 1 else {}
    table = views.table([each for each, _ in named], **columns)
    rows = pandas.concat([lam_nb.summary(run.dataset) for run in runs if run.question.verb == FIRST])
    saved = {f"{runs[0].question.stem}.csv": lambda: rows.to_csv().encode()}
    return [ipywidgets.HTML(table._repr_html_()), Downloads(saved, rows.to_csv(sep="\t"))]


def scrubbing(found: xr.Dataset) -> Widget:
    """Return the widget that scrubs through the integration of one map or of several."""
    return Comparison(found) if result.MODEL in found.dims else Scrubber(found)


def singles(found: xr.Dataset) -> list[xr.Dataset]:
    """Return a result of several networks as one of each."""
    if result.MODEL not in found.dims:
        return [found]
    return [found.isel({result.MODEL: k}) for k in range(found.sizes[result.MODEL])]


def drawn(figure: views.View) -> ipywidgets.Output:
    """Return a figure inside a widget; displaying it would send it to the cell that runs."""
    shown = {"output_type": "display_data", "data": figure._repr_mimebundle_(), "metadata": {}}
    return ipywidgets.Output(outputs=(shown,), layout=_WIDE)


def inside(one: views.View | views.Table | xr.Dataset) -> ipywidgets.Widget:
    """Return a figure, or a table, inside a widget."""
    return drawn(one) if isinstance(one, views.View) else ipywidgets.HTML(one._repr_html_())


def bundle(runs: Sequence[Run]) -> dict[str, Maker]:
    """Return what makes each file of some runs, by its name, and all in one."""
    makers = {name: make for run in runs for name, make in _files(run).items()}
    first = runs[0].question.stem
    whole = f"{first}.zip" if len(runs) == 1 else f"{first} and {len(runs) - 1} more.zip"
    return {**makers, whole: partial(_zipped, makers)}


def _files(run: Run) -> dict[str, Maker]:
    found, stem = run.dataset, run.question.stem
    writers: dict[str, Writer] = {f"{stem}.nc": partial(lam_nb.save, found)}
    writers[f"{stem}.html"] = partial(run.figure.to_html, title=stem)
    if run.question.verb == FIRST:
        writers[f"{stem} scrub.html"] = lambda path: scrubbing(found).to_html(path, title=stem)
        writers |= {f"{stem}.csv": lam_nb.summary(found).to_csv, **_printed(found, stem)}
    else:
        writers |= _printed(run.figure, stem)
        if widget := VERBS[run.question.verb].widget:
            writers[f"{stem} samples.html"] = lambda path: widget(found).to_html(path, title=stem)
    makers: dict[str, Maker] = {name: partial(_written, name, write) for name, write in writers.items()}
    return {**makers, f"{stem}.py": lambda: f"{run.code}\n".encode()}


def _printed(shown: xr.Dataset | views.View, stem: str) -> dict[str, Writer]:
    """Return what writes figures for print, where matplotlib is installed."""
    kinds = ("pdf", "png", "svg") if find_spec("matplotlib") else ()
    return {f"{stem}.{kind}": partial(views.save, shown) for kind in kinds}


def _written(name: str, write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def _zipped(makers: Mapping[str, Maker]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, make in makers.items():
            archive.writestr(name, make())
    return buffer.getvalue()
