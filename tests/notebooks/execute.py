"""Run notebooks in the environment of this Python: ``python tests/notebooks/execute.py PATH [PATH ...]``.

CI does it where only the README's first command was run: what a notebook needs, a user must have.
LAM_NB_FAST= (set, but empty) runs them in full; LAM_NB_DOCS_NOTEBOOKS names a folder that keeps them, with outputs.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

PLOTLY = "application/vnd.plotly.v1+json"
LEFT = {"lam_playground": {"comparison.nc", "comparison.pdf", "map.html"}}  # what it offers to download


def execute(path, folder):
    """Run a notebook from top to bottom in an empty folder: it shows a view and leaves nothing that it does not say."""
    os.environ.setdefault("LAM_NB_FAST", "1")
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any(PLOTLY in output.get("data", {}) for output in shown), f"{path} shows no view"
    left = {one.name for one in Path(folder).iterdir()}
    assert left == LEFT.get(Path(path).stem, set()), f"{path} leaves {left}"
    if kept := os.environ.get("LAM_NB_DOCS_NOTEBOOKS"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, Path(kept, Path(path).name))


if __name__ == "__main__":
    for given in sys.argv[1:]:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as empty:
            execute(given, empty)
        print(f"{given}: {time.perf_counter() - start:.0f} s", flush=True)
