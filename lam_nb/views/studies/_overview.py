"""The overview: a page of several parts, each a figure, a table or pictures to look at, with what they say."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from ...validation import InputError
from .. import kit

_PAPER = "https://arxiv.org/abs/2011.11036"
_FAINT = "rgba(128, 128, 128, 0.4)"
"""Of bars behind names."""
_WORDS = 28
"""Letters of a text in a table above which it may take several lines."""


@dataclass(frozen=True)
class Tile:
    """A picture to look at, (channel, y, x), a map over it, or a map alone, with a window and what is told of it.

    The place of the window is top, left, height and width in shares of the sides.

    Examples
    --------
    >>> Tile("facade", ["DI 1.87"], alt="a roof", picture=np.zeros((3, 4, 5)), place=(0.5, 0.2, 0.25, 0.2)).title
    'facade'
    """

    title: str
    lines: Sequence[str]
    alt: str
    picture: NDArray[np.floating] | None = None
    values: NDArray[np.floating] | None = None
    place: Sequence[float] = ()


@dataclass(frozen=True)
class Part:
    """A part of a page: its heading, what it says in sentences, and what it shows.

    Examples
    --------
    >>> Part("Costs", ["It took 3 s."]).shown
    ()
    """

    heading: str
    words: Sequence[str]
    shown: Sequence[go.Figure | pd.DataFrame | Sequence[Tile]] = ()


def overview(
    path: str | os.PathLike[str],
    title: str,
    lead: str,
    parts: Sequence[Part],
    *,
    meant: Sequence[str] = (),
    facts: Mapping[str, object] | None = None,
) -> Path:
    """Write a page of several parts as one HTML file that needs no network and no kernel; whole or not at all.

    It is dark where the reader's system is, and stands in one column on a phone.

    Parameters
    ----------
    path : path-like
        Ends in .html.
    title, lead : str
        The page's title, and what came out in a sentence or two.
    parts : sequence of Part
    meant : sequence of str
        What its words mean.
    facts : mapping, optional
        Where it comes from, by name.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the name does not end in .html, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> overview(tempfile.mkdtemp() + "/night.html", "A night", "Nothing came out.", [Part("Failures", [])]).name
    'night.html'
    """
    if not isinstance(parts, Sequence) or not all(isinstance(one, Part) for one in parts):
        raise InputError("parts: expected lam_nb.views.Part, each with a heading, words and what is shown.")
    first = [True]
    body = "".join(_part(one, k, first) for k, one in enumerate(parts))
    links = "".join(f'<a href="#part-{k}">{_text(one.heading)}</a>' for k, one in enumerate(parts))
    head = f"<h1>{_text(title)}</h1><p class='lead'>{_text(lead)}</p><nav aria-label='parts'>{links}</nav>"
    looks = f"{kit.tokens('body')}\nbody {{ --lam-letters: {kit.FONT['family']}; }}\n{_read('css')}\n{kit.style()}"
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"{kit.titled(title)}<style>{looks}</style></head><body><main>{head}{body}</main>"
        f"<footer>{_footer(meant, facts or {})}</footer><script>{_read('js')}</script></body></html>"
    )
    return kit.write_page(path, page)


def _read(ending: str) -> str:
    return (resources.files(__name__.rpartition(".")[0]) / f"overview.{ending}").read_text(encoding="utf-8")


def _text(words: object) -> str:
    return html.escape(str(words))


def _part(part: Part, k: int, first: list[bool]) -> str:
    words = "".join(f"<p>{_text(one)}</p>" for one in part.words)
    shown = "".join(_shown(one, part.heading, first) for one in part.shown)
    head = f'<h2 id="head-{k}">{_text(part.heading)}</h2>'
    return f'<section id="part-{k}" aria-labelledby="head-{k}">{head}{words}{shown}</section>'


def _shown(one: go.Figure | pd.DataFrame | Sequence[Tile], heading: str, first: list[bool]) -> str:
    if isinstance(one, go.Figure):
        return _plot(one, heading, first)
    if isinstance(one, pd.DataFrame):
        return _table(one, heading)
    return f"<div class='tiles'>{''.join(map(_tile, one))}</div>"


def _plot(figure: go.Figure, heading: str, first: list[bool]) -> str:
    """Return a figure without its title, which the page tells in its own letters."""
    shown = go.Figure(figure)
    notes = [one for one in shown.layout.annotations if one.name != "explain"]
    shown.update_layout(title_text="", annotations=notes, margin_t=16)
    shown.update_traces(error_x_color=_FAINT, error_y_color=_FAINT, selector={"type": "scatter"})
    words = kit.plain(figure.layout.title.text).splitlines()[1:]
    library, first[0] = first[0], False
    text = kit.part(shown, library, displayModeBar=False)
    label = _text(f"{heading}: {' '.join(words)}")
    return f"<div class='plot' role='img' aria-label=\"{label}\">{text}</div>"


def _tile(tile: Tile) -> str:
    lines = "".join(f"<div>{_text(one)}</div>" for one in tile.lines)
    caption = f"<figcaption><b>{_text(tile.title)}</b>{lines}</figcaption>"
    shape = tile.values if tile.values is not None else tile.picture
    if shape is None:
        missing = "<div class='view none' style='aspect-ratio: 1'>the picture is not where it was</div>"
        return f"<figure>{missing}{caption}</figure>"
    rows, across = shape.shape[-2:]
    if tile.values is None:
        source = kit.colour_source(np.asarray(tile.picture))
    else:
        end = kit.limit(tile.values)
        source = (
            kit.signed_source(tile.values, end)
            if tile.picture is None
            else kit.laid_source(tile.values, tile.picture, end)
        )
    sides = zip(("top", "left", "height", "width"), tile.place, strict=False)
    box = "; ".join(f"{side}: {100 * share:.3f}%" for side, share in sides)
    mark = f"<span class='box' style='{box}'></span>" if box else ""
    image = f'<img alt="{_text(tile.alt)}" src="{source}">'
    kind = "view" if tile.values is None else "view map"
    return f"<figure><div class='{kind}' style='aspect-ratio: {across} / {rows}'>{image}{mark}</div>{caption}</figure>"


def _table(table: pd.DataFrame, heading: str) -> str:
    kinds = [
        "number" if pd.api.types.is_numeric_dtype(table[name]) or _is_told(table[name]) else "text" for name in table
    ]
    kinds = [
        "" if kind == "text" and not _is_long(table[name]) else kind for kind, name in zip(kinds, table, strict=True)
    ]
    head = "".join(
        f"<th scope='col' class='{kind}'>{_text(name)}</th>" for kind, name in zip(kinds, table, strict=True)
    )
    colours = table.attrs.get("colours", {})
    rows = []
    for row in table.astype(object).values.tolist():
        cells = [
            f"<td class='{kind}'>{_dot(colours.get(one))}{_text(one)}</td>"
            for kind, one in zip(kinds, row, strict=True)
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    label = f"tabindex='0' role='region' aria-label=\"{_text(heading)}, table\""
    return (
        f"<div class='wide' {label}><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _dot(colour: str | None) -> str:
    return f"<span class='dot' style='background: {colour}'></span>" if colour else ""


def _is_told(column: pd.Series) -> bool:
    """Whether texts are numbers, with their units or intervals."""
    return bool(column.astype(str).str.match(r"^[×–−\d][\d.,\s%×–…\[\]−-]*( s| min| h| d)?").all())


def _is_long(column: pd.Series) -> bool:
    return bool(column.astype(str).str.len().max() > _WORDS)


def _footer(meant: Sequence[str], facts: Mapping[str, object]) -> str:
    lines = "".join(f"<li>{_text(one)}</li>" for one in meant)
    words = f"<h2>What am I looking at?</h2><ul class='small'>{lines}</ul>" if lines else ""
    rows = "".join(
        f"<tr><th scope='row'>{_text(name)}</th><td class='text'>{_text(value)}</td></tr>"
        for name, value in facts.items()
    )
    where = f"<details><summary>Where it comes from</summary><table>{rows}</table></details>" if rows else ""
    paper = f'<a href="{_PAPER}" rel="noreferrer">Gu &amp; Dong, CVPR 2021</a>'
    return f"{words}{where}<p class='small'>Local attribution maps: {paper}. Made by lam_nb.</p>"
