"""Licences: of all that a user's installation brings, and of what is shipped."""

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from lam_nb import networks

REFUSED = re.compile(r"\b(A?GPL|Affero|Commons Clause|non-?commercial|proprietary)\b", re.I)
LESSER = re.compile(r"LGPL|Lesser|MPL|Mozilla", re.I)


def needed(name, extras=(), seen=None):
    """Return all distributions that one needs, itself included."""
    seen = {} if seen is None else seen
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return seen
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return seen
    seen[key] = found
    for line in found.requires or ():
        one = Requirement(line)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            needed(one.name, one.extras, seen)
    return seen


def licence(distribution):
    told = distribution.metadata
    classified = " ".join(one for one in told.get_all("Classifier") or () if one.startswith("License"))
    text = f"{told.get('License-Expression') or ''} {classified}"
    return text if text.strip() else (told.get("License") or "").splitlines()[0:1][0] if told.get("License") else ""


@pytest.fixture(scope="module")
def installed():
    return needed("lam-nb", ("lab",))


def test_nothing_that_a_user_installs_forbids_use(installed):
    assert len(installed) > 60 and {"torch", "plotly", "jupyterlab", "matplotlib"} <= installed.keys()
    refused = {name: licence(one) for name, one in installed.items() if REFUSED.search(licence(one))}
    refused = {name: text for name, text in refused.items() if not name.startswith("nvidia-")}  # torch's own, of CUDA
    assert not {name: text for name, text in refused.items() if not LESSER.search(text)}


def test_everything_states_a_licence(installed):
    silent = [name for name, one in installed.items() if not licence(one) and not (one.files and _file(one))]
    assert not silent


def _file(distribution):
    return [one for one in distribution.files if re.search(r"licen[cs]e|copying|notice", str(one), re.I)]


@pytest.mark.parametrize("name", networks.shipped())
def test_what_is_shipped_states_its_terms(name):
    card = networks.card(name)
    assert card["licence"] and card["data_terms"]
