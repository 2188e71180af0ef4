"""Files are written whole or not at all, and nothing is ever deleted that was not written here."""

from __future__ import annotations

import glob
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import xarray as xr

from ..validation import InputError, address, mapping, readable, words_of
from .table import check

if TYPE_CHECKING:
    from zarr.codecs import ZstdCodec

MARK = "lam_nb"
"""Attribute of the stores that are written here: a folder without it is never replaced."""
_SCRATCH = ".lam_nb"
"""Ending of folders that are written before they take a name."""
_OLD = 24 * 3600
"""Seconds after which such a folder belongs to nobody."""
_OLD_MARKS = ("plan", "versions")
"""What stores of version 0.1 have instead."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path that takes the place of `path` when the block succeeds.

    The temporary file (or folder) stands beside its target, so that the final rename
    stays on one file system. If the block raises, or is interrupted, nothing is left behind
    and an earlier `path` keeps its contents.

    Parameters
    ----------
    path : path-like
        The file or folder to write.

    Yields
    ------
    pathlib.Path
        Where to write instead.

    Raises
    ------
    InputError
        If the folder of `path` does not exist or cannot be written, or `path` is a folder that is no
        store of this library.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = address("path", path)
    folder = writable_folder(target)
    recover(target)
    _refuse_other_folders(target)
    _sweep(target)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=_SCRATCH, dir=folder))
    try:
        temporary = scratch / target.name
        yield temporary
        if temporary.is_dir() and target.is_file():
            raise InputError(f"cannot write {target}: it is a file; give the name of a folder.")
        if temporary.is_dir():
            _exchange(temporary, target)
        elif target.is_dir():
            raise InputError(f"cannot write {target}: it is a folder; give the name of a file.")
        else:
            temporary.replace(target)
    finally:
        _give_back(scratch)


def _give_back(scratch: Path) -> None:
    """Delete what is given up; a library that failed may hold files open, and their space with them."""
    for path in scratch.rglob("*"):
        with suppress(OSError):
            if path.is_file():
                os.truncate(path, 0)
    shutil.rmtree(scratch, ignore_errors=True)


def recover(path: str | os.PathLike[str]) -> None:
    """Put a store back that was moved aside when the process was killed; do nothing otherwise.

    Examples
    --------
    >>> recover("map.zarr")
    """
    target = address("path", path)
    aside = _aside(target)
    if aside.is_dir() and not target.exists():
        aside.rename(target)


def _exchange(temporary: Path, target: Path) -> None:
    """Put a folder in the place of another: at any moment one of them is whole, at its place or beside it."""
    aside = _aside(target)
    if aside.is_dir():  # left by a process that was killed after the exchange
        shutil.rmtree(aside)
    if target.is_dir():
        target.rename(aside)
    temporary.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.before{_SCRATCH}")


def _sweep(target: Path) -> None:
    """Delete what killed processes left of this very target; what is young may belong to one that is alive."""
    for scratch in target.parent.glob(f".{glob.escape(target.name)}.*{_SCRATCH}"):
        with suppress(OSError):
            if scratch != _aside(target) and time.time() - scratch.stat().st_mtime > _OLD:
                shutil.rmtree(scratch)


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder `path` would be written to, or raise `InputError` if it cannot be.

    Examples
    --------
    >>> import tempfile
    >>> writable_folder(tempfile.gettempdir() + "/map.nc") == Path(tempfile.gettempdir())
    True
    """
    target = address("path", path)
    folder = target.parent
    if not folder.is_dir():
        raise InputError(f"cannot write {target}: there is no folder {folder}; create it first.")
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write {target}: folder {folder} is read-only; choose another.")
    return folder


def page(path: str | os.PathLike[str]) -> Path:
    """Return `path` if it can be the name of a page, else raise `InputError`.

    Examples
    --------
    >>> page("map.html").name
    'map.html'
    """
    target = address("path", path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"path: got {target.name}, expected a name that ends in .html.")
    return target


def _refuse_other_folders(target: Path) -> None:
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise InputError(f"cannot write {target}: it is neither file nor folder; give another name.")
    if not target.is_dir():
        return
    try:
        attributes = json.loads((target / "zarr.json").read_text()).get("attributes", {})
    except (OSError, ValueError):
        attributes = {}
    if MARK not in attributes and not any(name in attributes for name in _OLD_MARKS):
        raise InputError(
            f"cannot write {target}: it is a folder that lam_nb did not write, and is left as it is; give another name."
        )


def checked() -> ZstdCodec:
    """Return how numbers are packed in Zarr stores: so that one changed bit is an error and not another number.

    Examples
    --------
    >>> checked().checksum
    True
    """
    from zarr.codecs import ZstdCodec

    return ZstdCodec(level=1, checksum=True)


