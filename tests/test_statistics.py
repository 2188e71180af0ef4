import numpy as np
import pytest
import xarray as xr
from scipy.stats import gaussian_kde

import lam_nb as lam
from lam_nb import InputError, Region, statistics


@pytest.fixture
def dataset(relu_network, image):
    return lam.attribute(relu_network, image, Region(16, 20, 6), steps=8, progress=False)


def _maps(values):
    return xr.Dataset({"attribution": (("channel", "y", "x"), np.asarray(values, float))})


def _gini_by_definition(values):
    flat = values.ravel()
    return np.abs(flat[:, None] - flat[None, :]).sum() / (2 * flat.size**2 * flat.mean())


def test_gini_is_its_definition(dataset):
    assert float(statistics.gini(dataset)) == pytest.approx(_gini_by_definition(dataset.lam.magnitude().values))


@pytest.mark.parametrize("factor", [1e-12, 1.0, -1e9])
def test_gini_does_not_depend_on_the_scale(factor, dataset):
    scaled = dataset.assign(attribution=dataset.attribution.astype(float) * factor)
    assert float(statistics.gini(scaled)) == pytest.approx(float(statistics.gini(dataset)))


def test_known_values():
    flat, one = np.ones((3, 4, 5)), np.zeros((3, 4, 5))
    one[1, 2, 3] = -7
    assert float(statistics.diffusion_index(_maps(flat))) == pytest.approx(100)
    assert float(statistics.diffusion_index(_maps(one))) == pytest.approx(100 / 20)
    assert statistics.diffusion_index(_maps(one)).attrs["canvas_pixels"] == 20


def test_channels_are_added_before_the_absolute_value():
    cancelling = np.zeros((3, 2, 2))
    cancelling[0, 0, 0], cancelling[1, 0, 0], cancelling[2, 1, 1] = 1, -1, -2
    np.testing.assert_allclose(statistics.magnitude(_maps(cancelling)), [[0, 0], [0, 2]])


@pytest.mark.parametrize("value", [0.0, np.nan])
@pytest.mark.parametrize("name", ["diffusion_index", "gini", "pixels_for_share", "spread"])
def test_zero_and_nan_maps_give_nan_and_a_warning(name, value):
    with pytest.warns(RuntimeWarning, match="zero everywhere or holds NaN"):
        assert np.isnan(getattr(statistics, name)(_maps(np.full((3, 4, 5), value))))


def test_networks_that_look_alike_have_all_in_common():
    rng = np.random.default_rng(0)
    one = _maps(rng.random((3, 9, 11)))
    same = xr.concat([one, one], "model").assign_coords(model=["a", "b"])
    common = statistics.contribution_area(same).isel(model=1)
    np.testing.assert_allclose(statistics.informative_area(same), common)


