"""The story: what a widget asks of whose result, the window, and where its maps lie over the grey picture."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lam_nb.result import INPUT, OUT_X, OUT_Y, X, Y
from lam_nb.types import Region
from lam_nb.views.kit import frame, glossary, grey, palette, pushes, shades


def story(dataset: xr.Dataset, maps: NDArray[np.floating]) -> dict[str, object]:
    """Return the traits that tell what is seen, of a result of one network or of several.

    Examples
    --------
    >>> from lam_nb import attribute, images
    >>> found = attribute("fsrcnn", images.sample("bricks")[:, :64, :96], (96, 96, 16), progress=False)
    >>> told = story(found, found.attribution.values)
    >>> told["corner"], [round(side, 3) for side in told["box"]]
    ('top right', [0.375, 0.25, 0.062, 0.042])
    """
    shown, kept = frame(maps), INPUT in dataset
    words = pushes(dataset.attrs).replace(" … ", " (blue) … ")
    return {
        "glossary": glossary(dataset.attrs),
        "means": f"maps: {words} (red); ▼ ▲ stronger values have the ends' colours",
        "box": window(dataset),
        "focus": list(shown.zoom),
        "corner": f"{'top' if shown.at_top else 'bottom'} {'right' if shown.at_right else 'left'}",
        "grey": grey(dataset[INPUT].values)[..., 0].tobytes() if kept else b"",
        "bare": not kept,
    }


def window(dataset: xr.Dataset) -> list[float]:
    """Return top, left, height and width of the window as shares of the output.

    Examples
    --------
    >>> told = {"region_y": 6, "region_x": 30, "region_height": 4, "region_width": 10, "region_size": 0}
    >>> window(xr.Dataset({"output": (("out_y", "out_x"), np.zeros((40, 60)))}, attrs=told))
    [0.15, 0.5, 0.1, 0.16666666666666666]
    """
    region = Region.of_facts(dataset.attrs)
    if OUT_Y in dataset.sizes:
        height, width = dataset.sizes[OUT_Y], dataset.sizes[OUT_X]
    else:
        height, width = (round(dataset.sizes[side] * dataset.attrs["scale"]) for side in (Y, X))
    return [region.y / height, region.x / width, region.height / height, region.width / width]


def tables(*names: str) -> bytes:
    """Return for each colour scale 256 colours with opacity: bare, then as they are laid over a picture.

    Examples
    --------
    >>> len(tables("RdBu_r")) == 2 * 256 * 4
    True
    """
    opaque = np.full((256, 1), 255, np.uint8)
    return b"".join(np.hstack([palette(name), opaque]).tobytes() + shades(name).tobytes() for name in names)
