"""What pages are made of beside their text: notebooks, tables of results, the command line's help, links to names."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import nbformat
from docutils import nodes
from gallery import PAGES, draw, share
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

HERE = Path(__file__).parent
ROOT = HERE.parent
NOTEBOOKS = ROOT / "notebooks"
ADDRESS = "https://github.com/lam-nb/lam-nb/{kind}/main/{path}"
_LINK = re.compile(r"(\]\()([^)#\s:]+)(#[^)\s]*)?(\))")
_NAME = re.compile(r"(lam|lam_nb|lam_widgets|(?:ds|many|cem)\.lam)((?:\.[A-Za-z_]\w*)+)(\(.*\))?", re.S)
_HOMES = {"lam": "lam_nb", "ds.lam": "lam_nb.accessor.LamAccessor", "many.lam": "lam_nb.accessor.LamAccessor"}
_BADGE = re.compile(r"\[!\[([^\]]*)\]\(https://[^)]*badge[^)]*\)\]")
"""A picture of another host that is a link: the site shows its words."""
_PRIVATE = re.compile(r"lam_nb\.(engine|methods|cli|validation)\b")
_PAST = {"changelog"}
"""Pages whose names may have gone since."""
_PLOTLY, _WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
_MOVED = {"CHANGELOG.md": "changelog.md", "notebooks/README.md": "tutorials/index.md"}
"""File of the repository -> page of the site that shows it."""
_NOTE = """:::{note}
This page shows the notebook as it is kept, without outputs; `lam-nb lab` copies all of them to a folder and opens them.
:::"""


def notebooks() -> list[Path]:
    """Return the notebooks to read, in the order of their numbers."""
    return sorted(NOTEBOOKS.glob("*.ipynb"), key=lambda one: int(re.match(r"\d*", one.name)[0] or 99))


def copy_notebooks(app: Sphinx, config: Config) -> None:
    """Put notebooks beside the pages: executed, where a folder of such is named."""
    executed = Path(os.environ.get("LAM_NB_DOCS_NOTEBOOKS") or "nowhere")
    for path in notebooks():
        run = executed / path.name
        found = nbformat.read(run if run.exists() else path, 4)
        if not run.exists():
            found.cells.insert(1, nbformat.v4.new_markdown_cell(_NOTE))
        _still(found, path.stem)
        found.nbformat_minor = 5
        _, found = nbformat.validator.normalize(found)
        text, there = nbformat.writes(found), HERE / "tutorials" / path.name
        if not there.exists() or there.read_text(encoding="utf-8") != text:
            there.write_text(text, encoding="utf-8")


def _still(notebook: nbformat.NotebookNode, name: str) -> None:
    """Leave of outputs what shows without a kernel and without another host's scripts; pictures lead to live pages."""
    notebook.metadata.pop("widgets", None)
    for k, cell in enumerate(notebook.cells):
        for figure, picture in pairwise(cell.get("outputs", [])):
            if _PLOTLY in figure.get("data", {}) and "lam-still" in picture.get("data", {}).get("text/html", ""):
                page = _live(figure.data[_PLOTLY], f"tutorial-{name}-{k}")
                picture.data["text/html"] = (
                    f'<a class="live" href="../gallery/pages/{page}">{picture.data["text/html"]}</a>'
                )
        if "outputs" in cell:
            cell.outputs = [one for one in cell.outputs if _shows(one.get("data", {}))]


def _live(figure: dict[str, object], name: str) -> str:
    """Write a figure of a notebook as a page; return its name."""
    from lam_nb.views import View

    PAGES.mkdir(parents=True, exist_ok=True)
    page = View(figure).to_html(PAGES / f"{name}.html", title=name)
    share(page)
    return page.name


def _shows(data: dict[str, str]) -> bool:
    """Take what is live out of an output; say whether it is more than a name now."""
    live = [data.pop(kind) for kind in (_PLOTLY, _WIDGET) if kind in data]
    return not live or data.keys() != {"text/plain"}


def inserted(app: Sphinx, page: str, source: list[str]) -> None:
    """Put what is made at build time in place of ``<!-- made: NAME -->``; lead links to where the site has them."""
    text = re.sub(r"<!-- made: (\w+) -->", lambda found: _MADE[found[1]](), source[0])
    text = _BADGE.sub(r"[\1]", text)
    if not page.startswith("reference/generated"):
        folder = NOTEBOOKS if (NOTEBOOKS / Path(page).with_suffix(".ipynb").name).exists() else (HERE / page).parent
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
    if there.parent == NOTEBOOKS and there.suffix == ".ipynb":
        return f"/tutorials/{there.name}"
    if there.is_relative_to(HERE) or there.suffix in (".png", ".svg"):
        return target if folder != NOTEBOOKS else os.path.relpath(there, HERE / "tutorials")
    return ADDRESS.format(kind="tree" if there.is_dir() else "blob", path=path)


