"""Notebooks are tested documents: committed without outputs, they run from top to bottom."""

import importlib.util
import os
import pathlib

import nbformat
import pytest

HERE = pathlib.Path(__file__).parent
FOLDER = HERE.parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("**/*.ipynb")), ids=lambda path: path.stem)
def test_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.skipif("LAM_NB_NOTEBOOKS_RUN" in os.environ, reason=".ci/run runs them in a user's environment")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(path, tmp_path):
    spec = importlib.util.spec_from_file_location("execute", HERE / "execute.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.execute(path, tmp_path)
