"""Variables of the environment: one prefix, and earlier names that still work, with a warning."""

import pathlib
import re
import subprocess

import plotly.io
import pytest

import lam_nb as lam
from lam_nb import _moved as environment
from lam_nb._moved import variable

ROOT = pathlib.Path(__file__).parents[1]
NEW, OLD = "LAM_NB_PICTURES", "LAM_PICTURES"


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in (NEW, OLD):
        monkeypatch.delenv(name, raising=False)


def test_set_empty_and_not_set(monkeypatch):
    assert variable(NEW) is None
    monkeypatch.setenv(NEW, "1")
    assert variable(NEW) == "1"
    monkeypatch.setenv(NEW, "")
    assert variable(NEW) is None


@pytest.mark.parametrize(("name", "before"), environment.VARIABLES.items())
def test_the_earlier_name_works_and_warns_of_the_new_one(name, before, monkeypatch):
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(before, "2")
    with pytest.warns(DeprecationWarning, match=f"{before} is now called {name};"):
        assert variable(name) == "2"


def test_the_new_name_wins_without_a_word_also_when_it_is_empty(monkeypatch):
    monkeypatch.setenv(OLD, "1")
    for value in ("", "2"):
        monkeypatch.setenv(NEW, value)
        assert variable(NEW) == (value or None)


def test_a_view_listens(relu_network, image, monkeypatch):
    ds = lam.attribute(relu_network, image, lam.Region(16, 20, 6), steps=3, progress=False)
    figure = lam.views.attribution(ds)
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")  # a place where plotly plays
    monkeypatch.setenv(NEW, "1")
    assert "image/png" in figure._repr_mimebundle_()
    monkeypatch.setenv(NEW, "")
    monkeypatch.setenv(OLD, "1")
    assert "image/png" not in figure._repr_mimebundle_()
    monkeypatch.delenv(NEW)
    with pytest.warns(DeprecationWarning, match=NEW):
        assert "image/png" in figure._repr_mimebundle_()


def test_every_variable_has_the_prefix():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not listed:
        pytest.skip("needs a clone")
    told = {"_moved.py", "test_environment.py", "CHANGELOG.md"}
    pages = [ROOT / name for name in listed if name.endswith((".py", ".md", ".ipynb", ".yml", ".toml", "run"))]
    for path in pages:
        if path.name not in told and path.exists():
            assert not re.findall(r"\bLAM_(?!NB_)[A-Z]+", path.read_text()), path
