"""Separability: scikit-learn's numbers, a planted layer, an honest null, and nothing that leaks."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, networks
from lam_nb.statistics import groups, intervals, separability

CONTENTS, CONDITIONS = 8, 3
QUICK = {"draws": 50, "permutations": 39}


def labels(contents=CONTENTS, conditions=CONDITIONS):
    content, condition = (one.ravel() for one in np.mgrid[:contents, :conditions])
    return content, condition


def made(points, plane=None, contents=CONTENTS, levels=None, degradations=None):
    """A result of layers (layer, sample, component)."""
    points = np.asarray(points, float)
    content, condition = labels(contents, points.shape[1] // contents)
    degradations = condition if degradations is None else degradations
    coordinates = {
        "layer": [f"layer {k}" for k in range(len(points))],
        "depth": ("layer", np.linspace(0.1, 1, len(points))),
        "content": ("sample", [f"picture {k}" for k in content]),
        "degradation": ("sample", [f"degradation {k}" for k in degradations]),
        "level": ("sample", np.full(len(content), np.nan) if levels is None else levels),
    }
    dims = "layer", "sample"
    plane = points[..., :2] if plane is None else plane
    data = {"projection": ((*dims, "component"), points), "plane": ((*dims, "axis"), plane)}
    return xr.Dataset(data, coords=coordinates)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_numbers_are_scikit_learns():
    from sklearn.linear_model import Ridge
    from sklearn.metrics import calinski_harabasz_score, silhouette_samples

    content, condition = labels()
    points = noise(len(content), 5) + condition[:, None]
    for one in (content, condition):
        assert groups.calinski_harabasz(points, one) == pytest.approx(calinski_harabasz_score(points, one))
        found = groups.silhouettes(groups.distances(points), one)
        np.testing.assert_allclose(found, silhouette_samples(points, one), atol=1e-9)
    said = groups.probe(points, content) @ groups.indicators(condition)
    for fold in range(CONTENTS):
        known = content != fold
        centred = points[known] - points[known].mean(0)
        model = Ridge(alpha=0.01 * np.trace(centred.T @ centred) / 5)
        model.fit(points[known], groups.indicators(condition)[known])
        np.testing.assert_allclose(said[~known], model.predict(points[~known]), atol=1e-9)


def test_weights_are_repetitions():
    content, condition = labels()
    points, weights = noise(len(content), 4), np.tile([1, 2, 0, 3], 6)
    expected = groups.calinski_harabasz(points.repeat(weights, 0), condition.repeat(weights))
    assert groups.calinski_harabasz(points, condition, weights.astype(float)) == pytest.approx(expected)


def test_a_planted_layer_gathers_by_degradation_and_another_by_content():
    """The first layer says whether a picture was darkened, the last one which picture it was."""

    class Planted(nn.Module):
        def __init__(self):
            super().__init__()
            self.shown, self.dark = nn.Identity(), nn.Identity()

        def forward(self, batch):
            light = batch.mean((1, 2, 3), keepdim=True)
            self.shown(batch / light)
            self.dark(10 * (light < 0.3) + batch * 0.1)
            return batch

    source = torch.Generator().manual_seed(0)
    pictures = {f"{k}": 0.4 + 0.5 * torch.rand(3, 6, 9, generator=source) for k in range(CONTENTS)}
    net = networks.wrap(Planted(), scale=1, check=False)
    spoiled = {"dark": lambda batch: batch * 0.2}
    ds = lam.representations(net, pictures, spoiled, layers=["dark", "shown"], components=9, progress=False)
    found = {by: separability(ds, by, **QUICK) for by in ("degradation", "content")}
    by, of = (found[name].separability.sel(layer=["shown", "dark"]) for name in ("degradation", "content"))
    assert (by.sel(layer="dark") > [1e3, 1, 0.95, 0.99]).all() and of.sel(layer="shown", measure="probe") == 1
    assert (of.sel(layer="shown")[[0, 2]] > [100, 0.9]).all() and (by.sel(layer="shown")[[0, 2]] < [1, 0.01]).all()
    assert found["degradation"].p_value.sel(layer="dark").max() <= 0.05
    assert ds.lam.separability().separability.dims == ("layer", "measure")


def test_by_chance_p_is_uniform():
    """Four hundred layers of noise: by each measure, p is below a tenth in a tenth of them."""
    points = noise(400, CONTENTS * CONDITIONS, 3)
    for by in ("degradation", "content"):
        found = separability(made(points), by, draws=1, permutations=39)
        p = found.p_value.values
        assert abs(p.mean(0) - 0.5).max() < 0.09  # coarse accuracies make p a little larger
        few = (p <= 0.1).mean(0)
        assert (few < 0.16).all() and (few[:3] > 0.05).all()
        assert abs(found.chance.sel(measure="calinski_harabasz").mean() - 1) < 0.15


def test_chance_keeps_what_is_not_asked_about():
    """Contents apart and degradations nothing: exchanged freely, labels would make any index look large."""
    content, _ = labels()
    points = noise(1, len(content), 3) + 20 * noise(CONTENTS, 3, seed=1)[content]
    found = separability(made(points), **QUICK)
    assert found.p_value.sel(measure="calinski_harabasz").item() > 0.1
    assert found.chance.sel(measure="calinski_harabasz").item() < 0.2


def test_no_picture_is_in_both_parts_of_a_probe():
    """Each picture has a vector of its own in each degradation, seen twice: left out alone, a sample has a twin."""
    contents, axes = 12, 40
    own = noise(contents, 2, axes)
    points = np.repeat(own, 2, 1).reshape(1, contents * 4, axes) + 0.01 * noise(1, contents * 4, axes, seed=1)
    degradations, levels = np.tile([0, 0, 1, 1], contents), np.tile([1.0, 2.0], 2 * contents)
    ds = made(points, contents=contents, levels=levels, degradations=degradations)
    honest = separability(ds, **QUICK).separability.sel(measure="probe").item()
    leaking = groups.right(groups.probe(points[0], np.arange(contents * 4)), degradations).mean()
    assert leaking > 0.95 and honest < 0.75
    content, _ = labels(contents, 4)
    said = groups.probe(points[0], content)
    assert not said[content[:, None] == content].any()


def test_intervals_hold_the_value_and_narrow_with_more_pictures():
    widths = []
    for contents in (6, 48):
        content, condition = labels(contents)
        points = noise(1, len(content), 3) + 3 * np.eye(3)[condition]
        found = separability(made(points, contents=contents), draws=200, permutations=1)
        assert (found.separability_low <= found.separability).all()
        assert (found.separability <= found.separability_high).all()
        relative = (found.separability_high - found.separability_low) / found.separability
        widths.append(relative.sel(measure=["calinski_harabasz", "silhouette"]).values)
    assert (widths[1] < 0.7 * widths[0]).all()


@pytest.mark.parametrize("shift", [0, 3])
def test_intervals_hold_the_true_value_as_often_as_they_say(shift):
    """A layer is a drawing of eight pictures, three degradations apart or not; what is true, many drawings say."""
    content, condition = labels()

    def drawings(count, seed):
        own = noise(count, CONTENTS, 4, seed=seed)[:, content]
        return made(own + shift * np.eye(4)[condition] + noise(count, len(content), 4, seed=seed + 1))

    true = separability(drawings(600, 2), draws=1, permutations=1).separability.mean("layer")
    found = separability(drawings(150, 4), draws=200, permutations=1)
    held = ((found.separability_low <= true) & (true <= found.separability_high)).mean("layer")
    assert (held.sel(measure=["calinski_harabasz", "calinski_harabasz_plane", "silhouette"]) > 0.87).all(), held.values
    assert held.sel(measure="probe") > 0.65  # accuracies of few samples are coarse


def test_few_pictures_widen_an_interval_as_students_quantiles_do():
    for level, freedom, expected in [(0.95, 1, 12.706), (0.95, 3, 3.182), (0.8, 7, 1.415), (0.99, 30, 2.750)]:
        assert intervals._student((1 + level) / 2, freedom) == pytest.approx(expected, abs=2e-3)
    assert intervals.expanded(0.95, 1) == (0, 1)


def test_a_silhouette_drawn_twice_is_that_of_two_in_one_place_and_no_neighbour_of_itself():
    content, condition = labels()
    points, weights = noise(len(content), 4), np.tile([1, 2, 0, 3], 6)
    apart = groups.distances(points)
    found = groups.silhouettes(apart, condition, weights.astype(float))
    for k in (0, 1, 5):
        kept = [j for j in np.arange(len(points)).repeat(weights) if j != k]
        mean = [np.mean([apart[k, j] for j in kept if condition[j] == group]) for group in range(CONDITIONS)]
        own, other = mean[condition[k]], min(np.delete(mean, condition[k]))
        assert found[k] == pytest.approx((other - own) / max(own, other))
    np.testing.assert_array_equal(
        groups.silhouettes(apart, condition, np.ones(24)), groups.silhouettes(apart, condition)
    )


def test_indices_grow_with_what_was_planted():
    content, condition = labels()
    points = [noise(len(content), 3) + shift * np.eye(3)[condition] for shift in (0, 2, 5, 12)]
    found = separability(made(points), **QUICK).separability
    assert (found.diff("layer")[:, [0, 2]] > 0).all() and (found.diff("layer")[:, 3] >= 0).all()
    assert found.depth.values[-1] == 1


def test_several_networks_keep_their_dimension():
    one, other = made(noise(2, 24, 3)), made(noise(2, 24, 3, seed=1))
    many = lam.result.stacked([one, other], "model").assign_coords(model=["a", "b"])
    found = separability(many, **QUICK)
    assert found.separability.dims == ("model", "layer", "measure")
    np.testing.assert_array_equal(found.separability.sel(model="b"), separability(other, **QUICK).separability)


def test_a_layer_without_any_spread_and_one_with_nan_say_nothing():
    points = noise(3, 24, 3)
    points[0], points[1, 3] = 0, np.nan
    found = separability(made(points), **QUICK)
    assert np.isnan(found.separability[0, :2]).all() and np.isnan(found.separability[1]).all()
    assert np.isfinite(found.separability[2]).all()


def test_two_samples_that_share_nothing_have_no_silhouette_and_raise_nothing():
    ds = made(noise(1, 24, 3)).isel(sample=[0, 4])
    found = separability(ds, draws=20, permutations=3).sel(measure="silhouette")
    assert found.separability.item() == found.separability_low.item() == found.separability_high.item() == 0


def test_seeds_decide_what_is_drawn():
    ds = made(noise(1, 24, 3))
    one, again, other = (separability(ds, **QUICK, seed=seed) for seed in (1, 1, 2))
    xr.testing.assert_equal(one, again)
    for name in ("separability_low", "separability_high", "chance"):
        assert not one[name].equals(other[name]), name


def test_bad_input_is_told():
    ds = made(noise(1, 24, 3))
    one = ds.isel(sample=ds.content == "picture 0")
    with pytest.raises(InputError, match="dataset: has one content only, 'picture 0', expected at least two"):
        separability(one)
    with pytest.raises(InputError, match="dataset: has one degradation only, 'degradation 1'"):
        separability(ds.isel(sample=ds.degradation == "degradation 1"), "content")
    with pytest.raises(InputError, match=r"has no 'projection'; expected a result of lam_nb.representations"):
        separability(ds.drop_vars("projection"))
    for change, message in (({"by": "colour"}, "by: got"), ({"draws": 0}, "draws"), ({"level": 1}, "level")):
        with pytest.raises(InputError, match=message):
            separability(ds, **change)
