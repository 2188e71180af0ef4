"""Badges: every notebook opens in Colab at its own address, and installs the package there, and nowhere else."""

import pathlib
import sys
import tomllib
import types

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NUMBERED = sorted(FOLDER.glob("*.ipynb"))
ADDRESS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
ASKED = f"-q git+{ADDRESS}"


def cells(path):
    return nbformat.read(path, as_version=4).cells


@pytest.mark.parametrize("path", sorted(FOLDER.glob("**/*.ipynb")), ids=lambda path: path.stem)
def test_it_opens_in_colab_by_the_badge_below_its_title(path):
    title, empty, badge, *_ = cells(path)[0].source.splitlines()
    assert title.startswith("# ") and not empty
    place = f"{ADDRESS.removeprefix('https://github.com/')}/blob/main/{path.relative_to(ROOT).as_posix()}"
    picture = "https://colab.research.google.com/assets/colab-badge.svg"
    assert badge == f"[![Open in Colab]({picture})](https://colab.research.google.com/github/{place})"


def test_the_cell_that_installs_is_the_second_and_everywhere_the_same():
    second = {cells(path)[1].source for path in NUMBERED}
    assert len(second) == 1 and ASKED in second.pop() and len(NUMBERED) >= 10
    assert all(cells(path)[1].metadata.tags == ["remove-cell"] for path in NUMBERED)  # pages have no use for it
    assert not any(
        "pip install" in cell.source for path in NUMBERED for cell in cells(path)[2:] if cell.cell_type == "code"
    )


@pytest.mark.parametrize("in_colab, is_there, installed", [(False, True, []), (True, True, []), (True, False, [ASKED])])
def test_it_installs_in_colab_alone_and_only_what_is_missing(monkeypatch, in_colab, is_there, installed):
    ran, shown = [], []
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.register_magic_function(lambda line: ran.append(line.removeprefix("install ")), magic_name="pip")
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    if in_colab:
        colab = types.ModuleType("google.colab")
        colab.output = types.SimpleNamespace(enable_custom_widget_manager=lambda: shown.append(True))
        monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
        monkeypatch.setitem(sys.modules, "google.colab", colab)
    if not is_there:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    shell.run_cell(cells(NUMBERED[0])[1].source).raise_error()
    assert ran == installed and shown == [True] * in_colab
