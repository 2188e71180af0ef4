"""Reporting: what a page tells of a sweep, read from its store: numbers by column, maps one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from .. import images, result
from ..result.ledger import Ledger, columns
from ..types import Image, Region
from ..validation import InputError, choose, whole
from .planning import identified
from .sources import opened
from .watching import last_line, opened_ledger

CELLS, REASON, EXAMPLE, TOTAL, BEST, WORST = "cells", "reason", "example", "total_seconds", "best", "worst"
NETWORKS, FAILED, MACHINES = "networks", "failed", "machines"
BY = (columns.SETTING,)
"""What a report may be divided by."""
SIDE = 48
"""Pixels of the networks' input that are shown of a map: as many of each, so that what looks wide is."""
_PLACE = [columns.PICTURE_ID, *columns.WINDOW]
_AROUND = 1.5
"""Sides of a window that are shown around it."""
_LONGEST = 160
"""Letters of a reason that tell it from others."""


@dataclass(frozen=True)
class Glimpse:
    """A window that is worth a look: its row, its map if it has one, a picture, and where in it the window lies.

    The picture, (channel, y, x), is the network's input for a map and a part of the ground truth otherwise; the place
    is top, left, height and width in shares of its sides.
    """

    row: Mapping[str, object]
    values: NDArray[np.floating] | None
    picture: NDArray[np.floating] | None
    place: tuple[float, float, float, float]


