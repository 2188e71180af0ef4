"""Honest silence: what looks wrong is said, what is right is not doubted."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import networks
from lam_nb.types import ImplausibleNetwork, Inconsistent, NotConverged
from tests.verbs import reaching

QUIET = {"progress": False}


class Detached(nn.Module):
    """Half of what it makes has no way back to the picture."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.blur = nn.Conv2d(3, 3, 3, padding=1), nn.AvgPool2d(5, 1, 2)

    def forward(self, batch):
        return batch + 0.5 * (batch - self.blur(batch)).detach() + 0.1 * self.conv(batch)


class Noisy(nn.Module):
    """Draws numbers whenever it is asked."""

    def __init__(self, level):
        super().__init__()
        self.level = level

    def forward(self, batch):
        return batch + self.level * torch.randn_like(batch)


class Dropping(nn.Module):
    """Drops pixels, also in evaluation mode."""

    def forward(self, batch):
        return nn.functional.dropout(batch, 0.3, training=True)


def wrapped(module, **settings):
    return networks.wrap(module, scale=1, check=False, **settings)


def test_a_detached_part_is_suspected(image):
    with pytest.warns(Inconsistent, match="detached from the gradient"):
        lam.attribute(wrapped(Detached()), image, (4, 6, 8), **QUIET)


def test_a_random_network_is_suspected(image):
    torch.manual_seed(0)
    with pytest.warns(Inconsistent, match="random"):
        lam.attribute(wrapped(Dropping()), image, (4, 6, 8), steps=64, **QUIET)


@pytest.mark.parametrize("steps", [1, 2, 3, 9, 24])
@pytest.mark.parametrize("rule", ["arc", "midpoint", "gauss", "paper", "ends"])
def test_what_is_right_is_not_doubted(steps, rule, relu_network, image):
    lam.attribute(relu_network, image, (16, 20, 6), steps=steps, rule=rule, **QUIET)


def test_flat_windows_are_not_doubted():
    picture = torch.full((3, 20, 30), 0.2)
    picture[:, 4, 22] = 1  # elsewhere the blur changes nothing but roundings
    lam.diffusion_field(reaching("narrow"), picture, size=10, stride=10, steps=3, **QUIET)


@pytest.mark.filterwarnings("ignore:.*restores a photograph")
def test_a_network_that_answers_differently_is_told_when_it_is_wrapped():
    with pytest.warns(ImplausibleNetwork, match="answers differently when it is asked twice"):
        networks.wrap(Noisy(0.005), scale=1, name="noisy", task="restoration")


def test_a_precision_that_costs_more_than_the_tolerance_warns_and_counts(image):
    net = networks.load("imdn-small", check=False)
    lr = lam.images.downscale(lam.images.sample("facade"), 4)
    full = lam.attribute(net, lr, (96, 96), **QUIET)
    with pytest.warns(NotConverged, match="precision='bfloat16' moves the map by about"):
        low = lam.attribute(net, lr, (96, 96), precision="bfloat16", **QUIET)
    off = abs(float(low.lam.diffusion_index()) - float(full.lam.diffusion_index()))
    assert off <= 3 * float(low.diffusion_index_error) and low.diffusion_index_error > full.diffusion_index_error


def test_memory_that_runs_out_on_the_cpu_halves_the_batch(relu_network, image):
    whole = lam.attribute(relu_network, image, (16, 20, 6), steps=16, batch=16, local=False, **QUIET)
    sizes = []

    def full(module, given):
        sizes.append(len(given[0]))
        if len(given[0]) > 4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    hook = relu_network.module.register_forward_pre_hook(full)
    half = lam.attribute(relu_network, image, (16, 20, 6), steps=16, batch=16, local=False, **QUIET)
    hook.remove()
    assert sizes[:4] == [1, 1, 16, 8] or max(sizes[3:]) <= 8
    assert abs(half.attribution - whole.attribution).max() < 1e-6
    hook = relu_network.module.register_forward_pre_hook(lambda *_: full(None, [torch.zeros(9)]))
    with pytest.raises((lam.InputError, RuntimeError), match="memory"):
        lam.attribute(relu_network, image, (16, 20, 6), steps=2, **QUIET)
    hook.remove()


def test_a_large_picture_where_the_small_one_belongs_is_suspected(recwarn):
    large, net = lam.images.sample("facade"), lam.networks.load("fsrcnn")
    few = {"steps": 1, "progress": False}
    with pytest.warns(lam.SuspectedTruth, match=r"did you mean images\.downscale\(picture, 4\)\?") as found:
        lam.attribute(net, large, (110, 150, 16), **few)
    assert found[0].filename == __file__
    recwarn.clear()
    lam.attribute(net, lam.images.downscale(large, 4), (110, 150, 16), **few)
    lam.attribute(net, large, (610, 150, 16), **few)  # lies in what only the output holds
    lam.attribute(net, large, (110, 150, 16), reference=torch.zeros(3, 1024, 1024), **few)
    assert not [one for one in recwarn if one.category is lam.SuspectedTruth]


class Gated(nn.Module):
    """Multiplies a gate in place: what it was is gone when its gradient asks for it."""

    def forward(self, batch):
        gate = torch.sigmoid(batch)
        gate *= batch
        return gate


def test_a_network_that_overwrites_what_its_gradient_needs_is_attributed(image):
    plain = wrapped(lambda batch: torch.sigmoid(batch) * batch)
    found, expected = (lam.attribute(one, image, (4, 6, 8), steps=2, **QUIET) for one in (wrapped(Gated()), plain))
    np.testing.assert_allclose(found.attribution, expected.attribution, atol=1e-6)
