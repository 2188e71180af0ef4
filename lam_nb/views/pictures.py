"""Pictures in figures: arrays to small PNGs, axes in pixels, region boxes, colour bars, captions, HTML files."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.colors
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .. import statistics
from ..result import DIFFUSION_INDEX_ERROR, QUADRATURE_ERROR, X, Y, check, facts, replacing
from ..result import page as page_name

DIVERGING = "RdBu_r"
"""Red adds to the detector, blue takes away, white is nothing; told apart by colour-blind readers."""
LEAST_SIDE = 256
"""Browsers smooth enlarged pictures; ours are enlarged to this by repeating pixels first."""
FONT = {"family": "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif", "size": 13, "color": "#222"}
AXIS = {"title_font_size": 12, "tickfont_size": 12, "ticks": "outside"}
"""How axes of curves look."""
LARGEST_SIDE = 512
"""Larger pictures are shown reduced by a whole factor, so that pages stay small; headings say so."""
BOX = "#00a651"
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Colours of curves; told apart by colour-blind readers."""
_TILE, _GAP, _LINE = 256, 10, 20


@cache
def palette(name: str = DIVERGING) -> NDArray[np.uint8]:
    """Return 256 colours of a plotly colour scale, (256, 3).

    Examples
    --------
    >>> bool(palette()[127:129].min() > 240)
    True
    """
    colours = plotly.colors.sample_colorscale(name, np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return np.round(np.array(colours) * 255).astype(np.uint8)


def limit(values: NDArray[np.floating]) -> float:
    """Return where a symmetric colour scale ends: a fifth of the pixels that count lie beyond.

    A pixel counts if it is stronger than 0.5 % of the strongest; so the scale does not depend on
    how much empty canvas there is around.

    Examples
    --------
    >>> limit(np.r_[np.zeros(1000), np.arange(1.0, 11.0)])
    8.2
    """
    size = np.abs(values)
    strongest = float(np.nanmax(size))
    if not strongest > 0:
        return 1.0
    return float(np.quantile(size[size > strongest / 200], 0.8))


def signed_source(values: NDArray[np.floating], end: float) -> str:
    """Encode (y, x) as a PNG in the diverging colours, −`end` … `end`; reduced, a block shows its strongest value."""
    shown = _strongest(np.nan_to_num(values), reduction(values.shape))
    index = np.round((np.clip(shown / end, -1, 1) + 1) * 127.5).astype(np.uint8)
    picture = Image.fromarray(_enlarged(index), "L")
    coloured = Image.frombytes("P", picture.size, picture.tobytes())
    coloured.putpalette(palette().tobytes())
    return _source(coloured)


def colour_source(image: NDArray[Any]) -> str:
    """Encode (3, y, x), bytes or floats in [0, 1], as a WebP of high quality: a quarter of a PNG's size."""
    bytes_ = image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(_enlarged(np.moveaxis(bytes_, 0, -1)))
    return _source(picture.reduce(reduction(image.shape[-2:])), "WebP", quality=90)


def montage(panels: Sequence[tuple[str, NDArray[np.uint8]]], caption: str = "", columns: int = 0) -> Image.Image:
    """Return pictures (y, x, 3) beside each other with their titles, for places that show only pictures.

    Parameters
    ----------
    panels : sequence of (str, numpy.ndarray)
        Titles and pictures; of several lines in a title each is drawn.
    caption : str
        A line above all.
    columns : int
        Pictures in a row; all in one when not given.

    Examples
    --------
    >>> montage([("a", np.zeros((4, 6, 3), np.uint8))] * 2).size
    (542, 201)
    """
    columns = columns or len(panels)
    rows = [panels[k : k + columns] for k in range(0, len(panels), columns)]
    font = ImageFont.load_default(size=14)
    tops, bottom, tiles = [], _LINE if caption else 0, []
    for row in rows:
        tiles.append([_tile(picture) for _, picture in row])
        lines = max(title.count("\n") + 1 for title, _ in row)
        tops.append((bottom, bottom + lines * _LINE))
        bottom += lines * _LINE + max(one.height for one in tiles[-1]) + _GAP
    canvas = Image.new("RGB", (columns * (_TILE + _GAP) + _GAP, bottom), "white")
    pen = ImageDraw.Draw(canvas)
    pen.text((_GAP, 2), caption.replace("α", "alpha").replace("σ", "sigma"), "black", font)
    for row, shown, (text, top) in zip(rows, tiles, tops, strict=True):
        for k, ((title, _), one) in enumerate(zip(row, shown, strict=True)):
            left = _GAP + k * (_TILE + _GAP)
            pen.multiline_text((left, text + 2), title, "black", font)
            canvas.paste(one, (left, top))
    return canvas


def _tile(picture: NDArray[np.uint8]) -> Image.Image:
    shown = Image.fromarray(np.ascontiguousarray(picture))
    return shown.resize((_TILE, max(1, round(_TILE * shown.height / shown.width))), Image.Resampling.NEAREST)


def reduction(size: tuple[int, ...]) -> int:
    """Return by what factor a picture of `size` is reduced to be shown.

    Examples
    --------
    >>> reduction((64, 64)), reduction((1024, 768))
    (1, 2)
    """
    return -(-max(size) // LARGEST_SIDE)


def dot_source(colour: tuple[int, int, int]) -> str:
    """Encode one pixel, to be stretched into a line or a box."""
    return _source(Image.new("RGB", (1, 1), colour))


def place(figure: go.Figure, source: str, size: tuple[int, int], row: int, column: int, units: str) -> None:
    """Put a picture of `size` (rows, columns) into a subplot whose axes count its pixels."""
    height, width = size
    x, y = next(figure.select_xaxes(row=row, col=column)), next(figure.select_yaxes(row=row, col=column))
    x_name, y_name = axis_name(x), axis_name(y)
    figure.add_trace(
        go.Scatter(x=[0, width], y=[0, height], mode="markers", marker_opacity=0, showlegend=False, hoverinfo="skip"),
        row=row,
        col=column,
    )
    corner = {"x": -0.5, "y": -0.5, "sizex": width, "sizey": height}
    figure.add_layout_image(source=source, xref=x_name, yref=y_name, sizing="stretch", layer="below", **corner)
    pixel_axes(figure, size, row, column, units)


def pixel_axes(figure: go.Figure, size: tuple[int, int], row: int, column: int, units: str) -> None:
    """Have a subplot count pixels from the top left, square, labelled with their units."""
    height, width = size
    look: dict[str, Any] = {"showgrid": False, "zeroline": False, "constrain": "domain", "ticks": "outside"}
    look |= {"nticks": 5, "title_standoff": 2, "title_font_size": 12, "tickfont_size": 12}
    figure.update_xaxes(range=[-0.5, width - 0.5], title_text=f"x ({units})", row=row, col=column, **look)
    label = f"y ({units})" if column == 1 else None
    figure.update_yaxes(
        range=[height - 0.5, -0.5], title_text=label, row=row, col=column, **look | {"title_standoff": 8}
    )
    name = axis_name(next(figure.select_xaxes(row=row, col=column)))
    figure.update_yaxes(scaleanchor=name, row=row, col=column)


def box(figure: go.Figure, dataset: xr.Dataset, row: int, column: int, scale: float = 1.0) -> None:
    """Draw the region's outline into a subplot, in output pixels over `scale`."""
    told = facts(dataset)
    y, x, size = (told[f"region_{name}"] / scale for name in ("y", "x", "size"))
    edges = {"x0": x - 0.5, "x1": x - 0.5 + size, "y0": y - 0.5, "y1": y - 0.5 + size}
    figure.add_shape(type="rect", line={"color": BOX, "width": 2}, row=row, col=column, **edges)


def look(dataset: xr.Dataset, height: int) -> dict[str, Any]:
    """Return the layout that all figures of a result share: caption, font, as wide as its place."""
    title = {"text": caption(dataset), "x": 0.01, "y": 1 - 22 / height, "yanchor": "top"}
    return {"title": title, "template": "plotly_white", "font": FONT, "autosize": True, "height": height}


def dress(figure: go.Figure, words: str, width: int | None, height: int, **margins: int) -> None:
    """Give a figure that is of no single result its caption, font, size and margins (l, r, t, b)."""
    title = {"text": words, "x": 0.01, "y": 1 - 22 / height, "yanchor": "top"}
    figure.update_layout(title=title, template="plotly_white", font=FONT, width=width, height=height, margin=margins)


def small(*lines: str) -> str:
    """Return lines of small print, to follow a caption's first line.

    Examples
    --------
    >>> small("50 steps")
    "<br><span style='font-size:12px'>50 steps</span>"
    """
    return f"<br><span style='font-size:12px'>{'<br>'.join(lines)}</span>"


def axis_name(axis: Any) -> str:
    """Return how traces and pictures refer to an axis of a figure.

    Examples
    --------
    >>> axis_name(go.Figure(go.Scatter(y=[1])).layout.xaxis)
    'x'
    """
    return str(axis.plotly_name).replace("axis", "")


def error_bars(dataset: xr.Dataset, name: str, **look: str) -> dict[str, Any]:
    """Return error bars from a number to the ends of its interval, ``name_low`` and ``name_high``.

    Examples
    --------
    >>> study = xr.Dataset({"psnr": ("x", [2.0]), "psnr_low": ("x", [1.5]), "psnr_high": ("x", [3.0])})
    >>> bars = error_bars(study, "psnr")
    >>> bars["array"], bars["arrayminus"]
    (array([1.]), array([0.5]))
    """
    low, middle, high = (dataset[name + end].values for end in ("_low", "", "_high"))
    return {"array": high - middle, "arrayminus": middle - low, "thickness": 1, "width": 3, **look}


def where(told: Mapping[str, Any]) -> str:
    """Return in words which window a result is of.

    Examples
    --------
    >>> where({"region_y": 3, "region_x": 4, "region_size": 5})
    'region y=3, x=4, 5 × 5 px'
    """
    return f"region y={told['region_y']}, x={told['region_x']}, {told['region_size']} × {told['region_size']} px"


def index_ticks(values: NDArray[np.floating]) -> list[float]:
    """Return where a logarithmic axis of diffusion indices is labelled: round numbers, at least two in its range.

    Examples
    --------
    >>> index_ticks(np.array([0.4, 6.0])), index_ticks(np.array([0.55, 0.66]))
    ([0.5, 1.0, 2.0, 5.0], [0.56, 0.58, 0.6, 0.62, 0.64, 0.66])
    """
    known = values[np.isfinite(values) & (values > 0)]
    low, high = (known.min(), known.max()) if known.size else (1.0, 10.0)
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), np.arange(1, 10, 0.2)):
        every = [round(float(a) * 10.0**b, 10) for b in range(-4, 3) for a in steps]
        found = [tick for tick in every if low <= tick <= high]
        if len(found) > 1:
            break
    return found if len(found) > 1 else [round(float(low), 3), round(float(high), 3)]


