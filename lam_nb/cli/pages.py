"""Pages: what ``lam-nb report`` tells of a sweep, part by part; apart, since it takes plotly to draw."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from .. import result, studies
from ..result.ledger import columns
from ..studies import reporting
from ..studies.correlation import OVER
from ..studies.reporting import Glimpse, Report
from ..studies.watching import ASKED, duration
from ..validation import InputError
from ..views import Part, Tile, di_scatter, overview
from ..views.kit import INDEX, INTERVALS, OUTLINE, colours_of, scale_words

_TILES, _HARDEST = 6, 6
_FACTS = ("created", "versions", "python")


def sweep_page(store: str, path: str, by: str | None) -> Path:
    """Write the page of a sweep.

    Raises
    ------
    InputError
        If there is no such store, or nothing in it is done.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> folder, regions = tempfile.mkdtemp(), [lam.Region(96, 96)]
    >>> store = folder + "/night.zarr"
    >>> _ = lam.sweep(["fsrcnn"], ["bricks"], regions, store=store, steps=4, progress=False)
    >>> sweep_page(store, folder + "/night.html", None).name
    'night.html'
    """
    every = reporting.reports(store, by)
    first = every[0]
    parts = [*_scatters(every), *_galleries(first), *_failures(every), _costs(every)]
    facts = {key: value for key, value in first.ledger.facts.items() if key in _FACTS}
    told = {"store": store, "settings": "; ".join(first.settings), **facts}
    return overview(path, f"Sweep {Path(store).stem}", _lead(first, store), parts, meant=_MEANT, facts=told)


_MEANT = (
    INDEX,
    "Across pictures of different sizes, maps are ranked by that index times the number of pixels.",
    "PSNR, peak signal-to-noise ratio in dB: how near the output is to the ground truth; higher is better.",
    "Pearson and Spearman: how well points follow a line, and an order; 1 fully, 0 not at all, of few also by chance.",
    INTERVALS,
    OUTLINE,
    "Red pixels push what the detector measures there up, blue ones down; each map has a colour scale of its own.",
)


def _lead(one: Report, store: str) -> str:
    status = studies.status(store)
    asked, done = int(status[ASKED].sum()), int(status[result.DONE].sum())
    nets, pictures = one.rows[columns.NETWORK_ID].nunique(), one.rows[columns.PICTURE_ID].nunique()
    words = f"{done:,} of {asked:,} windows are done: {nets} networks of scale {one.scale} on {pictures} pictures"
    words += f", settings: {one.setting}." if len(one.settings) > 1 else "."
    if result.DIFFUSION_INDEX in one.rows:
        means = one.rows.groupby(columns.NETWORK, observed=True)[result.DIFFUSION_INDEX].mean()
        words += f" {means.idxmax()} looked most widely (mean diffusion index {means.max():.2f}), "
        words += f"{means.idxmin()} least ({means.min():.2f})."
    return words


def _scatters(every: Iterable[Report]) -> Iterator[Part]:
    several = len(list(every)) > 1
    for one in every:
        heading = "Does looking wide go with restoring well?"
        heading += f" Settings: {one.setting}" if several else ""
        try:
            table = one.table()
            studied = {over: studies.di_against_psnr(table, over=over) for over in OVER}
        except InputError as error:
            yield Part(heading, [f"Not told: {error}"])
            continue
        yield Part(heading, _correlations(studied, one), [di_scatter(studied["both"]), _numbers(studied["pictures"])])


def _correlations(studied: dict[str, xr.Dataset], one: Report) -> list[str]:
    told = []
    for name in (result.PEARSON, result.SPEARMAN):
        ends = [
            "{:.2f} to {:.2f}".format(*(float(study[name + end]) for end in result.ENDS[1:]))
            for study in studied.values()
        ]
        words = (
            f"{name.capitalize()}'s correlation of ln DI with PSNR is {float(studied['both'][name]):.2f}: for other "
        )
        words += f"pictures of the kind {ends[0]}, for other networks as well {ends[1]} (95 % intervals)."
        told.append(words.replace("-0.", "−0."))
    if one.left_out:
        told.append(f"Not compared, being of another scale: {', '.join(one.left_out)}.")
    return told


def _numbers(study: xr.Dataset) -> pd.DataFrame:
    """Return the networks' numbers as they are read, best first."""
    names = [str(name) for name in study[result.MODEL].values]
    order = np.argsort(-study[result.AGAINST].values, kind="stable")
    told = {
        "network": [names[k] for k in order],
        "PSNR, dB": _intervals(study, result.AGAINST, order),
        "diffusion index": _intervals(study, result.DIFFUSION_INDEX, order),
    }
    table = pd.DataFrame({"no.": range(1, len(names) + 1), **told})
    table.attrs["colours"] = colours_of(names)
    return table


