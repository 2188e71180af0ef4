"""``lam-nb explore``: the Explorer as a local application in the browser."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import lam_nb as lam

from . import completion, serving
from . import options as shared


def run(pictures: Sequence[str], networks: str | None, dark: bool, no_browser: bool, port: int | None) -> None:
    """Open the Explorer in a browser, on pictures and networks of yours; Ctrl-C ends it."""
    serving.needs("voila", "app")
    for picture in pictures:
        lam.images.load(picture)  # told here, and not in a page
    names = shared.split(networks)
    for name in names:
        lam.networks.load(name)
    with tempfile.TemporaryDirectory(prefix="lam-nb-") as folder:
        notebook = Path(folder) / "explore.ipynb"
        notebook.write_text(json.dumps(_notebook(_code(pictures, names))), encoding="utf-8")
        serving.serve(command(notebook, port, no_browser, dark))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    words = "files to choose from; by default the samples"
    shared.completed(add("pictures", nargs="*", metavar="PICTURE", help=words), completion.files)
    shared.networks(parser, "names or files, with commas between; by default those that come along")
    add("--network", dest="networks", action=shared.Renamed, now="--networks NAME,NAME")
    add("--dark", action="store_true", help="light letters on a dark page")
    serving.options(parser)


def command(notebook: Path, port: int | None, no_browser: bool, dark: bool = False) -> list[str]:
    """Return how the server is run: for this machine alone, and who has the token; without nbgrader, which fails."""
    found = [sys.executable, "-m", "voila", str(notebook), "--Voila.ip=127.0.0.1", "--Voila.auto_token=True"]
    found += ["--VoilaConfiguration.extension_denylist=@jupyter/nbgrader", "--VoilaConfiguration.show_tracebacks=True"]
    found += ["--VoilaConfiguration.preheat_kernel=False", "--template=lab"]
    found += ["--theme=dark"] if dark else []
    return [*found, *serving.chosen(port, no_browser)]


def _code(pictures: Sequence[str], networks: Sequence[str]) -> str:
    files = [_absolute(one) for one in pictures] or None
    nets = [f"lam.networks.load({_absolute(one)!r})" if Path(one).is_file() else repr(one) for one in networks]
    chosen = f"[{', '.join(nets)}]" if nets else None
    history = str(lam.networks.published.cache() / "runs" / "explore")  # those of the last time are listed, too
    return f"import lam_nb as lam, lam_widgets\nlam_widgets.Explorer({chosen}, {files}, history={history!r})"


def _absolute(name: str) -> str:
    return str(Path(name).absolute()) if Path(name).is_file() else name


def _notebook(code: str) -> dict[str, object]:
    empty: dict[str, object] = {"metadata": {}, "outputs": [], "execution_count": None}
    cell = {"cell_type": "code", "id": "explorer", "source": code, **empty}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
