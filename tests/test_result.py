import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import lam_nb as lam
from lam_nb import InputError, Region
from lam_nb.methods import attribution

TABLE = {
    "input": ("channel", "y", "x"),
    "output": ("channel", "out_y", "out_x"),
    "path": ("alpha", "channel", "y", "x"),
    "gradient": ("alpha", "channel", "y", "x"),
    "integrand": ("alpha", "channel", "y", "x"),
    "detector": ("alpha",),
    "output_path": ("alpha", "channel", "out_y", "out_x"),
    "attribution": ("channel", "y", "x"),
    "detector_start": (),
    "detector_end": (),
    "completeness_gap": (),
    "quadrature_error": (),
    "diffusion_index_error": (),
    "step_error": ("alpha",),
    "node_count": ("refinement",),
    "error_history": ("refinement",),
    "index_history": ("refinement",),
}
ATTRIBUTES = {
    "network", "parameters", "weights_sha256", "scale", "value_range", "pad_to", "path", "detector", "rule", "steps",
    "region_y", "region_x", "region_size", "region_height", "region_width", "image_sha256", "device", "precision",
    "seconds", "created", "versions",
    "python", "computed_pixels",
}  # fmt: skip


@pytest.fixture
def dataset(relu_network, image):
    return lam.attribute(relu_network, image, Region(16, 20, 6), steps=5, keep="all", progress=False)


def test_the_dataset_is_the_table(dataset):
    assert {name: variable.dims for name, variable in dataset.data_vars.items()} == TABLE
    assert dict(dataset.sizes) == {
        "channel": 3,
        "y": 20,
        "x": 26,
        "out_y": 40,
        "out_x": 52,
        "alpha": 5,
        "refinement": 1,
    }
    assert dataset.output_path.dtype == np.uint8
    assert list(dataset.channel.values) == ["r", "g", "b"]
    assert set(dataset.coords) == {"alpha", "weight", "sigma", "channel", "y", "x", "out_y", "out_x"}
    for variable in dataset.variables.values():
        assert variable.attrs["units"]
        assert variable.attrs["long_name"]


def test_provenance_is_complete(dataset, relu_network, image):
    assert set(dataset.attrs) == ATTRIBUTES
    assert dataset.attrs["weights_sha256"] == relu_network.weights_hash
    assert dataset.attrs["image_sha256"] == lam.images.digest(image)
    assert "blur(sigma=1.2, kernel=9)" in dataset.attrs["path"]
    assert f"lam-nb {lam.__version__}," in dataset.attrs["versions"]
    with torch.no_grad():
        relu_network.module[0].bias += 1e-6
    assert dataset.attrs["weights_sha256"] != relu_network.weights_hash


@pytest.mark.parametrize("ending", ["nc", "zarr"])
@pytest.mark.parametrize("keep", ["all", "map", ["path", "detector"]])
def test_files_round_trip_unchanged(ending, keep, relu_network, image, tmp_path):
    ds = lam.attribute(relu_network, image, Region(16, 20, 6), steps=5, keep=keep, progress=False)
    for _ in range(2):  # the second replaces the first
        lam.save(ds, tmp_path / f"map.{ending}")
    xr.testing.assert_identical(lam.open(tmp_path / f"map.{ending}"), ds)
    assert [path.name for path in tmp_path.iterdir()] == [f"map.{ending}"]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=some.integers(5, 12), columns=some.integers(5, 12), steps=some.integers(1, 4))
def test_any_size_round_trips(rows, columns, steps, relu_network, tmp_path):
    ds = lam.attribute(relu_network, torch.rand(3, rows, columns), Region(2, 3, 5), steps=steps, progress=False)
    lam.save(ds, tmp_path / "map.nc")
    xr.testing.assert_identical(lam.open(tmp_path / "map.nc"), ds)


def test_a_failed_write_keeps_the_earlier_file(dataset, tmp_path):
    path = tmp_path / "map.nc"
    lam.save(dataset, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        lam.save(dataset.assign_attrs(bad={}), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["map.nc"]


@pytest.mark.parametrize(
    ("name", "message"), [("map.txt", r"ends in \.nc"), ("map", r"ends in \.nc"), ("none/map.nc", "there is no folder")]
)
def test_bad_outputs(name, message, dataset, tmp_path):
    with pytest.raises(InputError, match=message):
        lam.save(dataset, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_bad_inputs(tmp_path):
    (tmp_path / "text.nc").write_text("no result")
    for name, message in (("none.nc", "there is no"), ("text.nc", "no result that lam_nb can read")):
        with pytest.raises(InputError, match=message):
            lam.open(tmp_path / name)


def test_keep_names_are_checked():
    assert attribution.chosen("map") == ()
    assert attribution.chosen("path") == ("path",)
    with pytest.raises(InputError, match="did you mean 'path'"):
        attribution.chosen(["paths"])


def test_unusual_settings_of_the_network_are_told(image, tmp_path):
    net = lam.networks.wrap(lambda batch, *, gain: gain * batch, mean=(0.4, 0.5, 0.6), arguments={"gain": 1}, scale=1)
    ds = lam.attribute(net, image, Region(6, 8, 4), steps=3, progress=False)
    assert ds.attrs["network_mean"] == "(0.4, 0.5, 0.6)"
    assert ds.attrs["network_arguments"] == "{'gain': 1}"
    assert lam.open(lam.save(ds, tmp_path / "map.nc")).attrs == ds.attrs
