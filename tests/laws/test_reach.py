"""Receptive fields of networks that look further to one side, and further across than down."""

import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import networks

SIDES = ("above", "below", "left", "right", "field_height", "field_width")


def field(*layers, scale=1):
    torch.manual_seed(0)
    net = networks.wrap(nn.Sequential(*layers), scale=scale, check=False)
    found = lam.receptive_field(net, side=24, limit=96)
    return found, [float(found[name]) for name in SIDES]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Conv2d(3, 3, (3, 7), padding=(1, 3))], [1, 1, 3, 3, 3, 7]),
        ([nn.Conv2d(3, 3, (7, 3), padding=(3, 1))], [3, 3, 1, 1, 7, 3]),
        ([nn.ZeroPad2d((5, 0, 2, 1)), nn.Conv2d(3, 3, (4, 6))], [2, 1, 5, 0, 4, 6]),
        ([nn.ZeroPad2d((0, 4, 0, 2)), nn.Conv2d(3, 3, (3, 5))], [0, 2, 0, 4, 3, 5]),
    ],
    ids=["3 x 7", "7 x 3", "up and left", "down and right"],
)
def test_each_side_is_measured_by_itself(layers, expected):
    found, sides = field(*layers)
    assert sides == expected
    above, below, left, right = (int(side) for side in expected[:4])
    used = found.influence.values > 0
    rows, columns = found.y.values[used.any(1)], found.x.values[used.any(0)]
    assert -above <= rows.min() and rows.max() <= below
    assert -left <= columns.min() and columns.max() <= right
    assert found.influence.dims == ("y", "x")


def test_the_outline_is_where_the_field_is():
    """Of a network that sees 2 up, 1 down, 5 left and 0 right; rows count downwards."""
    found, _ = field(nn.ZeroPad2d((5, 0, 2, 1)), nn.Conv2d(3, 3, (4, 6)))
    figure = lam.views.receptive_field(found)
    (outline,) = figure.layout.shapes
    assert (outline.y0, outline.y1, outline.x0, outline.x1) == (-2.5, 1.5, -5.5, 0.5)
    assert figure.layout.yaxis.autorange == "reversed"


def test_a_network_that_enlarges_counts_input_pixels():
    enlarge = [nn.Conv2d(3, 12, (3, 5), padding=(1, 2)), nn.PixelShuffle(2)]
    assert field(*enlarge, scale=2)[1] == [1, 1, 2, 2, 3, 5]


def test_compare_holds_the_fields_of_each():
    torch.manual_seed(0)
    wide, high = nn.Conv2d(3, 3, (3, 7), padding=(1, 3)), nn.Conv2d(3, 3, (5, 3), padding=(2, 1))
    nets = [networks.wrap(one, name=name, check=False) for name, one in (("wide", wide), ("high", high))]
    many = lam.compare(nets, torch.rand(3, 20, 26), (4, 6, 5), fields=True, steps=3, progress=False)
    assert many.field_height.values.tolist() == [3, 5] and many.field_width.values.tolist() == [7, 3]
    assert many.field_height.sel(model="wide") == 3


@pytest.mark.parametrize(
    ("detector", "kernel", "sides"),
    [("intensity", (3, 3), (4 + 2, 6 + 2)), ("intensity", (3, 7), (4 + 2, 6 + 6)), ("edges", (3, 7), (6 + 2, 8 + 6))],
)
def test_no_pixel_too_many_is_computed(detector, kernel, sides):
    """A window of 4 × 6; edges look one pixel further; then the kernel's reach on every side."""
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 3, kernel, padding=tuple(side // 2 for side in kernel))
    net, image = networks.wrap(layer, check=False), torch.rand(3, 30, 37, generator=torch.Generator().manual_seed(0))
    window = lam.Region(11, 14, height=4, width=6)
    found = lam.attribute(net, image, window, detector=detector, steps=3, progress=False)
    assert found.attrs["computed_pixels"] == sides[0] * sides[1]
    corner = lam.attribute(net, image, window.moved(-11, -14), detector="intensity", steps=3, progress=False)
    assert corner.attrs["computed_pixels"] == (4 + kernel[0] // 2) * (6 + kernel[1] // 2)
