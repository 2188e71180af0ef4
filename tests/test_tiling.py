"""The output of a large picture in tiles is that at once, or it is computed at once."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb.engine import tiling
from lam_nb.engine.reach import Reach
from lam_nb.engine.running import Leased, outputs


def small(monkeypatch):
    """Have tiles of 32 pixels, from 1,000 pixels on."""
    monkeypatch.setattr(tiling, "_LARGE", 1000)
    monkeypatch.setattr(tiling, "_SIDE", 32)


def given(rows=88, columns=104):
    return torch.rand(1, 3, rows, columns, generator=torch.Generator().manual_seed(0))


def counted(run):
    seen = []
    run.network.module.register_forward_hook(lambda module, taken, output: seen.append(tuple(taken[0].shape[-2:])))
    return seen


@pytest.mark.parametrize("name", ["fsrcnn", "carn-m", "residual", "srresnet-mse"])
def test_tiles_are_the_whole(name, monkeypatch):
    small(monkeypatch)
    run = Leased(lam.networks.load(name), torch.device("cpu"))
    expected, seen = outputs(run, given()), counted(run)
    found = tiling.whole_output(run, given())
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert sum(min(size) > 1 for size in seen) >= 12 and (88, 104) not in seen


def test_a_network_that_pads_gets_tiles_on_its_grid(monkeypatch):
    small(monkeypatch)
    made = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, 48, 3, padding=1), nn.PixelShuffle(4))
    run = Leased(lam.networks.wrap(made, scale=1, pad_to=4, check=False), torch.device("cpu"))
    expected, seen = outputs(run, given(90, 101)), counted(run)
    np.testing.assert_allclose(tiling.whole_output(run, given(90, 101)), expected, atol=2e-5)
    assert all(side % 4 == 0 for size in seen for side in size) and (92, 104) not in seen


@pytest.mark.parametrize("name", ["imdn-small", "residual-nonlocal"])
def test_a_network_that_looks_everywhere_is_asked_at_once(name, monkeypatch):
    small(monkeypatch)
    run = Leased(lam.networks.load(name), torch.device("cpu"))
    expected, seen = outputs(run, given(40, 48)), counted(run)
    assert torch.equal(tiling.whole_output(run, given(40, 48)), expected) and (40, 48) in seen


def test_tiles_that_disagree_are_not_taken(monkeypatch):
    """A network that is said to look less far than it does."""
    small(monkeypatch)
    monkeypatch.setattr(tiling, "_GRID", 1)  # on the coarse grid tiles happen to see enough
    torch.manual_seed(0)
    made = nn.Conv2d(3, 3, 21, padding=10)
    run = Leased(lam.networks.wrap(made, check=False), torch.device("cpu"))
    monkeypatch.setattr(tiling, "known_reach", lambda run, limit: Reach((1, 1), (1, 1), limit))
    expected, seen = outputs(run, given()), counted(run)
    assert torch.equal(tiling.whole_output(run, given()), expected) and seen[-1] == (88, 104)


def test_a_map_of_a_large_picture_is_what_it_was(monkeypatch):
    picture, window = given()[0], lam.Region(200, 150, 16)
    before = lam.attribute("carn-m", picture, window, steps=3, progress=False)
    small(monkeypatch)
    after = lam.attribute("carn-m", picture, window, steps=3, progress=False)
    np.testing.assert_allclose(after.output, before.output, atol=2e-5)
    most = float(abs(before.attribution).max())
    np.testing.assert_allclose(after.attribution, before.attribution, rtol=1e-3, atol=1e-4 * most)