def name_places(
    names: Sequence[str],
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    limits: tuple[float, float, float, float],
    size: tuple[float, float],
    letter: float,
) -> list[str]:
    """Return at which corner of its point each name stands, so that names cover each other least.

    Parameters
    ----------
    names, x, y
        Of the points; x and y on linear axes (give logarithms otherwise).
    limits : (left, right, low, high)
        Of the axes.
    size : (width, height)
        Of the field of the axes, in any unit.
    letter : float
        Height of a letter in that unit.

    Examples
    --------
    >>> name_places(["a", "b"], np.array([0.0, 1.0]), np.zeros(2), (0, 1, -1, 1), (100, 100), 10)
    ['top right', 'top right']
    >>> name_places(["one", "two"], np.array([0.5, 0.6]), np.array([0.5, 0.5]), (0, 1, 0, 1), (99, 99), 9)
    ['top left', 'top right']
    """
    across = np.nan_to_num((x - limits[0]) / (limits[1] - limits[0]), posinf=1) * size[0]
    up = np.nan_to_num((y - limits[2]) / (limits[3] - limits[2]), posinf=1) * size[1]
    taken = [(a - letter / 2, b - letter / 2, a + letter / 2, b + letter / 2) for a, b in zip(across, up, strict=True)]
    chosen = []
    for name, a, b in zip(names, across, up, strict=True):
        wide, offset = 0.6 * letter * len(name), 0.4 * letter
        boxes = {
            f"{down} {side}": (
                a + offset if side == "right" else a - offset - wide,
                b + offset if down == "top" else b - offset - letter,
                a + offset + wide if side == "right" else a - offset,
                b + offset + letter if down == "top" else b - offset,
            )
            for down in ("top", "bottom")
            for side in ("right", "left")
        }
        best = min(boxes, key=lambda place: sum(_covered(boxes[place], other) for other in taken))
        taken.append(boxes[best])
        chosen.append(best)
    return chosen


