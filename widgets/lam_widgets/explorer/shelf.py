"""The shelf: runs on disk, so that they are still there, to be read, when the kernel has restarted."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import lam_nb
from lam_nb.networks import published
from lam_nb.validation import InputError

from .question import Question
from .runs import Run

_MOST = 30
"""Runs that are kept; older ones make room."""
LARGEST = 100e6
"""Bytes of a result that is kept."""
_KINDS = (".nc", ".png", ".json")


class Shelf:
    """A folder of runs.

    Parameters
    ----------
    folder : path or None
        Where; None keeps nothing.

    Examples
    --------
    >>> Shelf(None).earlier()
    []
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[int, Path] = {}

    def keep(self, run: Run) -> None:
        """Write a run; what tells of it last, so that half of one is none.

        Raises
        ------
        InputError
            If it is too large, or the folder cannot be written.
        """
        if self._folder is None:
            return
        if run.dataset.nbytes > LARGEST:
            raise InputError(
                f"the result has {run.dataset.nbytes / 1e6:.0f} MB: too large to be kept for after a restart."
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        stem = self._folder / f"{time.time_ns()}_{run.question.stem}"
        names = [Path(f"{stem}{kind}") for kind in _KINDS]
        lam_nb.save(run.dataset, names[0])
        names[1].write_bytes(run.thumbnail())
        told = {"question": run.question.facts, "code": run.code, "seconds": run.seconds, "name": run.name}
        names[2].write_text(json.dumps(told), encoding="utf-8")
        self._files[id(run)] = names[0]
        for old in sorted(self._folder.glob("*.json"))[:-_MOST]:
            _remove(old)

    def earlier(self) -> list[Run]:
        """Return the runs that are there, the newest last; what cannot be read is left out."""
        found = []
        for told in sorted(self._folder.glob("*.json")) if self._folder is not None else ():
            try:
                run = _read(told)
            except (ValueError, TypeError, KeyError, OSError):
                continue
            self._files[id(run)] = told.with_suffix(".nc")
            found.append(run)
        return found

    def forget(self, run: Run) -> None:
        """Remove a run's files, if it has any."""
        if file := self._files.pop(id(run), None):
            _remove(file)


def folder(history: bool | str | os.PathLike[str] | None) -> Path | None:
    """Return where the runs of this notebook are kept, or None: nowhere.

    Parameters
    ----------
    history : path, bool or None
        A folder; False: none; None or True: one of the user's cache for each notebook that a Jupyter server runs.

    Raises
    ------
    InputError
        If there is a file of that name.

    Examples
    --------
    >>> folder(False) is None
    True
    """
    if history is False:
        return None
    if not isinstance(history, bool | None):
        given = Path(history).expanduser().absolute()
        if given.exists() and not given.is_dir():
            raise InputError(f"history: got the file {given}, expected a folder, or False for none.")
        return given
    notebook = os.environ.get("JPY_SESSION_NAME")
    return published.cache() / "runs" / hashlib.sha256(notebook.encode()).hexdigest()[:16] if notebook else None


def _read(told: Path) -> Run:
    for kind in _KINDS:  # another kernel of this notebook may be removing it
        told.with_suffix(kind).stat()
    known = json.loads(told.read_text(encoding="utf-8"))
    question = Question.of_facts(known["question"])
    return Run(question, told.with_suffix(".nc"), str(known["code"]), float(known["seconds"]), str(known["name"]))


def _remove(file: Path) -> None:
    for kind in reversed(_KINDS):  # what tells of it first
        file.with_suffix(kind).unlink(missing_ok=True)
