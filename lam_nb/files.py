"""Files are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .types import InputError


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
        If the folder of `path` does not exist or cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = Path(path)
    folder = writable_folder(target)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=folder) as scratch:
        temporary = Path(scratch) / target.name
        yield temporary
        if target.is_dir():
            shutil.rmtree(target)
        temporary.replace(target)


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder `path` would be written to, or raise `InputError` if it cannot be."""
    target = Path(path).expanduser()
    folder = target.parent
    if not folder.is_dir():
        raise InputError(f"cannot write {target}: there is no folder {folder}; create it first.")
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write {target}: folder {folder} is read-only; choose another.")
    return folder
