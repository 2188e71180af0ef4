"""Planning: which windows of which pictures through which networks, as a table; all that is wrong with it at once."""

from __future__ import annotations

import functools
import glob
import hashlib
import json
import os
import uuid
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image as Pillow

from .. import identity, images, networks
from ..engine.scene import regions as as_regions
from ..methods.attribution import RUN
from ..networks import Network, factories
from ..result import numbered
from ..result.ledger import cell_of, columns, contents_of, listed, window_of
from ..types import Image, ImageLike, Region, RegionLike
from ..validation import InputError, nearest, whole, words_of
from .selection import hard_regions
from .sources import Source, decoded, opened
from .tasks import Spec

_SIZE, _HEIGHT, _WIDTH, _Y, _X = "size", "height", "width", "y", "x"
_NEEDED = (columns.NETWORK, columns.PICTURE, _Y, _X)
_KNOWN = (*_NEEDED, _HEIGHT, _WIDTH, _SIZE)
_ROW = [columns.CELL, columns.NETWORK, columns.PICTURE, columns.SETTING, *columns.IDENTITIES, *columns.WINDOW]
_TOLD = 20
"""Faults that are told one by one."""


@dataclass
class Plan:
    """What is asked: rows, and what their identities stand for."""

    rows: pd.DataFrame
    networks: dict[str, tuple[Spec, ...]] = field(default_factory=dict)
    pictures: dict[str, Source | dict[str, Source]] = field(default_factory=dict)
    scales: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    setting: str = ""


def plan(
    networks: Sequence[str | os.PathLike[str]],
    images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    windows: int | Sequence[RegionLike] = 1,
    *,
    size: int = 16,
) -> pd.DataFrame:
    """Return a plan for `lam_nb.sweep`: a table with a row for every window, to look at, filter, and write to a CSV.

    Parameters
    ----------
    networks : sequence of str or path-like
        Names and checkpoints for `lam_nb.networks.load`.
    images : path-like, or sequence of them
        A folder, a pattern such as ``"photos/*.png"``, or files and names of samples: pictures of any size, the
        ground truths.
    windows : int or sequence of Region, default 1
        The same windows on every picture, or how many of the hardest are looked for on each, which differ between
        the networks most (`hard_regions`).
    size : int, default 16
        Side of windows that are looked for, in output pixels.

    Returns
    -------
    pandas.DataFrame
        Columns network, picture, y, x, height, width.

    Raises
    ------
    InputError
        If there is no such picture, or no network of that name.

    Examples
    --------
    >>> plan(["fsrcnn", "residual"], ["bricks", "facade"], [(96, 96, 16)]).shape
    (4, 6)
    """
    if not isinstance(networks, Sequence) or isinstance(networks, str) or not networks:
        raise InputError(f"networks: got {networks!r:.80}, expected a list of names and checkpoint files.")
    if not all(isinstance(one, str | os.PathLike) for one in networks):
        raise InputError("networks: a plan holds names and checkpoint files, no modules; give sweep() those.")
    specs = [os.fspath(one) for one in networks]
    rows = []
    for picture in found(images):
        if isinstance(windows, int):
            truth = opened(picture)
            chosen = hard_regions(truth, _few(specs), n=whole("windows", windows), size=size)
        else:
            chosen = list(as_regions(windows, "windows"))
        rows += [[spec, picture, one.y, one.x, one.height, one.width] for spec in specs for one in chosen]
    table = pd.DataFrame(rows, columns=[columns.NETWORK, columns.PICTURE, _Y, _X, _HEIGHT, _WIDTH])
    return table.sort_values(columns.NETWORK, key=lambda one: one.map(specs.index), kind="stable", ignore_index=True)


