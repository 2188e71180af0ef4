"""What a built site must hold: ``python tests/documentation/site.py FOLDER`` says what is missing.

Links inside it lead to pages and places that are there; pictures have words; every public name has a place; no page
asks another host for a script, a style or a font.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOMS = (
    "lam_nb",
    "lam_nb.images",
    "lam_nb.paths",
    "lam_nb.detectors",
    "lam_nb.quadrature",
    "lam_nb.networks",
    "lam_nb.networks.architectures",
    "lam_nb.networks.training",
    "lam_nb.studies",
    "lam_nb.statistics",
    "lam_nb.views",
    "lam_nb.identity",
    "lam_nb.result",
    "lam_widgets",
)


class Page(HTMLParser):
    """What a page links to, its anchors, its pictures without words, and what it loads from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.wordless: list[str] = []
        self.foreign: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "img" and (not found.get("alt", "").strip(" .") or found["alt"].endswith((".png", ".svg"))):
            self.wordless.append(found.get("src", ""))
        if tag in ("img", "script", "iframe") or (tag == "link" and found.get("rel") != "canonical"):
            source = found.get("src") or found.get("href", "")
            self.links += [source] if source and not source.startswith("data:") else []
            self.foreign += [source] if urlsplit(source).netloc else []


def pages(folder: Path) -> dict[Path, Page]:
    """Return all pages of a site but its live ones, which stand alone, and the theme's own."""
    paths = (one for one in folder.rglob("*.html") if not {"_static", "pages"} & set(one.relative_to(folder).parts))
    return {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in paths}


def broken(found: dict[Path, Page]) -> list[str]:
    """Return links inside the site that lead nowhere."""
    missing = []
    for path, page in found.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            at = unquote(parts.fragment)
            if not there.exists() or (at and there in found and at not in found[there].anchors):
                missing.append(f"{path.name}: {link}")
    return missing


def described(folder: Path) -> set[str]:
    """Return the names that a site has a place for, by its own inventory."""
    body = (folder / "objects.inv").read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(body).decode().splitlines() if " py:" in line}


def missing_names(folder: Path) -> list[str]:
    """Return public names without a place; constants are listed together."""
    known, missing = described(folder), []
    words = (folder / "reference" / "result.html").read_text(encoding="utf-8")
    for room in ROOMS:
        for name in importlib.import_module(room).__all__:
            listed = room == "lam_nb.result" and name.isupper()
            shown = f">{name}<" in words if listed else f"{room}.{name}" in known
            missing += [] if shown else [f"{room}.{name}"]
    return missing


def faults(folder: Path) -> list[str]:
    """Return all that is wrong with a site, a line each."""
    found = pages(folder)
    told = [f"leads nowhere: {one}" for one in broken(found)]
    told += [f"picture without words: {path.name}: {one}" for path, page in found.items() for one in page.wordless]
    told += [f"from another host: {path.name}: {one}" for path, page in found.items() for one in page.foreign]
    return told + [f"no place for {name}" for name in missing_names(folder)]


if __name__ == "__main__":
    told = faults(Path(sys.argv[1]))
    print(*told, f"{len(told)} faults", sep="\n")
    sys.exit(bool(told))
