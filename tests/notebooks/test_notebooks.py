"""Notebooks are tested documents: committed without outputs, they run from top to bottom."""

import contextlib
import importlib.util
import io
import os
import pathlib
import tempfile

import nbformat
import pytest
import torch

import lam_nb as lam
from tests import standin

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


def test_the_second_loads_a_checkpoint_through_spandrel():
    """The cell itself: a user's environment may have no spandrel, or a torchvision that does not import."""
    standin.provide()
    pytest.importorskip("spandrel")
    cells = nbformat.read(FOLDER / "2-your-own-network.ipynb", as_version=4).cells
    (source,) = [cell.source for cell in cells if cell.cell_type == "code" and "from spandrel" in cell.source]
    known = {"lam": lam, "torch": torch, "Path": pathlib.Path, "TemporaryDirectory": tempfile.TemporaryDirectory}
    with contextlib.redirect_stdout(io.StringIO()) as told:
        exec(source, known)
    assert "architecture" in told.getvalue() and "Compact" in told.getvalue() and "spandrel" in told.getvalue()
