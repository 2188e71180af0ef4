"""``lam-nb samples``: the photographs that come along, to be listed and taken elsewhere."""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..validation import InputError, address, words_of
from . import completion, report
from . import options as shared

_FOLDER = Path(__file__).parents[1] / "data" / "images"
_ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.M)


def run(folder: str | None, json: bool) -> None:
    """List the photographs that come along, with their licences; --folder copies them."""
    rows = list(_rows())
    written = _copied(folder) if folder else []
    if json:
        report.records([dict(row) for row in rows], [str(path.resolve()) for path in written])
        return
    for row in rows:
        print(f"{row['name']:<12}{row['licence']:<16}{row['author']}: {row['what']}")
    report.lines([], written)
    if not folder:
        print("--truth and --image take these names; lam_nb.images.sample(name) reads one, --folder copies all.")


def _rows() -> Iterator[dict[str, str]]:
    text = (_FOLDER / "README.md").read_text(encoding="utf-8")
    for found in _ROW.findall(text):
        yield dict(zip(("name", "what", "author", "licence", "from"), found, strict=True))


def _copied(folder: str) -> list[Path]:
    """Return the files in a folder; they go with what their licences ask to be told."""
    target = address("folder", folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        files = [*sorted(_FOLDER.glob("*.png")), _FOLDER / "README.md"]
        return [Path(shutil.copyfile(file, target / file.name)) for file in files]
    except OSError as error:
        raise InputError(f"--folder: {folder} cannot be written ({words_of(error)}); give another.") from None


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    words = "where to copy them, with their licences"
    shared.completed(parser.add_argument("--folder", help=words), completion.files)
    shared.machine(parser)
