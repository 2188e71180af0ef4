import base64
import io
import re
import sys

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

import lam_nb as lam
from lam_nb import InputError, Region, views
from lam_nb.views import kit
from lam_nb.views.kit._poster import _Sheet


@pytest.fixture
def dataset(relu_network, image):
    return lam.attribute(relu_network, image, Region(16, 20, 6), steps=5, keep="all", progress=False)


def _decoded(source):
    return np.asarray(Pillow.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGBA"))


def test_attribution_shows_the_statistic(dataset):
    figure = views.attribution(dataset)
    np.testing.assert_array_equal(figure.data[0].z, dataset.lam.signed())
    assert figure.data[0].zmin == -figure.data[0].zmax


def test_progression_has_a_step_and_a_frame_per_node(dataset):
    figure = views.progression(dataset)
    steps = figure.layout.sliders[0].steps
    assert [step.label for step in steps] == [frame.name for frame in figure.frames]
    assert steps[0].label.startswith(f"α {float(dataset.alpha[0]):.3f} · σ")
    assert len({frame.to_json() for frame in figure.frames}) == len(steps) == 5
    for step, frame in zip(steps, figure.frames, strict=True):  # the slider and its label follow play
        assert (step.method, list(step.args[0])) == ("animate", [frame.name])
    assert figure.layout.images == figure.frames[0].layout.images and figure.layout.sliders[0].active == 0
    cursor = [frame.layout.images[-1].x for frame in figure.frames]
    assert cursor == pytest.approx(dataset.alpha.values.tolist())


def test_play_takes_six_seconds_and_goes_round(dataset):
    slowly, *others = views.progression(dataset).layout.updatemenus[0].buttons[:3]
    assert slowly.label == "▶ play" and slowly.args[1]["frame"]["duration"] * 5 == 6000
    assert len(slowly.args[0]) == 50 and [one.label for one in others] == ["▶ slowly", "▶ fast"]


def test_what_plays_is_written_as_a_film(dataset, tmp_path):
    view = views.progression(dataset)
    with Pillow.open(view.to_film(tmp_path / "map.gif", seconds=2)) as film:
        assert film.n_frames == 5 and film.info["duration"] == 400 and film.info["loop"] == 0
        shown = []
        for step in range(5):
            film.seek(step)
            shown.append(film.convert("RGB").tobytes())
    assert len(set(shown)) == 5
    with pytest.raises(InputError, match=r"expected a name that ends in \.gif or \.mp4"):
        view.to_film(tmp_path / "map.avi")
    with pytest.raises(InputError, match="no steps to play"):
        views.attribution(dataset).to_film(tmp_path / "map.gif")
    with pytest.raises(InputError, match="seconds: got 0"):
        view.to_film(tmp_path / "map.gif", seconds=0)


def test_a_film_is_also_an_mp4(dataset, tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    film = views.progression(dataset).to_film(tmp_path / "map.mp4")
    assert film.read_bytes()[4:8] == b"ftyp" and film.stat().st_size > 2000


def test_without_imageio_it_says_what_to_install(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(InputError, match=r'MP4 needs imageio; install it: pip install "lam-nb\[film\]"'):
        views.progression(dataset).to_film(tmp_path / "map.mp4")
    assert not list(tmp_path.iterdir())


def test_a_network_has_its_colour_in_every_figure():
    names = ["rfdn", "fsrcnn", "carn-m"]
    every = views.kit.colours_of(names)
    assert len(set(every.values())) == 3
    assert views.kit.colours_of(["rfdn"])["rfdn"] == views.kit.colours_of(["rfdn", "x"])["rfdn"]


def test_a_picture_shows_the_last_step(dataset):
    view = views.progression(dataset)
    finished = views.progression(dataset)
    finished.layout.images = view.frames[-1].layout.images
    finished.frames = []
    assert view.picture().tobytes() == finished.picture().tobytes()


def test_pictures_are_the_values_through_the_colour_scale(dataset):
    figure = views.progression(dataset)
    gathered = dataset.lam.cumulative().values
    end = kit.limit(gathered)
    index = np.round((np.clip(gathered[2] / end, -1, 1) + 1) * 127.5).astype(int)
    shown = _decoded(figure.frames[2].layout.images[4].source)
    factor = shown.shape[0] // 20
    assert shown.shape == (20 * factor, 26 * factor, 4)
    np.testing.assert_array_equal(shown[factor // 2 :: factor, factor // 2 :: factor], kit.shades()[index])


def test_large_pictures_are_shown_reduced_and_say_so(relu_network):
    large = lam.images.as_image(np.random.default_rng(0).random((300, 516, 3)))
    ds = lam.attribute(relu_network, large, Region(100, 200), steps=3, keep="all", progress=False)
    figure = views.progression(ds)
    assert [("shown at 1/2" in note.text, "1/3" in note.text) for note in figure.layout.annotations[:3]] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    map_shown = _decoded(figure.frames[-1].layout.images[4].source)
    assert map_shown.shape == (150, 258, 4)
    gathered = ds.lam.cumulative().values[-1]
    strongest = np.unravel_index(np.abs(gathered).argmax(), gathered.shape)
    colour = kit.shades()[255 if gathered[strongest] > 0 else 0]
    np.testing.assert_array_equal(map_shown[strongest[0] // 2, strongest[1] // 2], colour)


def test_curves_are_the_statistics(dataset):
    lines = {trace.name: trace for trace in views.progression(dataset).data if trace.name}
    np.testing.assert_allclose(lines["detector"].y[1:-1], dataset.detector)
    assert (lines["detector"].y[0], lines["detector"].y[-1]) == (dataset.detector_start, dataset.detector_end)
    share = dataset.lam.cumulative_share().values
    np.testing.assert_allclose(lines["gathered share"].y, [0, *share, share[-1]])


@pytest.mark.parametrize("view", [views.attribution, views.progression])
def test_captions_tell_network_region_and_settings(view, dataset):
    text = view(dataset).layout.title.text
    for part in ("toy", "y=16, x=20, 6 × 6", "blur(sigma=1.2, kernel=9)", "edges", "arc, 5 steps", "diffusion index"):
        assert part in text


@pytest.mark.parametrize("view", [views.attribution, views.progression])
def test_axes_have_pixels_and_every_subplot_its_picture(view, dataset):
    figure = view(dataset)
    for axis in figure.select_xaxes():
        assert "px" in axis.title.text or "α" in axis.title.text


def test_a_still_output_is_encoded_once(relu_network, image):
    ds = lam.attribute(relu_network, image, Region(16, 20, 6), steps=4, progress=False)
    figure = views.progression(ds)
    assert len({frame.layout.images[1].source for frame in figure.frames}) == 1
    assert "sharp image" in figure.layout.annotations[1].text


def test_missing_variables_are_named(relu_network, image):
    bare = lam.attribute(relu_network, image, Region(16, 20, 6), steps=3, keep="map", progress=False)
    for view in (views.attribution, views.progression):
        with pytest.raises(InputError, match="keep="):
            view(bare)


def test_a_flat_image_can_be_shown(relu_network):
    flat = lam.images.as_image(np.full((20, 26, 3), 0.5))
    ds = lam.attribute(relu_network, flat, Region(16, 20, 6), steps=3, progress=False)
    with pytest.warns(RuntimeWarning, match="zero everywhere"):
        assert "nan" in views.progression(ds).layout.title.text


def test_html_is_self_contained_and_written_whole(dataset, tmp_path):
    page = views.write_html(views.progression(dataset), tmp_path / "page.html")
    text = page.read_text()
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=["']?(http|//)""", text)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(InputError, match="there is no folder"):
        views.write_html(views.attribution(dataset), tmp_path / "none" / "page.html")


def test_convergence_shows_tolerance_and_adds_up(relu_network, image):
    ds = lam.attribute(relu_network, image, lam.Region(12, 16, 8), tolerance=0.02, progress=False)
    figure = lam.views.convergence(ds)
    assert figure.data[0].y[-1] == pytest.approx(100 * float(ds.quadrature_error))
    assert sum(figure.data[2].y) == pytest.approx(100 * float(ds.quadrature_error), rel=1e-4)
    assert figure.layout.shapes[0].y0 == 2
    assert "±" in figure.layout.title.text


@pytest.mark.parametrize("view", ["progression", "attribution", "convergence"])
def test_a_picture_is_left_where_nothing_plays(view, dataset):
    figure = getattr(views, view)(dataset)
    picture = np.asarray(figure.picture())
    assert picture.shape[1] >= 1000 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    sheet = _Sheet(figure)
    images = figure.frames[-1].layout.images if figure.frames else figure.layout.images
    for image in (
        one for one in images if "domain" not in one.yref and one.layer == "below" and one.xref in ("x", "x2")
    ):
        left, top, width, height = (round(value) for value in sheet.place(image.xref, image.yref))
        source = Pillow.fromarray(_decoded(image.source)[..., :3]).resize((width, height), Pillow.Resampling.NEAREST)
        drawn = picture[top : top + height, left : left + width]
        assert (drawn == source).all(-1).mean() > 0.8, "all but the window's outline"
    curves = [trace for trace in figure.data if trace.name or trace.type == "bar"]
    assert len(curves) == {"progression": 2, "attribution": 0, "convergence": 1}[view]
    for k, trace in enumerate(curves if view == "progression" else []):
        colour = [(0x2F, 0x7E, 0xD8), (0xD5, 0x5E, 0x00)][k]
        left, top, width, height = sheet.place(trace.xaxis, trace.yaxis)
        down, across = np.nonzero((picture == colour).all(-1))
        inside = (across > left) & (across < left + width) & (down > top - 2) & (down < top + height + 2)
        assert inside.sum() > width / 2, "a line as wide as its axes"


def test_a_budget_leaves_out_steps_and_says_so(relu_network, image):
    ds = lam.attribute(relu_network, image, Region(16, 20, 6), steps=30, progress=False)
    small = views.progression(ds, size=300_000)
    shown = len(small.layout.sliders[0].steps)
    assert 4 <= shown < 30 and f"{shown} of 30 steps shown" in small.layout.title.text
    assert small.layout.sliders[0].steps[-1].label == views.progression(ds).layout.sliders[0].steps[-1].label
    with pytest.raises(InputError, match="size: got 10 bytes"):
        views.progression(ds, size=10)


def test_networks_are_compared(relu_network, linear_network, image):
    many = lam.compare([relu_network, linear_network], image, Region(16, 20, 6), steps=5, progress=False,
                       keep=["output", "integrand"], reference=torch.zeros(3, 40, 52))  # fmt: skip
    figure = views.comparison(many)
    assert len(figure.layout.images) == 6 and len(figure.layout.sliders[0].steps) == 5
    first, last = (figure.frames[k].layout.images for k in (0, -1))
    assert [k for k in range(6) if first[k].source != last[k].source] == [1, 4]
    assert figure.layout.sliders[0].active == 4  # the finished maps
    heading = figure.layout.annotations[0].text
    assert "window" in heading and "picture" in heading and "dB" in heading and "toy (1)" in heading
    bars = [trace.marker.colorbar.ticktext for trace in figure.data if trace.marker.colorbar.ticktext]
    assert bars == [("▼ own end", "0", "▲ own end")]
    assert {axis.matches for axis in figure.select_xaxes(row=2)} | {
        axis.matches for axis in figure.select_xaxes(row=3)
    } == {None, "x3"}
    still = views.comparison(many.drop_vars("integrand"), scale="common")
    assert not still.layout.sliders and "one colour scale" in still.layout.title.text
    with pytest.raises(InputError, match="no dimension 'model'"):
        views.comparison(many.isel(model=0))
    with pytest.raises(InputError, match="scale: got 'none'"):
        views.comparison(many, scale="none")


def test_rows_and_columns_of_a_comparison_are_chosen(relu_network, linear_network, image):
    truth = lam.images.upscale(lam.images.Blur(2.0)(image), 2)  # smooth: views encode with losses
    many = lam.compare([relu_network, linear_network], image, Region(16, 20, 6), steps=3, reference=truth,
                       progress=False)  # fmt: skip
    figure = views.comparison(many, rows=["output", "patch", "map"], beside=["truth", "bicubic"])
    told = [note.text for note in figure.layout.annotations if note.name != "explain"]
    assert told[:2] == ["<b>ground truth</b>", "<b>bicubic</b>"] and len(told) == 4
    truths = _decoded(figure.layout.images[0].source)
    factor = truths.shape[0] // 40
    assert np.abs(truths[::factor, ::factor, :3].astype(int) - views.kit.as_pixels(truth.numpy())).mean() < 12
    assert _decoded(figure.layout.images[1].source).shape[:2] == (258, 258)  # the window of the truth
    assert [axis.visible for axis in figure.select_xaxes(row=3)] == [False, False, None, None]
    enlarged = views.kit.bicubic(image.numpy(), (40, 52))
    np.testing.assert_allclose(enlarged / 255, lam.images.upscale(image, 2), atol=1e-6)
    for given, words in (
        ({"rows": ["areas"]}, "did you mean 'area'"),
        ({"rows": []}, "rows: got"),
        ({"rows": ["field"]}, "has no 'effective_receptive_field'"),
        ({"beside": ["truths"]}, "did you mean 'truth'"),
        ({"beside": None}, "beside: got None, expected names among truth, bicubic"),
        ({"beside": 3}, "beside: got 3, expected names among truth, bicubic"),
    ):
        with pytest.raises(InputError, match=words):
            views.comparison(many, **given)
    with pytest.raises(InputError, match="has no 'reference'"):
        views.comparison(many.drop_vars("reference"), beside="truth")


def test_receptive_fields_stand_below_the_maps(relu_network, linear_network, image):
    nets = [relu_network, linear_network]
    many = lam.compare(nets, image, Region(16, 20, 6), steps=3, fields=True, progress=False)
    alone = lam.receptive_field(linear_network)
    np.testing.assert_array_equal(many.effective_receptive_field[1], alone.effective_receptive_field)
    assert float(many.field_height[1]) == float(alone.field_height)
    figure = views.comparison(many)
    assert (
        len([one for one in figure.layout.images if one.source != figure.layout.images[-1].source]) == 8
        and f"sees {float(alone.field_height):.0f} px" in figure.layout.annotations[1].text
    )


def test_fields_of_networks_with_other_paddings_have_one_size(relu_network, linear_network, image):
    padded = lam.networks.wrap(linear_network.module, scale=2, pad_to=12, name="padded", check=False)
    many = lam.compare([relu_network, padded], image, Region(16, 20, 6), steps=3, fields=True, progress=False)
    assert many.sizes["field_y"] == 72 and not bool(many.effective_receptive_field.isnull().any())
    assert views.comparison(many).layout.images[7].xref == "x8"


def test_a_view_writes_itself(dataset, tmp_path):
    page = views.attribution(dataset).to_html(tmp_path / "page.html", title="mine")
    assert "<title>mine</title>" in page.read_text()
    assert "<div" in views.attribution(dataset).to_html(include_plotlyjs=False)
