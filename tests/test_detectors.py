import numpy as np
import pytest
import torch

from lam_nb import InputError, Region, detectors


def _edges_by_loop(output, region):
    total = 0.0
    for channel in output:
        rows, columns = channel.shape
        for y in range(region.y, min(region.y + region.size, rows - 1)):
            for x in range(region.x, min(region.x + region.size, columns - 1)):
                total += np.hypot(channel[y, x] - channel[y + 1, x], channel[y, x] - channel[y, x + 1])
    return total


@pytest.mark.parametrize("region", [Region(2, 5, 4), Region(16, 22, 4), Region(0, 0, 20)])
def test_edges_are_forward_differences(image, region):
    found = detectors.edges(region)(image.double()[None])
    assert found.item() == pytest.approx(_edges_by_loop(image.double().numpy(), region))


def test_flat_output_has_gradient_zero_not_nan():
    output = torch.full((1, 3, 8, 8), 0.5, requires_grad=True)
    output_value = detectors.edges(Region(1, 1, 4))(output)
    (gradient,) = torch.autograd.grad(output_value, output)
    assert output_value.item() == 0
    assert not gradient.any()


def test_flat_pixels_outside_the_region_change_nothing(image):
    flat = image.clone()
    flat[:, 12:, :] = 0.5
    for output in (image, flat):
        output = output[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(detectors.edges(Region(2, 3, 6))(output), output)
        assert torch.isfinite(gradient).all()
        assert not gradient[..., 10:, :].any()


def test_intensity_is_a_sum(image):
    assert detectors.intensity(Region(2, 3, 4))(image[None]).item() == pytest.approx(image[:, 2:6, 3:7].sum().item())


def test_gabor_answers_to_its_wavelength_and_to_no_flat_picture():
    x = torch.arange(32.0).expand(3, 32, 32)
    waves = torch.stack([0.5 + 0.5 * torch.sin(2 * torch.pi * x / period) for period in (4, 8, 16)])
    response = detectors.gabor(wavelength=4)(Region(8, 8, 16))(waves)
    assert response.argmax() == 0
    assert detectors.gabor()(Region(8, 8))(torch.full((1, 3, 32, 32), 0.7)).item() == pytest.approx(0, abs=1e-3)


def test_error_is_zero_at_the_reference_and_wants_its_size(image):
    detector = detectors.error(image)(Region(0, 0, 8))
    assert detector(image[None]).item() == 0
    assert detector(image[None] + 0.1).item() == pytest.approx(3 * 64 * 0.01, rel=1e-4)
    with pytest.raises(InputError, match="reference: got shape"):
        detector(image[None, :, :10])


@pytest.mark.parametrize("options", [{"wavelength": 0}, {"orientations": -1}, {"sigma": 0}])
def test_bad_gabor(options):
    with pytest.raises(InputError, match=r"got (0|-1), expected"):
        detectors.gabor(**options)
