"""Sweeps of other verbs: what each computes is what it computes alone, and it goes on where it was."""

import numpy as np
import pytest
import xarray as xr

import lam_nb as lam
from lam_nb import InputError, Region

PICTURES = ["bricks", "facade"]
REGION = Region(96, 96)
CAUSAL = {"coarse": 2, "fine": 3, "block": 16, "progress": False}
DEGRADED = {"blur": [(1, lam.images.Blur(1)), (3, lam.images.Blur(3))], "noise": lam.images.Noise(0.1)}
FEATURES = {"degradations": DEGRADED, "size": 24, "components": 4, "perplexity": 2, "progress": False}
PAIRS = [("srresnet-residual-restoring", "srresnet-residual-mse"), ("srresnet-residual-mse", "srresnet-residual-mse")]
SPOILT = {"degradations": {"blur": lam.images.Blur(2), "noise": lam.images.Noise(0.1)}, "steps": 2, "size": 16}
FILTERS = {**SPOILT, "kernel": "layer", "progress": False}


def cut(name):
    return lam.images.sample(name)[:, :128, :160]


def test_causal_effects_are_what_they_are_alone(tmp_path):
    given = {name: cut(name) for name in PICTURES}
    settings = {"verb": "causal_effect", "store": tmp_path / "effects.zarr", **CAUSAL}
    table = lam.sweep(["fsrcnn"], given, [REGION, Region(32, 32)], **settings)
    assert bool((table.done == 1).all())
    for name, truth in given.items():
        low = lam.images.downscale(truth, 4)
        alone = lam.causal_effect("fsrcnn", low, REGION, reference=truth, **CAUSAL)
        cell = table.sel(image=name).isel(model=0, region=0)
        np.testing.assert_allclose(cell.effect, alone.effect, rtol=1e-6)
        np.testing.assert_allclose(cell.standard_error, alone.standard_error, rtol=1e-6)
        for one in ("quality_origin", "positive", "negative", "zero", "own"):
            assert float(cell[one]) == pytest.approx(float(alone[one]))
        assert (cell.effect.units, cell.standard_error.units) == ("dB", "dB")


def test_units_of_effects_are_their_metrics(tmp_path):
    given = {"one": cut("bricks")}
    settings = {"verb": "causal_effect", "store": tmp_path / "effects.zarr", **CAUSAL}
    table = lam.sweep(["fsrcnn"], given, [REGION], metric="l1", **settings)
    assert {table[one].units for one in ("effect", "standard_error", "quality_origin")} == {"1"}
    with pytest.raises(InputError, match=r"holds .* in 1; give another name"):
        lam.sweep(["fsrcnn"], given, [REGION], metric="psnr", **settings)


def test_causal_effects_go_on_where_they_were(tmp_path):
    given, store = {name: cut(name) for name in PICTURES}, tmp_path / "effects.zarr"

    def stop(done, total):
        if done >= 1:
            raise KeyboardInterrupt

    settings = {"verb": "causal_effect", "store": store, **CAUSAL}
    with pytest.raises(KeyboardInterrupt):
        lam.sweep(["fsrcnn"], given, [REGION], **settings | {"progress": stop})
    before = lam.open(store)
    assert before.done.values.tolist() == [[1, 0]]
    seen = []
    after = lam.sweep(["fsrcnn"], given, [REGION], **settings | {"progress": lambda done, total: seen.append(done)})
    assert seen in ([0, 1, 2], [1, 2])
    np.testing.assert_array_equal(after.effect[0, 0], before.effect[0, 0])


def same(found, alone):
    """Whether a cell of a sweep holds all numbers and labels of a result."""
    for name, one in alone.variables.items():
        held = found[name]
        if one.dtype.kind in "biuf":
            np.testing.assert_allclose(held.values, one.values, rtol=1e-4, atol=1e-4, err_msg=name)
        else:
            assert held.values.tolist() == one.values.tolist()
    assert found.attrs["seed"] == alone.attrs["seed"]