def test_the_map_gathers_to_the_map(dataset):
    gathered = dataset.lam.cumulative()
    np.testing.assert_allclose(gathered.isel(alpha=-1), dataset.lam.signed(), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(dataset.lam.contributions().sum("alpha"), dataset.lam.signed(), rtol=1e-4, atol=1e-7)
    share = float(dataset.lam.cumulative_share()[-1])
    change = float(dataset.detector_end - dataset.detector_start)
    assert share == pytest.approx(1 + float(dataset.completeness_gap) * np.sign(change), abs=1e-4)


STATISTICS = ["signed", "magnitude", "contributions", "cumulative", "cumulative_share", "sensitivity", "response"]


@pytest.mark.parametrize("name", [*STATISTICS, "gini", "diffusion_index", "contribution_area", "completeness"])
def test_a_further_dimension_changes_nothing(name, dataset):
    many = xr.concat([dataset, dataset * 2, dataset], dim="model", coords="minimal", compat="override")
    found = getattr(many.lam, name)()
    assert found.sizes["model"] == 3
    np.testing.assert_allclose(found.isel(model=0), getattr(dataset.lam, name)(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", [*STATISTICS, "gini", "diffusion_index", "contribution_area", "completeness"])
def test_statistics_say_what_they_are(name, dataset):
    found = getattr(dataset.lam, name)()
    assert found.attrs["units"]
    assert found.attrs["long_name"]
    assert found.name


def test_a_variable_that_was_not_kept_is_named(relu_network, image):
    bare = lam.attribute(relu_network, image, Region(16, 20, 6), steps=3, keep="map", progress=False)
    assert not np.isnan(bare.lam.diffusion_index())
    with pytest.raises(InputError, match=r"has no 'integrand'; make it with attribute\(\.\.\., keep="):
        bare.lam.cumulative()
    with pytest.raises(InputError, match=r"expected a result of lam_nb\.attribute"):
        xr.Dataset().lam.magnitude()
    with pytest.raises(InputError, match="got ndarray"):
        statistics.magnitude(np.zeros(3))


def as_map(values):
    return xr.Dataset({"attribution": (("channel", "y", "x"), np.asarray(values)[None])})


@pytest.mark.parametrize("size", [(20, 26), (33, 17), (48, 64)])
def test_contribution_area_is_scipys_kernel_density(size):
    random = np.random.default_rng(0)
    values = random.standard_normal(size) * np.exp(-((np.arange(size[1]) - 9) ** 2) / 40)
    places = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij")).reshape(2, -1)
    density = gaussian_kde(places, weights=np.abs(values).ravel())(places).reshape(size)
    found = statistics.contribution_area(as_map(values))
    np.testing.assert_allclose(found, density / density.max(), atol=1e-6)
    assert found.attrs["units"] == "1"


@pytest.mark.parametrize("values", [np.zeros((8, 9)), np.eye(8, 9)[:1].repeat(8, 0) * 0 + np.nan, np.diag([1.0] * 8)])
def test_a_map_without_an_area_is_nan(values):
    with pytest.warns(RuntimeWarning, match="contribution area is NaN"):
        assert bool(statistics.contribution_area(as_map(values)).isnull().all())


def test_a_larger_canvas_counts_as_padding(dataset):
    padded = _maps(np.pad(dataset.attribution.values, ((0, 0), (3, 7), (5, 0))))
    rows, columns = padded.sizes["y"], padded.sizes["x"]
    found = statistics.diffusion_index(dataset, canvas=(rows, columns))
    assert float(found) == pytest.approx(float(statistics.diffusion_index(padded)))
    assert found.attrs["canvas_pixels"] == rows * columns
    with pytest.raises(InputError, match="canvas: got 4 × 4, expected at least the map's"):
        statistics.diffusion_index(dataset, canvas=(4, 4))


def test_pixels_for_a_share():
    values = np.zeros((3, 4, 5))
    values[0, 0] = [4, 3, 2, 1, 0]
    counts = [float(statistics.pixels_for_share(_maps(values), share)) for share in (0.1, 0.4, 0.41, 0.7, 0.9, 1.0)]
    assert counts == [1, 1, 2, 2, 3, 4]
    with pytest.raises(InputError, match="share: got 0"):
        statistics.pixels_for_share(_maps(values), 0)


def test_spread_is_the_root_mean_squared_distance():
    values = np.zeros((3, 9, 11))
    values[0, 4, [2, 8]] = 1, -1
    assert float(statistics.spread(_maps(values))) == pytest.approx(3)
    moved = np.roll(values, (2, 1), (1, 2))
    assert float(statistics.spread(_maps(moved))) == pytest.approx(3)


def test_agreement_of_maps(dataset):
    from scipy.stats import spearmanr

    other = xr.Dataset({"attribution": np.sqrt(dataset.lam.magnitude()).expand_dims("channel")})
    same = statistics.agreement(dataset, other)
    assert float(same.rank_correlation) == pytest.approx(1) and float(same.top_overlap) == 1
    random = _maps(np.random.default_rng(0).standard_normal(dataset.attribution.shape))
    found = statistics.agreement(dataset, random)
    expected = spearmanr(dataset.lam.magnitude().values.ravel(), statistics.magnitude(random).values.ravel())[0]
    assert float(found.rank_correlation) == pytest.approx(expected)
    many = xr.concat([dataset[["attribution"]]] * 3, "model")
    assert statistics.agreement(many, dataset).rank_correlation.dims == ("model",)
    with pytest.raises(InputError, match="compare equal sizes"):
        statistics.agreement(dataset, dataset.isel(y=slice(5)))


def test_bootstrap_covers_as_it_says():
    draws = np.random.default_rng(1).normal(2, 1, (200, 40))
    found = statistics.bootstrap(xr.DataArray(draws, dims=("trial", "image")), draws=500)
    covered = float(((found.low < 2) & (found.high > 2)).mean())
    assert 0.85 < covered < 0.99
    again = statistics.bootstrap(xr.DataArray(draws, dims=("trial", "image")), draws=500)
    xr.testing.assert_identical(found, again)
    with pytest.raises(InputError, match="dimension: got 'network'"):
        statistics.bootstrap(xr.DataArray(draws), "network")


def test_informative_area_of_a_pair_and_of_many():
    maps = np.zeros((3, 3, 16, 18))
    maps[0, 0, 2:14, 2:14], maps[1, 0, 7:9, 7:9], maps[2, 0, 6:11, 6:11] = 1, 1, 1
    many = xr.Dataset({"attribution": (("model", "channel", "y", "x"), maps)})
    areas = statistics.contribution_area(many).values
    pair = statistics.informative_area(many.isel(model=slice(2)))
    beyond = areas[0] - areas[1]
    np.testing.assert_allclose(pair, areas[1] - 0.5 * beyond / beyond.max())
    turned = statistics.informative_area(many.isel(model=[1, 0]))  # whoever comes first
    xr.testing.assert_identical(turned, pair)
    assert -0.5 <= float(turned.min()) and float(turned.max()) <= 1 + 1e-9
    every = statistics.informative_area(many)
    assert every.attrs["method"] == "largest against smallest of all"
    beyond = areas.max(0) - areas.min(0)
    np.testing.assert_allclose(every, areas.min(0) - 0.5 * beyond / beyond.max())
    with pytest.raises(InputError, match="at least two networks"):
        statistics.informative_area(many.isel(model=0))
