"""The house: a lean import, one list of requirements, names spelled in one place."""

import pathlib
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

import lam_nb
from lam_nb import result

ROOT = pathlib.Path(__file__).parents[1]
CONDA_NAMES = {"torch": "pytorch"}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _bounds(requirements):
    split = (re.fullmatch(r"([A-Za-z0-9_-]+)(.*)", text) for text in requirements)
    return {CONDA_NAMES.get(found[1], found[1]): found[2] for found in split}


def test_import_is_lean():
    heavy = ["plotly", "dask", "sklearn", "skimage", "ipywidgets", "anywidget", "lam_widgets"]
    code = f"import sys, lam_nb; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_environment_is_in_step_with_pyproject(project):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert (environment["name"], environment["channels"], pip) == ("lam-nb", ["conda-forge"], {"pip": ["-e ."]})
    wanted = _bounds([*project["dependencies"], *project["optional-dependencies"]["lab"]])
    assert _bounds(conda) == {**wanted, "pip": "", "python": project["requires-python"]}


def test_constraints_pin_what_the_project_needs(project):
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert pinned["torch"] == "2.13.0"
    assert _bounds(project["dependencies"]).keys() - {"pytorch"} <= {name.lower() for name in pinned}


def test_one_version(project):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert lam_nb.__version__ == citation["version"]
    assert project["dynamic"] == ["version"] and "version" not in project


def test_dimension_and_variable_names_are_spelled_in_result_only():
    names = {value for name, value in vars(result).items() if name.isupper() and isinstance(value, str)}
    spelled = re.compile(r"""\b(?:dataset|sizes|ds|many)\[["'](""" + "|".join(names) + r""")["']\]""")
    elsewhere = [path for path in (ROOT / "lam_nb").rglob("*.py") if path.name != "result.py"]
    found = {path.name: spelled.findall(re.sub(r'""".*?"""', "", path.read_text(), flags=re.S)) for path in elsewhere}
    assert not {name: hits for name, hits in found.items() if hits}


def test_only_gradients_differentiates():
    for path in (ROOT / "lam_nb").rglob("*.py"):
        if path.name not in {"gradients.py", "train.py", "critic.py"}:
            assert not re.search(r"autograd|\.backward\(|func\.(jvp|vjp|grad)", path.read_text()), path
