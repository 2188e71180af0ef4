"""Hostile checkpoints: nothing runs, nothing hangs, nothing is allocated before it fits; always one line."""

import contextlib
import pickle
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch

from lam_nb import InputError, networks
from lam_nb.networks import architectures

SMALL = {"width": 8, "blocks": 1}


@pytest.fixture(scope="module", autouse=True)
def _imported():
    """Import the second registry once before: the first import, of files that nobody has compiled, takes its time."""
    with contextlib.suppress(ImportError, RuntimeError):
        import spandrel  # noqa: F401


PATIENCE = 120
"""Seconds after which a refusal counts as none: a file must not keep a busy machine for ever."""


def refused(path, match="weights: ", **settings):
    started = time.monotonic()
    with pytest.raises(InputError, match=match) as caught:
        networks.load(path, check=False, **settings)
    assert "\n" not in str(caught.value) and time.monotonic() - started < PATIENCE


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_nothing_is_run(tmp_path):
    canary = tmp_path / "canary"
    for k, wrapped in enumerate((Runs(str(canary)), {"state_dict": Runs(str(canary))}, [Runs(str(canary))])):
        torch.save(wrapped, tmp_path / f"{k}.pth")
        refused(tmp_path / f"{k}.pth", "not safe")
        (tmp_path / f"{k}.pkl.pth").write_bytes(pickle.dumps(wrapped))
        refused(tmp_path / f"{k}.pkl.pth")
    assert not canary.exists()
    pickle.loads(pickle.dumps(Runs(str(canary)))).close()
    assert canary.exists()  # the canary sings where it is let out


def test_a_checkpoint_that_holds_itself_ends(tmp_path):
    itself = {}
    itself["state_dict"] = itself
    torch.save(itself, tmp_path / "itself.pth")
    refused(tmp_path / "itself.pth")


def state(**changes):
    return {**architectures.build("edsr", **SMALL, scale=2).state_dict(), **changes}


@pytest.mark.parametrize(
    "content",
    [
        {"model": torch.zeros(3)},
        {1: torch.zeros(3)},
        {None: torch.zeros(3)},
        {"weight": 3},
        {},
        [torch.zeros(3)],
        torch.zeros(3),
        3,
        state(**{"head.0.weight": torch.zeros(())}),
        state(**{"head.0.weight": torch.zeros(0, 3, 3, 3)}),
        state(**{"head.0.weight": torch.zeros(8)}),
        state(**{"head.0.weight": torch.zeros(8, 3, 3, 3).to_sparse()}),
        state(**{"head.0.weight": torch.zeros(8, 3, 3, 3, dtype=torch.int8)}),
        state(**{"head.0.weight": torch.zeros(8, 3, 3, 3, dtype=torch.complex64)}),
        state(**{"head.0.weight": torch.zeros(1).expand(8, 3, 3, 3)}),
        state(**{"head.0.weight": torch.zeros(8, 3, 3, 3, device="meta")}),
        state(**{"a" * 300: torch.zeros(3)}),
    ],
    ids=lambda content: str(type(content).__name__),
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_network_is_one_line(content, tmp_path):
    torch.save(content, tmp_path / "odd.pth")
    refused(tmp_path / "odd.pth")


@pytest.mark.filterwarnings("ignore")
def test_quantised_weights_are_one_line(tmp_path):
    weights = torch.quantize_per_tensor(torch.zeros(8, 3, 3, 3), 0.1, 0, torch.qint8)
    torch.save(state(**{"head.0.weight": weights}), tmp_path / "odd.pth")
    refused(tmp_path / "odd.pth", "quantised")


@pytest.mark.parametrize("name", ["edsr", "fsrcnn", "pan", "srresnet", "swinir", "rcan", "imdn"])
def test_any_shape_of_the_keys_that_tell_is_one_line(name, tmp_path):
    """The keys that tell the architecture, with shapes that no network has."""
    keys = architectures.registry._ARCHITECTURES[name].keys
    for shape in ((), (0,), (1,), (2, 2), (0, 0, 0, 0), (3, 5, 1, 7)):
        torch.save({key: torch.zeros(shape) for key in keys}, tmp_path / "odd.pth")
        refused(tmp_path / "odd.pth")


@pytest.mark.parametrize(("name", "key"), [("fsrcnn", "first_part.0.weight"), ("pan", "conv_first.weight")])
def test_shapes_that_the_file_does_not_hold_take_no_memory(name, key, tmp_path):
    """A file of a few kB that says its layers are 50,000 wide."""
    real = architectures.build(name).state_dict()
    big = {k: torch.zeros(1).expand(50_000, *v.shape[1:]) if v.ndim > 1 else v for k, v in real.items()}
    assert key in big
    torch.save(big, tmp_path / "wide.pth")
    code = (
        "import sys, resource, lam_nb as lam\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak()\n"
        "try: lam.networks.load(sys.argv[1], check=False)\n"
        "except lam.InputError: print(peak() - before)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "wide.pth")], capture_output=True, text=True, check=True, timeout=60
    )
    assert float(found.stdout) < 300e6


def test_a_compressed_archive_is_refused(tmp_path):
    torch.save(state(), tmp_path / "plain.pth")
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(tmp_path / "bomb.pth", "w", 8) as bomb:
        for one in plain.infolist():
            bomb.writestr(one.filename, plain.read(one))
        bomb.writestr("archive/data/999", bytes(50_000_000))
    assert (tmp_path / "bomb.pth").stat().st_size < 1e6
    refused(tmp_path / "bomb.pth", "compressed")


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "text"])
@pytest.mark.filterwarnings("ignore")
def test_flipped_bytes_are_one_line_or_weights(kind, tmp_path):
    rng = np.random.default_rng(len(kind))
    path = tmp_path / ("net.safetensors" if kind == "safetensors" else "net.pth")
    if kind == "safetensors":
        from safetensors.torch import save_file

        save_file(state(), path)
    elif kind == "text":
        path.write_text("no checkpoint at all, but some words\n" * 30)
    else:
        torch.save(state(), path, _use_new_zipfile_serialization=kind == "zip")
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(40):
        damaged = whole.copy()
        places = rng.integers(0, len(whole) if kind == "zip" else min(len(whole), 600), 4)
        damaged[places] = rng.integers(0, 256, 4)
        path.write_bytes(damaged[: int(rng.integers(len(whole) // 2, len(whole) + 1))].tobytes())
        try:
            networks.load(path, check=False)
        except InputError as error:
            assert "\n" not in str(error)
