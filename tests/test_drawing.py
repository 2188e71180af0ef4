"""Drawing: windows, pictures, colours and their bars are where the numbers say, on a field that is no square."""

import base64
import importlib
import io
import itertools
import pathlib
import sys

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

import lam_nb as lam
from lam_nb import Region, views
from lam_nb.result import names
from lam_nb.views import kit
from lam_nb.views.kit._charts import _meet, _name_beside
from lam_nb.views.kit._poster import _Sheet, poster

OLD = pathlib.Path(__file__).parent / "fixtures" / "0.1.0"
BRIGHT, SIZE = (4, 22), (20, 30)
WINDOW = Region(6, 30, height=4, width=10)


@pytest.fixture
def effects():
    return lam.open(OLD / "causal.nc").assign_attrs(WINDOW.facts)


def _decoded(source):
    """Return a picture's colours; what is seen through is white."""
    picture = Pillow.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGBA")
    return np.asarray(Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture))[..., :3].astype(int)


def _pixels(picture, size=SIZE):
    """Return the middle of every pixel of an enlarged picture."""
    rows, columns = ((np.arange(n) + 0.5) * side / n for n, side in zip(size, picture.shape, strict=False))
    return picture[rows.astype(int)[:, None], columns.astype(int)]


def _panel(figure, x, y, size=SIZE):
    """Return a subplot's pixels (y, x, 3), as the picture without a browser shows them."""
    left, top, width, height = (round(value) for value in _Sheet(figure).place(x, y))
    return _pixels(np.asarray(figure.picture()).astype(int)[top : top + height, left : left + width], size)


def _reddest(pixels):
    """Return where the darkest red is: the strongest that adds."""
    dark = np.where(pixels[..., 0] > pixels[..., 2], pixels.sum(-1), 999)
    return tuple(int(k) for k in np.unravel_index(dark.argmin(), dark.shape))


def _brightest(pixels):
    return tuple(int(k) for k in np.unravel_index(pixels.sum(-1).argmax(), pixels.shape[:2]))


def _filled(mask):
    """Return the rows and columns of the large rectangle in a mask."""
    long = (np.flatnonzero(count > 0.5 * count.max()) for count in (mask.sum(1), mask.sum(0)))
    return tuple(slice(int(one[0]), int(one[-1]) + 1) for one in long)


def _heatmaps(figure):
    return [trace for trace in figure.data if trace.type == "heatmap"]


def _edges(window, scale):
    return (
        window.x / scale - 0.5,
        (window.x + window.width) / scale - 0.5,
        window.y / scale - 0.5,
        (window.y + window.height) / scale - 0.5,
    )


@pytest.mark.parametrize(
    ("view", "given", "scales"),
    [
        (views.attribution, "bright", {"x": 2, "x2": 1, "x3": 2}),
        (views.progression, "bright", {"x": 2, "x2": 1, "x3": 2, "x4": 2, "x5": 2}),
        (views.comparison, "pair", {"x": 1, "x2": 1, "x3": 2, "x4": 2, "x5": 2, "x6": 2}),
        (views.causal, "effects", {"x": 4, "x2": 4, "x3": 4}),
        (lambda one: views.causal_comparison([one]), "effects", {"x": 4}),
    ],
)
def test_windows_are_where_the_region_is(view, given, scales, request):
    scaled = request.getfixturevalue(given)
    shapes = [shape for shape in view(scaled).layout.shapes if "domain" not in shape.xref]
    drawn = {shape.xref: (shape.x0, shape.x1, shape.y0, shape.y1) for shape in shapes}
    assert drawn == {axis: pytest.approx(_edges(WINDOW, scale)) for axis, scale in scales.items()}
    assert all(shape.yref == shape.xref.replace("x", "y") for shape in shapes)


@pytest.mark.parametrize("name", ["attribution", "progression", "comparison", "informative", "causal", "path_panel"])
def test_rows_count_from_the_top_in_all_pictures(name, bright, pair, effects):
    given = {"comparison": pair, "informative": pair, "causal": effects}.get(name, bright)
    figure = getattr(views, name)(given)
    shown = {image.yref for image in figure.layout.images if "domain" not in image.yref}
    shown |= {trace.yaxis for trace in figure.data if trace.type == "heatmap"}
    for axis in shown:
        x, y = (figure.layout[f"{letter}axis{axis[1:]}"].range for letter in "xy")
        assert y[0] > y[1] and x[1] > x[0] and x[1] - x[0] > y[0] - y[1], axis
        assert y[1] >= -0.5 and x[0] >= -0.5


