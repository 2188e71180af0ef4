"""Views of features: the numbers of a result are what is drawn, and what does not fit is told in words."""

import itertools

import numpy as np
import pytest
import xarray as xr
from PIL import Image as Pillow

from lam_nb import InputError, views
from lam_nb.result import stacked

LAYERS, CONTENTS, CONDITIONS = ("first", "middle", "last"), ("cat", "bricks", "sea"), ("clean", "blur", "noise")
LEVELS = (0.0, 2.0, np.nan)


def represented(contents=CONTENTS, layers=LAYERS):
    content, condition = (one.ravel() for one in np.mgrid[: len(contents), : len(CONDITIONS)])
    points = np.random.default_rng(0).normal(size=(len(layers), len(content), 2))
    points *= np.arange(1, len(layers) + 1)[:, None, None]
    coordinates = {
        "layer": list(layers),
        "depth": ("layer", np.linspace(0.1, 1, len(layers))),
        "content": ("sample", np.array(contents)[content]),
        "degradation": ("sample", np.array(CONDITIONS)[condition]),
        "level": ("sample", np.array(LEVELS)[condition]),
    }
    told = {"network": "net", "feature_kind": "whole", "plane_by": "t-SNE, init pca", "perplexity": 3.0}
    return xr.Dataset({"plane": (("layer", "sample", "axis"), points)}, coordinates, told)


def separable(network="net", by="degradation", seed=0, layers=3):
    source = np.random.default_rng(seed)
    names = ["calinski_harabasz", "calinski_harabasz_plane", "silhouette", "probe"]
    middle = source.uniform(0.2, 0.8, (layers, len(names)))
    cells = {"": middle, "_low": middle - 0.1, "_high": middle + 0.2}
    data = {f"separability{end}": (("layer", "measure"), values) for end, values in cells.items()}
    data |= {"chance": (("layer", "measure"), middle / 2), "p_value": (("layer", "measure"), middle / 10)}
    depth = ("layer", np.linspace(1, 0.1, layers))  # the deepest first: curves are sorted
    coordinates = {"layer": [f"layer {k}" for k in range(layers)], "depth": depth, "measure": names}
    return xr.Dataset(data, coordinates, {"network": network, "by": by, "level": 0.95})


def generalising(network="net", seed=0, patches=24):
    tests, level = ["blur 4", "blur 0", "noise", "rain"], [4.0, 0.0, np.nan, np.nan]
    middle = np.random.default_rng(seed).uniform(1, 4, len(tests))
    cells = {"": middle, "_low": middle - 0.2, "_high": middle + 0.4}
    data = {f"generalisation{end}": ("test", values) for end, values in cells.items()}
    coordinates = {"test": tests, "degradation": ("test", ["blur", "blur", "noise", "rain"]), "level": ("test", level)}
    told = {"network": network, "patch_count": patches, "component_count": 12, "patch_size": 12, "interval_level": 0.9}
    return xr.Dataset(data, coordinates, told)


def test_points_are_the_plane_of_each_layer():
    ds = represented()
    figure = views.representations(ds)
    assert [frame.name for frame in figure.frames] == ["first, depth 0.10", "middle, depth 0.55", "last, depth 1.00"]
    assert figure.layout.sliders[0].active == 2
    for k, name in enumerate(CONDITIONS):
        points = ds.plane.values[:, ds.degradation.values == name]
        np.testing.assert_array_equal(np.stack([figure.data[k].x, figure.data[k].y], -1), points[-1])
        for frame, expected in zip(figure.frames, points, strict=True):
            np.testing.assert_array_equal(np.stack([frame.data[k].x, frame.data[k].y], -1), expected)
            assert frame.traces[k] == k and figure.data[k].name == name
    for frame, points in zip(figure.frames, ds.plane.values, strict=True):
        for axis, values in zip((frame.layout.xaxis, frame.layout.yaxis), points.T, strict=True):
            assert axis.range[0] < values.min() and values.max() < axis.range[1]
        assert np.ptp(frame.layout.xaxis.range) == pytest.approx(np.ptp(frame.layout.yaxis.range))
    assert figure.layout.yaxis.scaleanchor == "x" and figure.layout.xaxis.constrain == "domain"


