"""Fixtures: toy networks with known answers, non-square pictures, the folder shared/."""

import os
import pathlib

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb._moved import variable

torch.set_num_threads(1)
SHARED = pathlib.Path(variable("LAM_NB_SHARED") or pathlib.Path(__file__).parents[2] / "shared")


# With pytest -n: tests that share what is costly to make, or kill processes, run one after the other.
TOGETHER = ("tests/browser/", "tests/notebooks/test_exercises.py", "tests/test_sweep.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Not xdist's own groups: with pytest 9.2, xdist 3.8 passes over its marks without a word."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)

    return Together(config, log)


def pytest_collection_modifyitems(items):
    """Without shared/ its tests are skipped on a user's machine and fail in CI, unless CI says that it has none."""
    missing = not SHARED.is_dir() and (not os.environ.get("CI") or variable("LAM_NB_NO_SHARED"))
    for item in items:
        if missing and item.get_closest_marker("shared"):
            item.add_marker(pytest.mark.skip(reason=f"needs {SHARED}"))


@pytest.fixture(scope="session")
def shared():
    """The folder of published weights and reference results."""
    assert SHARED.is_dir(), f"{SHARED} is missing"
    return SHARED


@pytest.fixture
def image():
    """A smooth, coloured, non-square picture, 3 × 20 × 26."""
    return picture(20, 26)


def picture(rows, columns):
    channel, y, x = np.meshgrid(np.arange(3), np.arange(rows), np.arange(columns), indexing="ij")
    wave = 0.5 + 0.3 * np.sin(0.7 * x + channel) * np.cos(0.4 * y) + 0.2 * ((x + y) % 5 == 0)
    return torch.from_numpy(wave.clip(0, 1).astype(np.float32))


@pytest.fixture
def linear_network():
    """Two linear convolutions and a pixel shuffle ×2: 5 × 5 input pixels count."""
    return _network(None)


@pytest.fixture
def relu_network():
    """The same with ReLUs between."""
    return _network(nn.ReLU())


def _network(activation):
    torch.manual_seed(7)
    layers = [nn.Conv2d(3, 8, 3, padding=1), activation, nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2)]
    return lam.networks.wrap(nn.Sequential(*(layer for layer in layers if layer)), scale=2, name="toy", check=False)
