"""Comparisons hold what every network would give alone; functions may follow and stop the work."""

import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
import lam_widgets
from lam_nb import InputError, networks

REGION = lam.Region(16, 20, 6)


@pytest.fixture
def pair(relu_network, linear_network):
    return [relu_network, linear_network]


def test_every_network_is_what_it_would_be_alone(pair, image):
    many = lam.compare(pair, image, REGION, steps=5, progress=False)
    assert many["model"].values.tolist() == ["toy (1)", "toy (2)"]
    for k, network in enumerate(pair):
        one = lam.attribute(network, image, REGION, steps=5, progress=False)
        xr.testing.assert_allclose(many.attribution[k].reset_coords(drop=True), one.attribution)
        assert lam.result.facts(many.isel(model=k))["weights_sha256"] == network.weights_hash
    assert "alpha" in many.sizes and many.input.dims == ("channel", "y", "x")


def test_networks_that_answer_alike_have_an_output_each(relu_network, image):
    many = lam.compare([relu_network, relu_network], image, REGION, steps=2, progress=False)
    assert many.output.dims[0] == "model" and many.input.dims == ("channel", "y", "x")
    lam_widgets.Comparison(many)


def test_without_steps_the_maps_are_kept(pair, image, tmp_path):
    many = lam.compare(pair, image, REGION, reference=torch.zeros(3, 40, 52), tolerance=0.001, progress=False)
    assert "integrand" not in many and "alpha" not in many.dims
    assert many["steps"].values.tolist() != [many["steps"].values[0]] * 2
    assert many.psnr.attrs["units"] == "dB" and many.psnr.dims == ("model",)
    xr.testing.assert_identical(lam.open(lam.save(many, tmp_path / "many.nc")), many)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": []}, "networks: got"),
        ({"networks": [nn.Identity()]}, "networks: got"),
        ({"reference": torch.zeros(3, 8, 8)}, "reference: got"),
        ({"progress": "yes"}, "progress: got 'yes'"),
    ],
)
def test_bad_input_names_the_argument(arguments, message, pair, image):
    with pytest.raises(InputError, match=message):
        lam.compare(**{"networks": pair, "image": image, "region": REGION} | arguments)


def test_scales_must_agree(pair, image):
    other = networks.wrap(nn.Identity(), check=False)
    with pytest.raises(InputError, match="their scales differ"):
        lam.compare([*pair, other], image, REGION, progress=False)


def test_a_function_follows_the_work_and_may_stop_it(relu_network, image):
    told = []

    def follow(done, total):
        told.append((done, total))
        if done >= 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        lam.attribute(relu_network, image, REGION, steps=50, batch=2, progress=follow)
    assert told[0] == (0, 50) and told[-1][0] <= 6
    assert all(p.requires_grad for p in relu_network.parameters())
