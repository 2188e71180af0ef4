"""The grid of attribution: pictures in rows, networks in columns, numbers below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ... import statistics
from ...result import (
    ATTRIBUTION,
    EFFECTIVE_FIELD,
    INPUT,
    MODEL,
    OUTPUT,
    PSNR_WINDOW,
    REFERENCE,
    check,
    facts,
)
from ...types import Region
from ...validation import InputError
from .. import kit
from ._painting import LEAST, box, fitted, framed, image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {
    "truth": "ground truth",
    "output": "output",
    "patch": "window",
    "overlay": "map over input",
    "map": "map",
    "area": "contribution area",
    "field": "effective field",
}
ROWS = tuple(TITLES)
_NEEDS = {
    "truth": (REFERENCE, "lam_nb.attribute(..., reference=truth), or compare"),
    "output": (OUTPUT, 'lam_nb.attribute(..., keep=["output", ...])'),
    "patch": (OUTPUT, 'lam_nb.attribute(..., keep=["output", ...])'),
    "overlay": (INPUT, 'lam_nb.attribute(..., keep=["input", ...])'),
    "field": (EFFECTIVE_FIELD, "lam_nb.compare(..., fields=True)"),
}
_MAPS = ("overlay", "map")
_LINE, _GAP, _EDGE = 0.118, 0.03, 0.02
"""Height of a line of letters, and what is left free between panels and at the edge, in inches."""
_NAMES = "DI", "window"
"""What the numbers below are; PSNR is that of the window."""
_BAR = 0.06
"""Height of the colour bar without its words."""


def draw(figure: Figure, dataset: xr.Dataset, rows: list[str], inches: float, *, common: bool, best: bool) -> None:
    """Draw several networks as columns, one as a row."""
    for row in rows:
        if row in _NEEDS and _NEEDS[row][0] not in dataset:
            name, how = _NEEDS[row]
            raise InputError(f"rows: {row!r} needs {name!r}, which the dataset has not; keep it with {how}.")
    many = MODEL in dataset.dims
    nets = [dataset.isel({MODEL: k}) for k in range(dataset.sizes[MODEL])] if many else [dataset]
    for one in nets:
        facts(check(one, ATTRIBUTION))
    ends = kit.limits([statistics.share(one[[ATTRIBUTION]]).values for one in nets], common)
    if many:
        sheet = _columns(figure, nets, rows, inches, ends, best)
    else:
        sheet = _row(figure, nets[0], rows, inches, ends[0])
    if set(rows) & set(_MAPS):
        lines = len(_numbers(nets[0])) if many else 1
        _bar(sheet.bar(lines), kit.pushes(facts(nets[0])), inches, ends if common else None)


def _columns(
    figure: Figure, nets: list[xr.Dataset], rows: list[str], inches: float, ends: list[float], best: bool
) -> _Sheet:
    lines = [row for row in rows if row != "truth"] or ["truth"]
    beside = int("truth" in rows and lines != ["truth"])
    titles = [TITLES["truth"]] * beside + [str(one[MODEL].item()) for one in nets]
    below = len(_numbers(nets[0])), bool(set(rows) & set(_MAPS))
    sheet = _Sheet.of(figure, inches, titles, [_ratio(nets[0], row) for row in lines], *below, True)
    strongest = _strongest(nets) if best else None
    for k, one in enumerate(nets):
        for number, row in enumerate(lines):
            _panel(sheet.axes(number, k + beside), one, row, ends[k])
        sheet.numbers(k + beside, _numbers(one), bold=k == strongest)
    if beside:
        truth = nets[0].assign({OUTPUT: nets[0][REFERENCE]})
        _panel(sheet.axes(0, 0), truth, lines[0] if lines[0] == "patch" else "truth", 1.0)
        if "patch" in lines[1:]:
            _panel(sheet.axes(lines.index("patch"), 0), truth, "patch", 1.0)
    for number, row in enumerate(lines):
        sheet.label(number, TITLES[row])
    sheet.legend(list(_NAMES)[: len(_numbers(nets[0]))])
    return sheet


def _row(figure: Figure, one: xr.Dataset, rows: list[str], inches: float, end: float) -> _Sheet:
    ratio = max(_ratio(one, row) for row in rows)
    below = 1, bool(set(rows) & set(_MAPS))
    sheet = _Sheet.of(figure, inches, [TITLES[row] for row in rows], [ratio], *below, False)
    for k, row in enumerate(rows):
        _panel(sheet.axes(0, k), one, row, end)
    words = [
        str(facts(one)["network"]),
        *(f"{name} {value}" for name, value in zip(_NAMES, _numbers(one), strict=False)),
    ]
    figure.text(0.5, sheet.below(1), " · ".join(words), ha="center", va="top", fontsize=LEAST)
    return sheet


@dataclass(frozen=True)
class _Sheet:
    """Where panels and words are on the paper, in inches from the top left."""

    figure: Figure
    size: tuple[float, float]
    left: float
    top: float
    side: float
    heights: list[float]

    @classmethod
    def of(
        cls, figure: Figure, inches: float, titles: list[str], ratios: list[float], lines: int, bar: bool, labels: bool
    ) -> _Sheet:
        """Lay out titled columns, rows of these heights over their width, and below them lines and a bar."""
        left = 3 * _LINE if labels else _EDGE
        side = (inches - left - _EDGE - _GAP * (len(titles) - 1)) / len(titles)
        heights = [side * ratio for ratio in ratios]
        words = [fitted(one, side * 72) for one in titles]
        top = max(text.count("\n") + 1 for text, _ in words) * _LINE + _GAP
        below = lines * _LINE + (_BAR + 2.9 * _LINE if bar else 0) + 2 * _GAP
        tall = top + sum(heights) + _GAP * (len(heights) - 1) + below
        figure.set_layout_engine("none")
        figure.set_size_inches(inches, tall)
        sheet = cls(figure, (inches, tall), left, top, side, heights)
        for column, (text, _) in enumerate(words):
            at = (sheet.across(column) + side / 2) / inches, 1 - (top - _GAP / 2) / tall
            figure.text(*at, text, ha="center", va="bottom", fontsize=min(size for _, size in words), linespacing=1.0)
        return sheet

    def axes(self, row: int, column: int) -> Axes:
        """Return a panel."""
        wide, tall = self.size
        height = self.heights[row]
        down = self.top + sum(self.heights[:row]) + _GAP * row
        place = self.across(column) / wide, 1 - (down + height) / tall, self.side / wide, height / tall
        return self.figure.add_axes(place)

    def across(self, column: int) -> float:
        """Return where a column begins."""
        return self.left + column * (self.side + _GAP)

    def below(self, lines: float = 0) -> float:
        """Return where words begin below all panels and so many lines, as a share of the height."""
        down = self.top + sum(self.heights) + _GAP * len(self.heights)
        return 1 - (down + (lines - 1) * _LINE * (lines > 0)) / self.size[1]

    def label(self, row: int, words: str) -> None:
        """Write beside a row what it is."""
        text, size = fitted(words, self.heights[row] * 72)
        down = self.top + sum(self.heights[:row]) + _GAP * row + self.heights[row] / 2
        at = (self.left - _GAP) / self.size[0], 1 - down / self.size[1]
        self.figure.text(*at, text, ha="right", va="center", rotation=90, fontsize=size, linespacing=1.0)

    def numbers(self, column: int, lines: list[str], *, bold: bool) -> None:
        """Write below a column its numbers, the last in bold if it is the best."""
        for k, line in enumerate(lines):
            text, size = fitted(line, self.side * 72 + 2)
            at = (self.across(column) + self.side / 2) / self.size[0], self.below(k + 1)
            weight = "bold" if bold and k == len(lines) - 1 else "normal"
            self.figure.text(*at, text, ha="center", va="top", fontsize=size, fontweight=weight)

    def legend(self, names: list[str]) -> None:
        """Write what the numbers below are."""
        for k, name in enumerate(names):
            at = (self.left - _GAP / 2) / self.size[0], self.below(k + 1)
            self.figure.text(*at, name, ha="right", va="top", fontsize=LEAST)

    def bar(self, lines: int) -> Axes:
        """Return the place of the colour bar, below so many lines of numbers."""
        tall = self.size[1]
        return self.figure.add_axes((0.08, self.below(lines + 1) - (_BAR + _GAP) / tall, 0.84, _BAR / tall))


def _panel(axes: Axes, one: xr.Dataset, row: str, end: float) -> None:
    scale = facts(one)["scale"]
    if row in ("truth", "output"):
        image(axes, kit.as_pixels(one[REFERENCE if row == "truth" else OUTPUT].values))
        box(axes, one, 1)
    elif row == "patch":
        rows, columns = Region.of_facts(facts(one)).slices
        image(axes, kit.as_pixels(one[OUTPUT].values[..., rows, columns]))
        framed(axes)
    elif row == "field":
        axes.imshow(one[EFFECTIVE_FIELD].values, cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    elif row == "area":
        axes.imshow(np.nan_to_num(statistics.contribution_area(one).values), cmap="cividis", vmin=0, vmax=1)
        box(axes, one, scale)
    else:
        values = statistics.share(one[[ATTRIBUTION]]).values
        if row == "overlay":
            image(axes, kit.laid_over(values, one[INPUT].values, end))
        else:
            axes.imshow(values, cmap=kit.DIVERGING, vmin=-end, vmax=end, interpolation="nearest")
        box(axes, one, scale)
    axes.set(xticks=[], yticks=[])


def _ratio(one: xr.Dataset, row: str) -> float:
    """Return a panel's height over its width."""
    if row == "patch":
        window = Region.of_facts(facts(one))
        return window.height / window.width
    shown = one[EFFECTIVE_FIELD] if row == "field" else one[ATTRIBUTION]
    return float(shown.shape[-2] / shown.shape[-1])


