"""Where rules put their nodes, by hand."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import networks, quadrature


def test_the_published_rule_takes_differences_backwards():
    """Gradients at the ends of steps, times what the image changed on the way there: of a network without kinks."""
    torch.manual_seed(0)
    module = nn.Conv2d(3, 3, 3, padding=1)
    net, image = networks.wrap(module, check=False), torch.rand(3, 14, 18)
    window, path = lam.Region(4, 6, 5), lam.paths.blur()(image)
    detect = lam.detectors.intensity(window)
    start = image.clone().requires_grad_()
    slope = torch.autograd.grad(detect(module(start[None])).sum(), start)[0]
    found = lam.attribute(net, image, window, detector="intensity", rule="paper", steps=4, local=False, progress=False)
    np.testing.assert_allclose(found.alpha, [0.25, 0.5, 0.75, 1])
    for k, alpha in enumerate((0.25, 0.5, 0.75, 1)):
        step = (path(alpha) - path(alpha - 0.25)) * slope
        np.testing.assert_allclose(found.integrand[k] * 0.25, step, atol=1e-6)
    np.testing.assert_allclose(found.attribution, slope * (image - path(0.0)), atol=1e-5)


@pytest.mark.parametrize("speed", [lambda a: 1 + a, lambda a: np.exp(-a), np.ones_like])
def test_nodes_of_the_default_rule_halve_equal_lengths(speed):
    fine = np.linspace(0, 1, 20001)
    length = np.concatenate([[0], np.cumsum((speed(fine)[1:] + speed(fine)[:-1]) / 2 * np.diff(fine))])
    nodes = quadrature.arc(speed, 5)
    expected = np.interp(np.array([0.1, 0.3, 0.5, 0.7, 0.9]) * length[-1], length, fine)
    np.testing.assert_allclose(nodes.alphas, expected, atol=1e-4)
    np.testing.assert_allclose(nodes.weights, length[-1] / 5 / speed(expected), rtol=1e-3)


def test_a_split_step_keeps_its_node_and_gains_two():
    whole = quadrature.Cells.equal(lambda a: 1 + a, 3)
    finer, fresh = whole.split(np.array([False, True, False]))
    assert fresh.tolist() == [False, True, False, True, False]
    np.testing.assert_array_equal(finer.alphas[~fresh], whole.alphas)
    assert (np.diff(finer.alphas) > 0).all() and finer.widths.sum() == pytest.approx(1)
    assert finer.nodes().weights.sum() == pytest.approx(1, abs=0.01)
