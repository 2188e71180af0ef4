"""Theme: colours, letters and the looks of axes that all figures share, in a light and a dark room."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import plotly.io

from ...validation import choose

__all__ = [
    "AXIS",
    "BOX",
    "DARK",
    "DIVERGING",
    "FONT",
    "HALO",
    "LIGHT",
    "LINES",
    "Tokens",
    "colours_of",
    "dress",
    "is_common",
    "scale_words",
    "style",
    "tokens",
]


@dataclass(frozen=True)
class Tokens:
    """Colours of a room: its paper, its letters, what is less important, the lines of grids, and of what words tell."""

    paper: str
    ink: str
    faint: str
    grid: str
    good: str
    doubt: str
    bad: str


LIGHT = Tokens("#ffffff", "#1f2328", "#59636e", "#d8dee4", good="#1a7f37", doubt="#9a6700", bad="#b42318")
DARK = Tokens("#111111", "#e6edf3", "#9ba5b0", "#3d444d", good="#3fb950", doubt="#d29922", bad="#ff7b72")
DIVERGING = "RdBu_r"
"""Red adds to the detector, blue takes away, white is nothing; told apart by colour-blind readers."""
FONT = {"family": "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif", "size": 13}
AXIS = {"title_font_size": 12, "tickfont_size": 12, "ticks": "outside"}
"""How axes of curves look."""
BOX, HALO = "#ffd400", "#000000"
"""The window's outline, and the line around it: seen on any picture, and in no map's colours."""
LINES = ("#2f7ed8", "#d55e00", "#00875a", "#a05bd6", "#d6478f", "#8a7a00", "#0e8f9e", "#767676")
"""Colours of curves: 3 : 1 and more on the paper of both rooms."""
_DARK_ROOMS = (
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
    "body.vscode-high-contrast",
    "html.dark",
    'html[theme="dark"]',
)


def template(room: Tokens) -> go.layout.Template:
    """Return plotly's template of a room."""
    axis = {"gridcolor": room.grid, "linecolor": room.faint, "tickcolor": room.faint, "zerolinecolor": room.grid}
    look = {
        "font": {**FONT, "color": room.ink},
        "paper_bgcolor": room.paper,
        "plot_bgcolor": room.paper,
        "colorway": LINES,
        "hoverlabel": {"align": "left"},
        "xaxis": {**axis, "automargin": False, "title": {"standoff": 8}},
        "yaxis": {**axis, "automargin": False, "title": {"standoff": 8}},
    }
    return go.layout.Template(layout=look)


plotly.io.templates["lam"], plotly.io.templates["lam-dark"] = template(LIGHT), template(DARK)


def style() -> str:
    """Return the style sheet that has figures follow their host into a dark room, where it tells.

    JupyterLab and VS Code mark their pages; pages of our own follow the reader's system, by the class ``dark``.

    Examples
    --------
    >>> "vscode-dark" in style()
    True
    """
    rules = {
        ".main-svg": "background: transparent !important",
        ".bg": "fill: transparent !important",
        "text": f"fill: {DARK.ink} !important",
        ".gridlayer path, .zerolinelayer path": f"stroke: {DARK.grid} !important",
        ".xtick path, .ytick path": f"stroke: {DARK.faint}",
        ".slider-rail-rect": f"fill: {DARK.faint} !important; stroke: none !important",
        ".updatemenu-item-rect, .slider-grip-rect": f"fill: {DARK.grid} !important",
        ".hoverlayer text": "fill: unset",
    }
    told = []
    for parts, rule in rules.items():
        every = (f"{room} .js-plotly-plot {part.strip()}" for room in _DARK_ROOMS for part in parts.split(","))
        told.append(f"{', '.join(every)} {{ {rule} }}")
    return "\n".join(told)


def tokens(element: str) -> str:
    """Return the style sheet that gives an element of a page the colours of its room, as variables.

    Examples
    --------
    >>> tokens(".lam").splitlines()[0][:41]
    '.lam { --lam-paper: #ffffff; --lam-ink: #'
    """
    lines = {f"line-{k}": colour for k, colour in enumerate(LINES)}
    light = vars(LIGHT) | {"box": BOX, "halo": HALO} | lines
    dark = ", ".join(f"{room} {element}" for room in _DARK_ROOMS)
    rules = ((element, light), (dark, vars(DARK)))
    return "\n".join(
        f"{place} {{ {' '.join(f'--lam-{name}: {colour};' for name, colour in colours.items())} }}"
        for place, colours in rules
    )


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each network: the same one in every figure, unless two would have the same.

    Examples
    --------
    >>> colours_of(["rfdn", "fsrcnn"]) == colours_of(["fsrcnn", "rfdn"])
    True
    """
    found: dict[str, str] = {}
    for name in sorted(dict.fromkeys(map(str, names))):
        first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        order = [LINES[(first + k) % len(LINES)] for k in range(len(LINES))]
        found[name] = next((one for one in order if one not in found.values()), order[0])
    return found


def dress(figure: go.Figure, words: str, width: int | None, height: int, **margins: int) -> None:
    """Give a figure that is of no single result its caption, font, size and margins (l, r, t, b)."""
    title = {"text": words, "x": 0.01, "y": 1 - 22 / height, "yanchor": "top"}
    figure.update_layout(title=title, template="lam", width=width, height=height, margin=margins)


def is_common(scale: str) -> bool:
    """Return whether maps share one colour scale: of "common" and "own".

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> is_common("own")
    False
    """
    return choose("scale", scale, ("own", "common")) == "common"


def scale_words(common: bool) -> str:
    """Return in words whose colour scale it is.

    Examples
    --------
    >>> scale_words(False)
    'a colour scale each'
    """
    return "one colour scale for all" if common else "a colour scale each"
