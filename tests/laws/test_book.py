"""A causal effect map goes on with the same question only; how it is run may change."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, networks

WINDOW = Region(12, 16, 6)


def net(**settings):
    torch.manual_seed(7)
    layers = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 3, 3, padding=1))
    return networks.wrap(layers, scale=1, name="toy", check=False, **settings)


def picture(seed=0):
    return torch.rand(3, 28, 36, generator=torch.Generator().manual_seed(seed))


def patches(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (5, 8, 8, 3), np.uint8)


def asked(store=None, **change):
    given = {"network": net(), "image": picture(), "region": WINDOW, "reference": picture(1), "patches": patches()}
    given |= {"block": 4, "coarse": 2, "fine": 3, "threshold": 1e-6, "progress": False, "store": store}
    return lam.causal_effect(**given | change)


OTHERS = {
    "image": {"image": picture(2)},
    "reference": {"reference": picture(2)},
    "region": {"region": Region(12, 16, 7)},
    "patches": {"patches": patches(1)},
    "network": {"network": net(value_range=2.0)},
    "block": {"block": 5},
    "coarse": {"coarse": 1},
    "fine": {"fine": 4},
    "threshold": {"threshold": 1e-5},
    "se": {"se": 0.1},
    "seed": {"seed": 1},
    "noise": {"noise": 0.1},
    "uint8": {"uint8": True},
    "metric": {"metric": "l1"},
    "finish": {"finish": lam.images.Noise(0.1)},
    "keep": {"keep": "draws"},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "map.zarr"
    asked(path)
    return path


@pytest.mark.parametrize("name", OTHERS)
def test_each_part_of_the_question_counts_by_itself(name, store):
    with pytest.raises(InputError, match=rf"holds another map \(not the same: {name}"):
        asked(store, **OTHERS[name])


def test_how_it_is_run_may_change(store):
    found, expected = asked(store, batch=3, device="cpu", progress=lambda done, total: None), asked()
    np.testing.assert_allclose(found.effect, expected.effect, atol=1e-5)
    np.testing.assert_array_equal(found.draws, expected.draws)


def test_a_degradation_that_spreads_reaches_further_than_the_network():
    """The network looks 2 px; a blur of 3 px before it brings blocks from 2 + 9 px around."""
    plain, blurred = asked(), asked(finish=lam.images.Blur(1.0))
    reached = [(one.effect.fillna(0) != 0).values for one in (plain, blurred)]
    assert reached[1].sum() > reached[0].sum()
    assert int((plain.draws == 0).sum()) > int((blurred.draws == 0).sum()) == int(blurred.own)
    noisy = asked(finish=lam.images.Noise(0.05))  # every pixel by itself: nothing spreads
    np.testing.assert_array_equal(noisy.draws == 0, plain.draws == 0)