def _intervals(study: xr.Dataset, name: str, order: np.ndarray) -> list[str]:
    ends = (study[name + end].values[order] for end in result.ENDS)
    return [f"{value:.2f} [{low:.2f}, {high:.2f}]" for value, low, high in zip(*ends, strict=True)]


def _galleries(one: Report) -> Iterator[Part]:
    for heading, narrow in (("The widest looks", False), ("The narrowest looks", True)):
        tiles = [_map_tile(found) for found in one.extremes(_TILES, narrow=narrow)]
        if tiles:
            words = "Maps over the networks' inputs, of each network and window one at most, "
            words += f"{reporting.SIDE} × {reporting.SIDE} pixels around the window; {scale_words(False)}."
            yield Part(heading, [words], [tiles])
    tiles = [_hard_tile(found) for found in one.hardest(_HARDEST)]
    if tiles:
        words = "Windows with the lowest PSNR, mean over the networks, one a picture. Shown: the ground truth."
        yield Part("The hardest windows", [words], [tiles])


def _map_tile(found: Glimpse) -> Tile:
    row = found.row
    index, window = float(str(row[result.DIFFUSION_INDEX])), _where(found)
    lines = [f"DI {index:.2f} of {_size(found)}", f"{_picture(found)}, {window}"]
    if result.PSNR_WINDOW in row and np.isfinite(float(str(row[result.PSNR_WINDOW]))):
        lines.append(f"window {float(str(row[result.PSNR_WINDOW])):.2f} dB")
    alt = f"Attribution map of {row[columns.NETWORK]} for the window {window} of {_picture(found)}: DI {index:.2f}"
    return Tile(str(row[columns.NETWORK]), lines, alt, found.picture, found.values, found.place)


def _size(found: Glimpse) -> str:
    rows, across = (int(str(found.row[name])) for name in (columns.ROWS, columns.COLUMNS))
    return f"{rows} × {across} px"


def _hard_tile(found: Glimpse) -> Tile:
    row, mean = found.row, float(str(found.row[result.PSNR_WINDOW]))
    pairs = [(word, row[key]) for word, key in (("best", reporting.BEST), ("worst", reporting.WORST))]
    told = [f"{word} {value[0]}, {value[1]:.2f}\u00a0dB" for word, value in pairs if isinstance(value, tuple)]
    where = f"{_picture(found)}, {_where(found)}"
    alt = f"The window {where} and what is around it in the ground truth: {mean:.2f} dB, mean over networks"
    return Tile(f"{mean:.2f} dB", [where, *told], alt, found.picture, None, found.place)


def _picture(found: Glimpse) -> str:
    return os.path.basename(str(found.row[columns.PICTURE]))


def _where(found: Glimpse) -> str:
    y, x, height, width = (int(str(found.row[name])) for name in columns.WINDOW)
    return f"y={y}, x={x}, {height} × {width} px".replace(" × ", "\u00a0×\u00a0").replace(" px", "\u00a0px")


def _failures(every: Iterable[Report]) -> Iterator[Part]:
    found = pd.concat([one.failures() for one in every], ignore_index=True)
    if found.empty:
        yield Part("Failures", ["None: every window that was tried is done."])
        return
    names = {reporting.REASON: "why", reporting.NETWORKS: "networks", reporting.EXAMPLE: "first on"}
    found[reporting.EXAMPLE] = found[reporting.EXAMPLE].map(os.path.basename)
    words = f"{int(found[reporting.CELLS].sum()):,} windows failed; the next call of the sweep tries them again."
    yield Part("Failures", [words], [found.rename(columns=names)])


def _costs(every: Iterable[Report]) -> Part:
    table = pd.concat([one.costs() for one in every], ignore_index=True)
    total = float(table[reporting.TOTAL].sum())
    machines = sorted({one for text in table[reporting.MACHINES] for one in str(text).split(", ") if one})
    words = f"{duration(total)} of computing for {int(table[reporting.CELLS].sum()):,} windows"
    words += (
        f" on {len(machines)} machine{'s' if len(machines) > 1 else ''}: {', '.join(machines)}." if machines else "."
    )
    table = table.sort_values(reporting.TOTAL, ascending=False, kind="stable")
    shown = pd.DataFrame(
        {
            "network": table[columns.NETWORK],
            "scale": [f"×{one}" for one in table[columns.SCALE]],
            "windows": table[reporting.CELLS],
            "failed": table[reporting.FAILED],
            "seconds a window": [f"{one:.3g}" for one in table[columns.SECONDS]],
            "all": [duration(one) for one in table[reporting.TOTAL]],
        }
    )
    return Part("What it took", [words], [shown])