def test_a_bright_pixel_is_in_its_place_in_every_picture(bright):
    figure = views.attribution(bright, bare=True)
    assert _brightest(_panel(figure, "x", "y")) == BRIGHT
    assert _brightest(_panel(figure, "x2", "y2")) == BRIGHT
    assert _reddest(_panel(figure, "x3", "y3")) == BRIGHT
    moving = views.progression(bright)
    assert _brightest(_pixels(_decoded(moving.layout.images[0].source))) == BRIGHT
    assert [_reddest(_pixels(_decoded(image.source))) for image in moving.layout.images[2:5]] == [BRIGHT] * 3
    alone = views.progression(bright, bare=True)
    assert len(alone.layout.images) == len(moving.layout.images) - 3, "no grey pictures"
    shown = [_pixels(_decoded(image.source)) for image in alone.layout.images[2:5]]
    assert [_reddest(one) for one in shown] == [BRIGHT] * 3 and all(one[0, 0].min() > 240 for one in shown)
    np.testing.assert_array_equal(shown[0][BRIGHT], kit.palette()[255])


def test_a_map_of_nothing_is_shown_whole():
    assert kit.frame(np.zeros((2, 60, 90), np.float32)).is_whole and kit.frame(np.full((60, 90), np.nan)).is_whole


def test_windows_are_in_the_picture_without_a_browser(bright):
    figure = views.attribution(bright)
    left, top, width, height = _Sheet(figure).place("x", "y")
    page = np.asarray(figure.picture()).astype(int)[:, : int(left + width) + 1]
    green = np.argwhere((page == (255, 212, 0)).all(-1))
    low, high = ((green[k] - (top, left)) / (height, width) * SIZE for k in (0, -1))
    assert low == pytest.approx([WINDOW.y / 2, WINDOW.x / 2], abs=0.2)
    assert high == pytest.approx([(WINDOW.y + WINDOW.height) / 2, (WINDOW.x + WINDOW.width) / 2], abs=0.2)


def test_a_bright_pixel_is_in_its_place_in_every_column(pair):
    figure = views.comparison(pair)
    sources = [_pixels(_decoded(image.source)) for image in figure.layout.images[:6]]
    assert [_brightest(sources[k]) for k in (0, 3)] == [BRIGHT] * 2
    assert [_reddest(sources[k]) for k in (1, 4)] == [BRIGHT] * 2
    assert sources[4][15, 5].min() > 240 > sources[1][15, 5].min()
    assert all(sources[k][4, 22].sum() > sources[k][18, 2].sum() + 200 for k in (2, 5))


def test_what_all_networks_use_is_red_and_what_only_wide_ones_do_blue(pair):
    figure = views.informative(pair)
    area = pair.lam.informative_area()
    np.testing.assert_array_equal(figure.data[-1].z, area)
    shown = _panel(figure, "x2", "y2")
    all_use, some_use = shown[4, 22], shown[15, 5]
    assert all_use[0] > all_use[2] + 40 and some_use[2] > some_use[0] + 40
    bar = figure.data[-1].colorbar
    assert dict(zip(bar.tickvals, bar.ticktext, strict=True)) == {
        -0.5: "only some use it",
        0: "none do",
        1: "all use it",
    }
    assert (figure.data[-1].zmin, figure.data[-1].zmax) == (-1, 1)


def test_colour_bars_end_where_the_colours_do(bright):
    heat = views.attribution(bright).data[0]
    end = kit.limit(bright.lam.signed().values)
    title = "pushes edges in the window down … up (detector)"
    assert (heat.zmin, heat.zmax, heat.colorbar.title.text) == (-end, end, title)
    assert heat.colorscale[0][1] == "rgba(5,48,97,1.000)" and heat.colorscale[-1][1] == "rgba(103,0,31,1.000)"
    assert heat.colorscale[16][1].endswith(",0.000)")  # what is nothing shows the picture
    assert heat.colorbar.ticktext == (f"▼ ≤ −{end:.2g}", f"−{end / 2:.2g}", "0", f"{end / 2:.2g}", f"▲ ≥ {end:.2g}")
    assert views.attribution(bright, bare=True).data[0].colorscale[-1][1] == "rgb(103,0,31)"
    bars = [trace.marker for trace in views.progression(bright).data if trace.marker.colorbar.thickness]
    stacks = bright.lam.sensitivity(), bright.lam.contributions(), bright.lam.cumulative()
    assert [(bar.cmin, bar.cmax) for bar in bars] == [(-kit.limit(s.values), kit.limit(s.values)) for s in stacks]
    assert all(bar.colorscale[-1][1] == "rgb(103,0,31)" for bar in bars)