def _numbers(one: xr.Dataset) -> list[str]:
    """Return the numbers of a network, those of `_NAMES`."""
    return [kit.index_words(one), *([f"{float(one[PSNR_WINDOW]):.2f} dB"] if PSNR_WINDOW in one else [])]


def _strongest(nets: list[xr.Dataset]) -> int | None:
    """Return which network restores the window best."""
    if not all(PSNR_WINDOW in one for one in nets):
        return None
    return int(np.argmax([float(one[PSNR_WINDOW]) for one in nets]))


def _bar(axes: Axes, words: str, inches: float, ends: list[float] | None) -> None:
    """Draw the maps' colour bar; its ends are where colours end, and not the strongest pixels."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import Normalize

    end = ends[0] if ends else 1.0
    drawn = ScalarMappable(Normalize(-end, end), kit.DIVERGING)
    bar = Colorbar(axes, drawn, orientation="horizontal", extend="both", extendfrac=0.02)
    ticks = [f"≤ −{end:.2%}", "0", f"≥ {end:.2%}"] if ends else ["−", "0", "+"]
    bar.set_ticks([-end, 0, end], labels=ticks)
    axes.tick_params(labelsize=LEAST, length=2, width=0.5, pad=1)
    text, size = fitted(f"{words} ({'share of each map' if ends else 'own scale each'})", inches * 72 * 0.95)
    bar.set_label(text, fontsize=size, labelpad=1, linespacing=1.0)
    bar.outline.set_linewidth(0.5)
