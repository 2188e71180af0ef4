"""Narrowing: what a convolution does not compute is what the window does not need, whatever the network does."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import lam_nb as lam
from lam_nb import networks
from lam_nb.engine import locality, narrowing
from lam_nb.engine.recomputing import recomputed
from lam_nb.engine.running import Leased, outputs
from lam_nb.engine.sampling import value_and_gradient
from lam_nb.networks import architectures
from tests import test_locality

SIDES = 44, 60
CPU = torch.device("cpu")
WINDOWS = {"corner": (0, 0), "edge": (60, 0), "middle": (34, 52), "last": (76, 108)}
SMALL = test_locality.SMALL | {
    "carn": {"width": 8, "groups": 2},
    "srresnet": {"width": 8, "blocks": 3},
    "dncnn": {"width": 8, "blocks": 3},
}


class Odd(nn.Module):
    """A small network with something odd in its middle; enlarges twice."""

    def __init__(self, odd):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.third, self.last = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.odd = odd

    def forward(self, x):
        inner = self.third(self.odd(self.second(self.first(x))))
        return functional.pixel_shuffle(self.last(inner), 2)


class Called(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def halves(x):
    one, other = x.chunk(2, dim=1)
    return torch.cat([other * torch.sigmoid(one), one[:, 1:2], one[:, [0, 2, 3]]], dim=1)


def in_place(x):
    before = x.clone()
    functional.relu_(x)
    x += 0.5
    x *= before
    return x


def by_size(x):
    height, width = x.shape[-2:]
    ramp = torch.linspace(0, 1, x.size(3)).to(x) + torch.linspace(0, 1, x.size()[2]).to(x)[:, None]
    assert (height, width) == SIDES
    return x * ramp + x.numel() / 1e6


ODD = {
    "grouped": nn.Conv2d(8, 8, (5, 3), padding=(2, 1), groups=4),
    "apart": nn.Conv2d(8, 8, 3, padding=(2, 4), dilation=(2, 4)),
    "same": nn.Conv2d(8, 8, 3, padding="same"),
    "mirrored": nn.Conv2d(8, 8, 5, padding=2, padding_mode="reflect"),
    "without a border": nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(8, 8, 5)),
    "striding": nn.Sequential(nn.Conv2d(8, 32, 4, stride=2, padding=1), nn.PixelShuffle(2)),
    "back": nn.Sequential(nn.Conv2d(8, 8, 4, stride=2, padding=1), nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1)),
    "pooled": nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1)),
    "enlarged": Called(lambda x: functional.avg_pool2d(functional.interpolate(x, scale_factor=2), 2)),
    "normalised": nn.BatchNorm2d(8),
    "channels": Called(halves),
    "in place": Called(in_place),
    "by size": Called(by_size),
    "cut off": nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.PReLU(8), nn.Hardtanh(0, 0.1)),
    "bounded": Called(lambda x: torch.maximum(x, -x).clamp(min=0.01).sqrt()),
    "turned": Called(lambda x: x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)),
    "kept apart": Called(lambda x: torch.stack([one for one in x.unbind(1)], 1)),
    "joined in height": Called(lambda x: torch.cat([x[..., :20, :], x[..., 20:, :]], dim=2)),
    "of itself": Called(lambda x: x * torch.tanh(x).detach() + 0.1 * x.data),
}


def pair(module, scale, sides=SIDES, window=(34, 52), size=8):
    """The network on a whole picture, and narrowed to a window."""
    net = networks.wrap(module, scale=scale, check=False)
    run, given = Leased(net.eval(), CPU), torch.rand(2, 3, *sides, generator=torch.Generator().manual_seed(3))
    rows, columns = (slice(start, start + size) for start in window)
    outputs(run, given[:1])
    return run, narrowing.narrowed(run, sides, (rows, columns), worth=2.0), given, (rows, columns)


def both(run, narrow, given, kept):
    weights = torch.rand(8, 8, generator=torch.Generator().manual_seed(4))

    def seen(output):
        return (output[(..., *kept)] * weights).sum((1, 2, 3))

    return value_and_gradient(run, seen, given), value_and_gradient(narrow, seen, given)


def check(run, narrow, given, kept):
    (values, gradients, whole), (narrow_values, narrow_gradients, some) = both(run, narrow, given, kept)
    torch.testing.assert_close(some[(..., *kept)], whole[(..., *kept)], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(narrow_values, values, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(narrow_gradients, gradients, atol=1e-5 * float(gradients.abs().max()), rtol=1e-4)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", SMALL)
def test_architectures_give_the_same_gradient(name, window):
    torch.manual_seed(0)
    module = architectures.build(name, **SMALL[name])
    scale = 1 if name == "dncnn" else 4
    place = tuple(min(start * scale // 2, side * scale - 8) for start, side in zip(WINDOWS[window], SIDES, strict=True))
    run, narrow, given, kept = pair(module, scale, window=place)
    check(run, narrow, given, kept)
    assert all(need.place for need in narrow.needs)
    assert any(need.place[1:] != tuple((0, side) for side in need.place.size) for need in narrow.needs)


@pytest.mark.parametrize("window", ["corner", "middle"])
@pytest.mark.parametrize("odd", ODD)
def test_odd_layers_give_the_same_gradient_or_are_not_narrowed(odd, window):
    torch.manual_seed(0)
    run, narrow, given, kept = pair(Odd(ODD[odd]), 2, window=WINDOWS[window])
    check(run, narrow, given, kept)


@pytest.mark.filterwarnings("ignore::lam_nb.Inconsistent")  # a part of one of them is detached
@pytest.mark.parametrize("odd", ODD)
def test_maps_are_the_same_either_way(odd):
    torch.manual_seed(0)
    net = networks.wrap(Odd(ODD[odd]), scale=2, check=False)
    image = torch.rand(3, *SIDES, generator=torch.Generator().manual_seed(5))
    some, whole = (
        lam.attribute(net, image, (34, 52, 8), steps=5, local=local, progress=False) for local in (True, False)
    )
    size = float(abs(whole.attribution).max())
    np.testing.assert_allclose(some.attribution, whole.attribution, atol=1e-5 * size)


@pytest.mark.parametrize("name", ["residual-wide", "srresnet-mse", "carn-m"])
def test_shipped_networks_do_less_than_half(name, monkeypatch):
    found = []
    known = narrowing._measured
    monkeypatch.setattr(narrowing, "_measured", lambda *given: found.append(known(*given)) or found[-1])
    image = lam.images.downscale(lam.images.sample("facade"), 4)[:, :60]
    some = lam.attribute(name, image, (120, 120, 16), steps=4, progress=False)
    whole = lam.attribute(name, image, (120, 120, 16), steps=4, local=False, progress=False)
    assert [share < 0.6 for _, share in found] == [True]
    off = float(abs(some.attribution - whole.attribution).sum() / abs(whole.attribution).sum())
    assert off < 1e-5
    assert float(some.quadrature_error) == pytest.approx(float(whole.quadrature_error), rel=1e-4)


def test_what_is_needed_follows_from_kernels():
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, (5, 3), padding=(2, 1))]
    _, narrow, _, _ = pair(nn.Sequential(*layers), 1, window=(20, 30))
    first, second = (need.place for need in narrow.needs)
    assert second == narrowing.Place(SIDES, (20, 28), (30, 38))
    assert first == narrowing.Place(SIDES, (18, 30), (29, 39))


def test_deep_layers_are_reached_though_gradients_vanish():
    layers = [nn.Conv2d(3, 3, 3, padding=1, bias=False) for _ in range(20)]
    for layer in layers:
        nn.init.constant_(layer.weight, 1e-4)
    _, narrow, _, _ = pair(nn.Sequential(*layers), 1, window=(20, 26))
    assert narrow.needs[0].place.rows == (1, 44)


def test_new_weights_are_looked_at_again():
    layer = nn.Conv2d(3, 3, 5, padding=2, bias=False)
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.weight[:, :, 2, 2] = 1
    module = nn.Sequential(nn.Conv2d(3, 3, 1), layer)
    net = networks.wrap(module, check=False)
    for _ in range(2):
        run = Leased(net, CPU)
        outputs(run, torch.zeros(1, 3, *SIDES))
        assert not run.notes
        narrow = narrowing.narrowed(run, SIDES, (slice(20, 28), slice(30, 38)), worth=2.0)
        assert narrow.needs[0].place.rows == (18, 30)  # by the kernel's shape, though all but its middle is zero
        check(run, narrow, torch.rand(2, 3, *SIDES), (slice(20, 28), slice(30, 38)))
        with torch.no_grad():
            layer.weight.fill_(1)


def test_broad_networks_are_looked_at_once_for_a_size(monkeypatch):
    asked = []
    known = narrowing._measured
    monkeypatch.setattr(narrowing, "_measured", lambda *given: asked.append(given) or known(*given))
    net, image = networks.load("residual-nonlocal"), torch.rand(3, 24, 32)
    for place in (8, 40):
        lam.attribute(net, image, (place, place, 8), steps=4, progress=False)
    assert len(asked) == 1
    lam.attribute(net, torch.rand(3, 24, 30), (8, 8, 8), steps=4, progress=False)
    assert len(asked) == 2


def test_what_pieces_cannot_do_is_tried_once(monkeypatch):
    tried = []

    def failing(*given):
        tried.append(given)
        raise RuntimeError("in its own words")

    monkeypatch.setattr(narrowing, "_measured", failing)
    net, image = networks.load("residual"), torch.rand(3, 24, 32)
    found = [lam.attribute(net, image, (place, place, 8), steps=4, progress=False) for place in (8, 40)]
    assert len(tried) == 1 and all(one.attrs["computed_pixels"] > 0 for one in found)


def test_few_passes_and_bounded_memory_are_not_worth_it(monkeypatch):
    def asked(*given):
        raise AssertionError("looked at")

    monkeypatch.setattr(locality, "narrowed", asked)
    net, image = networks.load("imdn-small"), torch.rand(3, 24, 32)
    lam.attribute(net, image, (8, 8, 8), steps=3, progress=False)
    lam.attribute(net, image, (8, 8, 8), steps=5, memory="2GB", progress=False)


def test_blocks_that_are_computed_again_are_whole():
    torch.manual_seed(0)
    run, narrow, given, kept = pair(architectures.build("residual", **SMALL["residual"]), 4, window=(60, 80))
    again = recomputed(locality.Local(narrow, (slice(0, 44), slice(0, 60)), kept))
    assert again.network.network is run
    expected, _ = both(run, narrow, given, kept)
    found = value_and_gradient(again, lambda output: output.sum((1, 2, 3)), given)
    plain = value_and_gradient(run, lambda output: output[(..., *kept)].sum((1, 2, 3)), given)
    torch.testing.assert_close(found[1], plain[1])
    assert expected[0].shape == found[0].shape


def test_causal_effects_are_the_same_either_way(monkeypatch):
    torch.manual_seed(0)
    net = networks.wrap(architectures.build("residual", **SMALL["residual"]), scale=4, check=False)
    sharp = lam.images.sample("bricks")[:, :160, :192]
    asked = {"reference": sharp, "coarse": 2, "fine": 4, "seed": 0, "progress": False}
    some = lam.causal_effect(net, lam.images.downscale(sharp, 4), (60, 80, 16), **asked)
    monkeypatch.setattr(locality, "_MANY", 10**9)
    whole = lam.causal_effect(net, lam.images.downscale(sharp, 4), (60, 80, 16), **asked)
    np.testing.assert_allclose(some.effect, whole.effect, atol=1e-4)


def test_what_is_cut_off_everywhere_is_needed():
    """A picture may open what noise does not."""
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.Hardtanh(50, 60), nn.Conv2d(4, 3, 3, padding=1)]
    _, narrow, _, _ = pair(nn.Sequential(*layers), 1, window=(20, 30))
    assert narrow.needs[0].place == narrowing.Place(SIDES, (19, 29), (29, 39))


@pytest.mark.filterwarnings("ignore::lam_nb.Inconsistent")  # where it changes it jumps, and no integral sees that
@pytest.mark.parametrize("odd", ["deeper", "shallower", "turned"])
def test_what_a_network_does_may_depend_on_the_picture(odd):
    """Of pictures that it does something else with, all is computed."""
    torch.manual_seed(0)
    small, large = (nn.Conv2d(8, 8, 3, padding=1, dilation=1), nn.Conv2d(8, 8, 3, padding=3, dilation=3))
    dark = {"deeper": [small, small], "shallower": [], "turned": [large, small]}[odd]
    bright = [small, large] if odd == "turned" else [small]

    def by_brightness(x):
        for layer in bright if module.is_bright else dark:
            x = layer(x)
        return x

    module = Odd(Called(by_brightness))
    module.register_forward_pre_hook(lambda own, given: setattr(own, "is_bright", bool(given[0].mean() > 0.25)))
    net = networks.wrap(module, scale=2, check=False)
    image = torch.rand(3, *SIDES, generator=torch.Generator().manual_seed(6))
    some, whole = (
        lam.attribute(net, image, (34, 52, 8), path="black", steps=6, batch=1, local=local, progress=False)
        for local in (True, False)
    )
    np.testing.assert_allclose(some.attribution, whole.attribution, atol=1e-5 * float(abs(whole.attribution).max()))
