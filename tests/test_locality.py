"""Locality is exact or not used: the same map as the whole computation, wherever the window lies."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import networks
from lam_nb.engine.reach import known_reach
from lam_nb.engine.running import Leased
from lam_nb.networks import architectures

_Y, _X = np.meshgrid(np.arange(70), np.arange(96), indexing="ij")
IMAGE = torch.from_numpy(np.stack([0.5 + 0.4 * np.sin(0.3 * _X + k) * np.cos(0.2 * _Y * (k + 1)) for k in range(3)]))
QUIET = {"steps": 4, "progress": False}
SMALL = {
    "edsr": {"width": 8, "blocks": 2},
    "carn-m": {"width": 8, "groups": 2},
    "fsrcnn": {"width": 8, "blocks": 2},
    "pan": {"width": 8, "blocks": 2},
    "residual": {"width": 8, "blocks": 3, "widest": 2},
    "rrdbnet": {"width": 8, "growth": 4, "blocks": 1},
}


def built(name):
    torch.manual_seed(0)
    return networks.wrap(architectures.build(name, **SMALL[name]).double().eval(), check=False)


def pair(net, region, **settings):
    both = [lam.attribute(net, IMAGE, region, local=local, **QUIET, **settings) for local in (True, False)]
    assert both[1].attrs["computed_pixels"] == IMAGE.shape[-2] * IMAGE.shape[-1]
    return both


@pytest.mark.parametrize("place", [(0, 368), (37, 61), (264, 180)])
@pytest.mark.parametrize("name", SMALL)
def test_the_same_map_wherever_the_window_lies(name, place):
    local, whole = pair(built(name), lam.Region(*place, 16))
    assert local.attrs["computed_pixels"] < 0.8 * whole.attrs["computed_pixels"]
    scale = float(abs(whole.attribution).max())
    np.testing.assert_allclose(local.attribution, whole.attribution, atol=1e-6 * scale)
    np.testing.assert_allclose(local.detector, whole.detector, rtol=1e-6)
    np.testing.assert_array_equal(local.output, whole.output)


@pytest.mark.parametrize("detector", ["edges", "intensity", "gabor", lam.detectors.error(torch.rand(3, 280, 384))])
def test_every_detector(detector):
    local, whole = pair(built("edsr"), lam.Region(100, 120, 12), detector=detector)
    assert local.attrs["computed_pixels"] < whole.attrs["computed_pixels"]
    np.testing.assert_allclose(local.attribution, whole.attribution, atol=1e-6 * float(abs(whole.attribution).max()))


def test_a_detector_of_the_whole_output_is_seen():
    def brightest(region):
        return lambda output: output.amax((1, 2, 3))

    local, whole = pair(built("edsr"), lam.Region(100, 120, 12), detector=brightest)
    assert local.attrs["computed_pixels"] == whole.attrs["computed_pixels"]


@pytest.mark.parametrize("name", ["imdn-small", "residual-channel", "residual-nonlocal"])
def test_global_networks_are_never_cropped(name):
    ds = lam.attribute(networks.load(name, check=False), IMAGE, lam.Region(100, 120), **QUIET)
    assert ds.attrs["computed_pixels"] == 70 * 96


class Placed(nn.Module):
    """Local by structure, but a pixel's value depends on where it lies in the picture."""

    def forward(self, batch):
        return batch * torch.linspace(0.5, 1, batch.shape[-1], dtype=batch.dtype, device=batch.device)


def test_a_network_that_knows_where_it_is_is_not_cropped():
    ds = lam.attribute(networks.wrap(Placed(), check=False), IMAGE, lam.Region(20, 30, 8), **QUIET)
    assert ds.attrs["computed_pixels"] == 70 * 96


class Whole(nn.Module):
    """Local, but takes only what its sides allow."""

    def __init__(self, takes):
        super().__init__()
        self.takes, self.layer = takes, nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, batch):
        assert self.takes(*batch.shape[-2:])
        return nn.functional.pixel_shuffle(self.layer(batch), 2)


@pytest.mark.parametrize("takes", [lambda y, x: (y, x) == (72, 96), lambda y, x: y % 8 == x % 8 == 0])
def test_pictures_are_not_cut_into_what_a_network_does_not_take(takes):
    image = torch.nn.functional.pad(IMAGE, (0, 0, 0, 2))
    net = networks.wrap(Whole(takes), scale=2, check=False)
    local, whole = (lam.attribute(net, image, lam.Region(20, 30, 8), local=one, **QUIET) for one in (True, False))
    np.testing.assert_allclose(local.attribution, whole.attribution, atol=1e-6)
    few = {"block": 24, "fine": 1, "coarse": 1, "progress": False}
    effects = lam.causal_effect(net, image, lam.Region(20, 30, 8), reference=torch.rand(3, 144, 192), **few)
    assert np.isfinite(effects.effect.where(effects.stage != 3, 0)).all()


