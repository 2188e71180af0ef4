"""Draw the gallery: ``python docs/gallery.py [NAME ...]``; the figures are those that ``tests/gallery.py`` makes.

Pages share one copy of plotly's script, which would otherwise be most of each.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

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
    with tempfile.TemporaryDirectory() as aside:
        for name, figure in figures(Path(aside)):
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


def cards() -> str:
    """Return a card for each figure that is drawn, with its picture."""
    drawn = sorted(PAGES.glob("*.png"), key=lambda one: (one.stem.startswith("widget"), one.stem))
    if not drawn:
        return ":::{note}\nThe figures are drawn when `LAM_NB_DOCS_GALLERY=1` is set: a few minutes.\n:::"
    grid = ["::::{grid} 1 1 2 3", ":gutter: 3", ""]
    for path in drawn:
        grid += [f":::{{grid-item-card}} {path.stem.replace('-', ' ')}", f":link: pages/{path.stem}.html"]
        grid += [f":img-top: pages/{path.name}", f":img-alt: {path.stem.replace('-', ' ')}, its first frame"]
        grid += ["", _sentence(path.stem), ":::", ""]
    return "\n".join([*grid, "::::"])


def _sentence(stem: str) -> str:
    """Return the first sentence of what makes a figure."""
    import lam_nb
    import lam_widgets

    home, name = (lam_widgets, stem[7:]) if stem.startswith("widget-") else (lam_nb.views, stem.partition("-")[0])
    return (getattr(getattr(home, name, None), "__doc__", None) or "").strip().partition("\n")[0]


def drawn(app: Sphinx, config: Config) -> None:
    """Draw what is asked for, before pages are read."""
    if asked := os.environ.get("LAM_NB_DOCS_GALLERY"):
        draw([] if asked == "1" else asked.split(","))


def illustrated(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Put its picture on the page of a view."""
    home, _, short = name.rpartition(".")
    stem = {"lam_nb.views": short, "lam_widgets": f"widget-{short}"}.get(home)
    if stem and (PAGES / f"{stem}.png").exists():
        lines += ["", ".. rubric:: Shown", ""]
        lines += [f".. image:: /gallery/pages/{stem}.png", f"   :alt: {short}, its first frame", ""]


def copied(app: Sphinx, failure: Exception | None) -> None:
    """Put the live pages into the site, as they are."""
    if failure is None and app.builder.format == "html" and PAGES.exists():
        there = Path(app.outdir) / "gallery" / "pages"
        there.mkdir(parents=True, exist_ok=True)
        for path in [*PAGES.glob("*.html"), *PAGES.glob("*.js")]:
            shutil.copy2(path, there)


def setup(app: Sphinx) -> dict[str, bool]:
    """Join the build."""
    app.connect("config-inited", drawn)
    app.connect("autodoc-process-docstring", illustrated, priority=600)
    app.connect("build-finished", copied)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    draw(sys.argv[1:])