def test_points_say_what_they_are():
    figure = views.representations(represented())
    assert figure.data[1].customdata.tolist() == [[name, ", level 2"] for name in CONTENTS]
    assert figure.data[2].customdata[0].tolist() == ["cat", ""] and "noise" in figure.data[2].hovertemplate
    symbols = dict(zip(CONTENTS, figure.data[0].marker.symbol, strict=True))
    assert len(set(symbols.values())) == 3
    assert {trace.name: trace.marker.symbol for trace in figure.data[3:]} == symbols
    assert len({trace.marker.color for trace in figure.data[:3]}) == 3
    assert "3 pictures in 3 conditions" in figure.layout.title.text


def test_nothing_marks_points_that_others_would_stand_for_in_the_next_layer():
    assert {"select", "lasso"} <= set(views.representations(represented()).layout.modebar.remove)


def test_many_contents_share_a_symbol_and_one_layer_has_no_slider():
    many = views.representations(represented([f"picture {k}" for k in range(9)]))
    assert len(many.data) == 3 and set(many.data[0].marker.symbol) == {"circle"}
    for one in (represented().isel(layer=0), represented().isel(layer=[0])):
        figure = views.representations(one)
        assert not figure.frames and not figure.layout.sliders and "first, depth 0.10" in figure.layout.title.text


def test_unknown_points_are_left_out():
    ds = represented()
    ds.plane[0, 1:] = np.nan
    ds.plane[1] = 0.0
    ranges = [frame.layout.xaxis.range for frame in views.representations(ds).frames]
    assert np.isfinite(ranges).all() and all(low < high for low, high in ranges)


def test_a_film_shows_each_layer(tmp_path):
    with Pillow.open(views.representations(represented()).to_film(tmp_path / "depth.gif")) as film:
        pictures = []
        for k in range(film.n_frames):
            film.seek(k)
            pictures.append(np.asarray(film.convert("RGB"))[120:-60].astype(int))
    assert len(pictures) == 3 and all(np.abs(one - pictures[0]).max() > 100 for one in pictures[1:])


@pytest.mark.parametrize("measure", ["calinski_harabasz", "calinski_harabasz_plane", "silhouette", "probe"])
def test_curves_are_separability_against_depth(measure):
    both = {"one": separable("a"), "other": separable("b", seed=1)}
    figure = views.separability(both, measure=measure)
    for k, (name, ds) in enumerate(both.items()):
        band, line, chance = figure.data[3 * k : 3 * k + 3]
        one = ds.sel(measure=measure).sortby("depth")
        assert line.name == name and line.line.color == band.fillcolor == chance.line.color
        np.testing.assert_array_equal([line.x, line.y], [one.depth, one.separability])
        np.testing.assert_array_equal([chance.x, chance.y], [one.depth, one.chance])
        assert list(band.y) == [*one.separability_high.values, *one.separability_low.values[::-1]]
        assert list(band.x) == [*one.depth.values, *one.depth.values[::-1]]
        assert line.customdata[0].tolist()[0] == "layer 2" and line.customdata[0, 4] == one.p_value.values[0]
    assert (figure.layout.yaxis.type == "log") == measure.startswith("calinski")
    assert "Do features gather by degradation?" in figure.layout.title.text


def test_an_index_of_nothing_has_a_linear_axis_and_infinite_ones_are_counted():
    zero, endless = separable(), separable()
    zero.separability_low[0] = 0.0
    assert views.separability(zero).layout.yaxis.type != "log"
    endless.separability[0, 0] = endless.separability_high[0, 0] = np.inf
    figure = views.separability(endless)
    assert "2 numbers are not finite" in figure.layout.title.text
    assert np.isnan(figure.data[1].y[-1]) and np.isfinite(np.array(figure.data[0].y)).all()