class Windowed(nn.Module):
    """Mixes what lies in a window of the picture, and says nothing of it."""

    def __init__(self, side):
        super().__init__()
        self.side, self.layer = side, nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, batch):
        cells = nn.functional.avg_pool2d(batch, self.side, ceil_mode=True)
        larger = nn.functional.interpolate(cells, scale_factor=self.side, mode="nearest")
        return self.layer(batch) * larger[..., : batch.shape[-2], : batch.shape[-1]]


@pytest.mark.parametrize("side", [8, 12, 16])
def test_windows_that_a_network_does_not_tell_of_are_found(side):
    net = networks.wrap(Windowed(side), scale=1, check=False)
    local, whole = (lam.attribute(net, IMAGE, lam.Region(26, 45, 8), local=one, **QUIET) for one in (True, False))
    assert local.attrs["computed_pixels"] < whole.attrs["computed_pixels"]
    np.testing.assert_allclose(local.attribution, whole.attribution, atol=1e-6)


class Viewing(nn.Module):
    """Needs its numbers to lie channel by channel."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, batch):
        seen = self.layer(batch)
        return nn.functional.pixel_shuffle(seen.view(len(seen), 12, -1).view(seen.shape), 2)


def test_networks_that_view_their_channels_run():
    net = networks.wrap(Viewing(), check=False)
    plain = networks.wrap(nn.Sequential(net.module.layer, nn.PixelShuffle(2)), check=False)
    found, expected = (lam.attribute(one, IMAGE, lam.Region(20, 30, 8), **QUIET) for one in (net, plain))
    np.testing.assert_allclose(found.attribution, expected.attribution, atol=1e-6)


@pytest.mark.parametrize("start", [(20, 30), (21, 33)])
def test_strides_keep_their_phase(start):
    module = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(3, 3, 3, padding=1), nn.Upsample(scale_factor=2))
    net = networks.wrap(module.double(), pad_to=2, check=False)
    local, whole = pair(net, lam.Region(*start, 8))
    assert local.attrs["computed_pixels"] < 1000
    np.testing.assert_allclose(local.attribution, whole.attribution, atol=1e-9)


def test_the_whole_output_along_the_path_needs_the_whole_computation():
    ds = lam.attribute(built("edsr"), IMAGE, lam.Region(100, 120), keep="all", **QUIET)
    assert ds.attrs["computed_pixels"] == 70 * 96


def test_memory_that_runs_out_halves_the_batch():
    sizes = []

    def scarce(batch):
        sizes.append(len(batch))
        if batch.requires_grad and len(batch) > 3:
            raise torch.OutOfMemoryError("too much")
        return batch * 1

    net = networks.wrap(scarce, scale=1, check=False)
    ds = lam.attribute(net, IMAGE, lam.Region(20, 30, 8), steps=10, batch=8, local=False, progress=False)
    assert ds.sizes["alpha"] == 10
    assert max(sizes[sizes.index(2, 1) :]) <= 2


def test_one_image_that_does_not_fit_is_an_error():
    def full(batch):
        if batch.requires_grad:
            raise torch.OutOfMemoryError("too much")
        return batch

    net = networks.wrap(full, scale=1, name="full", check=False)
    with pytest.raises(lam.InputError, match=r"network 'full': one image of \(70, 96\) pixels does not fit"):
        lam.attribute(net, IMAGE, lam.Region(20, 30, 8), local=False, **QUIET)


@pytest.mark.parametrize(("name", "most"), [("fsrcnn", 4), ("imdn-small", 3)])
def test_a_network_is_probed_once_and_not_for_every_picture(name, most):
    """Then it is asked for the output, at the baseline, and for a gradient; and on a part whether that is exact."""
    net, sides, seen = lam.networks.load(name), [(64, 64), (64, 64), (40, 60), (56, 48)], []
    net.module.register_forward_hook(lambda module, given, output: seen.append(given[0].shape))
    counts = []
    for rows, columns in sides:
        seen.clear()
        picture = torch.rand(3, rows, columns, generator=torch.Generator().manual_seed(0))
        lam.attribute(net, picture, (60, 60, 16), steps=1, progress=False)
        counts.append(len(seen))
    assert counts[0] > most and counts[1:] == [most] * 3


def test_what_is_unbounded_on_small_pictures_is_looked_at_again_on_larger_ones():
    made = torch.nn.Conv2d(3, 3, (1, 41), padding=(0, 20))
    run = Leased(lam.networks.wrap(made, check=False), torch.device("cpu"))
    assert known_reach(run, 32).columns is None
    assert known_reach(run, 16).limit == 32
    found = known_reach(run, 128)
    assert found.columns == (20, 20) and found.limit == 128
    assert known_reach(run, 4096) is found and known_reach(run, 16) is found