def checkpoint(path: str | os.PathLike[str], arrays: Mapping[str, object], attributes: Mapping[str, object]) -> None:
    """Write arrays into a Zarr store, whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> checkpoint(tempfile.mkdtemp() + "/half.zarr", {"effect": np.zeros(3)}, {"done": 2})
    """
    import zarr

    held: dict[str, Any] = {}
    group: Any = zarr.open_group(zarr.storage.MemoryStore(held), mode="w", zarr_format=3)
    for name, value in mapping("arrays", arrays).items():
        if isinstance(value, np.ndarray):
            group.create_array(name, data=value, compressors=checked())
    try:
        group.attrs.update({MARK: "checkpoint", **mapping("attributes", attributes)})
    except TypeError as error:
        raise InputError(f"attributes: {error}; expected text, numbers, lists and dictionaries.") from None
    with replacing(path) as temporary:
        _write_out(held, temporary)


def save(dataset: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a result to netCDF (.nc) or Zarr (.zarr), whole or not at all.

    Parameters
    ----------
    dataset : xarray.Dataset
    path : path-like
        Ends in .nc or .zarr; an earlier file of that name is replaced.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the ending is another or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> save(xr.Dataset({"attribution": 1.0}), tempfile.mkdtemp() + "/map.nc").name
    'map.nc'
    """
    path = address("path", path)
    check(dataset)
    _format(path)
    try:
        with replacing(path) as temporary:
            _write(dataset, temporary)
    except (OSError, RuntimeError) as error:  # netCDF says of a full disk that it has an HDF error
        free, why = shutil.disk_usage(path.parent).free, words_of(error)
        raise InputError(
            f"cannot write {path} ({why:.120}); {free / 1e6:,.0f} MB are free for {dataset.nbytes / 1e6:,.0f} MB of "
            "numbers. What was there before is left as it was."
        ) from error
    return path


def _write(dataset: xr.Dataset, path: Path) -> None:
    if _format(path) == ".zarr":
        import zarr

        held: dict[str, Any] = {}
        marked = dataset.assign_attrs({MARK: "result"})
        packed = {name: {"compressors": (checked(),)} for name, one in marked.variables.items() if one.dtype != object}
        marked.to_zarr(zarr.storage.MemoryStore(held), zarr_format=3, consolidated=False, encoding=packed)
        return _write_out(held, path)
    fast = {"zlib": True, "complevel": 1, "fletcher32": True}
    filed = {name: fast for name, one in dataset.variables.items() if one.ndim and one.dtype.kind in "biuf"}
    # Through memory: HDF5 keeps a file that it failed to write, and its space, until the process ends.
    path.write_bytes(dataset.to_netcdf(None, engine="netcdf4", encoding=filed))


def _write_out(held: Mapping[str, Any], folder: Path) -> None:
    """Write what a Zarr store in memory holds: Zarr's own threads write on after one of them has failed."""
    for key, contents in held.items():
        place = folder / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(contents.to_bytes())


def open(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a result that `save` wrote, into memory; of a sweep's store the numbers, its maps when they are looked at.

    Parameters
    ----------
    path : path-like or str
        Ends in .nc or .zarr; a sweep's store may also have an address of fsspec, such as ``s3://bucket/night.zarr``.

    Raises
    ------
    InputError
        If there is no such file or it is no result.

    Examples
    --------
    >>> import tempfile
    >>> path = save(xr.Dataset({"attribution": 1.0}), tempfile.mkdtemp() + "/map.zarr")
    >>> float(open(path).attribution)
    1.0
    """
    if isinstance(path, str) and "://" in path:
        return _ledger(path)
    path = address("path", path)
    recover(path)
    if not path.exists():
        raise InputError(f"path: there is no {path}; check the path.")
    if not (path.is_file() or path.is_dir()):  # a pipe would be waited for
        raise InputError(f"path: {path} is neither file nor folder, expected a result that lam_nb wrote.")
    _format(path)
    if _grows(path):
        return _ledger(path)
    with readable("path", path, "result that lam_nb can read"), _opened(path) as dataset:
        _refuse_lies(dataset, path)
        return dataset.drop_attrs(deep=False).assign_attrs(_unmarked(dataset.attrs)).load()


def _grows(path: Path) -> bool:
    """Whether it is a sweep's store, even one that was begun a moment ago."""
    with suppress(OSError, ValueError):
        return "words" in json.loads((path / "zarr.json").read_text()).get("attributes", {})
    return False


def _ledger(path: str | os.PathLike[str]) -> xr.Dataset:
    from .ledger import Ledger

    with readable("path", path, "store that lam_nb can read"):
        return Ledger(path).dataset()


def _refuse_lies(dataset: xr.Dataset, path: Path) -> None:
    """Refuse a file that says it holds more than this machine can."""
    most = psutil.virtual_memory().total
    if dataset.nbytes > most:
        raise InputError(
            f"path: {path} says that it holds {dataset.nbytes / 1e9:,.0f} GB, more than this machine's "
            f"{most / 1e9:,.0f} GB of memory; it is damaged, or open it with xarray.open_dataset, piece by piece."
        )


def _opened(path: Path) -> xr.Dataset:
    if _format(path) == ".nc":
        return xr.open_dataset(path, engine="netcdf4")
    return xr.open_dataset(path, engine="zarr", zarr_format=3, consolidated=False)


def _unmarked(attributes: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in attributes.items() if name != MARK}


def _format(path: Path) -> str:
    if path.suffix not in {".nc", ".zarr"}:
        raise InputError(f"path: got {path.name}, expected a name that ends in .nc (netCDF) or .zarr.")
    return path.suffix
