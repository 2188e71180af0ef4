"""``lam-nb lab``: the notebooks that come along, copied to a folder and opened in JupyterLab."""

from __future__ import annotations

import argparse
import os
import shutil
import site
import sys
import sysconfig
from pathlib import Path

from ..validation import InputError, address
from . import completion, serving
from . import options as shared

_CHECKOUT = Path(__file__).parents[2] / "notebooks"
_LEFT = {"pictures", "__pycache__", ".ipynb_checkpoints"}
_INSTALLED = "share/lam-nb/notebooks"


def run(folder: str, no_browser: bool, port: int | None) -> None:
    """Copy the notebooks to a folder, where they are not yet, and open JupyterLab on it."""
    serving.needs("jupyterlab", "lab")
    target = copied(folder)
    command = [sys.executable, "-m", "jupyterlab", str(target), "--ServerApp.ip=127.0.0.1"]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        command.append("--allow-root")  # in containers; it listens on this machine alone
    serving.serve([*command, *serving.chosen(port, no_browser)])


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    words = "where to copy them; default %(default)s"
    shared.completed(add("--folder", default="lam-notebooks", help=words), completion.files)
    add("folder", nargs="?", metavar="FOLDER", default=argparse.SUPPRESS, action=shared.Renamed, now="--folder FOLDER")
    serving.options(parser)


def copied(folder: str) -> Path:
    """Return a folder with the notebooks in it; files that are there stay as they are.

    Raises
    ------
    InputError
        If it cannot be made, or this installation has no notebooks.
    """
    roots = (Path(one) / _INSTALLED for one in (sysconfig.get_path("data"), site.getuserbase()))
    source = next((one for one in (_CHECKOUT, *roots) if (one / "1-first-map.ipynb").is_file()), None)
    if source is None:
        raise InputError("the notebooks are not here; install lam-nb from its wheel or repository.")
    target = address("folder", folder)
    if target.exists() and not target.is_dir():
        raise InputError(f"folder: {target} is a file; give another name.")
    for file in sorted(source.rglob("*")):
        place = target / file.relative_to(source)
        if file.is_file() and not place.exists() and not _LEFT & set(file.parts):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    return target
