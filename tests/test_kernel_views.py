"""Views of kernels: the numbers of a result are what is drawn, and what does not fit is told in words."""

import numpy as np
import pytest
import xarray as xr
from PIL import Image as Pillow

from lam_nb import InputError, statistics, views

SKILLS, LAYERS = ["blur", "noise"], ["first", "middle", "last"]


def scored(kernels=60, skills=SKILLS):
    source = np.random.default_rng(0)
    score = source.exponential(size=(len(skills), kernels))
    layer = np.repeat(np.array(LAYERS, dtype=object), kernels // 3)
    data = {
        "score": (("degradation", "kernel"), score),
        "score_error": (("degradation", "kernel"), score / 10),
        "discriminative": (("degradation", "against", "kernel"), score[:, None] - score[None]),
        "change": (("kernel",), source.random(kernels)),
        "target_gradient": (("degradation", "kernel"), source.random(score.shape)),
    }
    for name in ("completeness_gap", "quadrature_error", "node_count"):
        data[name] = (("degradation", "content"), np.full((len(skills), 2), 9 if name == "node_count" else 0.0125))
    places = {"layer": layer, "depth": np.repeat([0.3, 0.6, 1.0], kernels // 3), "out": np.arange(kernels) % 5}
    coordinates = {name: ("kernel", values) for name, values in {**places, "in": np.arange(kernels) % 3}.items()}
    coordinates |= {"degradation": skills, "against": skills, "kernel": np.arange(kernels)}
    told = {"network": "new", "baseline": "old", "images": 2, "rule": "midpoint"}
    return xr.Dataset(data, coordinates, told)


def masked(methods=("discriminative", "random"), shares=(0.01, 0.1)):
    source = np.random.default_rng(0)
    dims = ("method", "skill", "degradation", "share", "draw", "content")
    values = source.normal(size=(len(methods), 2, 2, len(shares), 3, 5))
    values[0, ..., 1:, :] = np.nan
    gaps = source.random((2, 5)) + 2
    data = {"psnr_lost": (dims, values), "function_lost": (dims, np.abs(values))}
    data |= {name: (("degradation", "content"), gaps) for name in ("psnr_gap", "function_gap")}
    coordinates = {"method": list(methods), "skill": SKILLS, "degradation": SKILLS, "share": list(shares)}
    return xr.Dataset(data, coordinates, {"network": "new", "baseline": "old", "images": 5})


def modulated(amounts=(0.0, 0.5, 1.0, 1.5)):
    source = np.random.default_rng(0)
    rows, columns, count = 20, 28, len(amounts)
    shades = np.linspace(0, 255, count).astype(np.uint8)[:, None, None, None]
    output = np.broadcast_to(shades, (2, 2, count, 3, rows, columns)).copy()
    dims = ("skill", "degradation", "amount")
    data = {
        "output": ((*dims, "channel", "out_y", "out_x"), output),
        "reference": (("channel", "out_y", "out_x"), source.random((3, rows, columns))),
        "psnr_lost": ((*dims, "content"), source.random((2, 2, count, 4))),
    }
    coordinates = {"skill": SKILLS, "degradation": SKILLS, "amount": list(amounts), "content": list("abcd")}
    return xr.Dataset(data, coordinates, {"network": "new", "baseline": "old", "share": 0.01})


@pytest.mark.parametrize("by", ["discriminative", "score"])
def test_points_are_the_first_kernels_in_their_layers(by):
    ds = scored()
    figure = views.filters(ds, share=0.1, by=by)
    for skill in SKILLS:
        points = next(one for one in figure.data if one.name == skill and one.mode == "markers")
        chosen = statistics.top_kernels(ds, skill, 0.1, by=by).values
        np.testing.assert_array_equal(points.y, statistics.kernel_ranking(ds, skill, by=by)[chosen])
        assert [LAYERS[int(k)] for k in points.x] == ds.layer.values[chosen].tolist()
        assert points.customdata[:, 1].tolist() == ds["out"].values[chosen].tolist()
        layers = statistics.kernel_layers(ds, skill, 0.1, by=by)
        bars = next(one for one in figure.data if one.name == skill and one.type == "bar")
        np.testing.assert_array_equal(bars.y, layers.top_share)
        assert bars.marker.color == points.marker.color and sum(bars.y) == pytest.approx(1)
    thin, thick = figure.data[:2]
    spread = statistics.kernel_layers(ds, "blur", 0.1, by=by).spread.values
    np.testing.assert_array_equal(np.reshape(thin.y, (3, 3))[:, :2], spread[:, [0, 4]])
    np.testing.assert_array_equal(np.reshape(thick.y, (3, 3))[:, :2], spread[:, [1, 3]])


def test_captions_say_how_far_scores_can_be_trusted():
    words = views.filters(scored()).layout.title.text
    told = "new", "old", "2 pictures", "60 kernels", "first 1 %", "gap at most 1.2%", "error at most 1.2%", "9 steps"
    for part in told:
        assert part in words, part


def test_one_degradation_has_a_row_of_its_own_and_many_layers_not_all_names():
    one = views.filters(scored(skills=["blur"]), by="score")
    assert [trace.name for trace in one.data if trace.type == "bar"] == ["blur"]
    ds = scored(kernels=300)
    ds["layer"] = ("kernel", np.array([f"layer {k // 4:02d}" for k in range(300)], dtype=object))
    ds["depth"] = ("kernel", np.repeat(np.linspace(0.1, 1, 75), 4))
    axis = views.filters(ds).layout.xaxis3
    assert len(axis.ticktext) == 20 and axis.ticktext[0] == "layer 00" and axis.ticktext[-1] == "layer 74"


@pytest.mark.parametrize("measure", ["psnr_lost", "function_lost"])
def test_curves_are_what_is_lost_with_its_interval(measure):
    table = masked()
    figure, found = views.masking(table, measure=measure), statistics.masking_effect(table, measure)
    for number, (skill, tried) in enumerate([(a, b) for a in SKILLS for b in SKILLS]):
        *curves, whole = figure.data[5 * number : 5 * number + 5]
        for k, method in enumerate(table["method"].values):
            band, line = curves[2 * k : 2 * k + 2]
            one = found.sel({"method": method, "skill": skill, "degradation": tried})
            np.testing.assert_allclose(line.x, [1, 10])
            np.testing.assert_array_equal(line.y, one[measure])
            assert list(band.y) == [*one[f"{measure}_high"].values, *one[f"{measure}_low"].values[::-1]]
            assert line.showlegend == (number == 0)
        gap = table[measure.replace("lost", "gap")].sel(degradation=tried).mean()
        assert list(whole.y) == [float(gap)] * 2
    assert [one.text for one in figure.layout.annotations[:4]][1] == "kernels for blur, tried with noise"


def test_the_slider_goes_through_amounts():
    table = modulated()
    figure = views.modulation(table)
    assert [frame.name for frame in figure.frames] == ["λ 0", "λ 0.5", "λ 1", "λ 1.5"]
    assert figure.layout.sliders[0].active == 2  # the baseline's kernels
    places = [frame.layout.images for frame in figure.frames]
    assert all(len(one) == 3 + 4 + 2 for one in places)
    assert all(one[k].source == places[0][k].source for one in places for k in range(3))
    for k in range(3, 7):
        assert len({one[k].source for one in places}) == 4
    for k in (7, 8):
        assert [one[k].x for one in places] == [0.0, 0.5, 1.0, 1.5]
    curve = next(one for one in figure.data if one.name == "noise")
    np.testing.assert_allclose(curve.y, table.psnr_lost.sel(skill="blur", degradation="noise").mean("content"))


def test_a_film_shows_each_amount(tmp_path):
    with Pillow.open(views.modulation(modulated()).to_film(tmp_path / "amounts.gif")) as film:
        assert film.n_frames == 4


@pytest.mark.parametrize("view", [views.filters(scored()), views.masking(masked()), views.modulation(modulated())])
def test_figures_are_printed_and_have_a_still_and_a_page(view, tmp_path):
    assert len(views.publish(view, width="column").axes)
    picture = np.asarray(view.picture().convert("RGB"))
    assert (picture < 200).any(-1).mean() > 0.005
    assert view.to_html(tmp_path / "page.html").stat().st_size > 100_000
    words = [str(note.hovertext) for note in view.layout.annotations if note.name == "explain"]
    assert words and "baseline" in words[0]


def test_a_still_breaks_lines_where_numbers_are_missing():
    picture = np.asarray(views.filters(scored()).picture().convert("RGB")).astype(int)
    grey = (np.abs(picture - np.array([0x9A, 0xA4, 0xAE])).max(-1) < 12).sum(0)
    assert (grey[300:700] > 0).mean() < 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: views.filters(masked()), "has no 'score'; expected a result of lam_nb.filters"),
        (lambda: views.filters(scored(), share=2), "share: got 2"),
        (lambda: views.filters(scored(), by="change"), "by: got 'change'"),
        (lambda: views.masking(scored()), "has no 'psnr_lost'; expected a result of lam_nb.studies.masking_curve"),
        (lambda: views.masking(masked(), measure="psnr"), "measure: got 'psnr'"),
        (lambda: views.masking(masked(), level=2), "level: got 2"),
        (lambda: views.modulation(masked()), "has no 'output'"),
        (lambda: views.modulation(modulated(), size=100), "size: got 100 bytes"),
    ],
)
def test_what_does_not_fit_is_told_in_words(given, message):
    with pytest.raises(InputError, match=message):
        given()
