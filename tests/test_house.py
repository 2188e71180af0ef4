"""The house: a lean import, one list of requirements, names spelled in one place."""

import ast
import importlib
import pathlib
import pkgutil
import re
import subprocess
import sys
import tomllib

import pytest
import torch
import yaml

import lam_nb
import lam_widgets
from lam_nb import _moved, result
from lam_nb.result import Table
from tests.benchmarks import house

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
    used = "[getattr(lam_nb, name) for name in lam_nb.__all__ if name != 'views']"
    code = f"import sys, lam_nb; {used}; print([name for name in {heavy} if name in sys.modules])"
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


NAMES = {value for key, value in vars(result.names).items() if key.isupper() and isinstance(value, str)}
OTHERS = {
    "attrs",
    "settings",
    "choices",
    "given",
    "facts",
    "told",
    "parts",
    "stated",
    "about",
    "decided",
    "_KNOWN",
    "other",
}
"""What else is asked by name: attributes of results, keywords of functions."""
ASKS = {"sel", "isel", "rename", "assign", "assign_coords", "expand_dims", "drop_vars", "drop_dims", "transpose", "sum"}
ASKS |= {"mean", "max", "min", "argmax", "cumsum", "differentiate", "sortby", "concat", "build"}


def _is_a_dataset(node):
    name = node.attr if isinstance(node, ast.Attribute) else node.func if isinstance(node, ast.Call) else node
    name = name.id if isinstance(name, ast.Name) else name.attr if isinstance(name, ast.Attribute) else name
    return name not in OTHERS and not str(name).isupper()


