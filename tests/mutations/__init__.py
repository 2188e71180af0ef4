"""Mutations: small wrongs done to a copy of the package, which the tests named for them must notice.

Run ``python -m tests.mutations``; ``--only sweep`` does those alone whose names hold "sweep", ``-j 2`` two at a time.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Edit:
    """One wrong: `old` becomes `new` in `file`; `why` it matters, and the `tests` that must notice."""

    name: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]
    pending: bool = False

    def stale(self, root: Path = ROOT) -> str:
        """Return in words why it cannot be applied below a folder; nothing if it can."""
        path = root / self.file
        if not path.is_file():
            return f"there is no {self.file}"
        times = path.read_text().count(self.old)
        return "" if times == 1 else f"its old text occurs {times} times in {self.file}"

    def applied(self, text: str) -> str:
        """Return the text of its file with the wrong in it."""
        return text.replace(self.old, self.new)


def edits() -> list[Edit]:
    """Return all edits, as the list beside this file has them."""
    rows = tomllib.loads((Path(__file__).parent / "edits.toml").read_text())["edit"]
    return [Edit(**{**row, "tests": tuple(row["tests"])}) for row in rows]
