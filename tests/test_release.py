"""Releases: one version, what documents say of it, how long old names work."""

import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest
import yaml

import lam_nb
from lam_nb import _moved

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
VERSION = lam_nb.__version__


def source_files():
    for folder in ("lam_nb", "widgets", ".ci", ".github"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".js", ".toml", ".yml"})
    yield from (ROOT / name for name in ("pyproject.toml", "environment.yml"))


def test_the_version_is_written_in_one_place():
    spelled = [path.relative_to(ROOT).as_posix() for path in source_files() if f'"{VERSION}"' in path.read_text()]
    assert spelled == ["lam_nb/version.py"]
    assert PROJECT["project"]["dynamic"] == ["version"] and "version" not in PROJECT["project"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "lam_nb/version.py"


def test_documents_tell_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    heads = re.findall(r"^## \[(.+?)\](?: - (.+))?$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert heads[0] == ("Unreleased", "")
    assert heads[1] == (VERSION, str(citation["date-released"])) and citation["version"] == VERSION


def test_old_names_work_for_one_minor_release():
    """What warns in this minor release is gone in the next."""
    major, minor, _ = map(int, VERSION.split("."))
    assert _moved.ENDS == f"{major}.{minor + 1}"


DAY = "1793000000"
"""A SOURCE_DATE_EPOCH: seconds, of the commit in a release."""
WHEEL, SOURCES = f"lam_nb-{VERSION}-py3-none-any.whl", f"lam_nb-{VERSION}.tar.gz"


def built(tree, out):
    """Build both distributions of a tree, as ``python -m build`` does; the sources first."""
    code = "import sys; from hatchling import build; build.build_sdist(sys.argv[1]); build.build_wheel(sys.argv[1])"
    command, told = [sys.executable, "-c", code, str(out)], os.environ | {"SOURCE_DATE_EPOCH": DAY}
    subprocess.run(command, cwd=tree, env=told, check=True, capture_output=True)
    assert sorted(path.name for path in out.iterdir()) == [WHEEL, SOURCES]
    return out


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    pytest.importorskip("hatchling", reason="builds need hatchling")
    return built(ROOT, tmp_path_factory.mktemp("first"))


def test_sources_make_the_same_bytes_again(distributions, tmp_path):
    """From other files, in another folder, of another day: the sources, and the wheel that they make."""
    with tarfile.open(distributions / SOURCES) as packed:
        packed.extractall(tmp_path, filter="data")
    tree = tmp_path / SOURCES.removesuffix(".tar.gz")
    for path in tree.rglob("*"):
        os.utime(path, (1, 1))
    (tmp_path / "second").mkdir()
    again = built(tree, tmp_path / "second")
    for name in (WHEEL, SOURCES):
        assert (again / name).read_bytes() == (distributions / name).read_bytes(), name


def test_the_wheel_is_small_and_has_what_it_needs(distributions):
    assert (distributions / WHEEL).stat().st_size <= 10e6
    with zipfile.ZipFile(distributions / WHEEL) as packed:
        names = set(packed.namelist())
    wanted = ["lam_nb/data/weights/rfdn.safetensors", "lam_nb/data/images/facade.png", "lam_nb/py.typed"]
    wanted += ["lam_widgets/scrubber.js", f"lam_nb-{VERSION}.dist-info/licenses/LICENSE"]
    wanted += [f"lam_nb-{VERSION}.data/data/share/lam-nb/notebooks/1-first-map.ipynb"]
    assert set(wanted) <= names
    assert not {name for name in names if name.startswith("tests/") or name.endswith(".pyc")}


def test_the_sources_are_what_git_knows(distributions):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split("\n")
    if not any(listed):
        pytest.skip("needs a clone")
    with tarfile.open(distributions / SOURCES) as packed:
        names = {member.name.partition("/")[2] for member in packed.getmembers()}
    assert {name for name in listed if name and (ROOT / name).exists()} <= names


def test_all_is_every_extra():
    extras = PROJECT["project"]["optional-dependencies"]
    (every,) = extras["all"]
    assert sorted(re.fullmatch(r"lam-nb\[(.+)\]", every)[1].split(",")) == sorted(extras.keys() - {"all"})
