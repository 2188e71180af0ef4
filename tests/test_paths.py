import numpy as np
import pytest
import torch
from scipy import ndimage

from lam_nb import InputError, paths
from lam_nb.engine import along

MAKERS = [paths.blur(), paths.blur(sigma=3, kernel=15), paths.linear(), paths.linear("black"), paths.linear("mean")]


@pytest.mark.parametrize("maker", MAKERS, ids=repr)
def test_path_ends_at_the_image(maker, image):
    torch.testing.assert_close(maker(image)(1.0), image, rtol=0, atol=1e-6)


def test_baselines(image):
    blurred = paths.blur()(image)(0.0)
    torch.testing.assert_close(paths.linear()(image)(0.0), blurred)
    assert not paths.linear("black")(image)(0.0).any()
    torch.testing.assert_close(paths.linear("mean")(image)(0.0)[:, 3, 4], image.mean((1, 2)))
    own = torch.rand_like(image)
    torch.testing.assert_close(paths.linear(own)(image)(0.0), own)


def test_blur_is_a_truncated_gaussian_with_mirrored_borders(image):
    offset = np.arange(-4, 5)
    bell = np.exp(-(offset**2) / (2 * (0.9 + 1e-5) ** 2))
    kernel = np.outer(bell, bell) / bell.sum() ** 2
    expected = [ndimage.correlate(channel, kernel, mode="mirror") for channel in image.numpy().astype(float)]
    torch.testing.assert_close(paths.blur(1.2, 9)(image.double())(0.25), torch.tensor(np.stack(expected)))


@pytest.mark.parametrize("maker", MAKERS, ids=repr)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.8])
def test_closed_form_velocity_is_the_forward_mode_derivative(maker, alpha, image):
    path = maker(image.double())
    closed = path.velocity(alpha)
    (forward,) = along.velocities(lambda a: path(a), [alpha])
    torch.testing.assert_close(closed, forward, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("maker", MAKERS, ids=repr)
def test_a_row_of_alphas_is_the_same_as_one_after_another(maker, image):
    path, alphas = maker(image), torch.tensor([0.0, 0.4, 1.0])
    torch.testing.assert_close(path(alphas), torch.stack([path(a) for a in alphas]))
    torch.testing.assert_close(path.velocity(alphas), torch.stack([path.velocity(a) for a in alphas]))


def test_velocity_vanishes_at_the_sharp_end_without_nan(image):
    velocity = paths.blur()(image).velocity(1.0)
    assert torch.isfinite(velocity).all()
    assert velocity.abs().max() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda image: paths.blur(kernel=8), "kernel: got 8, expected an odd"),
        (lambda image: paths.blur(kernel=-3), "kernel"),
        (lambda image: paths.blur(sigma=0), "sigma: got 0"),
        (lambda image: paths.blur(sigma="wide"), "sigma: got 'wide'"),
        (lambda image: paths.blur(kernel=True), "kernel: got True"),
        (lambda image: paths.linear("blak"), "did you mean 'black'"),
        (lambda image: paths.linear(torch.zeros(3, 2, 2))(image), "baseline: got shape"),
        (lambda image: paths.blur(kernel=41)(image), "20 × 26 pixels, expected more than 20"),
        (lambda image: paths.named("bluur"), "did you mean 'blur'"),
        (lambda image: paths.named(3), "path: got 3"),
    ],
)
def test_bad_paths(call, message, image):
    with pytest.raises(InputError, match=message):
        call(image)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("rows", "kernel"), [(20, 9), (270, 5), (24, 17), (24, 23), (20, 3)])
def test_a_paths_speed_is_the_length_of_its_velocity(rows, kernel, channels):
    picture = torch.rand(channels, rows, 26, generator=torch.Generator().manual_seed(kernel))
    alphas = torch.linspace(0, 1, 9).tolist()
    for maker in (paths.blur(1.7, kernel), paths.linear("black")):
        exact = maker(picture.double())
        lengths = exact.velocity(alphas).flatten(1).norm(dim=1)
        torch.testing.assert_close(exact.speed(alphas), lengths, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(maker(picture).speed(alphas), lengths, rtol=1e-6, atol=1e-7)
    flat = paths.blur(1.7, kernel)(torch.full((channels, rows, 26), 0.3))
    assert (flat.speed(alphas) == 0).all()
