"""Runs: what was asked in this notebook and what came out, with small pictures; two may stand side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import ipywidgets
import xarray as xr

import lam_nb
from lam_nb.views.kit import View

from ..kit import png
from .question import Question
from .verbs import VERBS

_SMALL = 96


@dataclass(eq=False)  # datasets do not compare: a run is itself alone
class Run:
    """A question with its answer.

    Parameters
    ----------
    question : Question
    found : xarray.Dataset or path
        The answer, or the file that holds it, from before the kernel restarted.
    code : str
        The program that computes the same.
    seconds : float
        How long it took.
    name : str
        For the list; anything.
    """

    question: Question
    found: xr.Dataset | Path
    code: str
    seconds: float
    name: str = ""

    @cached_property
    def dataset(self) -> xr.Dataset:
        """The answer."""
        return lam_nb.open(self.found) if isinstance(self.found, Path) else self.found

    @property
    def is_earlier(self) -> bool:
        """Whether it was run before the kernel restarted."""
        return isinstance(self.found, Path)

    @property
    def title(self) -> str:
        """The name, or the question in words."""
        return self.name or str(self.question)

    @cached_property
    def figure(self) -> View:
        """The figure that answers, drawn once."""
        return VERBS[self.question.verb].story(self.dataset)

    def thumbnail(self) -> bytes:
        """Return a small picture of the answer, as PNG."""
        if isinstance(self.found, Path):
            return self.found.with_suffix(".png").read_bytes()
        picture = self.figure.picture()
        picture.thumbnail((4 * _SMALL, 2 * _SMALL))
        return png(picture)


class Runs(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """The list of runs, the newest first: show one again, name it, delete it, or set two side by side.

    Parameters
    ----------
    show : callable
        Told a run to be shown again.
    compare : callable
        Told two runs to stand side by side.
    forget : callable
        Told a run that was deleted.

    Attributes
    ----------
    runs : list of Run
        The newest last.
    """

    def __init__(
        self, show: Callable[[Run], object], compare: Callable[[list[Run]], object], forget: Callable[[Run], object]
    ) -> None:
        self.runs: list[Run] = []
        self._show_again, self._set_beside, self._forget = show, compare, forget
        self._rows: dict[int, ipywidgets.HBox] = {}
        self._ticks: dict[int, ipywidgets.Checkbox] = {}
        self._beside = ipywidgets.Button(description="Side by side", disabled=True, icon="columns")
        self._beside.on_click(lambda _: self._set_beside(self._ticked()))
        super().__init__(layout={"width": "100%"})
        self.add_class("lam-runs")

    def add(self, run: Run) -> None:
        """Add a run."""
        self.runs.append(run)
        name = ipywidgets.Text(value=run.title, disabled=run.is_earlier, layout={"flex": "1 1 240px"})
        name.observe(lambda change: setattr(run, "name", change["new"]), "value")
        again = ipywidgets.Button(description="Show", icon="eye", layout={"width": "auto"})
        again.on_click(lambda _: self._show_again(run))
        gone = ipywidgets.Button(description="Delete", icon="trash", layout={"width": "auto"})
        gone.on_click(lambda _: self.delete(run))
        tick = ipywidgets.Checkbox(value=False, indent=False, description="choose", layout={"width": "90px"})
        tick.observe(lambda _: self._count(), "value")
        picture = ipywidgets.Image(value=run.thumbnail(), layout={"height": f"{_SMALL}px", "width": "auto"})
        told = [ipywidgets.Label("from before the restart: to be read only")] if run.is_earlier else []
        row = {"align_items": "center", "flex_flow": "row wrap", "grid_gap": "6px"}
        self._ticks[id(run)] = tick
        self._rows[id(run)] = ipywidgets.HBox([tick, picture, name, again, gone, *told], layout=row)
        self._lay()

    def delete(self, run: Run) -> None:
        """Forget a run."""
        self.runs.remove(run)
        self._forget(run)
        for kept in (self._ticks, self._rows):
            kept.pop(id(run))
        self._count()
        self._lay()

    def _ticked(self) -> list[Run]:
        return [run for run in self.runs if self._ticks[id(run)].value]

    def _count(self) -> None:
        self._beside.disabled = len(self._ticked()) != 2

    def _lay(self) -> None:
        newest = [self._rows[id(run)] for run in reversed(self.runs)]
        self.children = [*newest, self._beside] if len(newest) > 1 else newest
