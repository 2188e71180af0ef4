"""Files are written whole or not at all, and nothing is ever deleted that was not written here."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .types import InputError

MARK = "lam_nb"
"""Attribute of the stores that are written here: a folder without it is never replaced."""
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
    target = Path(path).expanduser()
    folder = writable_folder(target)
    _refuse_other_folders(target)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=folder) as scratch:
        temporary = Path(scratch) / target.name
        yield temporary
        if target.is_dir():
            if not temporary.is_dir():
                raise InputError(f"cannot write {target}: it is a folder; give the name of a file.")
            target.rename(Path(scratch) / "before")  # goes with the scratch folder, once the new one is in place
        temporary.rename(target) if temporary.is_dir() else temporary.replace(target)


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder `path` would be written to, or raise `InputError` if it cannot be."""
    target = Path(path).expanduser()
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
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"path: got {Path(path).name}, expected a name that ends in .html.")
    return Path(path)


def _refuse_other_folders(target: Path) -> None:
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
