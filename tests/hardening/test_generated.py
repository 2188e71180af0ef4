"""Whatever a public callable is given: a result, or one line that says what was wrong."""

import collections
import inspect
import resource
import warnings

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import lam_nb as lam
from tests.hardening import generator

LONG = 10_000
CALLABLES = generator.callables()
_COUNTS: collections.Counter[str] = collections.Counter()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return generator.Wanted(tmp_path_factory.mktemp("wanted"))


@pytest.fixture(scope="module", autouse=True)
def counts():
    """Print how many cases of each kind there were."""
    yield
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{sum(_COUNTS.values())} cases: {dict(_COUNTS)}; at most {most:.2f} GB")


def test_every_module_is_tried():
    some = {"attribute", "views.causal", "statistics.gini", "sweep", "detectors.gabor", "faithfulness.curves"}
    assert len(CALLABLES) >= 110 and some <= set(CALLABLES)


def outcome(function, arguments):
    """Return what came of a call; an escape is raised."""
    try:
        function(**arguments)
    except lam.InputError as error:
        assert str(error).strip()
        return "InputError"
    return "result"


@pytest.mark.parametrize("name", CALLABLES)
def test_it_answers_or_says_what_was_wrong(name, wanted, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = CALLABLES[name]
    usual, wrong = wanted.arguments(name, function), wanted.wrong()
    parameters = inspect.signature(function).parameters.values()
    names = [one.name for one in parameters if "VAR" not in one.kind.name and one.name != "progress"]
    if not names:
        return
    long = request.config.getoption("--hardening") == "long"
    cases = st.dictionaries(st.sampled_from(names), st.sampled_from(sorted(wrong)), min_size=1, max_size=2)

    @seed(len(name))
    @settings(
        max_examples=LONG // len(CALLABLES) if long else 4,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def tried(case):
        given_ = {**usual, **{parameter: wrong[kind] for parameter, kind in case.items()}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _COUNTS[outcome(function, given_)] += 1

    tried()