def spelled(tree):
    """Yield names of dimensions and variables that code spells: as ds["name"], .sel({"name": …}), .sel(name=…)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and _is_a_dataset(node.value):
            yield node.slice.value, node.lineno
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant):
            if isinstance(node.ops[0], ast.In | ast.NotIn) and _is_a_dataset(node.comparators[0]):
                yield node.left.value, node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKS:
            for part in node.args:
                keys = part.keys if isinstance(part, ast.Dict) else [part]
                yield from ((key.value, node.lineno) for key in keys if isinstance(key, ast.Constant))
            if node.func.attr in {"sel", "isel"}:
                yield from ((keyword.arg, node.lineno) for keyword in node.keywords)


def test_dimension_and_variable_names_are_spelled_in_names_only():
    found = {}
    for folder in ("lam_nb", "widgets/lam_widgets"):
        for path in (ROOT / folder).rglob("*.py"):
            hits = [(name, line) for name, line in spelled(ast.parse(path.read_text())) if name in NAMES]
            if hits and path.name != "names.py":
                found[str(path.relative_to(ROOT))] = hits
    assert not found


def test_the_search_for_spelled_names_sees_them():
    code = "ds['effect']; one.sel({'method': m}); 'psnr' in many; one.sel(mode=m); ds.attrs['effect']; facts['path']"
    assert sorted(name for name, _ in spelled(ast.parse(code))) == ["effect", "method", "mode", "psnr"]


def modules():
    """All modules of both packages, by name."""
    for package in (lam_nb, lam_widgets):
        yield package
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not one.name.endswith("__main__"):
                yield importlib.import_module(one.name)


def tables():
    found = {id(value): value for module in modules() for value in vars(module).values() if isinstance(value, Table)}
    return list(found.values())


PLACES = {"field_y", "field_x", "block_y", "block_x"}
"""Dimensions without labels: what lies where is told by the attributes."""


def test_every_table_has_units_and_long_names():
    assert len(tables()) >= 12
    for table in tables():
        for name, (dimensions, label, units) in table.words.items():
            assert name.removesuffix("_low").removesuffix("_high") in NAMES and label and units, (table.maker, name)
            assert len(set(dimensions)) == len(dimensions)
        missing = {one for word in table.words.values() for one in word[0]} - set(table.coordinates)
        assert missing <= {"refinement", "draw", "region", "stage", "model", "image", *PLACES}, table.maker


def test_every_variable_is_shown_or_counted():
    """Each name of a table is used by a statistic, a view or a widget: nobody computes what nobody sees."""
    readers = ("statistics", "views", "studies", "cli", "networks/training")
    folders = (*(f"lam_nb/{reader}" for reader in readers), "widgets")
    used = {
        node.id if isinstance(node, ast.Name) else node.attr
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name | ast.Attribute)
    }
    constants = {value: key for key, value in vars(result.names).items() if key.isupper() and isinstance(value, str)}
    plain = {name.removesuffix("_low").removesuffix("_high") for table in tables() for name in table.words}
    assert not {name for name in plain if constants[name] not in used}


def test_tab_offers_what_is_public_and_nothing_else():
    for module in modules():
        private = any(part.startswith("_") for part in module.__name__.split(".")) or ".engine" in module.__name__
        if hasattr(module, "__path__") and not private and "data" not in module.__name__:
            offered = {name for name in dir(module) if not name.startswith("__")}
            assert offered == set(module.__all__) | (offered & {"open"}), module.__name__
            assert all(hasattr(module, name) for name in module.__all__)


def test_modules_are_not_called_like_their_one_function():
    for path in (ROOT / "lam_nb").rglob("*.py"):
        body = ast.parse(path.read_text()).body
        names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assert [name for name in names if not name.startswith("_")] != [path.stem], path


def test_an_old_module_does_not_hide_the_verb_of_its_name():
    code = "import lam_nb as lam, lam_nb.sweep; from lam_nb.sweep import sweep; sweep is lam.sweep or lam.sweep(1, 2)"
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert "sweep() missing 1 required keyword-only argument" in run.stderr


@pytest.mark.parametrize("old", _moved.MODULES)
def test_moved_modules_are_found_and_say_where_they_went(old):
    with pytest.warns(DeprecationWarning, match=f"{old} has moved: it is {_moved.MODULES[old]} now"):
        sys.modules.pop(old, None)
        found = importlib.import_module(old)
    assert set(dir(importlib.import_module(_moved.MODULES[old]))) <= set(dir(found))


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in _moved.NAMES.items() for name in names]
)
def test_moved_names_are_found_and_say_where_they_went(module, name):
    with pytest.warns(DeprecationWarning, match=f"{module}.{name} has moved: it is {_moved.NAMES[module][name]} now"):
        assert getattr(importlib.import_module(module), name) is not None


def test_old_keywords_warn(relu_network, image):
    given = {"reference": torch.zeros(3, 40, 52), "block": 7, "fine": 2, "coarse": 1, "progress": False}
    with pytest.warns(DeprecationWarning, match=r"causal_effect\(tolerance=\) has moved: it is .*threshold="):
        cem = lam_nb.causal_effect(relu_network, image, (16, 20, 6), tolerance=0.5, **given)
    assert cem.attrs["threshold"] == 0.5


def test_python_m_knows_the_old_way_to_train():
    command = [sys.executable, "-W", "ignore", "-m", "lam_nb.networks.train", "--help"]
    assert "photographs" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_house_is_as_drawn():
    found = house.arrows()
    assert not house.circles(found)
    assert len(found) <= 19 and max(house.floors(found).values()) <= 8
    assert house.untyped() <= 80


def test_only_the_engine_and_training_differentiate():
    for path in (ROOT / "lam_nb").rglob("*.py"):
        if path.name not in {"sampling.py", "along.py", "narrowing.py", "parameters.py", "learning.py", "critic.py"}:
            assert not re.search(r"autograd|\.backward\(|func\.(jvp|vjp|grad)", path.read_text()), path


def test_what_the_first_command_installs_makes_figures_for_print(project):
    assert any(one.startswith("matplotlib") for one in project["optional-dependencies"]["lab"])