class Report:
    """What a store tells.

    Parameters
    ----------
    store : path-like or str
        Of `lam_nb.sweep`.
    setting : str, optional
        Name of the setting that is told of; the one with most cells by default.

    Raises
    ------
    InputError
        If there is no such store, nothing in it is done, or no setting has that name.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> store = tempfile.mkdtemp() + "/all.zarr"
    >>> nets, regions = ["fsrcnn", "residual"], [lam.Region(96, 96)]
    >>> _ = lam.sweep(nets, ["bricks"], regions, store=store, steps=4, progress=False)
    >>> report = Report(store)
    >>> sorted(report.costs()["network"]), len(list(report.extremes(1))), report.failures().empty
    (['fsrcnn', 'residual'], 1, True)
    """

    def __init__(self, store: str | os.PathLike[str], setting: str | None = None) -> None:
        self.ledger: Ledger = opened_ledger(store)
        every = self.ledger.rows()
        failed = every[columns.FAILURE].astype(str) != ""
        if failed.all():
            raise InputError(f"store: nothing in {self.ledger.place.address} is done yet; lam-nb status tells more.")
        counts = every[~failed][columns.SETTING].astype(str).value_counts()
        self.settings = [str(one) for one in counts.index]
        self.setting = self.settings[0] if setting is None else choose("setting", setting, self.settings)
        mine = every[columns.SETTING].astype(str) == self.setting
        self.every, self.failed = every[mine & ~failed], every[mine & failed]
        self.scale = int(self.every.groupby(columns.SCALE)[columns.NETWORK_ID].nunique().idxmax())
        self.rows = self.every[self.every[columns.SCALE] == self.scale]
        self._pictures: dict[str, Image | None] = {}

    @property
    def left_out(self) -> list[str]:
        """Networks of another scale than most, whose numbers are not compared: they solve another task."""
        others = self.every[self.every[columns.SCALE] != self.scale]
        return [str(one) for one in others[columns.NETWORK].astype(str).unique()]

    def table(self) -> xr.Dataset:
        """Return the diffusion index and PSNR of networks × those pictures that all of them have.

        Raises
        ------
        InputError
            If a number is missing, or there is no such picture.
        """
        names = [one for one in (result.DIFFUSION_INDEX, result.PSNR) if one in self.rows]
        if len(names) < 2:
            raise InputError("store: has no diffusion index with PSNR; sweep with ground truth to have both.")
        keys = [columns.NETWORK_ID, columns.PICTURE_ID]
        means = self.rows.astype(dict.fromkeys(keys, object)).groupby(keys, sort=False)[names].mean()
        grids = {name: means[name].unstack().dropna(axis=1) for name in names}
        kept = [one for one in grids[names[0]] if one in grids[names[1]]]
        if not kept:
            raise InputError("store: no picture is done by all networks yet.")
        labels = self.rows.astype({columns.NETWORK_ID: object}).drop_duplicates(columns.NETWORK_ID)
        known = labels.set_index(columns.NETWORK_ID)[columns.NETWORK].astype(str)
        titles = result.numbered([known[one] for one in grids[names[0]].index])
        data = {
            result.DIFFUSION_INDEX: (
                (result.MODEL, result.IMAGE, result.REGION),
                grids[names[0]][kept].to_numpy()[..., None],
            )
        }
        psnr = ((result.MODEL, result.IMAGE), grids[names[1]][kept].to_numpy())
        return xr.Dataset({**data, result.PSNR: psnr}, {result.MODEL: np.array([*map(str, titles)], object)})

    def extremes(self, count: int, *, narrow: bool = False) -> Iterator[Glimpse]:
        """Yield the maps that look most widely, or least: of each network and window one at most, read one by one.

        How widely is the diffusion index times the number of pixels, since an index is a share of a picture's pixels.
        """
        if result.DIFFUSION_INDEX not in self.rows:
            return
        size = self.rows[[columns.ROWS, columns.COLUMNS]].prod(axis=1)
        order = (self.rows[result.DIFFUSION_INDEX] * size).dropna().sort_values(ascending=narrow, kind="stable").index
        rows = self.rows.loc[order]
        taken: list[pd.Series] = []
        while len(rows) and len(taken) < whole("count", count):
            taken.append(rows.iloc[0])
            same = (rows[_PLACE] == taken[-1][_PLACE]).all(axis=1) | (
                rows[columns.NETWORK_ID] == taken[-1][columns.NETWORK_ID]
            )
            rows = rows[~same]
        yield from (self._map(row.to_dict()) for row in taken)

    def hardest(self, count: int) -> Iterator[Glimpse]:
        """Yield the windows with the lowest PSNR, mean over networks, of each picture one at most.

        Rows tell which network was the best there, and which the worst.
        """
        name = result.PSNR_WINDOW
        if name not in self.rows or self.rows[name].isna().all():
            return
        rows = self.rows[np.isfinite(self.rows[name])]
        means = rows.groupby(_PLACE, observed=True, sort=False)[name].mean().sort_values(kind="stable")
        first = means[~means.index.get_level_values(columns.PICTURE_ID).duplicated()]
        for key, index in first.head(count).items():
            mine = rows[(rows[_PLACE] == pd.Series(key, _PLACE)).all(axis=1)].sort_values(name)
            ends = {
                one: (str(row[columns.NETWORK]), float(row[name]))
                for one, row in ((WORST, mine.iloc[0]), (BEST, mine.iloc[-1]))
            }
            yield self._crop({**mine.iloc[0].to_dict(), name: float(index), CELLS: len(mine), **ends})

    def failures(self) -> pd.DataFrame:
        """Return why cells failed, the most frequent reason first: how many, of which networks, and where first."""
        traces = self.failed[columns.FAILURE].astype(str)
        reasons = traces.map(lambda one: last_line(pd.Series([one]))[:_LONGEST])
        rows = []
        for reason, cells in self.failed.assign(**{REASON: reasons}).groupby(REASON, sort=False):
            names = ", ".join(cells[columns.NETWORK].astype(str).unique())
            rows.append([reason, len(cells), names, str(cells[columns.PICTURE].iloc[0])])
        found = pd.DataFrame(rows, columns=[REASON, CELLS, NETWORKS, EXAMPLE])
        return found.sort_values(CELLS, ascending=False, kind="stable", ignore_index=True)

    def costs(self) -> pd.DataFrame:
        """Return what networks took: cells done and failed, mean seconds of one, seconds of all, on which machines."""
        rows = []
        for key, cells in self.every.groupby(columns.NETWORK_ID, observed=True, sort=False):
            seconds, failed = cells[columns.SECONDS], self.failed[columns.NETWORK_ID].astype(str) == str(key)
            where = cells[[columns.MACHINE, columns.DEVICE]].astype(str).drop_duplicates().agg(" ".join, axis=1)
            name, scale = str(cells[columns.NETWORK].iloc[0]), int(cells[columns.SCALE].iloc[0])
            told = [name, scale, len(cells), int(failed.sum()), float(seconds.mean()), float(seconds.sum())]
            rows.append([*told, ", ".join(sorted({one.strip() for one in where} - {""}))])
        names = [columns.NETWORK, columns.SCALE, CELLS, FAILED, columns.SECONDS, TOTAL, MACHINES]
        return pd.DataFrame(rows, columns=names)

    def _map(self, row: Mapping[str, object]) -> Glimpse:
        values = np.asarray(self.ledger.arrays(row)[result.ATTRIBUTION], np.float64)
        scale, (rows, across) = int(str(row[columns.SCALE])), values.shape
        picture = self._picture(row)
        if picture is not None and picture.shape[-2] >= rows * scale > rows:
            picture = images.downscale(picture, scale)
        shown = None if picture is None else picture[:, :rows, :across].numpy()
        window = _window(row)
        (top, tall), (left, wide) = (
            _stretch((at + side / 2) / scale, SIDE, all_)
            for at, side, all_ in ((window.y, window.height, rows), (window.x, window.width, across))
        )
        cut = np.s_[..., top : top + tall, left : left + wide]
        fits = shown is not None and shown.shape[-2:] == values.shape
        place = _shares(window, *(scale * one for one in (top, left, tall, wide)))
        return Glimpse(row, values[cut], shown[cut] if fits and shown is not None else None, place)

    def _crop(self, row: Mapping[str, object]) -> Glimpse:
        picture, window = self._picture(row), _window(row)
        if picture is None:
            return Glimpse(row, None, None, (0, 0, 1, 1))
        height, width = picture.shape[-2:]
        side = round((1 + 2 * _AROUND) * max(window.height, window.width))
        top, tall = _stretch(window.y + window.height / 2, side, height)
        left, wide = _stretch(window.x + window.width / 2, side, width)
        shown = picture[:, top : top + tall, left : left + wide].numpy()
        return Glimpse(row, None, shown, _shares(window, top, left, tall, wide))

    def _picture(self, row: Mapping[str, object]) -> Image | None:
        """Return a picture if it is still where its name says, and the same."""
        known, name = str(row[columns.PICTURE_ID]), str(row[columns.PICTURE])
        if known not in self._pictures:
            try:
                found, source, _ = identified(name, 3)
                self._pictures = {known: opened(source) if found == known else None}  # the last one alone is kept
            except (InputError, OSError, ValueError):
                self._pictures = {known: None}
        return self._pictures[known]


def _window(row: Mapping[str, object]) -> Region:
    y, x, height, width = (int(str(row[name])) for name in columns.WINDOW)
    return Region(y, x, height=height, width=width)


def _stretch(middle: float, side: int, whole: int) -> tuple[int, int]:
    """Return where a stretch around a middle begins, and how long it is, inside a whole."""
    long = min(side, whole)
    return int(np.clip(round(middle - long / 2), 0, whole - long)), long


def _shares(window: Region, top: int, left: int, tall: int, wide: int) -> tuple[float, float, float, float]:
    return (window.y - top) / tall, (window.x - left) / wide, window.height / tall, window.width / wide


def reports(store: str | os.PathLike[str], by: str | None = None) -> Sequence[Report]:
    """Return the report of a store, or one for each setting.

    Raises
    ------
    InputError
        If there is no such store, or it cannot be divided so.

    Examples
    --------
    >>> reports("none.zarr")
    Traceback (most recent call last):
    lam_nb.validation.InputError: store: there is no sweep at none.zarr; lam_nb.sweep makes one.
    """
    first = Report(store)
    if by is None:
        return [first]
    choose("by", by, BY)
    return [first, *(Report(store, one) for one in first.settings[1:])]
