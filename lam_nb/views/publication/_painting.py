"""What figures for print share: letters, pictures without ticks, the window, plain numbers on axes."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ...result import facts
from ...types import Region
from .. import kit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCH = 25.4
LETTER, LEAST = 7.0, 6.0
"""Height of letters, in points, and of the smallest that are printed."""


def letters() -> AbstractContextManager[None]:
    """Have matplotlib write small letters, and as letters, not as outlines; the same bytes for the same figure."""
    try:
        from matplotlib import rc_context
    except ModuleNotFoundError:
        return nullcontext()  # told where a figure is made
    return rc_context(
        {
            "font.size": LETTER,
            "font.family": "DejaVu Sans",
            "axes.titlesize": LETTER,
            "axes.labelsize": LETTER,
            "xtick.labelsize": LEAST,
            "ytick.labelsize": LEAST,
            "legend.fontsize": LEAST,
            "axes.linewidth": 0.5,
            "pdf.fonttype": 42,
            "svg.fonttype": "none",
            "svg.hashsalt": "lam_nb",
        }
    )


def fitted(text: str, points: float) -> tuple[str, float]:
    r"""Return text, and the height of its letters, so that it is no wider than so many points.

    It is made smaller first, then broken where its words end, then cut.

    Examples
    --------
    >>> fitted("fsrcnn", 60), fitted("residual-channel", 40)
    (('fsrcnn', 7.0), ('residual-\nchannel', 6.0))
    """
    for size in (LETTER, (LETTER + LEAST) / 2, LEAST):
        if _wide(text, size) <= points:
            return text, size
    rows = [""]
    for word in re.findall(r"[^-_ /]+[-_ /]?", text):
        if rows[-1] and _wide(rows[-1] + word, LEAST) > points:
            rows.append("")
        rows[-1] += word
    return "\n".join(_cut(row.strip(), points) for row in rows[:2]), LEAST


def _cut(text: str, points: float) -> str:
    whole = text
    while text and _wide(text + "…" * (text != whole), LEAST) > points:
        text = text[:-1]
    return text if text == whole else f"{text}…"


def _wide(text: str, size: float) -> float:
    """Return how wide a line is, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text.strip():
        return 0.0
    return float(TextPath((0, 0), text, prop=FontProperties(family="DejaVu Sans", size=size)).get_extents().width)


def plain_ticks(axes: Axes, ticks: list[float]) -> None:
    """Label a logarithmic axis with plain numbers, those within its limits."""
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)


def image(axes: Axes, picture: NDArray[np.uint8]) -> None:
    """Draw a picture (y, x, 3), its pixels sharp."""
    axes.imshow(picture, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def box(axes: Axes, dataset: xr.Dataset, scale: float) -> None:
    """Draw the window's outline, in output pixels over `scale`."""
    from matplotlib.patches import Rectangle

    window = Region.of_facts(facts(dataset))
    corner = window.x / scale - 0.5, window.y / scale - 0.5
    sides = window.width / scale, window.height / scale
    for colour, thick in ((kit.HALO, 1.0), (kit.BOX, 0.5)):
        axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=colour, linewidth=thick))


def framed(axes: Axes) -> None:
    """Frame a patch as its window is outlined."""
    for spine in axes.spines.values():
        spine.set(edgecolor=kit.BOX, linewidth=1.2)