def test_the_bar_of_a_comparison_tells_the_common_end(pair):
    figure = views.comparison(pair, scale="common")
    maps = pair.lam.share().values
    end = kit.limit(maps)
    (marker,) = (trace.marker for trace in figure.data if trace.marker.colorbar.ticktext)
    assert marker.colorbar.ticktext == (f"▼ ≤ −{end:.2%}", "0", f"▲ ≥ {end:.2%}")
    assert (marker.cmin, marker.cmax, tuple(marker.colorbar.tickvals)) == (-1, 1, (-1, 0, 1))
    assert marker.colorscale[-1][1] == "rgb(103,0,31)"
    shown = _pixels(_decoded(figure.layout.images[1].source))
    *colour, opacity = kit.shades()[round((min(maps[0, -1, 15, 5] / end, 1) + 1) * 127.5)].astype(float)
    np.testing.assert_allclose(shown[15, 5], 255 + (np.array(colour) - 255) * opacity / 255, atol=1)


@pytest.mark.parametrize(
    ("count", "columns", "beside"), [(6, 6, []), (7, 4, []), (7, 5, ["truth", "bicubic"]), (13, 5, [])]
)
def test_many_networks_go_on_below_each_under_its_own_heading(count, columns, beside, pair):
    many = pair.isel(model=np.arange(count) % 2).assign_coords(model=[f"net {k}" for k in range(count)])
    many = many.assign(reference=many.output.isel(model=0))
    figure = views.comparison(many, rows=["output", "overlay"], beside=beside)
    heads = [note for note in figure.layout.annotations if note.xref == "paper" and note.name != "explain"]
    assert len(heads) == count + len(beside)
    windows, maps = [], []
    for picture in figure.layout.images:
        if "domain" in picture.xref:  # the small picture of the whole
            continue
        x, y = (figure.layout[f"{axis[0]}axis{axis[1:]}"].domain for axis in (picture.xref, picture.yref))
        (maps if picture.layer == "above" else windows).append((sum(x) / 2, y[1]))
    tops = sorted({round(note.y, 6) for note in heads}, reverse=True)
    assert len(tops) == -(-len(heads) // columns) and len({round(note.x, 6) for note in heads}) == columns
    for k, (x, top) in enumerate(maps):
        note = heads[len(beside) + k]
        assert note.text.find(f"net {k}<") > 0 and note.x == pytest.approx(x) and note.y > top
        assert (note.x, note.y) in [(pytest.approx(a), pytest.approx(b)) for a, b in windows]
        lower = [other for other in tops if other < note.y - 1e-3]
        assert not lower or top > lower[0], "above the next band"


def test_the_bar_of_causal_effects_follows_clip_and_power(effects):
    strong = effects.copy(deep=True)
    strong[names.EFFECT][0, 0], strong[names.EFFECT][0, 1] = 2.5, -1.25
    for power, shown in ((1.0, -0.5), (2.0, -(0.5**0.5))):
        heat = _heatmaps(views.causal(strong, clip=2.5, power=power))[0]
        assert (heat.zmin, heat.zmax) == (-1, 1)
        assert heat.z[0, :2] == pytest.approx([1, shown])
        told = dict(zip(heat.colorbar.tickvals, heat.colorbar.ticktext, strict=True))
        assert [float(told[at]) for at in (-1, 0, 1)] == [-2.5, 0, 2.5]
        assert float(told[0.5]) == pytest.approx(2.5 * 0.5**power, abs=0.06)
    assert _heatmaps(views.causal(effects))[0].colorbar.title.text == "dB"


def test_unknown_blocks_of_a_causal_effect_are_seen_through(effects):
    figure = views.causal(effects)
    own = np.argwhere(np.isnan(effects[names.EFFECT].values))[0]
    blocks = effects[names.EFFECT].shape
    above = _panel(figure, "x2", "y2", blocks)
    grey = kit.grey(effects.input.values).reshape(blocks[0], -1, blocks[1], effects.sizes["x"] // blocks[1], 3)
    assert abs(above[tuple(own)] - grey[own[0], :, own[1]].mean((0, 1))).max() < 30, "the grey picture"


def test_captions_tell_only_what_is_known(bright):
    full = views.attribution(bright).layout.title.text
    for part in ("region y=6, x=30, 4 × 10 px", "rule arc, 3 steps", "± 0.01", "completeness gap +0.0%", "1.0%"):
        assert part in full
    bare = bright.drop_vars(["completeness_gap", "quadrature_error", "diffusion_index_error"])
    bare.attrs = {k: v for k, v in bare.attrs.items() if k not in ("path", "rule", "steps")} | {"method": "gradient"}
    text = views.attribution(bare).layout.title.text
    assert "method gradient · detector edges<br>" in text
    assert not any(word in text for word in ("gap", "error", "±", "nan", "path", "rule"))
    unknown = bright.assign(completeness_gap=np.nan, quadrature_error=np.nan, diffusion_index_error=np.nan)
    assert not any(word in views.attribution(unknown).layout.title.text for word in ("gap", "error", "±", "nan"))


def test_a_table_tells_which_errors_it_holds(bright):
    sampled = bright.drop_vars("quadrature_error").assign(sampling_error=0.25)
    none = bright.drop_vars("quadrature_error")
    shown = views.table([bright, sampled, none])
    for name, values in (("error", ["1.0%", "–", "–"]), ("standard error", ["–", "25.0%", "–"])):
        column = shown.headings.index(name)  # errors of two kinds share no column
        assert [row[column] for row in shown.rows] == values
    assert "estimated error of the map, or standard error of the map over noisy copies" in shown.caption
    assert "error" not in views.table([none]).caption


def test_shares_are_of_the_finished_map(bright):
    over, alone = (_pixels(_decoded(views.table([one]).rows[0][3])) for one in (bright, bright.drop_vars("input")))
    assert _reddest(over) == _reddest(alone) == BRIGHT and over[0, 0].max() < 80 < 240 < alone[0, 0].min()
    whole = views.table([bright]).rows[0]
    finished = views.table([bright.drop_vars("integrand")]).rows[0]
    assert whole == finished


def test_only_public_names_are_offered(bright):
    assert dir(views) == views.__all__
    assert all(not name.startswith("_") for name in dir(bright.lam))
    assert {"progression", "table", "share", "speed", "index_error"} <= set(dir(bright.lam))


def test_each_method_of_a_result_is_a_statistic_or_a_view(bright):
    assert set(dir(bright.lam)) <= {*lam.statistics.__all__, *views.__all__, "cite"}


def test_old_names_of_the_kit_still_work():
    old = {
        "pictures": "palette limit signed_source colour_source montage reduction dot_source place pixel_axes box look "
        "dress small axis_name error_bars where index_ticks name_places caption write_html DIVERGING LEAST_SIDE FONT "
        "AXIS LARGEST_SIDE BOX LINES",
        "figure": "View",
        "timeline": "BUDGET labels affordable add",
    }
    for module, known in old.items():
        with pytest.warns(DeprecationWarning, match=f"lam_nb.views.{module} has moved: it is lam_nb.views.kit now"):
            sys.modules.pop(f"lam_nb.views.{module}", None)
            found = importlib.import_module(f"lam_nb.views.{module}")
        assert all(getattr(found, name) is getattr(kit, name) for name in known.split())
    assert set(known for names_ in old.values() for known in names_.split()) <= set(kit.__all__)


@pytest.mark.parametrize("name", ["attribution", "progression", "path_panel"])
def test_a_result_draws_itself(name, bright):
    assert getattr(bright.lam, name)() == getattr(views, name)(bright)


def test_a_comparison_draws_itself(pair):
    assert pair.lam.comparison(scale="common") == views.comparison(pair, scale="common")
    assert pair.lam.informative() == views.informative(pair)
    names_shown = [row[0] for row in pair.lam.table(task=["a", "b"]).rows]
    assert names_shown == ["wide", "narrow"]


@pytest.mark.parametrize("name", ["gradient", "input_x_gradient", "integrated_gradients", "smoothgrad"])
def test_peers_are_drawn_with_what_is_known_of_them(name, relu_network, image, tmp_path):
    settings = {"steps": 3, "progress": False} if name == "integrated_gradients" else {}
    found = getattr(lam, name)(relu_network, image, Region(16, 20, height=4, width=10), **settings)
    figure, table = views.attribution(found), views.table([found])
    text = figure.layout.title.text
    assert f"method {found.attrs['method']}" in text and "detector edges" in text and "4 × 10 px" in text
    assert not any(word in text for word in ("nan", "None", "rule none"))
    assert figure.data[0].colorbar.title.text.endswith(f"({found.attribution.attrs['units']})")
    error = {"integrated_gradients": "estimated error", "smoothgrad": "standard error"}.get(name)
    assert (error in text and error in table.caption) if error else ("error" not in text + table.caption)
    assert ("–" in str(table)) == (error is None)
    assert views.save(found, tmp_path / "figure.png", dpi=50).exists()


def test_a_rectangle_is_drawn_by_every_view_of_a_result(relu_network, linear_network, image):
    window = Region(16, 20, height=4, width=10)
    given = {"steps": 3, "progress": False}
    ds = lam.attribute(relu_network, image, window, **given)
    many = lam.compare([relu_network, linear_network], image, window, keep=["output", "integrand"], **given)
    both = lam.attribute(relu_network, image, [window, (4, 6, 8)], keep=["input", "output"], **given)
    rectangle, square = (views.attribution(both.isel(region=k)).layout.title.text for k in range(2))
    assert "16, x=20, 4 × 10 px" in rectangle and "y=4, x=6, 8 × 8 px" in square
    for figure in (views.attribution(ds), views.progression(ds), views.convergence(ds), views.comparison(many)):
        assert "region y=16, x=20, 4 × 10 px" in figure.layout.title.text
        for shape in figure.layout.shapes:
            assert (shape.x1 - shape.x0) == pytest.approx(2.5 * (shape.y1 - shape.y0))


def test_what_scrubs_has_its_picture_below_the_map_in_stills_and_films(relu_network, linear_network, image, tmp_path):
    given = {"steps": 3, "keep": ["input", "output", "integrand"], "progress": False}
    many = lam.compare([relu_network, linear_network], image, Region(16, 20, height=4, width=10), **given)
    scrubs, stands = views.comparison(many), views.comparison(many.drop_vars("integrand"))
    assert scrubs.frames and not stands.frames
    over = next(one for one in scrubs.layout.images if one.layer == "above" and "domain" not in one.xref)
    shown, expected = (_panel(one, over.xref, over.yref) for one in (scrubs, stands))
    bare = (np.ptp(shown, axis=-1) == 0) & (np.ptp(expected, axis=-1) == 0)  # of colour: its scale is that of all steps
    assert bare.mean() > 0.3
    np.testing.assert_array_equal(shown[bare], expected[bare])
    assert (expected[0, 0] < 250).all()  # the grey picture, and no empty paper
    with Pillow.open(scrubs.to_film(tmp_path / "maps.gif")) as film:
        film.seek(film.n_frames - 1)
        left, top, *_ = (round(value) for value in _Sheet(scrubs).place(over.xref, over.yref))
        assert (np.asarray(film.convert("RGB"))[top + 3, left + 3] < 250).all()


def test_the_points_of_a_study_are_in_the_picture_without_a_browser():
    study = lam.open(OLD / "correlation.nc")
    figure = views.di_scatter(study)
    left, top, width, height = _Sheet(figure).place("x", "y")
    page = np.asarray(figure.picture()).astype(int)
    inks = [tuple(int(ink[k : k + 2], 16) for k in (1, 3, 5)) for ink in figure.data[0].marker.color]
    x, y = np.log(study.diffusion_index.values), study.against.values
    for a, b, ink in zip(x, y, inks, strict=True):
        across = left + (0.1 + 0.8 * (a - x.min()) / np.ptp(x)) * width
        down = top + (0.9 - 0.8 * (b - y.min()) / np.ptp(y)) * height
        assert tuple(page[int(down), int(across)]) == ink


def test_stills_say_what_a_chart_measures_and_keep_names_apart():
    figure = views.di_scatter(lam.open(OLD / "correlation.nc"))
    left, top, _, height = (round(edge) for edge in _Sheet(figure).place("x", "y"))
    margin = np.asarray(figure.picture())[top : top + height, : left - 40]
    assert (margin < 100).any()  # what stands above
    figure.layout.yaxis.title.text = ""
    assert (np.asarray(figure.picture())[top : top + height, : left - 40] == 255).all()

    pen = ImageDraw.Draw(Pillow.new("RGB", (300, 80), "white"))
    at = [(60, 40), (80, 42), (110, 41)]
    points, taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in at], []
    for x, y in at:
        taken.append(_name_beside(pen, "network", x, y, points + taken))
    assert not any(_meet(one, other) for one, other in itertools.combinations(points + taken, 2))


def test_a_network_of_one_layer_is_a_point_in_the_still():
    figure = go.Figure(go.Scatter(x=[0.5], y=[2.0], mode="lines+markers"))
    bare = go.Figure(go.Scatter(x=[0.5], y=[2.0], mode="lines"))
    assert (np.asarray(poster(figure)) < 255).any() and (np.asarray(poster(bare)) == 255).all()
