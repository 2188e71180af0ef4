"""The Colab notebook, installed by its own cell into an environment with Colab's oldest versions."""

import json
import pathlib
import subprocess
import sys
import sysconfig
import venv

import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "colab" / "lam_playground.ipynb"
LOWEST = {"plotly": "5.24.1", "ipywidgets": "7.7.1", "anywidget": "0.9.21", "xarray": "2025.12.0"}
KEPT = ("numpy", "pandas", "torch", "ipywidgets", "xarray", "plotly")
VERSIONS = f"import json; from importlib import metadata as m; print(json.dumps({{n: m.version(n) for n in {KEPT}}}))"
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""
EXPLORES = """
import lam_widgets
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"], steps=4, history=False)
explorer.run(wait=True)
assert explorer.state == "done", explorer.desk.message.value
for widget in explorer, explorer.picker:
    print(sorted(shell.display_formatter.format(widget)[0]))
"""


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """A virtual environment with the lowest versions; everything else is seen from the environment of the tests."""
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    place = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    (pathlib.Path(place.strip()) / "tests.pth").write_text(sysconfig.get_path("purelib"))
    wanted = [f"{name}=={version}" for name, version in LOWEST.items()]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    return folder, python


def versions(python):
    return json.loads(subprocess.check_output([python, "-c", VERSIONS], text=True))


def test_it_installs_itself_and_runs_with_the_lowest_versions(colab, monkeypatch):
    folder, python = colab
    notebook = nbformat.read(NOTEBOOK, 4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    line = next(line for line in first.source.split("\n") if line.startswith("SOURCE = "))
    first.source = first.source.replace(line, f"SOURCE = {str(ROOT)!r}")
    nbformat.write(notebook, folder / "notebook.ipynb")
    kernel = folder / "venv" / "share" / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "lowest", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "venv" / "share" / "jupyter"))
    before = versions(python)
    assert subprocess.run([python, "-c", "import lam_nb"], cwd=folder, capture_output=True).returncode  # not yet there
    call = [sys.executable, "-c", RUN, "notebook.ipynb", "out.ipynb"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-3000:]
    after = versions(python)
    assert after == before and {name: after.get(name) for name in ("ipywidgets", "plotly", "xarray")} == {
        name: LOWEST[name] for name in ("ipywidgets", "plotly", "xarray")
    }
    where = subprocess.check_output([python, "-c", "import lam_nb; print(lam_nb.__file__)"], cwd=folder, text=True)
    assert str(folder / "venv") in where
    for name in ("comparison.pdf", "map.html", "comparison.nc"):
        assert (folder / name).stat().st_size > 10_000
    shown = [output for cell in nbformat.read(folder / "out.ipynb", 4).cells for output in cell.get("outputs", [])]
    kinds = {kind for output in shown for kind in output.get("data", {})}
    assert {"application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"} <= kinds
    told = subprocess.run([python, "-W", "ignore", "-c", EXPLORES], cwd=folder, capture_output=True, text=True)
    assert not told.returncode, told.stderr[-3000:]
    each = ["application/vnd.jupyter.widget-view+json", "image/png", "text/plain"]
    assert told.stdout.splitlines() == [str(each)] * 2


def test_the_install_source_is_the_repository_of_the_project():
    import tomllib

    address = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    assert f'SOURCE = "git+{address}"' in NOTEBOOK.read_text().replace('\\"', '"')
