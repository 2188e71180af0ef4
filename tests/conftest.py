"""Fixtures: toy networks with known answers, non-square pictures, the folder shared/."""

import os
import sys

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb._moved import variable
from tests import asset, pretended

torch.set_num_threads(1)
if pretended.AVAILABLE:
    pretended.device()  # before the first gradient: autograd counts the devices once
collect_ignore = ["fixtures"]
SHARED = asset.folder()


def pytest_addoption(parser):
    """``--hardening=long`` tries 10,000 generated calls instead of a few of each verb."""
    parser.addoption("--hardening", choices=("short", "long"), default="short", help="how many calls are generated")


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
    """Without the data their tests are skipped on a user's machine and fail in CI, unless CI says that it has none."""
    missing = not SHARED.is_dir() and (not os.environ.get("CI") or variable("LAM_NB_NO_SHARED"))
    for item in items:
        if missing and item.get_closest_marker("shared"):
            item.add_marker(pytest.mark.skip(reason=f"needs {SHARED}; {asset.HOW}"))


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


BRIGHT = 4, 22
"""The one pixel that counts in the result `bright`."""
WINDOW = lam.Region(6, 30, height=4, width=10)


@pytest.fixture
def bright():
    """A result of 20 × 30 pixels, scale 2, in which one pixel off the window is bright and counts."""
    return spot(*BRIGHT)


@pytest.fixture
def pair(bright):
    """Two networks: both use the bright pixel and its neighbours, the first another place, too."""
    near = (4, 23), (5, 22)
    first, second = spot(*BRIGHT, *near, (15, 5), (15, 6)), spot(*BRIGHT, *near)
    stack = [first.assign_attrs(network="wide"), second.assign(input=first.input).assign_attrs(network="narrow")]
    return lam.result.stacked(stack, lam.result.MODEL).assign_coords(model=["wide", "narrow"])


def spot(y, x, *others):
    """A result of three steps that gathers at a pixel, and half as much at others."""
    picture = np.zeros((3, 20, 30), np.float32)
    for place, value in {**dict.fromkeys(others, 0.5), (y, x): 1.0}.items():
        picture[:, place[0], place[1]] = value
    along = np.stack([picture] * 3)
    variables = {
        "input": ("channel", "y", "x"),
        "attribution": ("channel", "y", "x"),
        "output": ("channel", "out_y", "out_x"),
        **dict.fromkeys(("path", "gradient", "integrand"), ("alpha", "channel", "y", "x")),
    }
    values = {"input": picture, "attribution": picture, "output": picture.repeat(2, 1).repeat(2, 2)}
    total = float(picture.sum())
    scalars = {"detector_start": 0.0, "detector_end": total, "completeness_gap": 0.0, "quadrature_error": 0.01}
    attrs = {
        "network": "toy",
        "parameters": 7,
        "scale": 2,
        "path": "blur",
        "detector": "edges",
        "rule": "arc",
        "steps": 3,
    }
    return xr.Dataset(
        {name: (dims, values.get(name, along)) for name, dims in variables.items()} | scalars,
        coords={"alpha": [0.25, 0.5, 0.75], "weight": ("alpha", [1 / 3] * 3)},
        attrs=attrs | WINDOW.facts,
    ).assign(detector=("alpha", [0.2, 0.5, 0.8]), diffusion_index_error=0.002)


@pytest.fixture
def transformers(monkeypatch):
    """The real transformers, which looks for torchvision: there is none that imports beside every torch."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    return pytest.importorskip("transformers")
