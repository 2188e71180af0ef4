"""The summary: results as a table of numbers, to be computed with, printed and written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..result import (
    ATTRIBUTION,
    CHANNEL,
    DIFFUSION_INDEX,
    DIFFUSION_INDEX_ERROR,
    FIELD_EXACT,
    FIELD_WIDTH,
    IMAGE,
    MODEL,
    PSNR,
    PSNR_WINDOW,
    QUADRATURE_ERROR,
    REGION,
    SSIM,
    X,
    Y,
    check,
    stacked,
)
from ..result.ledger import columns
from ..validation import InputError
from .concentration import diffusion_index, index_error

_NETWORK, _PARAMETERS = "network", "parameters"
_SETTING, _CELL = columns.SETTING, columns.CELL
_AXES = (_SETTING, MODEL, IMAGE, REGION)
_CELLS = (columns.NETWORK, columns.PICTURE, *columns.WINDOW)
"""What tells rows apart where pictures have windows of their own."""
_NUMBERS = (DIFFUSION_INDEX, DIFFUSION_INDEX_ERROR, PSNR, PSNR_WINDOW, SSIM, _PARAMETERS, FIELD_WIDTH, QUADRATURE_ERROR)
_TITLES = {
    DIFFUSION_INDEX: "DI",
    PSNR: "PSNR picture (dB)",
    PSNR_WINDOW: "PSNR window (dB)",
    SSIM: "SSIM",
    _PARAMETERS: "parameters",
    FIELD_WIDTH: "field (px)",
    QUADRATURE_ERROR: "error of the map",
}
_FORMATS = {SSIM: "{:.4f}", _PARAMETERS: "{:,.0f}", FIELD_WIDTH: "{:.0f}", QUADRATURE_ERROR: "{:.1%}"}


class Summary(pd.DataFrame):  # type: ignore[misc] # pandas has no types here
    """A DataFrame of numbers that prints as papers do: the index with its error, units in headings.

    `to_csv` and everything else of pandas give the numbers as they are; `to_latex` and `to_markdown` what
    is printed.
    """

    _metadata = ()

    @property
    def _constructor(self) -> type[Summary]:
        return Summary

    @property
    def printed(self) -> pd.DataFrame:
        """The table as text: what a paper would print."""
        told: dict[str, list[str]] = {}
        for name in (column for column in _TITLES if column in self.columns):
            words = [_FORMATS.get(name, "{:.2f}").format(value) for value in self[name]]
            if name == DIFFUSION_INDEX and DIFFUSION_INDEX_ERROR in self.columns:
                words = [
                    f"{word} ± {error:.2f}" if np.isfinite(error) else word
                    for word, error in zip(words, self[DIFFUSION_INDEX_ERROR], strict=True)
                ]
            if name == FIELD_WIDTH and FIELD_EXACT in self.columns:
                words = [w if exact else f"≥ {w}" for w, exact in zip(words, self[FIELD_EXACT], strict=True)]
            known = np.isfinite(self[name].to_numpy(float)) | (name == FIELD_WIDTH)
            words = [word if there else "–" for word, there in zip(words, known, strict=True)]
            told[_TITLES[name]] = ["all" if word.strip("≥ ") == "inf" else word for word in words]
        return pd.DataFrame(told, index=self.index)

    def to_latex(self, *arguments: Any, **settings: Any) -> str:
        r"""Return what is printed for LaTeX: booktabs, names escaped; settings as of pandas.

        Examples
        --------
        >>> print(Summary({"diffusion_index": [1.5]}, index=["a_b"]).to_latex())
        \begin{tabular}{lr}
        \toprule
         & DI \\
        \midrule
        a\_b & 1.50 \\
        \bottomrule
        \end{tabular}
        <BLANKLINE>
        """
        shown = self.printed
        levels = shown.index.nlevels
        chosen = {"escape": True, "column_format": "l" * levels + "r" * len(shown.columns), **settings}
        return str(shown.to_latex(*arguments, **chosen)).replace("±", r"$\pm$").replace("≥", r"$\geq$")

    def to_markdown(self, *arguments: Any, **settings: Any) -> str:
        """Return what is printed for Markdown; settings as of pandas, which needs tabulate (extra ``publish``)."""
        try:
            return str(self.printed.to_markdown(*arguments, **{"disable_numparse": True, **settings}))
        except ImportError:
            raise InputError('tables for Markdown need tabulate; install it: pip install "lam-nb[publish]"') from None

    def _repr_html_(self) -> str:
        return str(self.printed._repr_html_())


def summary(results: xr.Dataset | Iterable[xr.Dataset]) -> Summary:
    """Return the numbers of results as a table: a row for each network, picture and window.

    Parameters
    ----------
    results : xarray.Dataset, or several
        Of `lam_nb.attribute` (one window or several), `lam_nb.compare`, `lam_nb.sweep`, or a list of results of
        `lam_nb.attribute`.

    Returns
    -------
    Summary
        A pandas DataFrame of what is known: diffusion_index and its error (of the integration), psnr of the picture
        and psnr_window in dB, ssim, parameters, field_width in input pixels, quadrature_error. Units are in ``attrs``.

    Raises
    ------
    InputError
        If they are something else.

    Examples
    --------
    >>> import lam_nb as lam
    >>> lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    >>> many = lam.compare(["fsrcnn", "residual"], lr, lam.Region(96, 96), steps=4, progress=False)
    >>> summary(many).index.tolist(), "parameters" in summary(many)
    (['fsrcnn', 'residual'], True)
    """
    whole = _whole(results)
    axes = [name for name in (*_AXES, _CELL) if name in whole.dims]
    known = whole if DIFFUSION_INDEX in whole else whole.assign({DIFFUSION_INDEX: diffusion_index(whole)})
    if DIFFUSION_INDEX_ERROR in known and ATTRIBUTION in known:
        known = known.assign({DIFFUSION_INDEX_ERROR: index_error(whole)})
    found = {
        name: _column(known, name, axes) for name in (*_NUMBERS, FIELD_EXACT) if name in known or name in known.attrs
    }
    shape = [known.sizes[name] for name in axes]
    labels = [_labels(known, name) for name in axes]
    names = [{MODEL: _NETWORK}.get(name, name) for name in axes]
    if _CELL in axes:
        index = _cells(known)
    elif len(axes) > 1:
        index = pd.MultiIndex.from_product(labels, names=names)
    else:
        only = [str(known.attrs.get(_NETWORK, "result"))]
        index = pd.Index(labels[0] if axes else only, name=names[0] if axes else _NETWORK)
    frame = Summary({name: np.broadcast_to(one, shape or [1]).ravel() for name, one in found.items()}, index=index)
    frame.attrs = {name: str(known[name].attrs.get("units", "1")) for name in found if name in known}
    return frame


def _whole(results: xr.Dataset | Iterable[xr.Dataset]) -> xr.Dataset:
    if isinstance(results, xr.Dataset):
        return results if DIFFUSION_INDEX in results else check(results, ATTRIBUTION)
    listed = list(results) if isinstance(results, Iterable) and not isinstance(results, str | bytes) else []
    if not listed:
        raise InputError(
            f"results: got {type(results).__name__}, expected results of lam_nb.attribute, or one of compare."
        )
    every = [check(one, ATTRIBUTION) for one in listed]
    names = [str(one.attrs.get(_NETWORK, k)) for k, one in enumerate(every)]
    kept = [one.drop_dims([name for name in one.dims if name not in (CHANNEL, Y, X, *_AXES)]) for one in every]
    return stacked(kept, MODEL).assign_coords({MODEL: names})


def _cells(known: xr.Dataset) -> pd.MultiIndex:
    names = [*([_SETTING] if len(np.unique(known[_SETTING].values)) > 1 else []), *_CELLS]
    return pd.MultiIndex.from_arrays([known[name].values for name in names], names=names)


def _labels(known: xr.Dataset, axis: str) -> list[Any]:
    return [str(one) for one in known[axis].values] if axis in known.coords else list(range(known.sizes[axis]))


def _column(known: xr.Dataset, name: str, axes: list[str]) -> np.ndarray:
    """Return a number for every row: of the result, of a stack's coordinate, or the same for all."""
    if name not in known:
        return np.asarray(known.attrs[name], float)
    found = known[name]
    missing = [axis for axis in axes if axis not in found.dims]
    return found.expand_dims({axis: known.sizes[axis] for axis in missing}).transpose(*axes).to_numpy()
