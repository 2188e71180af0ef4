"""Links: where the site has what pages refer to, by address or by name; and what is put in when it is built."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import gallery
import told
import tutorials
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

HERE = Path(__file__).parent
ROOT = HERE.parent
ADDRESS = "https://github.com/lam-nb/lam-nb/{kind}/main/{path}"
_LINK = re.compile(r"(\]\()([^)#\s:]+)(#[^)\s]*)?(\))")
_NAME = re.compile(r"(lam|lam_nb|lam_widgets|(?:ds|many)\.lam)((?:\.[A-Za-z_]\w*)+)(\(.*\))?", re.S)
_HOMES = {"lam": "lam_nb", "ds.lam": "lam_nb.accessor.LamAccessor", "many.lam": "lam_nb.accessor.LamAccessor"}
_BADGE = re.compile(r"\[!\[([^\]]*)\]\(https://[^)]*badge[^)]*\)\]")
"""A picture of another host that is a link: the site shows its words."""
_PRIVATE = re.compile(r"lam_nb\.(engine|methods|cli|validation)\b")
_PAST = {"changelog"}
"""Pages whose names may have gone since."""
_MOVED = {"CHANGELOG.md": "changelog.md", "notebooks/README.md": "tutorials/index.md"}
"""File of the repository -> page of the site that shows it."""
_MADE: dict[str, Callable[[], str]] = {
    "tables": told.tables,
    "words": told.words,
    "commands": told.commands,
    "notebooks": tutorials.cards,
    "gallery": gallery.cards,
}


def inserted(app: Sphinx, page: str, source: list[str]) -> None:
    """Put what is made at build time in place of ``<!-- made: NAME -->``; lead links to where the site has them."""
    text = re.sub(r"<!-- made: (\w+) -->", lambda found: _MADE[found[1]](), source[0])
    text = _BADGE.sub(r"[\1]", text)
    if not page.startswith("reference/generated"):
        notebook = tutorials.NOTEBOOKS / f"{Path(page).name}.ipynb"
        folder = notebook.parent if notebook.exists() else (HERE / page).parent
        text = _LINK.sub(lambda found: found[1] + _led(found[2], folder) + (found[3] or "") + found[4], text)
    source[0] = text


def _led(target: str, folder: Path) -> str:
    """Return where a link of a file in that folder leads on the site: to a page, or to the file at its address."""
    there = (folder / target).resolve()
    if target.startswith("/") or not there.exists() or not there.is_relative_to(ROOT):
        return target
    path = there.relative_to(ROOT).as_posix()
    if path in _MOVED:
        return f"/{_MOVED[path]}"
    if there.parent == tutorials.NOTEBOOKS and there.suffix == ".ipynb":
        return f"/tutorials/{there.name}"
    if there.is_relative_to(HERE) or there.suffix in (".png", ".svg"):
        return target if folder != tutorials.NOTEBOOKS else os.path.relpath(there, HERE / "tutorials")
    return ADDRESS.format(kind="tree" if there.is_dir() else "blob", path=path)


def changing(app: Sphinx, env: BuildEnvironment, *found: set[str]) -> list[str]:
    """Return the pages that are read again each time: what they are made of is no text of theirs."""
    made = ["gallery/index", "tutorials/index", "reference/results", "reference/result", "reference/command-line"]
    return [page for page in env.found_docs if page in made or page.startswith("reference/generated/lam_nb.views.")]


class Names(SphinxTransform):
    """Lead code such as ``lam.attribute(net, lr, region)`` to the page of its name; one that has none is an error."""

    default_priority = 500

    def apply(self, **settings: object) -> None:
        """Wrap literals in references."""
        if self.env.docname in _PAST:
            return
        for literal in list(self.document.findall(nodes.literal)):
            found = _NAME.fullmatch(literal.astext())
            if not found or isinstance(literal.parent, nodes.reference | nodes.title | addnodes.pending_xref):
                continue
            target = _HOMES.get(found[1], found[1]) + found[2]
            where = {"refdomain": "py", "reftype": "obj", "reftarget": target, "refwarn": True, "refexplicit": True}
            if _PRIVATE.match(target):
                continue
            link = addnodes.pending_xref("", refdoc=self.env.docname, **where)
            literal.replace_self(link)
            link.append(literal)


def setup(app: Sphinx) -> dict[str, bool]:
    """Join the build."""
    app.connect("env-get-outdated", changing)
    app.connect("source-read", inserted)
    app.add_transform(Names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