def tables() -> str:
    """Return a section for each table that a verb fills: its variables, dimensions, units and meaning."""
    import lam_nb
    from lam_nb.result import Table

    found: dict[str, Table] = {}
    for room in ("methods", "studies", "statistics", "networks.training"):
        package = importlib.import_module(f"lam_nb.{room}")
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not one.name.endswith("__main__"):
                named = vars(importlib.import_module(one.name)).values()
                found |= {table.maker: table for table in named if isinstance(table, Table)}
    assert lam_nb.__all__
    return "\n\n".join(_table(maker, table) for maker, table in sorted(found.items()))


def _table(maker: str, table: object) -> str:
    head = f"## {maker}\n\n| variable | dimensions | meaning | units |\n| --- | --- | --- | --- |\n"
    free = {name: " (optional)" if name in table.optional else "" for name in table.words}
    rows = (
        f"| `{name}`{free[name]} | {', '.join(dims) or '·'} | {told} | {units} |"
        for name, (dims, told, units) in table.words.items()
    )
    return head + "\n".join(rows)


def words() -> str:
    """Return the constants of `lam_nb.result`: how variables, dimensions and attributes are spelled."""
    from lam_nb import result

    names = [name for name in result.__all__ if name.isupper()]
    rows = (f"| `{name}` | `{getattr(result, name)!r}` |" for name in names)
    return "| name | is |\n| --- | --- |\n" + "\n".join(rows)


def commands() -> str:
    """Return the help of every command, as it prints it."""
    from lam_nb import cli

    os.environ["COLUMNS"] = "100"
    sections = []
    for name in cli._COMMANDS:
        parser = cli._parser([name])
        (group,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
        sections.append(f"## lam-nb {name}\n\n```text\n{group.choices[name].format_help()}```")
    return "\n\n".join(sections)


def cards() -> str:
    """Return a card for each notebook and the list of their pages."""
    index = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    grid = ["::::{grid} 1 1 2 2", ":gutter: 3", ""]
    for path in notebooks():
        title = re.search(r"# (.+)", nbformat.read(path, 4).cells[0].source)[1]
        row = next((line for line in index.splitlines() if f"({path.name})" in line and line.startswith("|")), "|" * 5)
        told = f"For {row.split('|')[3].strip()}." if row.strip("|") else title
        picture = NOTEBOOKS / "pictures" / f"{re.match(r'[0-9]*', path.name)[0]}.png"
        alt = re.search(r'alt="([^"]*)"', row)
        grid += [f":::{{grid-item-card}} {title}", f":link: {path.stem}", ":link-type: doc"]
        if picture.exists():
            grid += [f":img-top: ../../notebooks/pictures/{picture.name}", f":img-alt: {alt[1] if alt else title}"]
        grid += ["", told, ":::", ""]
    listed = "\n".join(path.stem for path in notebooks())
    return "\n".join([*grid, "::::", "", "```{toctree}", ":hidden:", "", listed, "```"])


def changing(app: Sphinx, env: BuildEnvironment, *found: set[str]) -> list[str]:
    """Return the pages that are read again each time: what they are made of is no text of theirs."""
    made = ["gallery/index", "tutorials/index", "reference/results", "reference/result", "reference/command-line"]
    return [page for page in env.found_docs if page in made or page.startswith("reference/generated/lam_nb.views.")]


def gallery() -> str:
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
        lines += [f".. image:: /gallery/pages/{stem}.png", f"   :alt: {short}, its first frame"]
        lines += [""]


def copied(app: Sphinx, failure: Exception | None) -> None:
    """Put the live pages into the site, as they are."""
    if failure is None and app.builder.format == "html" and PAGES.exists():
        there = Path(app.outdir) / "gallery" / "pages"
        there.mkdir(parents=True, exist_ok=True)
        for path in [*PAGES.glob("*.html"), *PAGES.glob("*.js")]:
            shutil.copy2(path, there)


_MADE: dict[str, Callable[[], str]] = {
    "tables": tables,
    "words": words,
    "commands": commands,
    "notebooks": cards,
    "gallery": gallery,
}


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


class Words(SphinxPostTransform):
    """Say in words what pictures of a notebook's outputs are: where they stand."""

    default_priority = 900

    def run(self, **settings: object) -> None:
        """Give pictures without words the heading they stand under."""
        for image in self.document.findall(nodes.image):
            if not image.get("alt"):
                section = image.parent
                while not isinstance(section, nodes.section | nodes.document):
                    section = section.parent
                title = next(section.findall(nodes.title), None)
                image["alt"] = f"what the cell shows: {title.astext() if title else self.env.docname}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Join the build."""
    app.connect("config-inited", copy_notebooks)
    app.connect("config-inited", drawn)
    app.connect("env-get-outdated", changing)
    app.connect("source-read", inserted)
    app.connect("autodoc-process-docstring", illustrated, priority=600)
    app.connect("build-finished", copied)
    app.add_transform(Names)
    app.add_post_transform(Words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
