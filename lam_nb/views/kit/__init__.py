"""The kit: what all views share. It knows figures and pictures, and no result by name."""

from __future__ import annotations

from ._labels import labels, name_places
from ._montage import montage
from ._poster import poster
from .axes import axis_name, box, error_bars, index_ticks, interval, pixel_axes, place, under
from .captions import (
    ESTIMATED,
    SAMPLED,
    Doubt,
    caption,
    doubt,
    explain,
    how,
    index_words,
    listed,
    look,
    pushes,
    small,
    where,
)
from .encode import (
    LARGEST_SIDE,
    LEAST_SIDE,
    as_bytes,
    as_pixels,
    bicubic,
    colour_source,
    dot_source,
    index,
    limit,
    painted,
    palette,
    reduction,
    signed_source,
)
from .framing import Frame, frame, show
from .markup import embedded, is_picture, titled
from .overlay import ends, grey, grey_source, laid_over, laid_source, over_scale, over_source, shades
from .page import write_html, write_page
from .theme import (
    AXIS,
    BOX,
    DARK,
    DIVERGING,
    FONT,
    HALO,
    LIGHT,
    LINES,
    colours_of,
    dress,
    is_common,
    scale_words,
    style,
)
from .timeline import BUDGET, add, affordable, stepwise
from .view import View

__all__ = [
    "AXIS",
    "BOX",
    "BUDGET",
    "DARK",
    "DIVERGING",
    "ESTIMATED",
    "FONT",
    "HALO",
    "LARGEST_SIDE",
    "LEAST_SIDE",
    "LIGHT",
    "LINES",
    "SAMPLED",
    "Doubt",
    "Frame",
    "View",
    "add",
    "affordable",
    "as_bytes",
    "as_pixels",
    "axis_name",
    "bicubic",
    "box",
    "caption",
    "colour_source",
    "colours_of",
    "dot_source",
    "doubt",
    "dress",
    "embedded",
    "ends",
    "error_bars",
    "explain",
    "frame",
    "grey",
    "grey_source",
    "how",
    "index",
    "index_ticks",
    "index_words",
    "interval",
    "is_common",
    "is_picture",
    "labels",
    "laid_over",
    "laid_source",
    "limit",
    "listed",
    "look",
    "montage",
    "name_places",
    "over_scale",
    "over_source",
    "painted",
    "palette",
    "pixel_axes",
    "place",
    "poster",
    "pushes",
    "reduction",
    "scale_words",
    "shades",
    "show",
    "signed_source",
    "small",
    "stepwise",
    "style",
    "titled",
    "under",
    "where",
    "write_html",
    "write_page",
]


def __dir__() -> list[str]:
    return __all__
