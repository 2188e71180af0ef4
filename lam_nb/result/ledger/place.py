"""A place: a folder on disk or in an object store, by one set of verbs."""

from __future__ import annotations

import datetime
import errno
import glob
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...validation import InputError, address, words_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem
    from zarr.storage import StoreLike

_SUFFIX = ".zarr"
_QUIET: dict[str, object] = {"max_concurrency": 1}
"""Of S3: reading a file is one request, since its size need not be asked for first."""
_S3 = ("s3://", "s3a://")
_REFUSED = (errno.EINVAL, errno.EBUSY)
"""What S3 says where a file that should be new is there already, or another writes it at this moment."""
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
        If it does not, is a file, or nothing here can read such an address.

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
        if self.is_local and Path(self.root).is_file():
            raise InputError(f"store: {self.root} is a file, expected a folder; give another name.")

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return "://" not in self.address

    @property
    def is_memory(self) -> bool:
        """Whether it lies in the memory of this process, which no other sees."""
        return self.address.startswith("memory://")

    def at(self, name: str) -> str:
        """Return where something lies, as its file system calls it."""
        return f"{self.root}/{name}"

    def exists(self, name: str) -> bool:
        """Whether something is there."""
        self.fs.invalidate_cache()
        return bool(self.fs.exists(self.at(name)))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there yet."""
        return not (Path(self.root).exists() if self.is_local else self.names(""))

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Have whatever keeps an address from being read or written become one line.

        Raises
        ------
        InputError
            Without credentials or a bucket, or if nobody answers.
        """
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # libraries of object stores have their own
            if self.is_local:
                raise
            hint = "check the address, its bucket, and credentials"
            raise InputError(f"store: {self.address} cannot be reached ({words_of(error):.200}); {hint}.") from None

    def names(self, folder: str) -> list[str]:
        """Return what lies in a folder, sorted; nothing if there is none."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.at(folder).rstrip("/"), detail=False)
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
        except OSError as error:
            if error.errno not in _REFUSED or not self.exists(name):
                raise
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
        """Delete files; those that are gone already are none the worse."""
        if self.fs.async_impl and names:  # many by one request
            with suppress(FileNotFoundError):
                self.fs.rm([self.at(name) for name in names])
            return
        for name in names:
            with suppress(FileNotFoundError):
                self.fs.rm_file(self.at(name))

    def delete_folders(self, *names: str) -> None:
        """Delete folders, or with the name "" all; those that are gone already are none the worse."""
        targets = [self.at(name).rstrip("/") for name in names]
        for together in [targets] if self.fs.async_impl else [[one] for one in targets]:
            with suppress(FileNotFoundError):
                self.fs.rm(together, recursive=True)

    def modified(self, name: str) -> float:
        """Return when a file was last written, in seconds of the store's own clock; raise FileNotFoundError if gone."""
        self.fs.invalidate_cache()
        found: datetime.datetime = self.fs.modified(self.at(name))
        return found.timestamp()

    def now(self, name: str) -> float:
        """Return the store's own time, by writing a file: clocks of machines may differ by hours."""
        self.write(name, b"")
        return self.modified(name)

    def address_of(self, name: str) -> str:
        """Return the address of a file, as `fsspec.open` takes it."""
        return f"{self.address}/{name}"

    def array(self, name: str) -> StoreLike:
        """Return where an array lies, for zarr."""
        if self.is_local:
            return self.at(name)
        from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
        from zarr.storage import FsspecStore

        # The same connections as everything else here, which zarr would otherwise open anew and never close.
        return FsspecStore(AsyncFileSystemWrapper(self.fs, asynchronous=True), path=self.at(name))


def contents_of(address: str) -> bytes:
    """Return what an address of fsspec holds, read by one request.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> contents_of("memory://nothing")
    Traceback (most recent call last):
    lam_nb.InputError: memory://nothing cannot be read (FileNotFoundError: /nothing).
    """
    try:
        fs, path = _system(address)
        return bytes(fs.cat_file(path))
    except Exception as error:  # libraries of object stores have their own
        raise InputError(f"{address} cannot be read ({words_of(error):.200}).") from None


def listed(pattern: str) -> list[str]:
    """Return the addresses that match a pattern, or lie in a folder that ends with a slash, sorted.

    Raises
    ------
    InputError
        If there is none, or nobody can look.

    Examples
    --------
    >>> listed("s3://bucket/one.png")
    ['s3://bucket/one.png']
    """
    if not (glob.has_magic(pattern) or pattern.endswith("/")):
        return [pattern]
    try:
        fs, path = _system(pattern)
        found = [fs.unstrip_protocol(str(one)) for one in fs.glob(path if glob.has_magic(path) else f"{path}/*")]
    except Exception as error:  # libraries of object stores have their own
        raise InputError(f"{pattern} cannot be read ({words_of(error):.200}).") from None
    if not found:
        raise InputError(f"{pattern} is the address of nothing; check it.")
    return sorted(found)


def _system(address: str) -> tuple[AbstractFileSystem, str]:
    from fsspec.core import url_to_fs

    return url_to_fs(address, **(_QUIET if address.startswith(_S3) else {}))


def _created(target: Path, contents: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb", buffering=0) as file:
        try:
            file.write(contents)
        except OSError:
            target.unlink()
            raise


def _resolved(store: str | os.PathLike[str]) -> tuple[AbstractFileSystem, str, str]:
    from fsspec.implementations.local import LocalFileSystem

    text = os.fspath(store) if isinstance(store, str | os.PathLike) else store
    if isinstance(text, str) and "://" in text and not text.startswith("file://"):
        try:
            fs, root = _system(text)
        except (ImportError, ValueError) as error:
            raise InputError(f"store: {text} cannot be reached: {_hint(error)}.") from None
        return fs, str(root).rstrip("/"), text.rstrip("/")
    path = address("store", str(text).removeprefix("file://") if isinstance(text, str) else store).absolute()
    return LocalFileSystem(auto_mkdir=True), str(path), str(path)


def _hint(error: Exception) -> str:
    if not isinstance(error, ImportError):
        return str(error).rstrip(".")
    return f'{str(error).rstrip(".")} (s3:// comes with pip install "lam-nb[sweep]")'
