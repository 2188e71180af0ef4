"""Results say what they are of, and tables are filled as they are stated."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, networks, result

WINDOW = Region(16, 20, height=6, width=8)
QUIET = {"progress": False}


def net(**settings):
    torch.manual_seed(7)
    layers = nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.PixelShuffle(2)
    return networks.wrap(nn.Sequential(*layers), scale=2, name="toy", check=False, **settings)


def picture():
    return torch.rand(3, 20, 26, generator=torch.Generator().manual_seed(0))


def curves():
    maps = {"gradient": lam.gradient(net(), picture(), WINDOW)}
    return lam.faithfulness.curves(net(), picture(), WINDOW, maps, draws=1, **QUIET)


MADE = {
    "attribute": lambda: lam.attribute(net(), picture(), WINDOW, steps=3, **QUIET),
    "gradient": lambda: lam.gradient(net(), picture(), WINDOW),
    "smoothgrad": lambda: lam.smoothgrad(net(), picture(), WINDOW, samples=2),
    "causal_effect": lambda: lam.causal_effect(
        net(), picture(), WINDOW, reference=torch.zeros(3, 40, 52), block=8, fine=1, **QUIET
    ),
    "curves": curves,
    "randomised": lambda: lam.faithfulness.randomised(net(), picture(), WINDOW, stages=1, steps=2, **QUIET),
    "diffusion_field": lambda: lam.diffusion_field(net(), picture(), stride=20, steps=2, **QUIET),
    "receptive_field": lambda: lam.receptive_field(net(), side=24),
}
EVERYWHERE = {"diffusion_field", "receptive_field"}
"""Verbs without a window."""


@pytest.mark.parametrize("name", MADE)
def test_every_result_tells_its_network_picture_and_window(name):
    facts, known = MADE[name]().attrs, net()
    assert facts["network"] == "toy" and facts["weights_sha256"] == known.weights_hash
    assert (facts["parameters"], facts["scale"]) == (known.parameter_count, 2)
    assert (facts["value_range"], facts["pad_to"]) == (1.0, 1)
    assert facts["device"] == "cpu" and facts["created"] and "torch" in facts["versions"]
    if name == "receptive_field":
        return
    assert facts["image_sha256"] == lam.images.digest(picture())
    assert facts["precision"] == "float32" and facts["detector"] and facts["seconds"] >= 0
    if name not in EVERYWHERE:
        sides = [facts[f"region_{side}"] for side in ("y", "x", "height", "width")]
        assert sides == [16, 20, 6, 8] and "region_size" not in facts
    assert all(isinstance(value, str | int | float) and not isinstance(value, bool) for value in facts.values())


def test_a_map_tells_what_decided_it():
    settings = {"path": lam.paths.blur(1.1, 7), "detector": "gabor", "rule": "midpoint", "precision": "bfloat16"}
    facts = lam.attribute(net(value_range=255, mean=0.25), picture(), WINDOW, steps=3, **settings, **QUIET).attrs
    assert facts["path"] == "blur(sigma=1.1, kernel=7)" and facts["detector"].startswith("gabor(")
    assert (facts["rule"], facts["steps"], facts["precision"]) == ("midpoint", 3, "bfloat16")
    assert (facts["value_range"], facts["network_mean"]) == (255, "0.25")
    assert 0 < facts["computed_pixels"] <= 20 * 26


TABLE = result.Table(
    {"height": (("y",), "height of a row", "m"), "mean": ((), "mean height", "m")},
    maker="laws.example",
    coordinates={"method": (("method",), "how", "1")},
    optional=("mean",),
)


def test_a_table_is_filled_as_it_is_stated():
    found = TABLE.build({"height": [1.0, 2.0, 4.0]}, facts={"seed": 3}, labels={"height": "how high"})
    assert dict(found.sizes) == {"y": 3} and found.y.values.tolist() == [0, 1, 2]
    assert found.height.attrs == {"long_name": "how high", "units": "m"} and found.attrs["seed"] == 3
    assert found.y.attrs == {"long_name": "row", "units": "input pixels"}
    assert "mean" in TABLE.build({"height": [1.0], "mean": 1.0}, facts={})
    assert "mean" not in TABLE.build({"height": [1.0], "mean": None}, facts={})
    assert TABLE.build({"height": [1.0]}, facts={}, units={"height": "km"}).height.attrs["units"] == "km"


@pytest.mark.parametrize("values", [{}, {"mean": 1.0}, {"height": None}, {"height": [1.0], "width": 2.0}])
def test_missing_and_unknown_variables_are_errors_of_the_verb(values):
    with pytest.raises(ValueError, match=r"table of laws\.example"):
        TABLE.build(values, facts={})


@pytest.mark.parametrize("value", [1.0, [[1.0, 2.0]]])
def test_other_dimensions_are_errors_of_the_verb(value):
    with pytest.raises(ValueError, match="height has shape"):
        TABLE.build({"height": value}, facts={})


def test_text_survives_files(tmp_path):
    table = result.Table({"share": (("method",), "share", "1")}, maker="x", coordinates=TABLE.coordinates)
    built = table.build({"share": [0.5, 1.0]}, {"method": ["a", "much longer"]}, facts={"network": "toy"})
    assert built["method"].dtype == object
    for ending in ("nc", "zarr"):
        xr.testing.assert_identical(lam.open(lam.save(built, tmp_path / f"t.{ending}")), built)


def test_channels_and_output_pixels_are_counted_without_being_asked():
    found = MADE["attribute"]()
    assert found.channel.values.tolist() == ["r", "g", "b"]
    assert found.out_x.values.tolist() == list(range(52)) and found.out_y.attrs["units"] == "output pixels"
    np.testing.assert_array_equal(found.x, np.arange(26))


def test_what_was_not_kept_is_told_with_how_to_get_it():
    kept = lam.attribute(net(), picture(), WINDOW, steps=3, keep="map", **QUIET)
    with pytest.raises(InputError, match=r"has no 'integrand'; make it with attribute\(\.\.\., keep="):
        kept.lam.cumulative()
    with pytest.raises(InputError, match=r"has no 'attribution'; expected a result of lam_nb\.attribute"):
        xr.Dataset({"other": 1.0}).lam.signed()


@pytest.mark.parametrize("bad", [(30, 20, 12), (0, 45, 8), (40, 0, 1)])
def test_windows_over_the_edge_are_refused_by_every_verb_in_the_same_words(bad):
    maps = {"gradient": lam.gradient(net(), picture(), WINDOW)}
    verbs = [
        lambda: lam.attribute(net(), picture(), bad, **QUIET),
        lambda: lam.attribute(net(), picture(), [WINDOW, bad], **QUIET),
        lambda: lam.gradient(net(), picture(), bad),
        lambda: lam.compare([net()], picture(), bad, **QUIET),
        lambda: lam.causal_effect(net(), picture(), bad, reference=torch.zeros(3, 40, 52), **QUIET),
        lambda: lam.faithfulness.curves(net(), picture(), bad, maps, **QUIET),
    ]
    words = set()
    for verb in verbs:
        with pytest.raises(InputError, match="leaves the output, which is 40 × 52") as told:
            verb()
        words.add(str(told.value))
    assert len(words) == 1
