"""Where other projects describe what we name: ``inventories.toml`` as Sphinx's files, so that nothing is fetched."""

from __future__ import annotations

import tomllib
import zlib
from pathlib import Path

_LISTED = tomllib.loads((Path(__file__).parent / "inventories.toml").read_text(encoding="utf-8"))
PROJECTS = _LISTED["projects"]
TYPES = {word: f":obj:`{word} <{name}>`" for word, name in _LISTED["types"].items()}
"""Words in the type slot of a docstring -> link."""


def inventory(name: str) -> bytes:
    """Return a project's names as an inventory of Sphinx, version 2.

    >>> inventory("numpy").splitlines()[1]
    b'# Project: numpy'
    """
    heads = ["# Sphinx inventory version 2", f"# Project: {name}", "# Version: ", "# compressed with zlib"]
    lines = [
        f"{one} {kind} 1 {place.replace('$', one)} -"
        for kind, names in PROJECTS[name]["names"].items()
        for one, place in names.items()
    ]
    return "".join(f"{head}\n" for head in heads).encode() + zlib.compress(
        "".join(f"{one}\n" for one in lines).encode()
    )


def written(folder: Path) -> dict[str, tuple[str, str]]:
    """Write all inventories into a folder; return Sphinx's ``intersphinx_mapping``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PROJECTS:
        (folder / f"{name}.inv").write_bytes(inventory(name))
    return {name: (facts["address"], str(folder / f"{name}.inv")) for name, facts in PROJECTS.items()}
