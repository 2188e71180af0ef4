"""Films: what a figure plays, as a GIF or MP4 for slides, drawn without a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw

from ...result import replacing
from ...validation import InputError, address, positive
from ._poster import images_at, poster
from .letters import font, written

_COLOURS = 128
_EVEN = 2
"""Films have sides of whole pairs of pixels."""


def write_film(figure: go.Figure, path: str | os.PathLike[str], seconds: float) -> Path:
    """Write what a figure plays, its steps in so many seconds; a GIF goes round. Whole or not at all.

    Raises
    ------
    InputError
        If it plays nothing, the name ends in neither .gif nor .mp4, or imageio is missing for the latter.
    """
    target = address("path", path)
    length = positive("seconds", seconds, "how long it plays", most=600)
    if target.suffix not in (".gif", ".mp4"):
        raise InputError(f"path: got {target.name}, expected a name that ends in .gif or .mp4.")
    if not figure.frames:
        raise InputError("figure: it has no steps to play; give a progression, or a comparison that scrubs.")
    with replacing(target) as temporary:
        (_gif if target.suffix == ".gif" else _mp4)(figure, temporary, length / len(figure.frames))
    return target


def _pictures(figure: go.Figure) -> Iterator[Image.Image]:
    still = go.Figure(figure.data, figure.layout)
    for frame in figure.frames:
        still.layout.images = images_at(figure, frame)
        for place, moved in zip(frame.traces or (), frame.data, strict=True):
            still.data[place].update(x=moved.x, y=moved.y)
        picture = poster(still)
        words = written(str(frame.name))
        place = picture.width - 12, picture.height - 12
        ImageDraw.Draw(picture).text(place, words, "black", font(15), anchor="rs")
        yield picture


def _gif(figure: go.Figure, path: Path, seconds: float) -> None:
    first, *others = (one.quantize(_COLOURS, dither=Image.Dither.NONE) for one in _pictures(figure))
    duration = max(20, round(1000 * seconds))
    first.save(path, "GIF", save_all=True, append_images=others, duration=duration, loop=0, optimize=False)


def _mp4(figure: go.Figure, path: Path, seconds: float) -> None:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise InputError('path: MP4 needs imageio; install it: pip install "lam-nb[film]", or write a .gif.') from None
    pictures = [np.asarray(one) for one in _pictures(figure)]
    rows, columns = (side // _EVEN * _EVEN for side in pictures[0].shape[:2])
    look = {"fps": 1 / seconds, "macro_block_size": _EVEN, "output_params": ["-f", "mp4"]}
    film = imageio_ffmpeg.write_frames(str(path), (columns, rows), **look)
    film.send(None)
    for picture in pictures:
        film.send(np.ascontiguousarray(picture[:rows, :columns]))
    film.close()
