"""Tutorials: the notebooks as pages, with their outputs where there are executed copies."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import nbformat
from docutils import nodes
from gallery import PAGES, share
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms.post_transforms import SphinxPostTransform

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parent / "notebooks"
_PLOTLY, _WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
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
    app.add_post_transform(Words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
