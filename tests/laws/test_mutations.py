"""The list of mutations is in step with the package; `python -m tests.mutations` runs it."""

import pytest

from tests.mutations import ROOT, Edit, edits

EVERY = edits()
ACTIVE = [one for one in EVERY if not one.pending]


@pytest.mark.parametrize("edit", ACTIVE, ids=lambda one: one.name)
def test_every_edit_can_be_made(edit):
    assert edit.stale() == ""
    assert edit.old != edit.new and edit.why
    compile(edit.applied((ROOT / edit.file).read_text()), edit.file, "exec")
    assert edit.tests and all((ROOT / one.partition("::")[0]).is_file() for one in edit.tests)


def test_there_are_many_and_no_two_of_one_name():
    assert len(ACTIVE) >= 60
    assert len({one.name for one in EVERY}) == len(EVERY)
    assert len({(one.file, one.old, one.new) for one in EVERY}) == len(EVERY)


def test_a_stale_edit_says_so(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    given = {"name": "n", "new": "y", "why": "w", "tests": ()}
    assert Edit(file="a.py", old="x = 1", **given).stale(tmp_path) == "its old text occurs 2 times in a.py"
    assert Edit(file="a.py", old="z", **given).stale(tmp_path) == "its old text occurs 0 times in a.py"
    assert Edit(file="b.py", old="x", **given).stale(tmp_path) == "there is no b.py"
    assert Edit(file="a.py", old="1\nx", **given).stale(tmp_path) == ""
