"""A place: a folder on disk or in an object store, by one set of verbs."""

from __future__ import annotations

import datetime
import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...validation import InputError, address

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_SUFFIX = ".zarr"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
"""What does not go away by trying again."""


class Place:
    """A folder of a ledger.

    Parameters
    ----------
    store : path-like or str
        A path, or an address of fsspec such as ``s3://bucket/night.zarr``; ends in .zarr.

    Raises
    ------
    InputError
        If it does not, or nothing here can read such an address.

    Examples
    --------
    >>> import tempfile
    >>> place = Place(tempfile.mkdtemp() + "/night.zarr")
    >>> place.write("rows/one", b"1")
    >>> place.read("rows/one"), place.names("rows"), place.names("claims")
    (b'1', ['one'], [])
    """

    def __init__(self, store: str | os.PathLike[str]) -> None:
        self.fs, self.root, self.address = _resolved(store)
        if not self.root.endswith(_SUFFIX):
            raise InputError(f"store: got {Path(self.root).name}, expected a name that ends in .zarr.")

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return "://" not in self.address

    def at(self, name: str) -> str:
        """Return where something lies, as its file system calls it."""
        return f"{self.root}/{name}"

    def exists(self, name: str = "") -> bool:
        """Whether something is there."""
        self.fs.invalidate_cache()
        return bool(self.fs.exists(self.at(name) if name else self.root))

    def names(self, folder: str) -> list[str]:
        """Return what lies in a folder, sorted; nothing if there is none."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.at(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(name for one in found if not (name := str(one).rstrip("/").rpartition("/")[2]).startswith("."))

    def read(self, name: str) -> bytes:
        """Return what a file holds."""
        return bytes(self.fs.cat_file(self.at(name)))

    def write(self, name: str, contents: bytes) -> None:
        """Write a file, whole or not at all."""
        target = self.at(name)
        if not self.is_local:
            return self.fs.pipe_file(target, contents)
        beside = Path(target).parent / f".{uuid.uuid4().hex}"
        with self.writing():
            beside.parent.mkdir(parents=True, exist_ok=True)
            try:
                beside.write_bytes(contents)
                beside.replace(target)
            finally:
                beside.unlink(missing_ok=True)

    def create(self, name: str, contents: bytes) -> bool:
        """Write a file that is not there yet; return False if another was quicker."""
        target = self.at(name)
        try:
            if not self.is_local:
                self.fs.pipe_file(target, contents, mode="create")
                return True
            with self.writing():
                _created(Path(target), contents)
        except FileExistsError:
            return False
        return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Say what a store that takes no more means for a sweep.

        Raises
        ------
        InputError
            If it is full, or may not be written.
        """
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise InputError(
                f"store: {self.address} takes no more ({os.strerror(error.errno)}); what is finished is kept, and the "
                "same call goes on when there is room."
            ) from error

    def delete(self, *names: str) -> None:
        """Delete folders; those that are gone already are none the worse."""
        for name in names:
            target = self.at(name) if name else self.root
            with suppress(FileNotFoundError):
                self.fs.rm(target, recursive=True)

    def forget(self, *names: str) -> None:
        """Delete files, of an object store all by one request; those that are gone already are none the worse."""
        targets = [self.at(name) for name in names]
        with suppress(FileNotFoundError):
            if targets and not self.is_local:
                return self.fs.rm(targets)
        for target in targets:
            with suppress(FileNotFoundError):
                self.fs.rm_file(target)

    def modified(self, name: str) -> float:
        """Return when a file was last written, in seconds of the store's own clock; raise FileNotFoundError if gone."""
        self.fs.invalidate_cache()
        found: datetime.datetime = self.fs.modified(self.at(name))
        return found.timestamp()

    def now(self, name: str) -> float:
        """Return the store's own time, by writing a file: clocks of machines may differ by hours."""
        self.write(name, b"")
        return self.modified(name)

    def array(self, name: str) -> str:
        """Return an array's address for zarr."""
        return f"{self.address}/{name}"


def _created(target: Path, contents: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb", buffering=0) as file:
        try:
            file.write(contents)
        except OSError:
            target.unlink()
            raise


def _resolved(store: str | os.PathLike[str]) -> tuple[AbstractFileSystem, str, str]:
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    text = os.fspath(store) if isinstance(store, str | os.PathLike) else store
    if isinstance(text, str) and "://" in text and not text.startswith("file://"):
        try:
            fs, root = url_to_fs(text)
        except (ImportError, ValueError) as error:
            raise InputError(f"store: got {text!r}; {error}.") from None
        return fs, str(root).rstrip("/"), text.rstrip("/")
    path = address("store", str(text).removeprefix("file://") if isinstance(text, str) else store).absolute()
    return LocalFileSystem(auto_mkdir=True), str(path), str(path)
