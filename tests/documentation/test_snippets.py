"""Python on pages runs from top to bottom, in a folder that holds a few files of the reader's."""

import pathlib
import re
import warnings

import matplotlib
import pytest

import lam_nb as lam
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
    import torch

    torch.save(architectures.build("fsrcnn", width=8, inner=4, blocks=1, scale=4).state_dict(), "mine.pth")
    return tmp_path


@pytest.mark.parametrize("page", [one for one in PAGES if blocks(one)], ids=lambda one: one.stem)
def test_python_on_a_page_runs(page, folder):
    names = {"__name__": "__page__"}
    for code in blocks(page):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", (lam.NotConverged, lam.ImplausibleNetwork))
            exec(compile(code, str(page), "exec"), names)


def test_pages_have_python_and_little_of_it_is_left_out():
    text = "".join(one.read_text(encoding="utf-8") for one in PAGES)
    assert len(BLOCK.findall(text)) >= 30
    assert text.count("<!-- not run: ") <= 6
