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


FLOWS = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")}
JOBS = [(name, key, job) for name, flow in FLOWS.items() for key, job in flow["jobs"].items()]
MAY_WRITE = {
    ("release.yml", "attest"): {"id-token": "write", "attestations": "write"},
    ("release.yml", "publish"): {"id-token": "write"},
    ("release.yml", "announce"): {"contents": "write"},
}
"""Jobs that may do more than read, and what."""


def test_there_are_workflows():
    assert {"ci.yml", "release.yml"} <= FLOWS.keys()


@pytest.mark.parametrize("name", FLOWS)
def test_actions_are_pinned_to_commits_and_the_version_is_told(name):
    lines = re.findall(r"uses: (.+)$", (ROOT / ".github" / "workflows" / name).read_text(), re.M)
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_has_one_commit_everywhere():
    every = [
        line
        for name in FLOWS
        for line in re.findall(r"uses: (.+)$", (ROOT / ".github/workflows" / name).read_text(), re.M)
    ]
    assert len(set(every)) == len({line.partition("@")[0] for line in every})


@pytest.mark.parametrize(("name", "key", "job"), JOBS, ids=[f"{name}:{key}" for name, key, _ in JOBS])
def test_a_job_may_do_what_it_needs(name, key, job):
    allowed = job.get("permissions", FLOWS[name]["permissions"])
    assert allowed == MAY_WRITE.get((name, key), {"contents": "read"})
    assert job["timeout-minutes"] <= 60
    for step in job["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", ""), "what comes from outside goes through env:"


def test_nothing_is_published_that_was_not_tried():
    jobs = FLOWS["release.yml"]["jobs"]

    def before(key):
        needs = jobs[key].get("needs", [])
        needs = [needs] if isinstance(needs, str) else needs
        return {*needs, *(one for need in needs for one in before(need))}

    assert (
        before("publish") == {"build", "install", "conda", "pages", "attest"}
        and jobs["publish"]["environment"] == "release"
    )
    building = [key for key, job in jobs.items() if any("-m build" in step.get("run", "") for step in job["steps"])]
    assert building == ["build"]  # once
    assert "push" in jobs["publish"]["if"] and "tag" in jobs["publish"]["if"]


def test_a_release_is_tried_on_every_python_that_is_promised():
    matrix = FLOWS["release.yml"]["jobs"]["install"]["strategy"]["matrix"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = [one.rpartition(" ")[2] for one in project["classifiers"] if re.search(r"Python :: 3\.\d+$", one)]
    assert matrix["python"] == promised == FLOWS["ci.yml"]["jobs"]["tests"]["strategy"]["matrix"]["python"]
    assert matrix["distribution"] == ["*.whl", "*.tar.gz"]
    assert {*matrix["versions"], *(row["versions"] for row in matrix["include"])} == {"pinned", "newest", "lowest"}
    assert {one["python"] for one in matrix["include"]} == {promised[0]}


def test_what_a_release_runs_is_there():
    every = [step["run"] for job in FLOWS["release.yml"]["jobs"].values() for step in job["steps"] if "run" in step]
    scripts = re.findall(r"(?:bash|python) (\.ci/\w+(?:\.py)?)", "\n".join(every))
    assert set(scripts) == {".ci/installed", ".ci/lowest.py"}
    for name in scripts:
        assert (ROOT / name).is_file()
    named = re.findall(r"tests/(?:laws/)?test_\{(.+?)\}", (ROOT / ".ci" / "installed").read_text())
    files = [
        f"tests/{folder}test_{one}.py"
        for folder, names in zip(("laws/", ""), named, strict=True)
        for one in names.split(",")
    ]
    assert not [file for file in files if not (ROOT / file).is_file()]
