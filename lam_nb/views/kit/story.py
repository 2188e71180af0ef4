"""The story: what a page tells beside its figure, made of the numbers of the result."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from ... import statistics
from ...result import ATTRIBUTION, MODEL, PSNR_WINDOW, X, Y, facts

_PAPER = "https://arxiv.org/abs/2011.11036"
_SHARE = 0.95


def finding(made_from: tuple[str, object] | None) -> str:
    """Return what came out, in a sentence; nothing where there is none to tell.

    Examples
    --------
    >>> finding(None)
    ''
    """
    data = made_from[1] if made_from else None
    if not isinstance(data, xr.Dataset) or ATTRIBUTION not in data:
        return ""
    return _of_many(data) if MODEL in data.dims else _of_one(data)


def _of_one(dataset: xr.Dataset) -> str:
    told, whole = facts(dataset), dataset.sizes[Y] * dataset.sizes[X]
    pixels = int(statistics.pixels_for_share(dataset, _SHARE))
    index = float(statistics.diffusion_index(dataset))
    words = f"{_SHARE:.0%} of {told['network']}'s map of this window lies on {pixels:,} of the picture's {whole:,} "
    words += f"pixels ({pixels / whole:.1%}); the diffusion index is {index:.2f}."
    if PSNR_WINDOW in dataset:
        words += f" It restored the window with {float(dataset[PSNR_WINDOW]):.2f} dB."
    return words


def _of_many(many: xr.Dataset) -> str:
    names = [str(one) for one in many[MODEL].values]
    index = statistics.diffusion_index(many).values
    most, least = int(np.nanargmax(index)), int(np.nanargmin(index))
    words = f"{names[most]} looked most widely (diffusion index {index[most]:.2f}), {names[least]} least "
    words += f"({index[least]:.2f})."
    if PSNR_WINDOW in many:
        best = int(np.argmax(many[PSNR_WINDOW].values))
        words += f" {names[best]} restored the window best, with {float(many[PSNR_WINDOW][best]):.2f} dB."
    return words


def told(made_from: tuple[str, object] | None, lines: Sequence[str]) -> str:
    """Return what stands below a page's figure: what its words mean, where it comes from, where to read on."""
    attributes = _attributes(made_from)
    meant = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    rows = "".join(
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in attributes.items()
    )
    where = f"<details><summary>Where it comes from</summary><table>{rows}</table></details>" if rows else ""
    paper = f'<a href="{_PAPER}" rel="noreferrer">Gu &amp; Dong, CVPR 2021</a>'
    method = f"Local attribution maps: {paper}. Made by lam_nb."
    words = f"<details><summary>What am I looking at?</summary><ul>{meant}</ul></details>" if meant else ""
    return f"{words}{where}<p>{method}</p>"


def _attributes(made_from: tuple[str, object] | None) -> Mapping[str, object]:
    data = made_from[1] if made_from else None
    if isinstance(data, Mapping) and not isinstance(data, xr.Dataset):
        data = next(iter(data.values()), None)
    return data.attrs if isinstance(data, xr.Dataset) else {}
