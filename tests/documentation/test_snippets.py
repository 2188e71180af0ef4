"""Python on pages runs from top to bottom, in a folder that holds a few files of the reader's."""

import argparse
import pathlib
import re
import shlex
import warnings

import matplotlib
import pytest
import torch

import lam_nb as lam
from lam_nb import cli
from lam_nb.networks import architectures

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?^```python\n(.*?)^```$", re.M | re.S)
matplotlib.use("agg")


def blocks(page):
    """Return the pieces of Python on a page that run as they stand."""
    return [code for aside, code in BLOCK.findall(page.read_text(encoding="utf-8")) if not aside]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a reader may be: a photograph, a folder of two, a checkpoint."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("bricks", "cat"):
        lam.images.to_pillow(lam.images.sample(name)[:, :96, :128]).save(f"photos/{name}.png")
    lam.images.to_pillow(lam.images.sample("facade")).save("photo.png")
    torch.save(architectures.build("fsrcnn", width=8, inner=4, blocks=1, scale=4).state_dict(), "mine.pth")
    return tmp_path


@pytest.mark.parametrize("page", [one for one in PAGES if blocks(one)], ids=lambda one: one.stem)
def test_python_on_a_page_runs(page, folder):
    names = {"__name__": "__page__"}
    for code in blocks(page):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", (lam.NotConverged, lam.ImplausibleNetwork))
            exec(compile(code, str(page), "exec"), names)


SHELL = [
    line
    for page in [*PAGES, ROOT / "README.zh-CN.md"]
    for block in re.findall(r"^```bash\n(.*?)^```$|`(lam-nb [^`]+)`", page.read_text(encoding="utf-8"), re.M | re.S)
    for line in "".join(block).replace("\\\n", " ").splitlines()
    if line.startswith("lam-nb ") and "…" not in line
]


@pytest.mark.parametrize("line", sorted(set(SHELL)))
def test_a_command_on_a_page_is_understood(line):
    words = shlex.split(line, comments=True)[1:]
    if words[0] not in cli._COMMANDS:
        assert "--help" in words
        return
    parser = cli._parser(words)
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    known = commands.choices[words[0]]._option_string_actions
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known.keys()  # in full
    parser.parse_args(words)


def test_pages_have_python_and_little_of_it_is_left_out():
    text = "".join(one.read_text(encoding="utf-8") for one in PAGES)
    assert len(BLOCK.findall(text)) >= 30
    assert text.count("<!-- not run: ") <= 6
