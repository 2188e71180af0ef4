"""What lies beyond the border is the picture mirrored, its edge not repeated."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import networks


def picture(rows, columns):
    return torch.rand(1, 3, rows, columns, generator=torch.Generator().manual_seed(0))


def mirrored(count, before, after):
    """Indices of `count` pixels and those beyond, mirrored."""
    return [abs(k) if k < count else 2 * (count - 1) - k for k in range(-before, count + after)]


@pytest.mark.parametrize("size", [(13, 18), (12, 17), (16, 23)])
def test_sides_are_filled_up_by_mirroring(size):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 12, 5, padding=2), nn.PixelShuffle(2))
    net, batch = networks.wrap(layers, scale=2, pad_to=8, check=False), picture(*size)
    rows, columns = (mirrored(side, 0, -side % 8) for side in size)
    with torch.no_grad():
        expected = layers(batch[..., rows, :][..., columns])[..., : 2 * size[0], : 2 * size[1]]
        found, zeros = net(batch), layers(batch)
    torch.testing.assert_close(found, expected)
    assert float((found - zeros).abs().max()) > 1e-3  # borders matter here


def test_a_picture_smaller_than_its_filling_is_continued_by_its_edge():
    torch.manual_seed(0)
    layer, batch = nn.Conv2d(3, 3, 3, padding=1), picture(3, 18)
    net = networks.wrap(layer, scale=1, pad_to=8, check=False)
    rows, columns = [0, 1, 2, 2, 2, 2, 2, 2], [*range(18), *[17] * 6]
    with torch.no_grad():
        torch.testing.assert_close(net(batch), layer(batch[..., rows, :][..., columns])[..., :3, :18])


def test_blurred_baselines_are_of_the_mirrored_picture():
    image = picture(13, 18)[0]
    start = lam.paths.blur(sigma=1.5, kernel=9)(image)(0.0)
    offset = np.arange(-4, 5)
    bell = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * 1.5**2))
    rows, columns = mirrored(13, 4, 4), mirrored(18, 4, 4)
    large = image.double().numpy()[:, rows][:, :, columns]
    for y, x in ((0, 0), (12, 17), (5, 17), (6, 8)):
        around = (large[:, y : y + 9, x : x + 9] * bell / bell.sum()).sum((1, 2))
        np.testing.assert_allclose(start[:, y, x], around, atol=1e-4)


def test_the_degradation_mirrors_too():
    image = picture(13, 18)[0]
    found, bell = lam.images.Blur(1.2)(image), np.exp(-(np.arange(-4, 5) ** 2) / (2 * 1.2**2))
    bell /= bell.sum()
    rows, columns = mirrored(13, 4, 4), mirrored(18, 4, 4)
    large = image.double().numpy()[:, rows][:, :, columns]
    corner = (large[:, :9, :9] * np.outer(bell, bell)).sum((1, 2))
    np.testing.assert_allclose(found[:, 0, 0], corner, atol=1e-5)