def test_representations_are_what_they_are_alone_and_go_on(tmp_path):
    store, nets = tmp_path / "features.zarr", ["fsrcnn", "residual"]
    settings = {"verb": "representations", "store": store, "layers": ["output"], **FEATURES}
    first = lam.sweep(nets[:1], PICTURES, **settings)
    assert first.projection.dims == ("model", "layer", "sample", "component") and first.done.values.tolist() == [1]
    seen = []
    both = lam.sweep(nets, PICTURES, **settings | {"progress": lambda done, total: seen.append((done, total))})
    assert seen[0] in {(0, 2), (1, 2)} and seen[-1] == (2, 2) and len(seen) <= 3
    for name in nets:
        alone = lam.representations(name, PICTURES, layers=["output"], **FEATURES)
        same(both.sel(model=name), alone)
    xr.testing.assert_equal(lam.open(store), both)
    separate = lam.statistics.separability(both.isel(model=0), by="degradation")
    assert separate is not None


def test_networks_with_other_layers_lie_beside_each_other(tmp_path):
    settings = {"verb": "representations", "store": tmp_path / "features.zarr", **FEATURES}
    both = lam.sweep(["fsrcnn", "residual"], PICTURES, **settings)
    alone = lam.representations("residual", PICTURES, **FEATURES)
    held = both.sel(model="residual").dropna("layer", how="all", subset=["projection"])
    assert held.layer.values.tolist() == alone.layer.values.tolist()
    np.testing.assert_allclose(held.projection, alone.projection, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(held.depth, alone.depth)


def test_filters_are_what_they_are_alone_and_go_on(tmp_path):
    store = tmp_path / "filters.zarr"
    settings = {"verb": "filters", "store": store, **FILTERS}
    lam.sweep(PAIRS[:1], PICTURES, **settings)
    both = lam.sweep(PAIRS, PICTURES, **settings)
    assert both.model.values.tolist() == [" from ".join(one) for one in PAIRS]
    given = {name: value for name, value in FILTERS.items() if name != "degradations"}
    same(both.isel(model=0), lam.filters(*PAIRS[0], PICTURES, FILTERS["degradations"], **given))
    assert both.loss_target.units == "loss" and both.attrs["baseline"] == PAIRS[0][1]
    xr.testing.assert_equal(lam.open(store), both)


@pytest.mark.filterwarnings("ignore")
def test_workers_compute_sets_of_pictures(tmp_path):
    distributed = pytest.importorskip("distributed")
    settings = {"verb": "representations", "layers": ["output"], **FEATURES}
    given = {name: cut(name) for name in PICTURES}
    cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**cluster) as local, distributed.Client(local) as client:
        found = lam.sweep(["fsrcnn", "residual"], given, store=tmp_path / "a.zarr", client=client, **settings)
    alone = lam.sweep(["fsrcnn", "residual"], given, store=tmp_path / "b.zarr", **settings)
    np.testing.assert_allclose(found.projection, alone.projection, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore:.*pairs failed")
def test_a_network_that_fails_is_told_and_the_others_are_there(tmp_path):
    settings = {"verb": "representations", "layers": ["first_part.0"], **FEATURES}
    table = lam.sweep(["residual", "fsrcnn"], PICTURES, store=tmp_path / "a.zarr", **settings)
    assert table.done.values.tolist() == [0, 1] and "first_part.0" in str(table.failure[0].values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"degradations": None}, "asked with networks, images, degradations"),
        ({"regions": [REGION]}, "of all pictures at once"),
        ({"verb": "filters"}, "networks: expected a sequence of 2 networks each"),
        ({"verb": "attribute", "degradations": None, "regions": [REGION], "networks": PAIRS}, "pairs are for"),
        ({"metrics": {"a": max}}, "metrics: are measured with verb='attribute'"),
    ],
)
def test_bad_questions_name_what_is_wrong(arguments, message, tmp_path):
    given = {"networks": ["fsrcnn"], "images": PICTURES, "verb": "representations", "degradations": DEGRADED}
    asked = {name: value for name, value in {**given, **arguments}.items() if value is not None}
    with pytest.raises(InputError, match=message):
        lam.sweep(store=tmp_path / "a.zarr", progress=False, **asked)


def test_a_store_holds_results_of_one_kind(tmp_path):
    store = tmp_path / "a.zarr"
    lam.sweep(["fsrcnn"], ["bricks"], [REGION], store=store, steps=2, progress=False)
    with pytest.raises(InputError, match="holds results of sweep, not representations"):
        lam.sweep(["fsrcnn"], PICTURES, verb="representations", store=store, **FEATURES)
