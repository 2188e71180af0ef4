"""Peers and faithfulness: laws of linear networks, ends of curves, and what shuffling may not touch."""

import numpy as np
import pytest
import torch
import xarray as xr

import lam_nb as lam
from lam_nb import InputError, Region, faithfulness
from lam_nb.methods import peers

REGION = Region(16, 20, 6)
QUIET = {"progress": False}


@pytest.fixture
def maps(relu_network, image):
    full = lam.attribute(relu_network, image, REGION, **QUIET)
    return {"LAM": full, "gradient": lam.gradient(relu_network, image, REGION)}


def test_peers_of_a_linear_network_agree(linear_network, image):
    given = {"network": linear_network, "image": image, "region": REGION, "detector": "intensity"}
    product, integrated = lam.input_x_gradient(**given), lam.integrated_gradients(**given, steps=4, **QUIET)
    np.testing.assert_allclose(product.attribution, integrated.attribution, atol=1e-5)
    plain, smooth = lam.gradient(**given), lam.smoothgrad(**given, samples=5, batch=2)
    np.testing.assert_allclose(smooth.attribution, plain.attribution, atol=1e-5)
    assert float(smooth.sampling_error) < 1e-5


@pytest.mark.parametrize("name", peers.names())
def test_peers_look_like_results(name, relu_network, image, tmp_path):
    settings = QUIET if name == "integrated_gradients" else {}
    found = getattr(lam, name)(relu_network, image, REGION, **settings)
    assert found.attribution.dims == ("channel", "y", "x") and found.attrs["method"]
    assert 0 < float(found.lam.diffusion_index()) < 100
    assert found.attribution.attrs["units"].startswith("detector")
    xr.testing.assert_identical(lam.open(lam.save(found, tmp_path / "peer.nc")), found)


def test_smoothgrad_is_seeded_and_checks_its_input(relu_network, image):
    runs = [
        lam.smoothgrad(relu_network, image, REGION, samples=6, batch=b, seed=s) for b, s in ((6, 0), (6, 0), (6, 1))
    ]
    np.testing.assert_array_equal(runs[0].attribution, runs[1].attribution)
    assert not np.array_equal(runs[0].attribution, runs[2].attribution)
    for bad, message in (({"noise": 0}, "noise: got 0"), ({"samples": 1}, "samples: got 1")):
        with pytest.raises(InputError, match=message):
            lam.smoothgrad(relu_network, image, REGION, **bad)


def test_curves_begin_and_end_where_they_must(maps, relu_network, image):
    found = faithfulness.curves(relu_network, image, REGION, maps, **QUIET)
    assert found["method"].values.tolist() == ["LAM", "gradient", "random"]
    for name in ("output_share", "detector_share"):
        deletion, insertion = (found[name].sel({"mode": mode}) for mode in ("deletion", "insertion"))
        np.testing.assert_allclose(deletion.isel(fraction=0), 1, atol=1e-5)
        np.testing.assert_allclose(deletion.isel(fraction=-1), 0, atol=1e-5)
        np.testing.assert_allclose(insertion.isel(fraction=0), 0, atol=1e-5)
        np.testing.assert_allclose(insertion.isel(fraction=-1), 1, atol=1e-5)
    area = found.output_area.sel({"mode": "insertion"})
    assert float(area.sel({"method": "LAM"})) > float(area.sel({"method": "random"}))
    assert not found.output_share_error.sel({"method": "LAM"}).any()
    assert found.output_share_error.sel({"method": "random"}).any()


def test_deletion_is_insertion_of_the_rest(relu_network, image):
    values = torch.arange(image[0].numel(), dtype=torch.float64).reshape(1, *image.shape[1:]).numpy()
    up, down = (
        xr.Dataset({"attribution": (("channel", "y", "x"), v)}) for v in (values + 1, values.max() + 1 - values)
    )
    parts = np.linspace(0, 1, 6)
    first = faithfulness.curves(relu_network, image, REGION, {"a": up}, fractions=parts, **QUIET)
    second = faithfulness.curves(relu_network, image, REGION, {"a": down}, fractions=parts, **QUIET)
    deletion = first.detector_share.sel({"method": "a", "mode": "deletion"}).values
    insertion = second.detector_share.sel({"method": "a", "mode": "insertion"}).values
    np.testing.assert_allclose(deletion, insertion[::-1], atol=1e-5)


def test_curves_do_not_depend_on_the_batch(maps, relu_network, image):
    runs = [faithfulness.curves(relu_network, image, REGION, maps, batch=b, **QUIET) for b in (1, 7)]
    xr.testing.assert_allclose(*(one.drop_vars("psnr") for one in runs), atol=1e-5)


def test_the_psnr_is_to_the_reference(maps, relu_network, image):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    found = faithfulness.curves(relu_network, image, REGION, maps, reference=truth, **QUIET)
    rows, columns = REGION.slices
    output = lam.attribute(relu_network, image, REGION, steps=1, **QUIET).output.values.clip(0, 1)
    error = np.mean((output[:, rows, columns] - truth.numpy()[:, rows, columns]) ** 2)
    whole = found.psnr.sel({"method": "LAM", "mode": "insertion"}).isel(fraction=-1)
    assert float(whole) == pytest.approx(-10 * np.log10(error), rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"maps": {}}, "maps: got none"),
        ({"fractions": [0.5, 0.1]}, "fractions: got"),
        ({"reference": torch.zeros(3, 4, 4)}, "reference: got"),
        ({"draws": 0}, "draws: got 0"),
    ],
)
def test_bad_input_names_the_argument(arguments, message, maps, relu_network, image):
    given = {"network": relu_network, "image": image, "region": REGION, "maps": maps} | arguments
    with pytest.raises(InputError, match=message):
        faithfulness.curves(**given, **QUIET)


def test_maps_of_another_size_are_refused(maps, relu_network, image):
    with pytest.raises(InputError, match="'LAM' has"):
        faithfulness.curves(relu_network, image[:, :16], Region(4, 4, 6), maps, **QUIET)


def test_shuffling_begins_at_the_output_and_leaves_the_network_alone(relu_network, image):
    before = relu_network.weights_hash
    found = faithfulness.randomised(relu_network, image, REGION, stages=2, steps=4, **QUIET)
    assert float(found.rank_correlation[0]) == pytest.approx(1) and float(found.top_overlap[0]) == 1
    assert found["last"].values.tolist() == ["none", "module.2", "module.0"]
    assert float(found.rank_correlation[-1]) < 0.99
    assert relu_network.weights_hash == before
    again = faithfulness.randomised(relu_network, image, REGION, stages=2, steps=4, **QUIET)
    np.testing.assert_array_equal(found.rank_correlation, again.rank_correlation)
    assert len(lam.views.randomised(found).data) == 2


def test_a_view_shows_every_method(maps, relu_network, image):
    found = faithfulness.curves(relu_network, image, REGION, maps, **QUIET)
    figure = lam.views.faithfulness(found)
    names = {trace.name.split("  ")[0] for trace in figure.data if trace.showlegend}
    assert names == {"LAM", "gradient", "random"}
    assert figure.layout.xaxis.type == "log" and "restored" in figure.layout.yaxis.title.text
