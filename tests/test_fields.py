"""Receptive fields: exact for layers with a known one, never smaller than what gradients reach, global when global."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import InputError, networks
from lam_nb.engine import reach
from lam_nb.engine.running import BACKENDS, Leased
from lam_nb.networks import architectures

MEASURED = {
    "carn": 43,
    "carn-m": 43,
    "ddbpn": 43,
    "dncnn": 41,
    "edsr": 73,
    "fsrcnn": 15,
    "msrn": 73,
    "pan": 73,
    "srcnn": 9,
    "srresnet": 71,
}
"""Width in input pixels.

Papers count more: FSRCNN 17, CARN 45, EDSR 75, RRDBNet 703, because they count a convolution at twice or four times the
input's size like one at its size. For MSRN, published code sees 73 and the paper's table says 107.
"""


def wrapped(module, **settings):
    return networks.wrap(module, check=False, **settings)


def conv(kernel, **options):
    padding = tuple(options.get("dilation", 1) * (side // 2) for side in kernel)
    return nn.Conv2d(3, 3, kernel, padding=padding, **options)


def field_of(network, **settings):
    return reach.reach(Leased(network, torch.device("cpu")), **settings)


@pytest.mark.parametrize(
    ("module", "size"),
    [
        (conv((1, 1)), (1, 1)),
        (conv((3, 7)), (3, 7)),
        (conv((3, 3), dilation=4), (9, 9)),
        (nn.Sequential(conv((3, 3)), nn.ReLU(), conv((5, 5))), (7, 7)),
        (nn.Sequential(conv((3, 3)), nn.MaxPool2d(3, 1, 1), nn.Sigmoid()), (5, 5)),
        (nn.Upsample(scale_factor=2, mode="nearest"), (1, 1)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (3, 3)),
        (nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2)), (3, 3)),
    ],
)
def test_known_fields(module, size):
    assert field_of(wrapped(module, pad_to=2)).size == size


def test_a_shift_is_seen_on_its_side():
    found = field_of(wrapped(lambda batch: batch.roll((2, -3), (2, 3))))
    assert (found.rows, found.columns) == ((2, 0), (0, 3))


def test_zero_weights_and_dead_units_do_not_hide_the_field():
    module = nn.Sequential(conv((3, 3)), nn.ReLU(), conv((3, 3)))
    for parameter in module.parameters():
        nn.init.constant_(parameter, -1)
    nn.init.zeros_(module[2].weight)
    assert field_of(wrapped(module)).size == (5, 5)


@pytest.mark.parametrize("name", MEASURED)
def test_published_architectures(name):
    assert field_of(wrapped(architectures.build(name))).size == (MEASURED[name],) * 2


@pytest.mark.parametrize("name", networks.shipped())
def test_cards_of_shipped_networks_state_their_field(name):
    found = field_of(networks.load(name, check=False))
    height, width = found.size
    expected = f"{height} × {width} input pixels" if height else "the whole image"
    expected = expected if found.exact else f"at least {expected}"
    assert networks.card(name)["receptive_field"].startswith(expected)


@pytest.mark.parametrize("name", ["imdn", "rcan"])
def test_pooled_architectures_are_global(name):
    options = {"rcan": {"width": 8, "groups": 1, "blocks": 1}}.get(name, {"width": 16, "blocks": 1})
    assert field_of(wrapped(architectures.build(name, **options))).is_global


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_block_of_rrdbnet_adds_thirty_pixels(blocks):
    """23 blocks would see 699: with 9 pixels of the other layers, of which the paper counts 13."""
    module = architectures.build("rrdbnet", width=8, growth=4, blocks=blocks)
    assert field_of(wrapped(module)).size[1] == 9 + 30 * blocks


@pytest.mark.parametrize("name", ["edsr", "msrn", "carn", "residual"])
def test_gradients_reach_the_field_and_nothing_beyond(name):
    """The same field by gradients: positive weights, so that no ReLU closes and nothing cancels."""
    small = {"edsr": {"blocks": 3}, "msrn": {"blocks": 2}, "residual": {"widest": 4}, "carn": {}}[name]
    module = architectures.build(name, **small).double()
    for key, parameter in module.named_parameters():
        if "shift" not in key and "mean" not in key:
            nn.init.constant_(parameter, 1 / parameter[0].numel() if parameter.dim() > 1 else 0.01)
    found = field_of(wrapped(module))
    side = max(found.size) + 8
    image = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    cell = 4 * (side // 2)
    module(image)[..., cell : cell + 4, cell : cell + 4].sum().backward()
    touched = image.grad.abs().sum((0, 1)).nonzero()
    assert tuple((touched.amax(0) - touched.amin(0) + 1).tolist()) == found.size


def test_a_short_limit_says_unbounded():
    found = field_of(wrapped(conv((3, 65))), limit=40)
    assert (found.size, found.limit) == ((3, None), 40)


def test_the_dataset_has_units_and_survives_a_file(tmp_path):
    field = lam.receptive_field(networks.load("residual"), side=40)
    assert field.effective_receptive_field.dims == ("y", "x")
    assert float(field.effective_receptive_field.max()) == 1
    strongest = field.influence.where(field.influence == field.influence.max(), drop=True)
    assert abs(int(strongest.y[0])) <= 1 and abs(int(strongest.x[0])) <= 1
    assert all(field[name].attrs["units"] for name in field)
    assert float(field.field_height) == 39
    outside = abs(field.y) > 19
    assert float(field.influence.where(outside).max()) == 0  # a receptive field means exact zeros
    field.to_netcdf(tmp_path / "field.nc")


def test_the_effective_field_of_a_convolution_is_its_positive_kernel():
    module = conv((3, 5), bias=False)
    net = wrapped(module)
    field = lam.receptive_field(net, [torch.rand(3, 9, 11)] * 2)
    kernel = module.weight.detach().sum(0).clamp(min=0).sum(0) * 2
    np.testing.assert_allclose(field.influence.sel(y=slice(-1, 1), x=slice(-2, 2)), kernel, rtol=1e-6)


def test_bad_input():
    net = wrapped(nn.Identity())
    with pytest.raises(InputError, match="all of one size"):
        lam.receptive_field(net, [torch.rand(3, 9, 11), torch.rand(3, 9, 12)])
    with pytest.raises(InputError, match="limit: got 0"):
        lam.receptive_field(net, limit=0)


def test_the_view_outlines_what_can_be_seen():
    plain, wide = (lam.receptive_field(networks.load(n), side=48) for n in ("residual", "imdn-small"))
    figure = lam.views.receptive_field(plain)
    assert "can see 39 × 39 input px" in figure.layout.title.text
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (-19.5, 19.5)
    assert not lam.views.receptive_field(wide).layout.shapes
    assert "whole image" in lam.views.receptive_field(wide).layout.title.text


def test_exact_convolutions_and_true_float32_go_together():
    """On CUDA one is entered within the other, at the first map of every network."""
    before = torch.backends.cudnn.enabled, torch.backends.cudnn.conv.fp32_precision
    with BACKENDS.exact(), BACKENDS.usual(torch.device("cuda")):
        assert not torch.backends.cudnn.enabled and torch.backends.cudnn.conv.fp32_precision == "ieee"
    assert before == (torch.backends.cudnn.enabled, torch.backends.cudnn.conv.fp32_precision)


class Pooled(nn.Module):
    """The mean of cells beside the picture itself; every pixel of a cell sees the whole cell."""

    def __init__(self, side):
        super().__init__()
        self.side = side

    def forward(self, batch):
        cells = nn.functional.avg_pool2d(batch, self.side, ceil_mode=True)
        larger = nn.functional.interpolate(cells, scale_factor=self.side, mode="nearest")
        return batch + larger[..., : batch.shape[-2], : batch.shape[-1]]


class Windows(nn.Module):
    """The mean of windows, then of windows shifted by half of one, as attention in shifted windows looks."""

    def __init__(self, side, shift):
        super().__init__()
        self.cells, self.shift = Pooled(side), shift

    def forward(self, batch):
        seen, turned = self.cells(batch), (self.shift, self.shift)
        rows, columns = (side + self.shift for side in seen.shape[-2:])
        larger = nn.functional.pad(seen, (*turned, *turned), mode="reflect")
        return self.cells(larger)[..., self.shift : rows, self.shift : columns]


def strided(stride):
    """Pixels between which a stride leaps are seen by nobody."""

    def call(batch):
        few = batch[..., ::stride, ::stride].repeat_interleave(stride, 2).repeat_interleave(stride, 3)
        return few[..., : batch.shape[-2], : batch.shape[-1]]

    return call


def resized(ratio):
    """Made smaller by a ratio that is no whole number, and as large again."""

    def call(batch):
        small = nn.functional.interpolate(batch, scale_factor=ratio, mode="bilinear", align_corners=False)
        return nn.functional.interpolate(small, size=batch.shape[-2:], mode="bilinear", align_corners=False)

    return call


class Funnel(nn.Module):
    """Halves its picture so many times, looks around, and doubles it again."""

    def __init__(self, times):
        super().__init__()
        self.times, self.look = times, conv((3, 3))

    def forward(self, batch):
        small = batch
        for _ in range(self.times):
            small = nn.functional.max_pool2d(small, 2)
        return nn.functional.interpolate(self.look(small), size=batch.shape[-2:], mode="nearest")


@pytest.mark.parametrize("side", [2, 7, 16, 32])
def test_cells_of_every_size_are_seen(side):
    found = lam.receptive_field(wrapped(Pooled(side), scale=1), side=64)
    sides = [float(found[name]) for name in ("above", "below", "left", "right")]
    assert sides == [side - 1] * 4 and bool(found.field_exact)


PERIODIC = {
    "cells 12": (Pooled(12), 1, 12),
    "cells 16": (Pooled(16), 1, 16),
    "cells 24": (Pooled(24), 1, 24),
    "cells 64": (Pooled(64), 1, 64),
    "windows 12": (Windows(12, 6), 12, 12),
    "windows 16": (Windows(16, 8), 16, 16),
    "windows 24": (Windows(24, 12), 24, 24),
    "windows 32": (Windows(32, 16), 32, 32),
    "stride 12": (strided(12), 12, 12),
    "stride 64": (strided(64), 64, 64),
    "three quarters": (resized(0.75), 4, 4),
    "seven twelfths": (resized(7 / 12), 12, 12),
    "funnel 16": (Funnel(4), 16, 16),
    "funnel 32": (Funnel(5), 32, 32),
}


def brute_force(network, period, length):
    """Mark every column of two periods, and look which outputs know of it."""
    sides = []
    for mark in range(length // 2 - period, length // 2 + period):
        strip = torch.full((1, 3, 64, length), 0.5)
        strip[..., mark] = torch.nan
        lines = network(strip)[0, 0].isnan().any(0).nonzero().flatten()
        assert not len(lines) or (lines[0] > 0 and lines[-1] < length - 1)
        sides += [(int(lines[-1]) - mark, mark - int(lines[0]))] if len(lines) else []
    return tuple(max(0, *one) for one in zip(*sides, strict=True))


@pytest.mark.parametrize("name", PERIODIC)
def test_a_field_is_what_brute_force_finds_whatever_the_period(name):
    torch.set_num_threads(1)
    module, pad_to, period = PERIODIC[name]
    network = wrapped(module, scale=1, pad_to=pad_to)
    with torch.no_grad():
        expected = brute_force(network, period, 768)
    found = field_of(network)
    assert (found.columns, found.rows) == (expected, expected)
    assert found.exact and found.period >= min(period, 8)


def test_what_swallows_nan_is_at_least_as_wide_as_its_gradient():
    """A picture that is compared and replaced where it is dark, as colour transforms do, loses the mark."""

    def call(batch):
        known = torch.where(batch > 0.1, batch, torch.full_like(batch, 0.1))
        return nn.functional.avg_pool2d(known, 5, stride=1, padding=2)

    found = lam.receptive_field(wrapped(call, scale=1), side=24)
    assert (float(found.field_height), bool(found.field_exact)) == (5, False)
    assert "at least 5 × 5" in lam.views.receptive_field(found).layout.title.text


def test_what_depends_on_the_size_of_the_picture_is_told_as_a_bound():
    """RFDN makes its picture smaller by strides and pooling, and interpolates back to whatever size it had."""
    assert not field_of(wrapped(architectures.build("rfdn", width=8, blocks=1))).exact


def test_what_swallows_nan_and_sees_everything_is_unbounded():
    def call(batch):
        known = torch.where(batch > 0.1, batch, torch.full_like(batch, 0.1))
        return known + known.mean((2, 3), keepdim=True)

    assert field_of(wrapped(call, scale=1), limit=300).is_global


def test_both_conventions_of_the_effective_field():
    net, pictures = wrapped(conv((3, 5))), [torch.rand(3, 9, 11), torch.rand(3, 9, 11)]
    log, power = (lam.receptive_field(net, pictures, display=name) for name in ("log", "power"))
    influence = log.influence / 2
    np.testing.assert_allclose(power.effective_receptive_field, (influence / influence.max()) ** 0.25, rtol=1e-9)
    np.testing.assert_array_equal(log.influence, power.influence)
    titles = [lam.views.receptive_field(one).data[0].colorbar.title.text for one in (log, power)]
    assert titles == ["log10(1 + influence) / maximum", "fourth root of the mean influence / maximum"]
    with pytest.raises(InputError, match=r"display: got 'root'.*log, power"):
        lam.receptive_field(net, display="root")
