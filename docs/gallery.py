"""Draw the gallery: ``python docs/gallery.py [NAME ...]``; the figures are those that ``tests/gallery.py`` makes.

Pages share one copy of plotly's script, which would otherwise be most of each.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from pathlib import Path

HERE = Path(__file__).parent
PAGES = HERE / "gallery" / "pages"
SCRIPT = "plotly.min.js"
_PLOTLY = re.compile(r"<script[^>]*>(/\*\*\s*\* plotly\.js v.*?)</script>", re.S)
sys.path.insert(0, str(HERE.parent))


def draw(wanted: Collection[str] = ()) -> None:
    """Write pages and pictures of the figures of these names, or of all; of named ones those that are there stay."""
    from tests.gallery import figures

    PAGES.mkdir(parents=True, exist_ok=True)
    missing = {name for name in wanted if not (PAGES / f"{stem(name)}.html").exists()}
    if wanted and not missing:
        return
    for name, figure in figures(PAGES):
        if not wanted or name in missing:
            share(figure.to_html(PAGES / f"{stem(name)}.html", title=name))
            figure.picture().convert("RGB").save(PAGES / f"{stem(name)}.png", optimize=True)
            missing.discard(name)
        if wanted and not missing:
            return
    if missing:
        raise SystemExit(f"gallery: no figure is called {', '.join(sorted(missing))}; tests/gallery.py names them.")


def share(page: Path) -> None:
    """Move plotly's script out of a page, into the file that all pages refer to."""
    text = page.read_text(encoding="utf-8")
    if found := _PLOTLY.search(text):
        (page.parent / SCRIPT).write_text(found[1], encoding="utf-8")
        page.write_text(text.replace(found[0], f'<script src="{SCRIPT}"></script>'), encoding="utf-8")


def stem(name: str) -> str:
    """Return the name of a figure's files.

    >>> stem("widget, Scrubber")
    'widget-Scrubber'
    """
    return re.sub(r"\W+", "-", name)


if __name__ == "__main__":
    draw(sys.argv[1:])