def _covered(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the area that two boxes (left, low, right, high) share."""
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def caption(dataset: xr.Dataset) -> str:
    """Return two lines for the top of a figure: what was computed, and what came out.

    Examples
    --------
    >>> caption(xr.Dataset())
    Traceback (most recent call last):
    lam_nb.types.InputError: dataset: has no 'quadrature_error'; expected a result of lam_nb.attribute.
    """
    check(dataset, QUADRATURE_ERROR)
    told = facts(dataset)
    how = f"path {told['path']} · detector {told['detector']} · rule {told['rule']}, {told['steps']} steps"
    numbers = (
        f"diffusion index {float(statistics.diffusion_index(dataset)):.2f}{_give_or_take(dataset)} "
        f"on {dataset.sizes[Y]} × {dataset.sizes[X]} px"
        f" · completeness gap {float(statistics.completeness(dataset)):+.1%}"
        f" · estimated error of the map {float(dataset[QUADRATURE_ERROR]):.1%}"
    )
    return f"<b>{told['network']}</b> · {where(told)}{small(how, numbers)}"


def _give_or_take(dataset: xr.Dataset) -> str:
    if DIFFUSION_INDEX_ERROR not in dataset:
        return ""
    return f" ± {max(float(dataset[DIFFUSION_INDEX_ERROR]), 0.01):.2f}"


def write_html(figure: go.Figure, path: str | os.PathLike[str], title: str = "lam_nb") -> Path:
    """Write a figure as one HTML file that needs no network and no kernel; whole or not at all.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    path : path-like
        The file to write, ends in .html.
    title : str
        The page's title.

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
    >>> write_html(go.Figure(), tempfile.mkdtemp() + "/empty.html").name
    'empty.html'
    """
    page_name(path)
    page = figure.to_html(include_plotlyjs=True, auto_play=False, div_id="figure", config={"displaylogo": False})
    style = "body { max-width: 1200px; margin: 0 auto; }"
    head = f"<title>{title}</title><meta name='viewport' content='width=device-width'><style>{style}</style>"
    with replacing(path) as temporary:
        temporary.write_text(page.replace("<head>", f"<head>{head}", 1), encoding="utf-8")
    return Path(path)


def _strongest(values: NDArray[np.floating], factor: int) -> NDArray[np.floating]:
    if factor == 1:
        return values
    margins = [(0, -side % factor) for side in values.shape]
    blocks = np.pad(values, margins).reshape(-(-values.shape[0] // factor), factor, -1, factor)
    high, low = blocks.max((1, 3)), blocks.min((1, 3))
    return np.where(high >= -low, high, low)


def _enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = -(-LEAST_SIDE // max(picture.shape[:2]))
    return picture.repeat(factor, 0).repeat(factor, 1)


def _source(picture: Image.Image, kind: str = "PNG", **options: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()
