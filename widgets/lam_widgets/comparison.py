"""The comparison: networks side by side, with one zoom, one cursor and one slider for all."""

from __future__ import annotations

import base64
import io
import warnings

import numpy as np
import traitlets
import xarray as xr
from numpy.typing import NDArray
from PIL import Image

from lam_nb import statistics
from lam_nb.result import MODEL, OUTPUT, PSNR, PSNR_WINDOW, X, Y, check
from lam_nb.validation import InputError
from lam_nb.views.kit import (
    DIVERGING,
    colour_source,
    colours_of,
    doubt,
    how,
    index_words,
    labels,
    limit,
    montage,
    painted,
    stepwise,
    where,
)

from .kit import Stepped, largest, quantised, source, story, tables

_AREA = "Cividis"
_QUESTION = "Which input pixels made this window, network by network?"
_QUALITIES = {"PSNR of the window": PSNR_WINDOW, "PSNR": PSNR}


class Comparison(Stepped):
    """Output, map and contribution area of several networks, in columns.

    Maps lie over the grey picture, framed to where any of them lies; they are shares of their own sum of
    magnitudes. Ctrl and the wheel or the buttons enlarge, dragging moves, a double click goes back, the cursor
    is in all pictures at once; on a picture arrow keys move the cursor, plus, minus and 0 enlarge and go back.

    Parameters
    ----------
    many : xarray.Dataset
        Of `lam_nb.compare`; made with ``steps=`` and ``keep=["input", "output", "integrand"]`` it scrubs.

    Attributes
    ----------
    selected : list of str
        Names of the networks ticked.
    sort : str
        "name", "diffusion index", "PSNR" or "PSNR of the window" (with a reference), or "as given".
    scale : "own" or "common"
        Colour scales.
    step : int
        The step shown, from 0.
    bare, whole : bool
        Whether maps hide the grey picture (so where it was not kept), and whether the whole of it is shown.

    Raises
    ------
    InputError
        If the dataset has no dimension ``model`` or no output.

    Examples
    --------
    >>> import lam_nb as lam
    >>> nets = [lam.networks.load(name) for name in ("residual", "fsrcnn")]
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> comparison = Comparison(lam.compare(nets, lr, lam.Region(96, 96), progress=False))
    >>> comparison.sort = "name"
    >>> comparison.order
    [1, 0]
    """

    _esm = source("comparison", "js")
    _css = source("comparison", "css")
    outputs = traitlets.List(traitlets.Unicode()).tag(sync=True)
    areas = traitlets.List(traitlets.Unicode()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    inks = traitlets.List(traitlets.Unicode()).tag(sync=True)
    numbers = traitlets.Dict().tag(sync=True)
    unit = traitlets.Unicode("share of the sum of magnitudes").tag(sync=True)
    ranks = traitlets.Dict().tag(sync=True)
    sort = traitlets.Unicode("as given").tag(sync=True)
    scale = traitlets.Enum(["own", "common"], "own").tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, many: xr.Dataset, **settings: object) -> None:
        check(many, OUTPUT)
        if MODEL not in many.dims:
            raise InputError("many: has no dimension 'model'; expected the result of lam_nb.compare.")
        maps = stepwise(statistics.share(many)).transpose(MODEL, ...).values
        full = [largest(one) for one in maps]
        names = [str(name) for name in many[MODEL].values]
        inks = colours_of(names)
        outputs = many[OUTPUT].transpose(MODEL, ...).values
        super().__init__(
            frames=np.stack([quantised(one, end) for one, end in zip(maps, full, strict=True)]).tobytes(),
            colours=tables(DIVERGING),
            shape=list(maps.shape),
            outputs=[colour_source(one) for one in outputs],
            areas=[painted(one, _AREA) for one in _areas(many)],
            names=names,
            inks=[inks[name] for name in names],
            question=_QUESTION,
            lines=[f"{where(many.attrs)} · {how(many.attrs)}", _canvas(many)],
            numbers=_numbers(many),
            full=full,
            limits=[limit(one) for one in maps] + [limit(maps)],
            labels=labels(many) if maps.shape[1] > 1 else [""],
            ranks=_ranks(many, names),
            **{"step": maps.shape[1] - 1} | story(many, maps[:, -1]) | settings,
        )

    @property
    def order(self) -> list[int]:
        """Places of the networks in the dataset, in the order shown."""
        return list(self.ranks[self.sort])

    def picture(self) -> Image.Image:
        """Return outputs and maps, as a picture."""
        shown, count = self.shown, self.shape[0]
        outputs = [(self._title(k), _decoded(self.outputs[k])) for k in self.order]
        maps = [("map", self.laid(shown[k], self.full[k], self.limits[k])) for k in self.order]
        return montage(outputs + maps, columns=count, box=self.box)

    def _title(self, k: int) -> str:
        return "\n".join([self.names[k], *(f"{name} {row[k]}" for name, row in self.numbers.items())])

    @traitlets.validate("sort")
    def _known(self, proposal: traitlets.Bunch) -> str:
        if self.ranks and proposal["value"] not in self.ranks:
            raise traitlets.TraitError(f"sort: got {proposal['value']!r}, expected one of {', '.join(self.ranks)}.")
        return str(proposal["value"])

    @traitlets.validate("selected")
    def _there(self, proposal: traitlets.Bunch) -> list[str]:
        unknown = [name for name in proposal["value"] if name not in self.names]
        if unknown and self.names:
            raise traitlets.TraitError(f"selected: got {unknown[0]!r}, expected names among {', '.join(self.names)}.")
        return list(proposal["value"])


def _areas(many: xr.Dataset) -> NDArray[np.floating]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a map without an area is drawn empty
        return np.nan_to_num(statistics.contribution_area(many).transpose(MODEL, ...).values)


def _canvas(many: xr.Dataset) -> str:
    return f"diffusion index on {many.sizes[Y]} × {many.sizes[X]} px · maps: share of their own sum of magnitudes"


def _ranks(many: xr.Dataset, names: list[str]) -> dict[str, list[int]]:
    ranks = {"as given": list(range(len(names))), "name": sorted(range(len(names)), key=lambda k: names[k])}
    index = statistics.diffusion_index(many).values
    ranks["diffusion index"] = [int(k) for k in np.argsort(-index, kind="stable")]
    for name, of in _QUALITIES.items():
        if of in many:
            ranks[name] = [int(k) for k in np.argsort(-many[of].values, kind="stable")]
    return ranks


def _numbers(many: xr.Dataset) -> dict[str, list[str]]:
    nets = [many.isel({MODEL: k}) for k in range(many.sizes[MODEL])]
    told = {"DI": [index_words(one) for one in nets]}
    for name, of in _QUALITIES.items():
        if of in many:
            told[name] = [f"{value:.2f} dB" for value in many[of].values]
    doubts = [doubt(one) for one in nets]
    return told | {"map ±": ["–" if one is None else f"{one.value:.1%}" for one in doubts]}


def _decoded(address: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGB"))
