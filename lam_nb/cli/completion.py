"""``lam-nb completion``: what a shell needs to complete commands, options, networks, samples and files."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")
_DATA = Path(__file__).parents[1] / "data"
_DOWNLOADED = ("carn-m", "dncnn", "imdn", "rfdn")
"""Published networks with names of their own; the catalogue has the rest."""
_HOW = {
    "bash": '# In ~/.bashrc:  eval "$(lam-nb completion bash)"',
    "zsh": '# In ~/.zshrc, after compinit:  eval "$(lam-nb completion zsh)"',
    "fish": "# Once:  lam-nb completion fish > ~/.config/fish/completions/lam-nb.fish",
}


def run(shell: str) -> None:
    """Print what has a shell complete lam-nb, with how to switch it on."""
    from argcomplete.shell_integration import shellcode

    print(f"{_HOW[shell]}\n{shellcode(['lam-nb'], shell=shell)}")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("shell", choices=SHELLS, help="which one")


def asked() -> list[str] | None:
    """Return the words on the line that a shell completes, if it is a shell that asks."""
    if "_ARGCOMPLETE" not in os.environ:
        return None
    return os.environ.get("COMP_LINE", "").split()[1:]


def answer(parser: argparse.ArgumentParser) -> None:
    """Tell the shell, and end."""
    import argcomplete

    argcomplete.autocomplete(parser, always_complete_options="long")


def of(names: Iterable[str]) -> Callable[..., list[str]]:
    """Return a completer that offers some names.

    Examples
    --------
    >>> of(["blur", "black", "mean"])("bl")
    ['blur', 'black']
    """
    offered = list(names)
    return lambda prefix, **_: [name for name in offered if name.startswith(prefix)]


def networks(prefix: str, **_: object) -> list[str]:
    """Offer networks that are known by name, and files; read without importing them.

    Examples
    --------
    >>> networks("fsrcnn,rfdn-")
    ['fsrcnn,rfdn-small']
    """
    import csv

    before, comma, last = prefix.rpartition(",")
    with (_DATA / "published.csv").open(encoding="utf-8", newline="") as table:
        published = [row["name"].lower() for row in csv.DictReader(table)]
    shipped = [path.stem for path in (_DATA / "weights").glob("*.json")]
    names = sorted({*shipped, *_DOWNLOADED, *published})
    found = [f"{before}{comma}{name}" for name in names if name.startswith(last)]
    return found + ([] if comma else files(prefix))


def pictures(prefix: str, **_: object) -> list[str]:
    """Offer samples by name, and files.

    Examples
    --------
    >>> pictures("fac")
    ['facade']
    """
    samples = sorted(path.stem for path in (_DATA / "images").glob("*.png"))
    return [name for name in samples if name.startswith(prefix)] + files(prefix)


def files(prefix: str, **_: object) -> list[str]:
    """Offer files and folders that begin so; a folder ends in a slash.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = open(folder + "/photo.png", "w").close()
    >>> files(folder + "/ph") == [folder + "/photo.png"]
    True
    """
    folder, name = os.path.split(prefix)
    try:
        found = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda one: one.name)
    except OSError:
        return []
    shown = [one for one in found if one.name.startswith(name) and (name.startswith(".") or one.name[0] != ".")]
    return [os.path.join(folder, one.name) + "/" * one.is_dir() for one in shown]
