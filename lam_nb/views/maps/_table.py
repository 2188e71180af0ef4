"""The table view: many results as rows, a small map and its numbers in each."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ... import statistics
from ...result import ATTRIBUTION, INPUT, OUTPUT, X, Y, check, facts
from ...validation import InputError
from .. import kit

_SIDE = 112
"""Side of a small picture on the screen."""
_NONE = "–"
_KINDS = {kit.ESTIMATED: "error", kit.SAMPLED: "standard error"}
"""Headings of errors of different kinds, which share no column."""
_NUMBER = "text-align:right;font-variant-numeric:tabular-nums"


@dataclass(frozen=True)
class Table:
    """Rows of text and pictures; shows itself in notebooks, and as plain text elsewhere.

    Parameters
    ----------
    headings : tuple of str
    rows : tuple of tuples
        Text; numbers already formatted; pictures as data addresses.
    caption : str

    Examples
    --------
    >>> print(Table(("network", "DI"), (("rfdn", "13.57"), ("fsrcnn", "0.68")), ""))
    network  DI
    rfdn     13.57
    fsrcnn   0.68
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str

    def __str__(self) -> str:
        """Return the table as aligned text, without the kit."""
        kept = [k for k, cell in enumerate(self.rows[0]) if not kit.is_picture(cell)]
        lines = [[row[k] for k in kept] for row in (self.headings, *self.rows)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(kept))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
        )

    def to_latex(self) -> str:
        r"""Return the table for LaTeX (package booktabs), without the kit.

        Examples
        --------
        >>> print(Table(("network", "DI"), (("a_b", "1.50"),), "").to_latex())
        \begin{tabular}{lr}
        \toprule
        network & DI \\
        \midrule
        a\_b & 1.50 \\
        \bottomrule
        \end{tabular}
        """
        kept = [k for k, cell in enumerate(self.rows[0]) if not kit.is_picture(cell)]
        aligned = "".join("r" if _is_number(self.rows[0][k]) else "l" for k in kept)
        lines = [" & ".join(_escaped(row[k]) for k in kept) + r" \\" for row in (self.headings, *self.rows)]
        body = [r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"]
        return "\n".join([rf"\begin{{tabular}}{{{aligned}}}", *body])

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:center">{html.escape(cell)}</th>' for cell in self.headings)
        rows = (
            (_cell(text, f"{of} of {row[0]}") for of, text in zip(self.headings, row, strict=True)) for row in self.rows
        )
        body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
        caption = f'<caption style="text-align:left;caption-side:bottom">{html.escape(self.caption)}</caption>'
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _cells(self, row: tuple[str, ...]) -> str:
        return "".join(_cell(text, f"{of} of {row[0]}") for of, text in zip(self.headings, row, strict=True))


def table(results: Iterable[xr.Dataset], **columns: Sequence[object]) -> Table:
    """Show results as rows: name, parameters, small output, map over its picture, diffusion index, error.

    All maps share one colour scale after each is divided by its own sum of magnitudes, so that a map
    that spreads looks paler than one that gathers. The error is that of the integration, or the standard
    error over noisy copies; the caption says which, and a map without one has a dash.

    Parameters
    ----------
    results : iterable of xarray.Dataset
        Of `lam_nb.attribute` or a peer.
    **columns : sequence
        More columns by heading, such as ``PSNR=[…]``, one entry per result.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If there are no results or a column has another length.

    Examples
    --------
    >>> import lam_nb as lam
    >>> net, lr = lam.networks.load("fsrcnn"), lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> ds = lam.attribute(net, lr, lam.Region(96, 96), steps=6, keep=["output"], progress=False)
    >>> print(table([ds], task=["enlarging"]))  # doctest: +ELLIPSIS
    network  parameters  diffusion index  error  task
    fsrcnn   24,683 ...  enlarging
    """
    found = kit.listed("results", results, "lam_nb.attribute")
    for heading, column in columns.items():
        if len(column) != len(found):
            raise InputError(f"{heading}: got {len(column)} entries for {len(found)} results; give one for each.")
    maps = [_share(one) for one in found]
    end = kit.limit(np.concatenate([one.ravel() for one in maps]))
    doubts = [kit.doubt(one) for one in found]
    kinds = list(dict.fromkeys(one.kind for one in doubts if one is not None)) or [kit.ESTIMATED]
    drawn = all(OUTPUT in one for one in found)
    rows = tuple(
        (
            str(facts(one)["network"]),
            f"{facts(one)['parameters']:,}",
            *((kit.colour_source(one[OUTPUT].values),) if drawn else ()),
            _drawn(one, values, end),
            kit.index_words(one),
            *(f"{doubt.value:.1%}" if doubt is not None and doubt.kind == kind else _NONE for kind in kinds),
            *(_text(column[k]) for column in columns.values()),
        )
        for k, (one, values, doubt) in enumerate(zip(found, maps, doubts, strict=True))
    )
    seen = ("output", "map") if drawn else ("map",)
    errors = ("error",) if len(kinds) == 1 else tuple(_KINDS[kind] for kind in kinds)
    headings = ("network", "parameters", *seen, "diffusion index", *errors, *columns)
    sizes = {f"{one.sizes[Y]} × {one.sizes[X]}" for one in found}
    caption = f"Diffusion index on {', '.join(sorted(sizes))} px{_errors(doubts)}."
    return Table(headings, rows, caption)


def _share(dataset: xr.Dataset) -> NDArray[np.floating]:
    """Return the finished map, whether or not the way to it was kept."""
    facts(dataset)
    return statistics.share(check(dataset, ATTRIBUTION)[[ATTRIBUTION]]).values


def _drawn(dataset: xr.Dataset, values: NDArray[np.floating], end: float) -> str:
    """Draw a map over its grey picture, if that was kept."""
    if INPUT not in dataset:
        return kit.signed_source(values, end)
    return kit.laid_source(values, dataset[INPUT].values, end)


def _errors(doubts: Iterable[kit.Doubt | None]) -> str:
    """Return in words what the column of errors holds."""
    kinds = dict.fromkeys(one.kind for one in doubts if one is not None)
    return f"; error: {', or '.join(kinds)}, relative" if kinds else ""


def _text(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float | np.floating) else str(value)


def _cell(text: str, words: str) -> str:
    """Return a cell; a picture says in words what it is of."""
    if kit.is_picture(text):
        shown = f'src="{text}" width="{_SIDE}" style="image-rendering:pixelated;display:block"'
        return f'<td><img {shown} alt="{html.escape(words)}"></td>'
    number = _is_number(text)
    return f'<td style="{_NUMBER if number else "text-align:left"}">{html.escape(text)}</td>'


def _is_number(text: str) -> bool:
    return text == _NONE or (text[:1].isdigit() and text[-1:] in "0123456789%")


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "&%$#_{}" else letter for letter in text)
