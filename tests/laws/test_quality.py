"""Quality that results carry is the quality, by hand and by the library that papers use."""

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import Region, networks

REGION = Region(17, 22, height=6, width=9)
QUIET = {"steps": 2, "progress": False}


def nets():
    torch.manual_seed(3)
    layers = [nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2)) for _ in range(2)]
    return [networks.wrap(one, scale=2, name=f"net {k}", check=False) for k, one in enumerate(layers)]


def image():
    return torch.rand(3, 20, 26, generator=torch.Generator().manual_seed(1))


def truth():
    return torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(2))


def by_hand(output, other):
    return -10 * np.log10(np.mean((np.clip(output, 0, 1).astype(float) - other) ** 2))


@pytest.fixture(scope="module")
def many():
    return lam.compare(nets(), image(), REGION, reference=truth(), **QUIET)


@pytest.mark.parametrize("k", [0, 1])
def test_psnr_is_of_the_whole_and_of_the_window(k, many):
    with torch.no_grad():
        output, other = nets()[k](image()[None])[0].numpy(), truth().numpy()
    np.testing.assert_allclose(many.output[k], output, atol=1e-6)
    assert float(many.psnr[k]) == pytest.approx(by_hand(output, other), rel=1e-6)
    assert float(many.psnr[k]) == pytest.approx(lam.images.psnr(output, truth()), rel=1e-6)
    rows, columns = slice(17, 23), slice(22, 31)
    window = by_hand(output[:, rows, columns], other[:, rows, columns])
    assert float(many.psnr_window[k]) == pytest.approx(window, rel=1e-6)
    assert abs(window - float(many.psnr[k])) > 0.05


@pytest.mark.parametrize("k", [0, 1])
def test_ssim_is_scikit_images(k, many):
    metrics = pytest.importorskip("skimage.metrics")
    settings = {"data_range": 1.0, "channel_axis": 0, "gaussian_weights": True, "use_sample_covariance": False}
    output = many.output[k].values.clip(0, 1)
    expected = metrics.structural_similarity(output, truth().numpy(), **settings)
    assert float(many.ssim[k]) == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(many.reference, truth())


def test_a_single_result_and_several_windows_carry_the_same(many):
    one = lam.attribute(nets()[0], image(), REGION, reference=truth(), **QUIET)
    both = lam.attribute(nets()[0], image(), [REGION, Region(2, 3, 8)], reference=truth(), **QUIET)
    for name in ("psnr", "psnr_window", "ssim"):
        assert float(one[name]) == pytest.approx(float(many[name][0])) == pytest.approx(float(both[name][0]))
    assert float(both.psnr_window[1]) != pytest.approx(float(both.psnr_window[0]))


def test_luma_is_what_papers_measure():
    """ITU-R BT.601: 16 for black, 235 for white, and 65.481, 128.553, 24.966 between for red, green and blue."""
    primaries = torch.cat([torch.zeros(1, 3), torch.ones(1, 3), torch.eye(3)])[..., None, None]
    found = lam.images.luma(primaries)[:, 0, 0, 0] * 255
    torch.testing.assert_close(found, torch.tensor([16, 235, 81.481, 144.553, 40.966]), atol=1e-3, rtol=0)
