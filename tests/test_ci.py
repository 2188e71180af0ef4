"""What guards the house: pre-commit checks what CI checks, CI can be asked for lowest versions, forges run the same."""

import importlib.util
import pathlib
import re
import tomllib

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[1]
RUN = (ROOT / ".ci" / "run").read_text()


@pytest.fixture(scope="module")
def lowest():
    spec = importlib.util.spec_from_file_location("lowest", ROOT / ".ci" / "lowest.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded.lowest


def tool(command):
    return re.match(r"ruff \w+|[\w-]+", command)[0]


def test_pre_commit_checks_what_ci_checks():
    lines = re.search(r"^checks\(\).*?\n(.*?)^}", RUN, re.S | re.M)[1].splitlines()
    checked = [tool(re.sub(r"^\s*(\w+=\S+ |git .*\| xargs -0 )?", "", line)) for line in lines]
    assert '/mypy"\n' in RUN  # apart, since it needs what is imported
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert sorted(tool(hook["entry"]) for hook in hooks) == sorted([*checked, "mypy"])
    assert len(checked) == 8


def test_lowest_versions_are_those_of_pyproject(lowest):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = dict(line.split("==") for line in lowest(project))
    extras = {name: extra for name, extra in project["optional-dependencies"].items() if name != "all"}
    wanted = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    assert found == dict(re.match(r"([\w-]+)>=([\d.]+)", requirement).groups() for requirement in wanted)


def test_a_requirement_without_a_lower_bound_is_refused(lowest):
    with pytest.raises(ValueError, match="'numpy' does not say"):
        lowest({"dependencies": ["plotly >= 5.24, < 6", "numpy"], "optional-dependencies": {}})


def test_the_forge_runs_the_same_script():
    told = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["tests"]
    assert [step["run"] for step in told["steps"] if "run" in step] == ["bash .ci/run"]
    for name in told["env"].keys() - {"PIP_EXTRA_INDEX_URL"}:
        assert name in RUN
    pythons = told["strategy"]["matrix"]["python"]
    assert f">={pythons[0]}" == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
