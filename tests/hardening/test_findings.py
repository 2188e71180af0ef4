"""Every finding of the reviews has a test, and the test is there."""

import pathlib
import tomllib

import pytest

HERE = pathlib.Path(__file__).parent
FINDINGS = tomllib.loads((HERE / "findings.toml").read_text())
NAMED = sorted({test for page in FINDINGS.values() for tests in page.values() for test in tests})


@pytest.mark.parametrize("test", NAMED)
def test_the_test_of_a_finding_is_there(test):
    file, _, name = test.partition("::")
    assert f"\ndef {name}(" in (HERE.parents[1] / file).read_text()


def test_every_finding_has_one():
    assert len(FINDINGS["hardening"]) >= 20 and len(FINDINGS["truth"]) >= 12
    assert all(tests for page in FINDINGS.values() for tests in page.values())