def _few(specs: Sequence[str], most: int = 4) -> list[Network]:
    """Return some of the networks, loaded: where they differ is where windows are looked for."""
    step = max(1, len(specs) // most)
    return [factories.named(one, check=False) for one in specs[::step][:most]]


def found(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return the pictures that a folder, a pattern or a list names.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> found(["bricks"])
    ['bricks']
    """
    if isinstance(given, Sequence) and not isinstance(given, str):
        if not given or not all(isinstance(one, str | os.PathLike) for one in given):
            raise InputError(f"images: got {given!r:.80}, expected a folder, a pattern, files or names of samples.")
        return [os.fspath(one) for one in given]
    if not isinstance(given, str | os.PathLike):
        raise InputError(f"images: got {type(given).__name__}, expected a folder, a pattern or a list of files.")
    text = os.fspath(given)
    if text in images.samples():
        return [text]
    if "://" in text:
        return listed(text)
    matches = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else []
    paths = matches or ([str(one) for one in images.files(text)] if Path(text).is_dir() else [])
    if Path(text).is_file():
        paths = [text]
    if not paths:
        raise InputError(f"images: no picture is {text!r}; give a folder, a pattern such as 'photos/*.png', or files.")
    return paths


def of_table(
    given: pd.DataFrame | str | os.PathLike[str],
    as_truth: bool,
    decided: Mapping[str, object],
    *,
    allow_code: bool = False,
) -> Plan:
    """Return the plan that a table or a CSV file holds.

    Raises
    ------
    InputError
        If something is wrong with it: everything at once, with the rows' numbers.
    """
    table, start = _table(given)
    faults = _Faults(start)
    _check_columns(table)
    windows = [_window(row, k, faults) for k, row in enumerate(table.to_dict("records"))]
    specs = {str(one): str(one) for one in table[columns.NETWORK]}
    if start and not allow_code:
        for name in [one for one in specs if networks.is_factory(one)]:
            words = f"network {name!r} is code; allow it with allow_code=True"
            faults.add(_rows_of(table, columns.NETWORK, name), words)
            specs.pop(name)
    made = _made(specs, {str(one): str(one) for one in table[columns.PICTURE]}, faults, table)
    asked = [
        (network, picture, window)
        for network, picture, window in zip(
            table[columns.NETWORK].map(str), table[columns.PICTURE].map(str), windows, strict=True
        )
    ]
    return _planned(made, asked, as_truth, decided, faults)


def of_grid(
    nets: Sequence[Network | str | os.PathLike[str]],
    pictures: Mapping[str, ImageLike] | Sequence[ImageLike],
    windows: Sequence[RegionLike],
    as_truth: bool,
    decided: Mapping[str, object],
) -> Plan:
    """Return the plan of every network on every picture and window."""
    faults, regions = _Faults(None), as_regions(windows, "regions")
    if not isinstance(nets, Sequence) or isinstance(nets, str) or not nets:
        raise InputError(f"networks: got {nets!r}, expected networks, or names for lam_nb.networks.load.")
    specs = [
        os.fspath(one) if isinstance(one, str | os.PathLike) else networks.as_network(one, "networks") for one in nets
    ]
    labels = numbered([one if isinstance(one, str) else one.name for one in specs])
    named = dict(zip(map(str, labels), specs, strict=True))
    sources = _named_pictures(pictures)
    made = _made(named, sources, faults, None)
    asked = ((network, picture, one) for network in named for picture in sources for one in regions)
    return _planned(made, asked, as_truth, decided, faults)


def of_sets(
    nets: Sequence[Spec | Sequence[Spec]],
    pictures: Mapping[str, ImageLike] | Sequence[ImageLike],
    decided: Mapping[str, object],
    count: int,
) -> Plan:
    """Return the plan of every network, or so many that are compared, on all pictures at once."""
    several = f"a sequence of {count} networks each, such as (target, baseline)"
    if not isinstance(nets, Sequence) or isinstance(nets, str) or not nets:
        raise InputError(f"networks: got {nets!r}, expected {'networks' if count == 1 else several}.")
    asked = [(one,) if count == 1 else one for one in nets]
    if not all(isinstance(one, Sequence) and not isinstance(one, str) and len(one) == count for one in asked):
        raise InputError(f"networks: expected {several}.")
    faults, sources = _Faults(None), _named_pictures(pictures)
    flat: list[Spec] = [os.fspath(one) if isinstance(one, os.PathLike) else one for every in asked for one in every]  # type: ignore[union-attr,misc]
    made = _made(dict(zip(map(str, range(len(flat))), flat, strict=True)), sources, faults, None)
    faults.raise_any()
    known = [made.networks[str(k)] for k in range(len(flat))]
    groups = [known[k : k + count] for k in range(0, len(known), count)]
    setting, label = setting_of(True, decided)
    set_id = digest_of({name: one for name, (one, _, _) in made.pictures.items()})
    set_name = ", ".join(made.pictures) if len(made.pictures) < 4 else f"{len(made.pictures)} pictures"
    rows, specs, scales = [], {}, {}
    for name, group in zip(numbered([_title(group) for group in groups]), groups, strict=True):
        key = group[0][0] if count == 1 else digest_of({str(k): one for k, (one, _, _) in enumerate(group)})
        specs[key], scales[key] = tuple(spec for _, spec, _ in group), group[0][2]
        cell = cell_of(key, set_id, setting, window_of(None))
        rows.append([cell, str(name), set_name, label, key, set_id, setting, *window_of(None)])
    table = pd.DataFrame(rows, columns=_ROW).drop_duplicates(columns.CELL)
    sets: dict[str, Source | dict[str, Source]] = {
        set_id: {name: source for name, (_, source, _) in made.pictures.items()}
    }
    return Plan(table, specs, sets, scales, {set_id: (0, 0)}, setting)


def _title(group: Sequence[tuple[str, Spec, int]]) -> str:
    return " from ".join(one if isinstance(one, str) else one.name for _, one, _ in group)


@dataclass
class _Made:
    """Networks and pictures by the names that rows call them: identity, what it stands for, and size."""

    networks: dict[str, tuple[str, Spec, int]]
    pictures: dict[str, tuple[str, Source, tuple[int, int]]]


class _Faults:
    """What is wrong, to be told at once."""

    def __init__(self, start: int | None) -> None:
        self.start, self.lines = start, []  # type: ignore[var-annotated]

    def add(self, rows: Sequence[int], words: str) -> None:
        """Note a fault of rows."""
        word = "line" if self.start else "row"
        numbers = [one + (self.start or 0) for one in rows]
        shown = ", ".join(map(str, numbers[:5])) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
        place = f"{word}{'s' if len(numbers) > 1 else ''} {shown}: " if rows and self.start is not None else ""
        self.lines.append(f"{place}{words}")

    def raise_any(self) -> None:
        """Raise all."""
        if not self.lines:
            return
        if self.start is None and len(self.lines) == 1:
            raise InputError(self.lines[0])
        more = f"\n… and {len(self.lines) - _TOLD} more" if len(self.lines) > _TOLD else ""
        head = f"plan: {len(self.lines)} fault{'s' if len(self.lines) > 1 else ''}, nothing was computed:\n"
        raise InputError(head + "\n".join(self.lines[:_TOLD]) + more)


def _table(given: pd.DataFrame | str | os.PathLike[str]) -> tuple[pd.DataFrame, int]:
    if isinstance(given, pd.DataFrame):
        return given.reset_index(drop=True), 0
    try:
        return pd.read_csv(os.fspath(given), dtype={columns.NETWORK: str, columns.PICTURE: str}), 2
    except (OSError, TypeError, ValueError) as error:
        raise InputError(f"plan: {given} is no table that can be read ({words_of(error):.200}).") from None


def _check_columns(table: pd.DataFrame) -> None:
    unknown = [str(one) for one in table.columns if one not in _KNOWN]
    missing = [one for one in _NEEDED if one not in table]
    if unknown or missing:
        hints = "".join(f"; {hint}" for one in unknown if (hint := nearest(one, _KNOWN)))
        got = f"unknown column {', '.join(unknown)}" if unknown else ""
        wants = f"no column {', '.join(missing)}" if missing else ""
        raise InputError(f"plan: {' and '.join(filter(None, (got, wants)))}; expected {', '.join(_KNOWN)}{hints}.")
    if table.empty:
        raise InputError("plan: has no rows.")


def _window(row: Mapping[object, object], k: int, faults: _Faults) -> Region | None:
    told = {name: row.get(name) for name in (_Y, _X, _HEIGHT, _WIDTH, _SIZE)}
    given = {name: value for name, value in told.items() if value is not None and not pd.isna(value)}
    try:
        numbers = {name: whole(f"plan.{name}", int(str(value).removesuffix(".0")), 0) for name, value in given.items()}
        sides = {name: numbers[name] for name in (_HEIGHT, _WIDTH) if name in numbers}
        return Region(numbers[_Y], numbers[_X], None if sides else numbers.get(_SIZE), **sides)
    except (InputError, ValueError, KeyError) as error:
        faults.add([k], f"no window ({error})")
        return None


def _rows_of(table: pd.DataFrame | None, column: str, name: str) -> list[int]:
    return [] if table is None else [int(k) for k in table.index[table[column].map(str) == name]]


def _named_pictures(given: Mapping[str, ImageLike] | Sequence[ImageLike]) -> dict[str, ImageLike]:
    if isinstance(given, str | os.PathLike):
        given = found(given)
    if not isinstance(given, Mapping | Sequence) or isinstance(given, bytes):
        raise InputError(f"images: got {type(given).__name__}, expected a list of images or a dictionary of them.")
    if not given:
        raise InputError("images: expected at least one, got none.")
    if isinstance(given, Mapping):
        return {str(name): one for name, one in given.items()}
    labels = [_stem(one) if isinstance(one, str | os.PathLike) else f"image {k}" for k, one in enumerate(given)]
    return dict(zip(map(str, numbered(labels)), given, strict=True))


def _stem(name: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.path.basename(name))[0]  # pathlib keeps every part of a path that it ever saw


def _made(
    specs: Mapping[str, Spec], sources: Mapping[str, ImageLike], faults: _Faults, table: pd.DataFrame | None
) -> _Made:
    made, channels = _Made({}, {}), set()
    for name, spec in specs.items():
        try:
            net = factories.named(spec)  # loaded once, to fail before the night does
            made.networks[name] = _network_id(spec, net), spec, net.scale
            channels.add(net.axes.count)
        except InputError as error:
            faults.add(_rows_of(table, columns.NETWORK, name), str(error))
    if len(channels) > 1:
        faults.add([], f"networks: take pictures of {', '.join(map(str, sorted(channels)))} channels; sweep equals.")
    for name, one in sources.items():
        try:
            made.pictures[name] = identified(one, max(channels, default=3))
        except InputError as error:
            faults.add(_rows_of(table, columns.PICTURE, name), str(error))
    return made


def _planned(
    made: _Made,
    asked: Iterable[tuple[str, str, Region | None]],
    as_truth: bool,
    decided: Mapping[str, object],
    faults: _Faults,
) -> Plan:
    setting, label = setting_of(as_truth, decided)
    networks_of, pictures_of = _numbered(made.networks), _numbered(made.pictures)
    rows, cells = array("q"), array("q")
    for k, (network, picture, window) in enumerate(asked):
        if window is None or network not in made.networks or picture not in made.pictures:
            continue
        (network_id, _, scale), (picture_id, _, size) = made.networks[network], made.pictures[picture]
        output = tuple(side // scale * scale if as_truth else side * scale for side in size)
        sides = window_of(window)
        try:
            window.check(*output)
        except InputError as error:
            faults.add([k], f"{network} on {picture}: {error}")
            continue
        cells.append(cell_of(network_id, picture_id, setting, sides))
        rows.extend((k, networks_of[network], pictures_of[picture], *sides))
    table = _table_of(made, cells, np.array(rows, np.int64).reshape(len(cells), 7), (setting, label), faults)
    if faults.start is None:  # of a grid one example is enough
        faults.lines = faults.lines[:1]
    faults.raise_any()
    return Plan(
        table,
        {one: (spec,) for one, spec, _ in made.networks.values()},
        {one: source for one, source, _ in made.pictures.values()},
        {one: scale for one, _, scale in made.networks.values()},
        {one: size for one, _, size in made.pictures.values()},
        setting,
    )


def _numbered(named: Mapping[str, object]) -> dict[str, int]:
    return {name: k for k, name in enumerate(named)}


def _table_of(
    made: _Made, cells: Sequence[int], rows: NDArray[np.int64], setting: tuple[str, str], faults: _Faults
) -> pd.DataFrame:
    """Return the rows as columns, texts by their numbers: millions of them fit in memory."""
    _, network, picture, *sides = rows.T
    networks_, pictures = (list(one) for one in (made.networks, made.pictures))
    texts = {
        columns.NETWORK: (network, _titles(networks_)),
        columns.PICTURE: (picture, pictures),
        columns.SETTING: (np.zeros_like(network), [setting[1]]),
        columns.NETWORK_ID: (network, [one for one, *_ in made.networks.values()]),
        columns.PICTURE_ID: (picture, [one for one, *_ in made.pictures.values()]),
        columns.SETTING_ID: (np.zeros_like(network), [setting[0]]),
    }
    held = {columns.CELL: np.array(cells, np.int64)}
    table = pd.DataFrame(held | {name: _texts(*one) for name, one in texts.items()})
    table = table.assign(**dict(zip(columns.WINDOW, sides, strict=True)))
    again = table[table[columns.CELL].duplicated(keep=False)]  # few: names that are equal have equal cells
    for k in again.index[again.duplicated([columns.NETWORK, columns.PICTURE, *columns.WINDOW])]:
        y, x, height, width = rows[k, 3:].tolist()
        words = f"{networks_[network[k]]} on {pictures[picture[k]]}, {Region(y, x, height=height, width=width)}: twice"
        faults.add([int(rows[k, 0])], words)
    return table


def _titles(names: Sequence[str]) -> list[str]:
    """Return names of networks as tables and figures call them: files by their names, where that tells them apart.

    Examples
    --------
    >>> _titles(["rfdn", "weights/a.pth"]), _titles(["one/a.pth", "two/a.pth"])
    (['rfdn', 'a'], ['one/a.pth', 'two/a.pth'])
    """
    is_path = [":" not in one and Path(one).suffix and "/" in one.replace(os.sep, "/") for one in names]
    short = [_stem(one) if path else one for one, path in zip(names, is_path, strict=True)]
    return [one if short.count(one) == 1 else name for one, name in zip(short, names, strict=True)]


def _texts(codes: NDArray[np.int64], texts: Sequence[str]) -> pd.Categorical:
    """Return texts of which there are few, by number; two that are equal have one."""
    renumbered, few = pd.factorize(np.array(texts, object))
    return pd.Categorical.from_codes(renumbered[codes], pd.Index(few, dtype=object))  # the texts that there are


def _network_id(spec: Spec, net: Network) -> str:
    by_name = isinstance(spec, str) and not networks.is_factory(spec)
    told = networks.source(str(spec)) if by_name else identity.of_network(net)
    return digest_of(told) if identity.UNKNOWN not in str(told) else f"{identity.UNKNOWN} {uuid.uuid4().hex}"


def identified(one: ImageLike, channels: int) -> tuple[str, Source, tuple[int, int]]:
    """Return a picture's identity, where it is read from, and its size.

    Raises
    ------
    InputError
        If there is no such picture.

    Examples
    --------
    >>> identified("bricks", 3)[1:]
    ('bricks', (256, 256))
    """
    if isinstance(one, str | os.PathLike) and (name := os.fspath(one)) not in images.samples():
        return _file(name) if "://" not in name else _remote(name, channels)
    picture: Image = images.sample(one, channels) if isinstance(one, str) else images.as_image(one, channels=channels)
    rows, across = picture.shape[-2:]
    return identity.digest(picture), one if isinstance(one, str) else picture, (rows, across)


def _file(name: str) -> tuple[str, Source, tuple[int, int]]:
    images.load(name) if not os.path.isfile(name) else None  # says what is wrong
    with open(name, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    absolute = os.path.abspath(name)
    try:
        with Pillow.open(name) as picture:
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            across, rows = picture.size[::-1] if turned else picture.size
    except OSError:
        rows, across = images.load(name).shape[-2:]
    return digest, absolute, _size(rows, across)


@functools.lru_cache(maxsize=2**12)
def _size(rows: int, across: int) -> tuple[int, int]:
    """Return one pair for all pictures of a size."""
    return rows, across


def _remote(name: str, channels: int) -> tuple[str, Source, tuple[int, int]]:
    contents = contents_of(name)
    rows, across = decoded(contents, name, channels).shape[-2:]
    return hashlib.sha256(contents).hexdigest(), name, (rows, across)


def setting_of(as_truth: bool, decided: Mapping[str, object]) -> tuple[str, str]:
    """Return the identity and a name of the settings that decide a map; how it is run does not.

    Examples
    --------
    >>> setting_of(True, {"steps": 4})[1], setting_of(True, {"batch": 4})[1]
    ('steps 4', 'defaults')
    """
    choices = {name: value for name, value in sorted(decided.items()) if name not in RUN and value is not None}
    held = {name: _contents(value) if name == "degradations" else value for name, value in choices.items()}
    told = {name: identity.fingerprint(value) for name, value in held.items()}
    shown = {name: value if isinstance(value, str) else identity.named(value) for name, value in choices.items()}
    words = [f"{name} {value}" for name, value in shown.items()]
    label = ", ".join([*words, *([] if as_truth else ["of inputs"])]) or "defaults"
    doubt = {"call": uuid.uuid4().hex} if identity.UNKNOWN in str(told) else {}
    return digest_of({"as_truth": as_truth, "settings": told, "numbers": identity.NUMBERS, **doubt}), label


def _contents(value: object) -> object:
    """Return folders of pictures, wherever they occur, as what they hold."""
    if isinstance(value, Mapping):
        return {name: _contents(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_contents(one) for one in value]
    if isinstance(value, str | os.PathLike) and Path(value).is_dir():
        return {str(one.relative_to(value)): identity.of_file(one) for one in images.files(value)}
    return value


def digest_of(told: Mapping[str, object]) -> str:
    """Return the identity of what is told.

    Examples
    --------
    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
