"""Windows: what lies under them, and what a stack of several may hold."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import Region, networks


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("window", [Region(5, 9, 7), Region(8, 12, height=4, width=9), Region(0, 3, 1)])
def test_a_footprint_is_every_pixel_that_is_touched(window, scale):
    marked = np.zeros((16 * scale, 24 * scale), bool)
    marked[window.slices] = True
    touched = marked.reshape(16, scale, 24, scale).any((1, 3))
    rows, columns = window.footprint(scale)
    found = np.zeros_like(touched)
    found[rows, columns] = True
    np.testing.assert_array_equal(found, touched)


def test_rows_come_before_columns():
    rows, columns = Region(2, 30, height=4, width=9).slices
    assert (rows, columns) == (slice(2, 6), slice(30, 39))
    assert Region(2, 30, height=4, width=9).moved(3, -10) == Region(5, 20, height=4, width=9)


def nets():
    torch.manual_seed(0)
    made = []
    for width in (4, 16):
        layers = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 12, 3, padding=1), nn.PixelShuffle(2)]
        made.append(networks.wrap(nn.Sequential(*layers), scale=2, name=f"net {width}", check=False))
    return made


def test_what_belongs_to_nodes_is_kept_only_where_all_have_the_same():
    image = torch.rand(3, 20, 26, generator=torch.Generator().manual_seed(0))
    given = {"keep": ["integrand", "detector"], "progress": False}
    with_steps = lam.compare(nets(), image, (16, 20, 6), steps=4, **given)
    assert with_steps.integrand.sizes["alpha"] == 4 and with_steps.integrand.dims[0] == "model"
    settled = [lam.attribute(net, image, (16, 20, 6), tolerance=0.004, **given) for net in nets()]
    assert settled[0].sizes["alpha"] != settled[1].sizes["alpha"]
    refined = lam.compare(nets(), image, (16, 20, 6), tolerance=0.004, **given)
    assert "alpha" not in refined.dims and "integrand" not in refined
    for k, one in enumerate(settled):
        np.testing.assert_allclose(refined.attribution[k], one.attribution, atol=1e-7)
        rounds = one.sizes["refinement"]
        np.testing.assert_allclose(refined.error_history[k, :rounds], one.error_history)
        assert (refined.node_count[k, rounds:] == one.node_count[-1]).all()


def test_as_many_nodes_elsewhere_are_not_the_same_nodes():
    first, second = (
        lam.attribute(nets()[0], torch.rand(3, 20, 26), (16, 20, 6), steps=4, rule=rule, progress=False)
        for rule in ("midpoint", "gauss")
    )
    assert "alpha" not in lam.result.stacked([first, second], "model").dims
    assert lam.result.stacked([first, first], "model").sizes["alpha"] == 4