def test_networks_are_named_as_they_are_given():
    one, other = separable("rfdn"), separable("san", seed=1)
    for given in ([one, other], stacked([one, other], "model").assign_coords(model=["rfdn", "san"])):
        assert [trace.name for trace in views.separability(given).data[1::3]] == ["rfdn", "san"]
    assert [trace.name for trace in views.separability([one, one]).data[1::3]] == ["rfdn (1)", "rfdn (2)"]
    assert views.separability(one).data[1].name == "rfdn"


def test_levels_are_a_curve_and_other_tests_bars():
    both = [generalising("a"), generalising("b", seed=1)]
    figure = views.generalisation(both)
    for k, ds in enumerate(both):
        band, line, bar = (figure.data[n] for n in (2 * k, 2 * k + 1, 4 + k))
        np.testing.assert_array_equal([line.x, line.y], [[0.0, 4.0], ds.generalisation.values[[1, 0]]])
        assert list(band.y) == [*ds.generalisation_high.values[[1, 0]], *ds.generalisation_low.values[[0, 1]]]
        assert list(bar.x) == ["noise", "rain"] and list(bar.y) == list(ds.generalisation.values[2:])
        np.testing.assert_allclose(bar.error_y.array, 0.4)
        np.testing.assert_allclose(bar.error_y.arrayminus, 0.2)
        assert (line.name, line.showlegend, bar.showlegend) == (ds.attrs["network"], True, False)
    assert figure.layout.xaxis.title.text == "level of blur" and figure.layout.yaxis.range[0] < 0
    assert "24 patches of 12 × 12 px, 12 components" in figure.layout.title.text
    assert "90 % intervals" in figure.layout.title.text


def test_tests_without_levels_alone_are_bars_alone():
    ds = generalising()
    figure = views.generalisation(ds.isel(test=[2, 3]))
    assert [trace.type for trace in figure.data] == ["bar"] and figure.data[0].showlegend


@pytest.mark.parametrize(
    "shown",
    [
        views.representations(represented()),
        views.separability([separable("a"), separable("b", seed=1)]),
        views.generalisation([generalising("a"), generalising("b", seed=1)]),
    ],
    ids=["representations", "separability", "generalisation"],
)
def test_each_is_printed_with_its_names(shown, tmp_path):
    figure = views.publish(shown, width=120)
    labels = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert labels in ({*CONDITIONS}, {"a", "b"})
    assert all(axes.get_xlabel() for axes in figure.axes) and figure.axes[0].get_ylabel()
    assert views.save(shown, tmp_path / "figure.pdf").stat().st_size > 1000
    assert len(np.unique(np.asarray(shown.picture()).reshape(-1, 3), axis=0)) > 10


def test_printed_bars_stand_beside_each_other():
    figure = views.publish(views.generalisation([generalising("a"), generalising("b", seed=1)]))
    sides = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in figure.axes[1].patches)
    assert len(sides) == 4 and all(one[1] <= other[0] + 1e-9 for one, other in itertools.pairwise(sides))
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["noise", "rain"]


def test_what_does_not_fit_is_told():
    ds = represented()
    for view, given, words in [
        (views.representations, [ds], "got list"),
        (views.representations, xr.Dataset(), "has no 'plane'; expected a result of lam_nb.representations"),
        (views.representations, stacked([ds, ds], "model"), "choose one, such as ds.isel"),
        (views.representations, ds.isel(sample=[]), "0 samples, expected at least one"),
        (views.separability, [], "results: got none, expected at least one result of lam_nb.statistics.separability"),
        (views.separability, {}, "results: got none"),
        (views.separability, 3, "results: got int"),
        (views.separability, ds, "has no 'separability'"),
        (views.separability, [separable(), separable(by="content")], "net \\(2\\) 'content', expected the same"),
        (views.separability, separable().isel(measure=[2]), "no 'calinski_harabasz' by depth"),
        (views.generalisation, separable(), "has no 'generalisation'"),
        (views.generalisation, [generalising(), generalising(patches=48)], "patch_count 24 and net \\(2\\) 48"),
    ]:
        with pytest.raises(InputError, match=words):
            view(given)
    with pytest.raises(InputError, match=r"measure: got 'probes'.*probe"):
        views.separability(separable(), measure="probes")
