"""Whatever is given or read: a result, or one line that says what was wrong."""

import inspect
import io
import re

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

import lam_nb as lam
from lam_nb import networks
from lam_nb.cli import main
from lam_nb.images import photographs
from lam_nb.networks.training import train
from tests.hardening import generator, tally

CALLABLES = generator.callables()
LONG = {"callables": 8_000 // len(CALLABLES), "options": 30, "files": 250}
"""Cases of each: 10,000 and some."""
SHORT = {"callables": 4, "options": 2, "files": 12}


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    return generator.Wanted(tmp_path_factory.mktemp("wanted"))


@pytest.fixture(scope="module", autouse=True)
def counts(request):
    """Print what came."""
    yield
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{tally.table()}\n") if request.config.getoption("--hardening") == "long" else None


@pytest.fixture
def many(request):
    """How many cases of a kind."""
    return LONG if request.config.getoption("--hardening") == "long" else SHORT


def cases(strategy, most, number, tried):
    """Try some cases, the same at every run."""
    quiet = {"phases": [Phase.generate], "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    seed(number)(settings(max_examples=most, **quiet)(given(strategy)(tried)))()


def test_every_module_is_tried():
    some = {"attribute", "views.causal", "statistics.gini", "sweep", "detectors.gabor", "faithfulness.curves"}
    assert len(CALLABLES) >= 110 and some <= set(CALLABLES)


@pytest.mark.parametrize("name", CALLABLES)
def test_a_callable_answers_or_says_what_was_wrong(name, wanted, many, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = CALLABLES[name]
    usual, wrong = wanted.arguments(name, function), wanted.wrong()
    parameters = inspect.signature(function).parameters.values()
    names = [one.name for one in parameters if "VAR" not in one.kind.name and one.name != "progress"]
    if not names:
        return
    before = tally.contents(wanted.precious)

    def tried(case):
        arguments = {**usual, **{parameter: wrong[kind] for parameter, kind in case.items()}}
        tally.case(f"call of {name.rpartition('.')[0] or 'a verb'}", lambda: function(**arguments))

    strategy = st.dictionaries(st.sampled_from(names), st.sampled_from(sorted(wrong)), min_size=1, max_size=2)
    cases(strategy, many["callables"], len(name), tried)
    tally.lost("call", before, wanted.precious)


NUMBERS = ["nan", "inf", "-inf", "-1", "0", "1e18", "999999999999999999", "1,2,3", "1,2,3,4,5"]
NAMES = ["/dev/null", "/no/such/folder/x.nc", "~nobody/x", "é" * 300, "x.nc", "x.zarr", "x.html", "meta", "mps"]
WORDS = ["", "no such thing", "a\0b", "--", ".", *NUMBERS, *NAMES]
USUAL = {
    "attribute": {"--network": "fsrcnn", "--region": "16,20,6", "--steps": "3", "--out": "map.nc"},
    "represent": {"--network": "fsrcnn", "--blur": "2", "--components": "2", "--size": "12", "--out": "known.nc"},
    "filters": {
        "--target": "srresnet-residual-restoring",
        "--baseline": "srresnet-residual-mse",
        "--noise": "10",
        "--steps": "2",
        "--size": "8",
        "--out": "scores.nc",
    },
    "causal": {"--network": "fsrcnn", "--region": "4,8,8", "--fine": "3", "--out": "effects.nc"},
}


def options(command):
    """Options of a command, as its help tells."""
    with pytest.MonkeyPatch.context() as patch:
        said = io.StringIO()
        patch.setattr("sys.stdout", said)
        with pytest.raises(SystemExit):
            main([command, "--help"])
    return sorted(set(re.findall(r"--[a-z][a-z-]*", said.getvalue())) - {"--help"})


@pytest.mark.parametrize(("command", "option"), [(c, o) for c in USUAL for o in options(c)])
def test_the_command_line_answers_or_says_what_was_wrong(command, option, wanted, many, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    picture = {"attribute": "--image", "causal": "--truth"}.get(command, "--images")
    usual = USUAL[command] | {picture: str(photographs.folder() if picture == "--images" else wanted.picture)}
    before = tally.contents(wanted.precious)

    def tried(word):
        def call():
            words = [part for pair in (usual | {option: word}).items() for part in pair]
            try:
                code = main([command, *words])
            except SystemExit as end:  # argparse has said what is wrong
                code = end.code
            said = capsys.readouterr().err.strip()
            assert code in (0, 2) and "Traceback" not in said
            if code == 2:
                raise lam.InputError(said)

        tally.case("command line", call)

    words = st.sampled_from([*WORDS, str(wanted.precious), str(wanted.precious / "chapter.zarr")])
    cases(words, many["options"], len(option), tried)
    tally.lost("command line", before, wanted.precious)


def weights():
    return networks.load("fsrcnn").module.state_dict()


def _picture(kind):
    def written(path):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)).save(path, kind)

    return written


def _result(path):
    values = np.random.default_rng(0).random((30, 40))
    lam.save(xr.Dataset({"attribution": (("y", "x"), values)}, attrs={"network": "n"}), path)


def picture():
    return torch.rand(3, 20, 26, generator=torch.Generator().manual_seed(0))


def _sweep(path):
    lam.sweep([generator.toy()], [picture()], [(16, 20, 6)], store=path, steps=2, as_truth=False, progress=False)


def _measured(**settings):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(1))
    few = {"block": 5, "fine": 2, "coarse": 2, "progress": False}
    lam.causal_effect(generator.toy(), picture(), (16, 20, 6), reference=truth, **few, **settings)


def _effects(path):
    _measured(store=path)


def _patches(path):
    np.savez(path, np.random.default_rng(0).integers(0, 255, (6, 8, 8, 3), np.uint8))


def _patched(path):
    _measured(patches=path)


def _trained(path):
    """Go on with a training that was interrupted after two steps of three."""
    train(*_training(path), steps=2, **_TINY)


def _begun(path):
    def killed(*arguments, **settings):
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", killed)
        with pytest.raises(InterruptedError):
            _trained(path)


_TINY = {"options": {"width": 8, "blocks": 1}, "every": 1, "batch": 1, "patch": 16, "device": "cpu"}


def _training(path):
    return photographs.folder(), str(path).removesuffix(".resume")


FILES = {
    "net.safetensors.resume": (_begun, _trained),
    "map.nc": (_result, lam.open),
    "map.zarr": (_result, lam.open),
    **{f"picture.{kind.lower()}": (_picture(kind), lam.images.load) for kind in ("PNG", "JPEG", "TIFF", "WEBP", "BMP")},
    "net.safetensors": (lambda path: save_file(weights(), path), lambda path: networks.load(path, check=False)),
    "net.pth": (lambda path: torch.save(weights(), path), lambda path: networks.load(path, check=False)),
    "old.pth": (
        lambda path: torch.save(weights(), path, _use_new_zipfile_serialization=False),
        lambda path: networks.load(path, check=False),
    ),
    "sweep.zarr": (_sweep, _sweep),
    "effects.zarr": (_effects, _effects),
    "patches.npz": (_patches, _patched),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_one_line_or_what_it_holds(name, many, tmp_path):
    write, read = FILES[name]
    path = tmp_path / name
    write(path)
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    whole = {one: one.read_bytes() for one in files}
    damages = st.tuples(
        st.integers(0, len(files) - 1),
        st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
        st.floats(0.3, 1),
        st.booleans(),
    )

    def tried(damage):
        which, flips, kept, head = damage
        for one, bytes_ in whole.items():
            one.parent.mkdir(parents=True, exist_ok=True)
            one.write_bytes(bytes_)
        found = bytearray(whole[files[which]])
        for place, byte in flips:
            found[int(place * (min(len(found), 400) if head else len(found)))] = byte
        files[which].write_bytes(found[: max(1, round(kept * 1.4 * len(found)))])
        kind = name if read is write else path.suffix
        tally.case(f"damaged {kind}", lambda: read(path))

    cases(damages, many["files"], len(name), tried)
