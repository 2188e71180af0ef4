"""The site is built without a warning and holds what it must; its checks see what they are for."""

import doctest
import importlib
import importlib.util
import inspect
import pathlib
import re
import subprocess
import sys
import zlib

import pytest

from tests.documentation import site

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.timeout(900)
def test_the_site_is_whole(tmp_path):
    pytest.importorskip("sphinx", reason="needs the dependency group docs; CI builds the site beside the tests")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert site.faults(tmp_path) == []
    assert len(site.pages(tmp_path)) > 200


def test_faults_are_seen(tmp_path):
    (tmp_path / "b.html").write_text('<h1 id="top">b</h1>', encoding="utf-8")
    (tmp_path / "a.html").write_text(
        '<a href="b.html#top">right</a> <a href="b.html#other">wrong</a> <a href="c.html">wrong</a>'
        '<a href="#no">wrong</a>'
        '<img src="b.html" alt="words"> <img src="b.html"> <img src="b.html" alt="x/b.png"> <script src="https://example.org/x.js"></script>',
        encoding="utf-8",
    )
    found = site.pages(tmp_path)
    assert sorted(site.broken(found)) == ["a.html: #no", "a.html: b.html#other", "a.html: c.html"]
    page = found[(tmp_path / "a.html").resolve()]
    assert (page.wordless, page.foreign) == (["b.html", "b.html"], ["https://example.org/x.js"])


@pytest.mark.parametrize("room", site.ROOMS)
def test_every_public_name_stands_on_a_page_of_the_reference(room):
    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    listed = set(re.findall(r"^   ([\w.]+)$", text, re.M))
    for name in importlib.import_module(room).__all__:
        item = getattr(importlib.import_module(room), name)
        if not inspect.ismodule(item) and not (room == "lam_nb.result" and name.isupper()):
            assert name in listed, f"{room}.{name}: add it to a page in docs/reference"


@pytest.mark.parametrize("project", loaded("inventories").PROJECTS)
def test_an_inventory_can_be_read_and_has_true_addresses(project):
    inventories = loaded("inventories")
    *head, body = inventories.inventory(project).split(b"\n", 4)
    assert head[0] == b"# Sphinx inventory version 2" and head[1] == f"# Project: {project}".encode()
    lines = zlib.decompress(body).decode().splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"\S+ (py|std):\w+ 1 [\w/.%-]+#?[\w.$-]* -", line), line
    assert re.fullmatch(r"https://[\w.-]+(/[\w.-]+)*/", inventories.PROJECTS[project]["address"])


def test_formulas_are_pictures_that_can_be_read_aloud():
    pytest.importorskip("ziamath")
    pytest.importorskip("sphinx")
    drawn = loaded("formulas").drawn(r"\sqrt{a < b}", alone=False)
    assert 'aria-label="\\sqrt{a &lt; b}"' in drawn
    assert "currentColor" in drawn and "<text" not in drawn and re.search(r"vertical-align:-?[\d.]+em", drawn)


@pytest.mark.parametrize("name", ["inventories", "gallery", "formulas"])
def test_examples_of_the_build_run(name):
    if name == "formulas":
        pytest.importorskip("ziamath")
    assert doctest.testmod(loaded(name)).failed == 0
