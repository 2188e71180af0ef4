"""Documents: links lead somewhere, addresses come from one place, no path of a machine, notebooks end with a task."""

import json
import pathlib
import re
import subprocess
import tomllib

import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[1]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
FILES = [ROOT / name for name in TRACKED] or [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
PAGES = [path for path in FILES if path.suffix == ".md"]
NOTEBOOKS = [path for path in FILES if path.suffix == ".ipynb"]
ADDRESS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def prose(path):
    if path.suffix == ".ipynb":
        return "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
    return path.read_text()


@pytest.mark.parametrize("path", PAGES + NOTEBOOKS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = prose(path)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for target in targets:
        if not re.match(r"[a-z]+:|#", target):
            assert (path.parent / target.split("#")[0]).exists(), target
        if "github.com/lam-nb" in target or "/github/lam-nb" in target:
            assert ADDRESS.removeprefix("https://github.com/") in target
            inside = re.search(r"/blob/main/(.+)$", target)
            assert inside is None or (ROOT / inside[1]).exists(), target


@pytest.mark.parametrize("path", PAGES + NOTEBOOKS, ids=lambda path: path.name)
def test_no_path_of_a_machine(path):
    assert not re.search(r"(?<![\w.~])/(home|root|work|Users|tmp)/|[A-Z]:\\\\", path.read_text())


def test_the_index_names_every_notebook():
    index = (ROOT / "notebooks" / "README.md").read_text()
    for path in NOTEBOOKS:
        assert path.relative_to(ROOT / "notebooks").as_posix() in index
    assert len(NOTEBOOKS) >= 7


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_have_short_cells_and_end_with_something_to_try(path):
    cells = json.loads(path.read_text())["cells"]
    assert max(len(cell["source"]) for cell in cells if cell["cell_type"] == "code") <= 20
    assert "".join(cells[-1]["source"]).startswith("## Try this")
