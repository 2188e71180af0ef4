"""Widgets without a browser: traits, bytes that cross the wire, and the picture that is left where none play."""

import base64
import io
import json
import re
import threading
import zipfile

import numpy as np
import pytest
import torch
import traitlets
import xarray as xr
from PIL import Image as Pillow

import lam_nb as lam
import lam_widgets
from lam_nb import InputError, Region
from lam_nb.cli import demonstration
from lam_nb.result.ledger import Ledger
from lam_nb.studies import planning
from lam_nb.views import kit
from lam_widgets.downloads import Downloads
from lam_widgets.explorer.offers import named_images, named_networks
from lam_widgets.kit import coloured, decoded, largest, quantised, story, window

BRIGHT, SIZE = (4, 22), (20, 30)
WINDOW = Region(6, 30, height=4, width=10)
FIELD = np.zeros((*SIZE, 3), np.float32)
FIELD[BRIGHT] = 1


def _tiles(picture, columns, lines, caption=False):
    """Return the pixels of the pictures of a montage, row by row, which have so many lines of title."""
    page = np.asarray(picture.convert("RGB")).astype(int)
    tall = round(256 * SIZE[0] / SIZE[1])
    rows, across = ((np.arange(n) + 0.5) * side / n for n, side in zip(SIZE, (tall, 256), strict=True))
    found, top = [], 20 * caption
    for count in lines:
        top += 20 * count
        for k in range(columns):
            tile = page[top : top + tall, 10 + 266 * k : 266 + 266 * k]
            found.append(tile[rows.astype(int)[:, None], across.astype(int)])
        top += tall + 10
    assert top == page.shape[0]
    return found


def _darkest(pixels):
    return tuple(int(k) for k in np.unravel_index(pixels.sum(-1).argmin(), SIZE))


def _reddest(pixels):
    return tuple(int(k) for k in np.unravel_index((pixels[..., 0] - pixels[..., 1]).argmax(), SIZE))


def _brightest(pixels):
    return tuple(int(k) for k in np.unravel_index(pixels.sum(-1).argmax(), SIZE))


def test_bytes_keep_small_values_apart_and_come_back():
    values = np.concatenate([-np.geomspace(1e-4, 3, 200), [0], np.geomspace(1e-4, 3, 200)])
    bytes_ = quantised(values, 3.0)
    assert bytes_.min() == 0 and bytes_.max() == 254 and bytes_[200] == 127
    back = decoded(bytes_, 3.0)
    np.testing.assert_allclose(back, values, atol=3 * (2 * 0.5 / 127 + 0.25 / 127**2))
    assert np.all(np.diff(back[201:]) >= 0) and len(set(bytes_)) > 150
    small = abs(values) < 0.01
    assert abs(back - values)[small].max() < 0.0015
    assert quantised(np.array([np.nan, 9.0, -9.0]), 3.0).tolist() == [127, 254, 0]
    assert largest(np.array([np.nan, -4.0])) == 4 and largest(np.zeros(3)) == 1


def test_colours_are_those_of_the_scale():
    colours = kit.palette()
    shown = coloured(quantised(np.array([[-2.0, 0.0, 1.0, 2.0]]), 2.0), 2.0, 1.0, colours)
    np.testing.assert_array_equal(shown[0, [0, 2, 3]], colours[[0, 255, 255]])
    assert shown[0, 1].min() > 240


def test_a_scrubber_holds_its_values(bright):
    scrubber = lam_widgets.Scrubber(bright)
    assert scrubber.shape == [3, 3, *SIZE] and scrubber.step == 2 and scrubber.alpha == 0.75
    frames = np.frombuffer(scrubber.frames, np.uint8).reshape(scrubber.shape)
    panels = bright.lam.sensitivity(), bright.lam.contributions(), bright.lam.cumulative()
    for k, panel in enumerate(panels):
        np.testing.assert_allclose(decoded(frames[k], scrubber.full[k]), panel, atol=0.02 * scrubber.full[k])
        assert scrubber.limits[k] == kit.limit(panel.values)
    assert scrubber.units == [panel.attrs["units"] for panel in panels]
    assert scrubber.labels == kit.labels(bright) == ["α 0.250", "α 0.500", "α 0.750"]
    grey = np.frombuffer(scrubber.grey, np.uint8).reshape(SIZE)
    assert (grey == kit.grey(np.moveaxis(FIELD, -1, 0))[..., 0]).all() and grey.max() == grey[BRIGHT] == 225
    assert scrubber.lines[0].startswith("toy · region y=6, x=30, 4 × 10 px") and len(scrubber.outputs) == 1
    assert scrubber.curve[0] == [0, 0.25, 0.5, 0.75, 1] and scrubber.curve[2][::4] == [0, pytest.approx(1)]


def test_a_bright_pixel_is_in_its_place_in_a_scrubber(bright):
    scrubber = lam_widgets.Scrubber(bright, step=1)
    path, gradient, step, gathered = _tiles(scrubber.picture(), 4, [1], caption=True)
    assert _brightest(path) == BRIGHT
    assert [_reddest(one) for one in (gradient, step, gathered)] == [BRIGHT] * 3
    np.testing.assert_array_equal(gradient[BRIGHT], kit.palette()[255])
    scrubber.step = 0
    early = _tiles(scrubber.picture(), 4, [1], caption=True)[3]
    assert early[BRIGHT].sum() > gathered[BRIGHT].sum(), "paler before it has gathered"
    scrubber.bare = True
    assert [_darkest(one) for one in _tiles(scrubber.picture(), 4, [1], caption=True)[1:]] == [BRIGHT] * 3
    still = lam_widgets.Scrubber(bright.drop_vars("path"))
    assert still.pictures == b"" and len(_tiles(still.picture(), 3, [1], caption=True)) == 3


@pytest.mark.parametrize(
    ("trait", "bad", "message"),
    [
        ("step", 3, "step: got 3, expected 0 to 2"),
        ("step", -1, "step: got -1"),
        ("pixel", [20, 4], r"pixel: got \[20, 4\], expected \[y, x\] inside 20 × 30"),
        ("pixel", [4], "pixel: got"),
        ("palette", "grey", "palette: got 'grey'"),
        ("scale", "none", "scale"),
        ("gamma", 2.0, "gamma"),
    ],
)
def test_a_scrubber_refuses_what_is_out_of_range(trait, bad, message, bright):
    scrubber = lam_widgets.Scrubber(bright)
    before = getattr(scrubber, trait)
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(scrubber, trait, bad)
    assert getattr(scrubber, trait) == before
    scrubber.pixel = [19, 29]


def test_a_scrubber_says_what_is_missing(bright):
    with pytest.raises(InputError, match="gradient"):
        lam_widgets.Scrubber(bright.drop_vars("gradient"))


def test_a_comparison_orders_and_selects(pair):
    shown = lam_widgets.Comparison(pair.assign(psnr=("model", [20.0, 30.0]), psnr_window=("model", [9.0, 8.0])))
    assert shown.names == ["wide", "narrow"] and shown.order == [0, 1]
    index = pair.lam.diffusion_index().values
    for sort, order in (
        ("name", [1, 0]),
        ("PSNR", [1, 0]),
        ("PSNR of the window", [0, 1]),
        ("diffusion index", np.argsort(-index).tolist()),
    ):
        shown.sort = sort
        assert shown.order == order
    shown.selected = ["narrow"]
    for trait, bad, message in (
        ("sort", "size", "sort: got 'size', expected one of as given, name, diffusion index, PSNR of the window, PSNR"),
        ("selected", ["edsr"], "selected: got 'edsr', expected names among wide, narrow"),
        ("step", 3, "step: got 3, expected 0 to 2"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(shown, trait, bad)
    assert (shown.selected, shown.step) == (["narrow"], 2)
    assert shown.numbers["PSNR"] == ["20.00 dB", "30.00 dB"] and shown.numbers["map ±"] == ["1.0%", "1.0%"]
    assert list(shown.numbers) == ["DI", "PSNR of the window", "PSNR", "map ±"]
    assert lam_widgets.Comparison(pair.drop_vars("quadrature_error")).numbers["map ±"] == ["–", "–"]
    assert shown.inks == [kit.colours_of(shown.names)[name] for name in shown.names]


def test_a_comparison_holds_shares(pair):
    shown, still = lam_widgets.Comparison(pair), lam_widgets.Comparison(pair.drop_vars("integrand"))
    shares = pair.lam.share().values
    assert shown.shape == [2, 3, *SIZE] and still.shape == [2, 1, *SIZE]
    for k in range(2):
        frames = np.frombuffer(shown.frames, np.uint8).reshape(shown.shape)[k]
        np.testing.assert_allclose(decoded(frames, shown.full[k]), shares[k], atol=0.02 * shown.full[k])
    assert shown.limits == [*(kit.limit(one) for one in shares), kit.limit(shares)]
    np.testing.assert_allclose(still.full, shown.full, rtol=1e-5)
    assert (shown.labels, still.labels) == (["α 0.250", "α 0.500", "α 0.750"], [""])


def test_a_bright_pixel_is_in_its_place_in_a_comparison(pair):
    shown = lam_widgets.Comparison(pair, sort="name")
    narrow, wide, narrow_map, wide_map = _tiles(shown.picture(), 2, [3, 1])
    assert _brightest(narrow) == _brightest(wide) == BRIGHT
    assert _darkest(narrow_map) == _darkest(wide_map) == BRIGHT
    shown.bare = True
    *_, narrow_map, wide_map = _tiles(shown.picture(), 2, [3, 1])
    assert _darkest(narrow_map) == _darkest(wide_map) == BRIGHT
    assert narrow_map[15, 5].min() > 240 > wide_map[15, 5].min(), "the order is that of the names"


def test_maps_are_bare_where_the_input_was_not_kept(pair):
    shown = lam_widgets.Comparison(pair.drop_vars("input"))
    assert shown.bare and shown.grey == b""
    with pytest.raises(traitlets.TraitError, match="the input was not kept"):
        shown.bare = False


@pytest.mark.parametrize(
    ("pixel", "corner"), [((40, 60), "top right"), ((1, 118), "top left"), ((40, 119), "top right")]
)
def test_a_widget_is_framed_to_where_its_maps_lie(pixel, corner, bright):
    maps = np.zeros((80, 120))
    maps[pixel] = 1
    told = story(bright, maps)
    by, *starts = told["focus"]
    places = [by * at / side for at, side in zip(pixel[::-1], (120, 80), strict=True)]
    assert by > 3 and all(-start <= place < 1 - start for start, place in zip(starts, places, strict=True))
    assert told["corner"] == corner


def test_the_box_of_a_comparison_is_the_window(pair):
    assert window(pair) == window(pair.drop_vars("output")) == [6 / 40, 30 / 60, 4 / 40, 10 / 60]
    old = pair.assign_attrs(region_size=4)
    old.attrs = {name: v for name, v in old.attrs.items() if name not in ("region_height", "region_width")}
    assert window(old) == [6 / 40, 30 / 60, 4 / 40, 4 / 60]


def test_a_page_holds_the_state(bright, tmp_path):
    scrubber = lam_widgets.Scrubber(bright, step=1)
    text = scrubber.to_html(tmp_path / "page.html", title="mine").read_text()
    assert "<title>mine</title>" in text and not re.search(r"""(src|href)=["']?(http|//)""", text)
    state = json.loads(re.search(r"^const state = (.*);$", text, re.M)[1])
    assert (state["step"], state["shape"]) == (1, [3, 3, 20, 30])
    assert base64.b64encode(scrubber.frames).decode() in text
    with pytest.raises(InputError, match=r"ends in \.html"):
        scrubber.to_html(tmp_path / "page")


def test_a_picture_is_left_where_no_widgets_are(bright):
    data, _ = lam_widgets.Scrubber(bright)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def known():
    """Three photographs, clean and blurred, by two layers."""
    pictures = {name: lam.images.sample(name)[:, :192, :184] for name in ("bricks", "cat", "facade")}
    given = {"layers": ["first_part.0", "last_part"], "components": 4, "progress": False}
    return lam.representations("fsrcnn", pictures, {"blur": [(2, lam.images.Blur(2))]}, **given)


def test_samples_are_where_the_plane_has_them(known):
    widget = lam_widgets.Samples(known)
    places = np.frombuffer(widget.places, np.float32).reshape(2, 6, 2)
    assert places.min() >= 0.05 - 1e-6 and places.max() <= 0.95 + 1e-6
    for found, plane in zip(places.astype(float), known.plane.values, strict=True):
        wanted, got = plane - plane.mean(0), (found - found.mean(0)) * [1, -1]
        np.testing.assert_allclose(got / np.linalg.norm(got), wanted / np.linalg.norm(wanted), atol=1e-6)
        assert np.ptp(found, 0).max() == pytest.approx(0.9, abs=1e-6)
    pairs = zip(known.layer.values, known.depth.values, strict=True)
    assert widget.labels == [f"{name}, depth {depth:.2f}" for name, depth in pairs]
    assert [widget.contents[k] for k in widget.content] == known.content.values.tolist()
    assert [widget.degradations[k] for k in widget.degradation] == known.degradation.values.tolist()
    assert widget.question == "What do the features know?" and "fsrcnn" in widget.lines[0] and widget.glossary


def test_samples_bring_their_pictures_and_little_else(known):
    widget = lam_widgets.Samples(known)
    rows, columns, height, width = widget.sheet_shape
    sheet = np.asarray(Pillow.open(io.BytesIO(widget.sheet)))
    assert sheet.shape == (rows * height, columns * width, 3)
    for k, picture in enumerate(known.thumbnail.transpose("sample", "y", "x", "channel").values):
        y, x = k // columns * height, k % columns * width
        np.testing.assert_array_equal(sheet[y : y + height, x : x + width], picture)
    state = {name: getattr(widget, name) for name in widget.keys if name not in ("_esm", "_css", "layout")}
    told = json.dumps({name: value for name, value in state.items() if not isinstance(value, bytes)}, default=str)
    assert len(told) + len(widget.places) < 0.1 * len(widget.sheet)


def test_what_is_chosen_is_a_value(known):
    widget = lam_widgets.Samples(known, selected=["cat, blur 2"], step=0)
    assert widget.layer == "first_part.0"
    assert known.sel(sample=widget.selected).degradation.values.tolist() == ["blur"]
    widget.step = 1
    assert widget.layer == "last_part" and widget.selected == ["cat, blur 2"]
    for name, bad, words in [
        ("step", 2, "step: got 2, expected 0 to 1"),
        ("selected", ["dog, clean"], "selected: got 'dog, clean', expected names of samples such as 'bricks, clean'"),
    ]:
        with pytest.raises(traitlets.TraitError, match=words):
            setattr(widget, name, bad)


def test_samples_of_one_layer_or_without_a_place_are_shown(known, tmp_path):
    one = known.isel(layer=0).copy(deep=True)
    one.plane[2] = np.nan
    widget = lam_widgets.Samples(one)
    places = np.frombuffer(widget.places, np.float32).reshape(1, 6, 2)
    assert np.isnan(places[0, 2]).all() and np.isfinite(places[0, [0, 1, 3, 4, 5]]).all()
    assert widget.labels == ["first_part.0"] and widget.picture().size[0] > 300
    assert "image/png" in widget._repr_mimebundle_()[0]
    assert "sheet" in widget.to_html(tmp_path / "samples.html").read_text()
    flat = known.copy(deep=True)
    flat.plane[:] = 3.0
    assert set(np.frombuffer(lam_widgets.Samples(flat).places, np.float32)) == {0.5}
    with pytest.raises(InputError, match="has no 'thumbnail'"):
        lam_widgets.Samples(known.drop_vars("thumbnail"))
    with pytest.raises(InputError, match="0 samples, expected at least one"):
        lam_widgets.Samples(known.isel(sample=[]))


def test_a_picker_keeps_its_box_inside():
    picker = lam_widgets.RegionPicker(FIELD, size=8)
    assert picker.region == Region(6, 11, 8) and picker.shape == [20, 30]
    picker.x, picker.y = 99, -5
    assert picker.region == Region(0, 22, 8)
    picker.size = 99
    assert picker.region == Region(0, 10, 20)
    picker.size = 0
    assert picker.region == Region(0, 10, 1)


def test_a_picker_draws_rectangles():
    picker = lam_widgets.RegionPicker(FIELD, height=4, width=10)
    assert picker.region == Region(8, 10, height=4, width=10) and picker.size == 0
    picker.height, picker.width = 40, 29
    assert picker.region == Region(0, 1, height=20, width=29)
    picker.width = 20
    assert picker.size == 20
    picker.size = 6
    assert (picker.height, picker.width, picker.size) == (6, 6, 6)
    picker.height = 3
    assert (picker.width, picker.size) == (6, 0)


def test_a_browser_may_set_all_at_once():
    picker = lam_widgets.RegionPicker(FIELD, size=8)
    picker.set_state({"y": 15, "x": 29, "height": 19, "width": 7})
    assert picker.region == Region(1, 23, height=19, width=7)


def test_the_region_of_a_picker_can_be_set():
    picker = lam_widgets.RegionPicker(FIELD, size=16)
    seen = []
    picker.observe(lambda change: seen.append(picker.region), ["y", "x", "height", "width"])
    picker.region = WINDOW.moved(0, -20)
    assert picker.region == Region(6, 10, height=4, width=10) and set(seen) == {picker.region}
    picker.region = (3, 4, 5)
    assert picker.region == Region(3, 4, 5) and picker.size == 5
    with pytest.raises(InputError, match="leaves the output, which is 20 × 30"):
        picker.region = Region(10, 10, 16)
    assert picker.region == Region(3, 4, 5)


def test_a_picker_offers_windows():
    picker = lam_widgets.RegionPicker(FIELD, suggestions=[(1, 2, 3, 9), Region(4, 5, 6)])
    assert picker.suggestions == [[1, 2, 3, 9], [4, 5, 6, 6]] and picker.region == Region(1, 2, height=3, width=9)
    with pytest.raises(InputError, match="leaves the output"):
        lam_widgets.RegionPicker(FIELD, suggestions=[Region(10, 10, 16)])


def test_a_picker_of_the_input_counts_output_pixels():
    picker = lam_widgets.RegionPicker(FIELD, size=99, scale=2)
    assert picker.shape == [40, 60] and picker.region == Region(0, 10, 40)
    assert picker.picture().size == (60, 40)


def test_the_picture_of_a_picker_has_pixel_and_boxes_in_their_places():
    picker = lam_widgets.RegionPicker(FIELD, height=4, width=10, suggestions=[(12, 3, 5, 8)])
    picker.region = Region(10, 18, height=4, width=10)
    page = np.asarray(picker.picture().convert("RGB")).astype(int)
    assert page.shape == (20, 30, 3) and tuple(page[BRIGHT]) == (255, 255, 255)
    for colour, drawn_at in (((255, 212, 0), picker.region), ((127, 227, 255), Region(12, 3, height=5, width=8))):
        drawn = np.argwhere((page == colour).all(-1))
        corners = [drawn_at.y, drawn_at.x], [drawn_at.y + drawn_at.height - 1, drawn_at.x + drawn_at.width - 1]
        assert (drawn.min(0).tolist(), drawn.max(0).tolist()) == corners


def test_an_explorer_names_what_it_is_given(relu_network, tmp_path):
    assert named_networks(["fsrcnn", relu_network]) == {"fsrcnn": "fsrcnn", "toy": relu_network}
    assert "fsrcnn" in named_networks(None)
    Pillow.new("RGB", (6, 4)).save(tmp_path / "wall.png")
    found = named_images(["bricks", tmp_path / "wall.png", FIELD])
    assert list(found) == ["bricks", "wall.png", "image 3"]
    assert [tuple(one.shape[-2:]) for one in found.values()][1:] == [(4, 6), SIZE]
    assert list(named_images({"mine": FIELD})) == ["mine"]
    assert set(named_images(None)) == set(lam.images.samples())
    for given, message in (([], "networks: got"), ([3], "networks: got")):
        with pytest.raises(InputError, match=message):
            named_networks(given)
    with pytest.raises(InputError, match="images: got none"):
        named_images({})


def test_an_explorer_writes_the_program(relu_network):
    explorer = lam_widgets.Explorer(["fsrcnn", relu_network], ["bricks"], steps=5)
    assert (
        "net_0 = lam.networks.load('fsrcnn')" in explorer.code()
        and "lr = lam.images.downscale(hr, 4)" in explorer.code()
    )
    explorer.picker.region = Region(8, 12, height=16, width=24)
    assert "lam.Region(y=8, x=12, height=16, width=24), reference=hr, steps=5" in explorer.code()
    compile(explorer.code(), "code", "exec")
    explorer.desk.networks.value = ["toy"]
    assert "your network 'toy'" in explorer.code()


def test_an_explorer_opens_on_what_the_demo_shows():
    explorer = lam_widgets.Explorer()
    assert explorer.desk.networks.value == demonstration.NETWORKS and explorer.desk.image.value == demonstration.SAMPLE
    assert explorer.region == demonstration.REGION


def test_an_explorer_keeps_its_window_for_another_image():
    explorer = lam_widgets.Explorer(["fsrcnn"], {"wide": np.zeros((64, 96, 3)), "low": np.zeros((24, 96, 3))})
    explorer.picker.region = Region(0, 0, height=32, width=40)
    explorer.desk.image.value = "low"
    assert explorer.region == Region(0, 28, height=24, width=40)


def test_a_window_that_leaves_a_smaller_picture_stands_in_its_middle():
    explorer = lam_widgets.Explorer(["fsrcnn"], {"large": np.zeros((256, 256, 3)), "small": np.zeros((96, 120, 3))})
    explorer.desk.image.value = "small"
    assert explorer.region == Region(40, 52, 16) and explorer.desk.stage.fields["y"].value == 40


def upload(explorer, picture, name, **settings):
    """Upload as a browser does."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG" if picture.mode == "I;16" else "JPEG", **settings)
    explorer.desk.upload._handle_custom_msg({"name": name}, [memoryview(buffer.getvalue())])


def test_an_upload_is_the_picture_that_was_uploaded():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["facade"])
    grey = np.linspace(0, 65535, 40 * 52).reshape(40, 52).astype(np.uint16)
    upload(explorer, Pillow.fromarray(grey), "facade")
    assert explorer.desk.image.value == "facade (2)" and "hr = ...  # your image" in explorer.code()
    np.testing.assert_allclose(explorer.offers.images["facade (2)"][0], grey / 65535, atol=1e-6)
    turned = Pillow.Exif()
    turned[0x0112] = 6
    upload(explorer, Pillow.new("RGB", (60, 40)), "lying.jpg", exif=turned)
    assert explorer.offers.images["lying.jpg"].shape == (3, 60, 40)


def test_networks_of_one_name_are_told_apart(relu_network, linear_network):
    named = [
        lam.networks.wrap(one.module, scale=2, name="fsrcnn", check=False) for one in (relu_network, linear_network)
    ]
    explorer = lam_widgets.Explorer(named, ["bricks"])
    assert explorer.desk.networks.options == ("fsrcnn (1)", "fsrcnn (2)") and "networks.load" not in explorer.code()
    explorer.desk.networks.value = []
    with pytest.raises(InputError, match="none is chosen"):
        explorer.code()


def test_the_numbers_are_a_table_to_copy_and_to_save():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks", "facade"], steps=3)
    explorer.picker.regions = [(8, 8, 16), (40, 60, 16)]
    explorer.run(wait=True)
    table, saved = explorer._tabs.children[1].children
    rows = [line.split("\t") for line in saved.text.splitlines()]
    assert len(rows) == 3 and "network" in rows[0] and "<table" in table.value
    assert saved._makers[saved.names[0]]().decode().replace(",", "\t").count("\t") == saved.text.count("\t")


def test_what_becomes_of_a_picture_is_told_with_the_networks_scale():
    explorer = lam_widgets.Explorer(["fsrcnn", "dncnn-small"], {"noise": np.zeros((48, 64, 3))})
    assert "×4: 12 × 16 px go in, 48 × 64 px come out" in explorer.desk.sizes.value
    explorer.desk.kind.value = False
    assert "×4: 48 × 64 px go in, 192 × 256 px come out" in explorer.desk.sizes.value
    explorer.desk.networks.value = ("dncnn-small",)
    assert "×1: 48 × 64 px go in, 48 × 64 px come out" in explorer.desk.sizes.value


def test_downloads_are_made_when_asked_for_and_are_no_state():
    made, sent = [], []

    def numbers():
        made.append(1)
        return b"numbers" * 1000

    def broken():
        raise InputError("figure: cannot be drawn")

    downloads = Downloads({"lam.nc": numbers, "lam.pdf": broken})
    downloads.send = lambda content, buffers=(): sent.append((content, [bytes(one) for one in buffers]))
    assert made == [] and downloads.names == ["lam.nc", "lam.pdf"]
    for name in ("lam.nc", "lam.pdf", "other"):
        downloads._handle_custom_msg({"make": name}, [])
    assert sent[0] == ({"name": "lam.nc"}, [b"numbers" * 1000])
    assert sent[1] == ({"name": "lam.pdf", "error": "figure: cannot be drawn"}, []) and "error" in sent[2][0]
    assert not any(b"numbers" in str(value).encode() for value in downloads.get_state().values())


def test_results_are_marked_when_what_they_are_of_changes():
    explorer = lam_widgets.Explorer(["fsrcnn", "residual"], ["bricks", "facade"], steps=3)
    desk = explorer.desk
    explorer.run(wait=True)
    assert explorer.state == "done" and not explorer.is_stale and desk.stale.value == ""
    changes = {
        "window": lambda: setattr(desk.stage.picker, "x", desk.stage.picker.x + 4),
        "steps": lambda: setattr(desk.steps, "value", 5),
        "networks": lambda: setattr(desk.networks, "value", ("residual",)),
        "kind of image": lambda: setattr(desk.kind, "value", False),
    }
    before = {"networks": desk.networks.value, "steps": 3, "kind": True, "x": desk.stage.picker.x}
    for words, change in changes.items():
        change()
        assert explorer.is_stale and f"the {words} changed since" in desk.stale.value
        assert "fsrcnn · bricks · y=120" in desk.stale.value and "lam-stale-results" in explorer._tabs._dom_classes
        desk.networks.value, desk.steps.value, desk.kind.value = before["networks"], before["steps"], before["kind"]
        explorer.picker.region = explorer.runs[0].question.region
        assert not explorer.is_stale and desk.stale.value == ""
    desk.image.value = "facade"
    assert "the image changed since" in desk.stale.value
    explorer.run(wait=True)
    assert not explorer.is_stale and [run.question.image for run in explorer.runs] == ["bricks", "facade"]


def test_results_are_out_of_date_where_no_network_is_chosen_and_nothing_breaks():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"], steps=3)
    explorer.run(wait=True)
    explorer.desk.networks.value = ()
    assert explorer.is_stale and "the networks changed" in explorer.desk.stale.value
    for ask in (lambda: explorer.run(wait=True), explorer.desk.suggest.click):
        explorer.state = "ready"
        ask()
        assert explorer.state == "failed" and "none is chosen" in explorer.desk.message.value
    assert explorer.dataset is explorer.runs[0].dataset


def test_an_answer_has_tabs_of_its_own_and_files_that_tell_what_they_are(tmp_path):
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"], steps=3)
    explorer.run(wait=True)
    titles = [explorer._tabs.get_title(k) for k in range(len(explorer._tabs.children))]
    assert titles == ["Map", "Integration", "Numbers", "Export"] and all(
        one.children for one in explorer._tabs.children
    )
    downloads = explorer._tabs.children[3].children[0]
    stem = "fsrcnn_bricks_y120_x120_16x16"
    assert downloads.names[:2] == [f"{stem}.nc", f"{stem}.html"] and downloads.names[-1] == f"{stem}.zip"
    (tmp_path / "all.zip").write_bytes(downloads._makers[f"{stem}.zip"]())
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.namelist() == downloads.names[:-1]
        archive.extractall(tmp_path)
    xr.testing.assert_equal(lam.open(tmp_path / f"{stem}.nc").attribution, explorer.dataset.attribution)
    assert (tmp_path / f"{stem}.py").read_text().startswith("import lam_nb as lam")
    assert "fsrcnn" in (tmp_path / f"{stem}.csv").read_text()


def test_runs_are_named_shown_again_deleted_and_set_side_by_side():
    explorer = lam_widgets.Explorer(["fsrcnn", "residual"], ["bricks"], steps=3)
    for name in ("fsrcnn", "residual"):
        explorer.desk.networks.value = (name,)
        explorer.run(wait=True)
    first, second = explorer.runs
    runs = explorer._list
    newest = runs.children[0].children
    assert newest[2].value.startswith("residual · bricks") and bytes(newest[1].value).startswith(b"\x89PNG")
    newest[2].value = "the wide one"
    assert second.name == "the wide one"
    runs.children[1].children[3].click()
    assert explorer._shown == [first] and explorer.is_stale
    assert runs.children[-1].disabled
    for k in (0, 1):
        runs.children[k].children[0].value = True
    assert not runs.children[-1].disabled
    runs.children[-1].click()
    both, numbers, export = explorer._tabs.children
    assert len(both.children) == 2 and "the wide one" in numbers.children[0].value
    assert len([name for name in export.children[0].names if name.endswith(".nc")]) == 2 and not explorer.is_stale
    runs.children[0].children[4].click()
    assert explorer.runs == [first] and len(runs.children) == 1


@pytest.mark.parametrize("question", ["which blocks help or harm", "how far it can see"])
def test_other_questions_bring_their_panels_and_program(question, relu_network):
    hr = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    explorer = lam_widgets.Explorer([relu_network, "fsrcnn"], {"noise": hr})
    explorer.picker.region = Region(16, 20, height=8, width=12)
    explorer.desk.question.value = question
    explorer.run(wait=True)
    assert explorer.state == "done", explorer.desk.message.value
    titles = [explorer._tabs.get_title(k) for k in range(len(explorer._tabs.children))]
    assert titles == ["Map", "Numbers", "Export"] and explorer.runs[0].thumbnail()[:4] == b"\x89PNG"
    given = dict(lam=lam, net=relu_network, hr=hr)
    code = explorer.code().replace("...  # your network 'toy'", "net").replace("...  # your image", "hr")
    exec(code.replace("fine=30)", "fine=30, progress=False)"), given)
    name = "effect" if "blocks" in question else "effective_receptive_field"
    np.testing.assert_array_equal(given["ds"][name], explorer.dataset[name])
    explorer.desk.networks.value = ("toy", "fsrcnn")
    explorer.run(wait=True)
    assert explorer.state == "failed" and "this question is asked of one" in explorer.desk.message.value
    explorer.desk.networks.value, explorer.desk.question.value = ("toy",), "which pixels made it"
    assert explorer.is_stale and "question" in explorer.desk.stale.value


def test_what_features_know_is_asked_of_all_pictures(tmp_path):
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks", "cat", "facade"], history=tmp_path)
    explorer.desk.question.value = "what its features know"
    explorer.desk.stage.picker.x += 8  # windows do not matter
    explorer.run(wait=True)
    assert explorer.state == "done", explorer.desk.message.value
    titles = [explorer._tabs.get_title(k) for k in range(len(explorer._tabs.children))]
    assert titles == ["Samples", "Through the depth", "Numbers", "Export"]
    assert "by degradation" in explorer._tabs.children[2].children[0].value
    explorer.desk.stage.picker.x -= 8
    explorer.desk.image.value = "cat"
    assert not explorer.is_stale
    (run,) = explorer.runs
    assert str(run.question) == "what its features know: fsrcnn · 3 pictures"
    assert run.question.stem == "fsrcnn_what_its_features_know"
    given = {}
    exec(run.code.replace("truths) - 1))", "truths) - 1), progress=False)"), given)
    xr.testing.assert_allclose(given["ds"].projection, run.dataset.projection)
    explorer._add("mine", lam.images.sample("coffee"))
    assert explorer.is_stale and "pictures offered" in explorer.desk.stale.value
    assert "'mine': ...,  # your image" in explorer.code()
    (kept,) = lam_widgets.Explorer(["fsrcnn"], ["bricks", "cat", "facade"], history=tmp_path).runs
    assert kept.question == run.question and kept.figure.data
    explorer.desk.kind.value = False
    explorer.run(wait=True)
    assert explorer.state == "failed" and "sharp" in explorer.desk.message.value


def test_which_kernels_differ_is_asked_of_two_networks_of_one_kind():
    pair = "srresnet-residual-mse", "srresnet-residual-restoring"
    pictures = {name: lam.images.sample(name)[:, :128, :96] for name in ("bricks", "cat")}
    explorer = lam_widgets.Explorer([*pair, "fsrcnn"], pictures)
    explorer.desk.question.value = "which kernels differ"
    explorer.run(wait=True)
    assert explorer.state == "failed" and "asked of two" in explorer.desk.message.value
    explorer.desk.networks.value = pair
    explorer.run(wait=True)
    assert explorer.state == "done", explorer.desk.message.value
    titles = [explorer._tabs.get_title(k) for k in range(len(explorer._tabs.children))]
    assert titles == ["Kernels", "Numbers", "Export"]
    first = explorer.dataset.discriminative.sel(degradation="blur", against="noise").argmax("kernel")
    (table,) = explorer._tabs.children[1].children
    assert str(explorer.dataset.layer[first].item()) in table.value and table.value.count("<tr>") == 21
    given = {"pictures": pictures}
    code = explorer.code()
    for name in pictures:
        code = code.replace(f"{name!r}: ...,  # your image", f"{name!r}: pictures[{name!r}],")
    exec(code.replace("tolerance=0.1)", "tolerance=0.1, progress=False)"), given)
    xr.testing.assert_allclose(given["ds"].score, explorer.dataset.score)
    explorer.desk.networks.value = (pair[0], "fsrcnn")
    explorer.run(wait=True)
    assert explorer.state == "failed" and "one architecture" in explorer.desk.message.value


def test_one_picture_tells_nothing_of_features():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"])
    explorer.desk.question.value = "what its features know"
    explorer.run(wait=True)
    assert explorer.state == "failed" and "images: got one picture" in explorer.desk.message.value


def test_a_causal_effect_needs_the_truth():
    explorer = lam_widgets.Explorer(["fsrcnn"], {"small": FIELD})
    explorer.desk.kind.value, explorer.desk.question.value = False, "which blocks help or harm"
    explorer.run(wait=True)
    assert explorer.state == "failed" and "measured against the truth" in explorer.desk.message.value


def test_a_checkpoint_that_is_uploaded_can_be_chosen_and_a_wrong_one_is_told():
    weights = lam.networks.load("fsrcnn").module.state_dict()
    explorer = lam_widgets.Explorer(["residual"], ["bricks"], steps=2)

    def given(content):
        explorer.desk.more._handle_custom_msg({"name": "mine.pth"}, [memoryview(content)])

    given(b"no checkpoint")
    assert explorer.state == "failed" and "mine.pth" in explorer.desk.message.value
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    given(buffer.getvalue())
    assert "was added: ×4, 24,683 parameters" in explorer.desk.message.value
    assert len(explorer.desk.networks.value) == 2 and explorer.desk.networks.rows[-1]["parameters"] == "24.7 k"
    explorer.run(wait=True)
    assert explorer.state == "done" and explorer.dataset.sizes["model"] == 2


def test_windows_are_suggested_apart_from_one_another():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["facade"], size=12)
    explorer.desk.suggest.click()
    offered = [Region(y, x, height=tall, width=wide) for y, x, tall, wide in explorer.picker.suggestions]
    assert len(offered) == 4 and explorer.region == offered[0] and {one.size for one in offered} == {12}
    pairs = [(a, b) for k, a in enumerate(offered) for b in offered[:k]]
    assert min(max(abs(a.y - b.y), abs(a.x - b.x)) for a, b in pairs) >= 36
    explorer.desk.kind.value = False
    explorer.desk.suggest.click()
    assert "takes the truth" in explorer.desk.message.value


def test_the_same_question_asked_twice_is_two_runs():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"], steps=3)
    for _ in range(2):
        explorer.run(wait=True)
    first, second = explorer.runs
    explorer._list.delete(second)
    assert len(explorer.runs) == 1 and explorer.runs[0] is first


def test_the_last_result_is_there_again_after_a_preview_that_was_cancelled(monkeypatch):
    from lam_widgets.explorer import answers

    monkeypatch.setattr(answers, "_WAIT", 0.0)
    explorer = lam_widgets.Explorer(["fsrcnn", "residual"], ["bricks"], steps=3)
    explorer.run(wait=True)
    preview = explorer._show_preview

    def cancelled(*given):
        preview(*given)
        explorer.cancel()

    explorer._show_preview = cancelled
    explorer.desk.steps.value = 0
    explorer.desk.networks.value = ("fsrcnn", "residual")
    explorer.run(wait=True)
    assert explorer.state == "cancelled" and explorer._tabs.layout.display == "flex"
    assert explorer._story.layout.display == "none" and explorer.dataset.attrs["network"] == "fsrcnn"


def test_a_large_picture_is_cut_before_windows_are_suggested():
    explorer = lam_widgets.Explorer(["fsrcnn"], {"large": np.zeros((1100, 40, 3), np.float32)})
    explorer.desk.suggest.click()
    assert "draw the part to keep first" in explorer.desk.message.value


def test_a_picture_may_be_the_networks_input():
    lr = lam.images.downscale(lam.images.sample("bricks"), 4)
    explorer = lam_widgets.Explorer(["fsrcnn"], {"small": lr}, steps=3)
    explorer.desk.kind.value = False
    assert explorer.picker.shape == [256, 256]
    explorer.picker.region = Region(96, 104, height=8, width=24)
    explorer.run(wait=True)
    found = lam.attribute("fsrcnn", lr, Region(96, 104, height=8, width=24), steps=3, progress=False)
    np.testing.assert_array_equal(found.attribution, explorer.dataset.attribution)
    assert "hr" not in explorer.code() and "psnr" not in explorer.dataset


def test_the_numbers_of_a_window_can_be_typed():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"])
    fields = explorer.desk.stage.fields
    fields["height"].value, fields["width"].value, fields["y"].value, fields["x"].value = 8, 40, 16, 24
    assert explorer.region == Region(16, 24, height=8, width=40)
    explorer.picker.x = 9999
    assert fields["x"].value == 256 - 40
    fields["y"].value = 9999
    assert explorer.region.y == fields["y"].value == 248


def test_a_large_upload_is_cut_by_who_uploads_it():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["facade"], steps=2)
    large = Pillow.new("RGB", (1200, 2100))
    large.putpixel((700, 1500), (255, 255, 255))
    upload(explorer, large, "large.jpg", quality=95)
    assert "2100 × 1200 px: draw the part to keep" in explorer.desk.message.value
    explorer.run(wait=True)
    assert explorer.state == "failed" and "draw the part to keep first" in explorer.desk.message.value
    stage = explorer.desk.stage
    assert stage.picker.shape == [2100, 1200] and stage.picker.region.height == 1024
    stage.picker.region = Region(1480, 680, height=64, width=96)
    stage.children[-1].click()
    kept = explorer.offers.images["large.jpg"]
    assert "×4: 16 × 24 px go in" in explorer.desk.sizes.value
    assert kept.shape == (3, 64, 96) and np.unravel_index(int(kept.sum(0).argmax()), (64, 96)) == (20, 20)
    explorer.run(wait=True)
    assert explorer.state == "done" and "16 × 24 px: a map of so few tells little" in explorer.desk.message.value


def test_long_work_shows_a_preview_first(monkeypatch):
    from lam_widgets.explorer import answers

    monkeypatch.setattr(answers, "_WAIT", 0.0)
    seen = []
    for networks in (["fsrcnn", "residual"], ["residual"]):
        explorer = lam_widgets.Explorer(networks, ["facade"])
        explorer.picker.region = Region(100, 100, 16)
        explorer.desk.networks.value = networks
        preview = explorer._show_preview
        monkeypatch.setattr(explorer, "_show_preview", lambda *given, p=preview: (seen.append(given[0]), p(*given)))
        explorer.run(wait=True)
        assert explorer.state == "done" and explorer._story.layout.display == "none"
    assert seen[0].attrs["steps"] == 6 and explorer.dataset.attrs["steps"] >= 9


def test_the_time_left_is_known_from_the_start_and_corrected():
    from lam_widgets.explorer.answers import Pace

    pace = Pace()
    pace.expected = 100.0
    assert pace.left(0.0, 10.0) == 90 and pace.left(1.0, 20.0) == 0
    assert pace.left(0.5, 20.0) == pytest.approx(20)
    assert 20 < pace.left(0.1, 5.0) < 95


def test_four_clicks_at_once_start_one_run():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"], steps=9)
    clicks = [threading.Thread(target=explorer.run, kwargs={"wait": True}) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    explorer._thread.join()
    assert explorer.state == "done" and len(explorer.runs) == 1


@pytest.mark.parametrize("channels", [("luma",), ("nir", "r", "g", "b")])
def test_explorer_shows_photographs_to_networks_of_other_channels(channels):
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(len(channels), 4 * len(channels), 3, padding=1), torch.nn.PixelShuffle(2)
    net = lam.networks.wrap(torch.nn.Sequential(*layers), channels=channels, name="own", check=False)
    explorer = lam_widgets.Explorer([net], ["bricks"], steps=3)
    explorer.run(wait=True)
    assert explorer.state == "done"
    assert explorer.dataset.channel.values.tolist() == list(channels)
    given = dict(lam=lam, net=net)
    exec(explorer.code().replace("...  # your network 'own'", "net"), given)
    np.testing.assert_array_equal(given["ds"].attribution, explorer.dataset.attribution)


def test_windows_are_numbered_and_each_is_a_run():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks", "facade"], steps=3)
    windows = [Region(8, 8, height=16, width=24), Region(100, 60, 16), Region(40, 200, 8)]
    explorer.picker.regions = windows
    explorer.run(wait=True)
    assert explorer.state == "done" and [run.question.region for run in explorer.runs] == windows
    alone = lam.attribute("fsrcnn", lam.images.downscale(lam.images.sample("bricks"), 4), windows[1], steps=3)
    np.testing.assert_array_equal(explorer.runs[1].dataset.attribution, alone.attribution)
    titles = [explorer._tabs.get_title(k) for k in range(len(explorer._tabs.children))]
    assert titles == ["Side by side", "Numbers", "Export"] and len(explorer._tabs.children[0].children) == 3
    assert not explorer.is_stale
    explorer.picker.others = []
    assert explorer.is_stale and "the windows changed" in explorer.desk.stale.value
    explorer.picker.regions = windows
    assert not explorer.is_stale
    explorer.desk.image.value = "facade"
    assert explorer.picker.regions == windows, "windows stay for another picture"
    with pytest.raises(InputError, match="expected one window or more"):
        explorer.picker.regions = []
    with pytest.raises(InputError, match="leaves the output"):
        explorer.picker.others = [[0, 0, 16, 999]]


def test_a_rough_map_lies_over_the_picture_while_the_window_is_held():
    hr = torch.rand(3, 41, 54, generator=torch.Generator().manual_seed(0))
    explorer = lam_widgets.Explorer(["fsrcnn"], {"noise": hr}, steps=3)
    picker = explorer.picker
    picker.x += 4
    explorer.glimpses.join()
    assert picker.glimpse == b"", "nothing is computed where nobody moves the window by hand"
    picker.set_state({"y": 8, "x": 12, "touches": 1})
    explorer.glimpses.join()
    shown = Pillow.open(io.BytesIO(picker.glimpse))
    assert shown.size == (13, 10) and shown.mode == "RGBA"
    assert picker.covered == [40 / 41, 52 / 54] and "rough preview of fsrcnn: y 8, x 12, 4 evaluations" in picker.note
    lr = lam.images.downscale(hr[:, :40, :52], 4)
    found = lam.attribute("fsrcnn", lr, Region(8, 12, 16), steps=4, progress=False).attribution.sum("channel").values
    strongest = np.unravel_index(abs(found).argmax(), found.shape)
    assert np.asarray(shown)[strongest][3] == 255
    picker.x += 4
    assert picker.glimpse == b"" and picker.note == "", "of another window it would lie"
    explorer.desk.live.value, picker.touches = False, 2
    explorer.glimpses.join()
    assert picker.glimpse == b"" and explorer.runs == [] and explorer.state == "ready"


def test_a_rough_map_that_fails_is_told_below_the_picture():
    explorer = lam_widgets.Explorer(["fsrcnn"], {"large": np.zeros((24, 44, 3), np.float32)})
    explorer.offers.images["large"] = torch.zeros(5, 24, 44)
    explorer.picker.touches = 1
    explorer.glimpses.join()
    assert explorer.picker.note.startswith("no preview: InputError") and explorer.state == "ready"


def test_what_is_transparent_is_asked_about():
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"])
    picture = Pillow.new("RGBA", (40, 32), (255, 0, 0, 0))
    picture.putpixel((3, 2), (0, 255, 0, 255))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    explorer.desk.upload.give("C:\\pictures\\logo.png", buffer.getvalue())
    assert "logo.png is transparent in places" in explorer.desk.message.value
    assert explorer.desk.image.options == ("bricks",)
    answers = {button.description: button for button in explorer.desk.choices.children}
    answers["black"].click()
    assert explorer.desk.choices.children == () and explorer.desk.image.value == "logo.png"
    assert explorer.offers.images["logo.png"][:, 2, 3].tolist() == [0, 1, 0]
    assert float(explorer.offers.images["logo.png"].sum()) == 1
    explorer.desk.upload.give("broken.png", b"no picture")
    assert explorer.state == "failed" and explorer.desk.image.value == "logo.png"


def test_a_module_of_the_notebook_is_taken_by_its_name():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        shell.user_ns["mine"] = torch.nn.Upsample(scale_factor=4, mode="bicubic")
        explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"], steps=2)
        assert "mine" in explorer.desk.named.options and "8x-esrgan" in explorer.desk.named.options
        explorer.desk.named.value = "mine"
        assert explorer.desk.networks.value == ("fsrcnn", "mine") and explorer.desk.named.value == ""
        assert "net_1 = lam.networks.wrap(mine, name='mine')" in explorer.code()
        explorer.run(wait=True)
        assert explorer.dataset.model.values.tolist() == ["fsrcnn", "mine"]
        explorer.desk.named.value = "nothing of this name"
        assert explorer.state == "failed" and "nothing of this name" in explorer.desk.message.value
    finally:
        InteractiveShell.clear_instance()


def test_networks_are_listed_with_what_is_known_and_how_widely_they_looked():
    explorer = lam_widgets.Explorer(["fsrcnn", "rfdn"], ["bricks"], steps=3)
    assert explorer.desk.networks.rows[1] | {"about": ""} == {
        "name": "rfdn",
        "scale": "×4",
        "parameters": "433 k",
        "field": "≥ 290",
        "about": "",
    }
    explorer.run(wait=True)
    row, other = explorer.desk.networks.rows
    assert row["index"] == f"{float(explorer.dataset.lam.diffusion_index()):.1f}" and "index" not in other
    assert row["map"].startswith("data:image/png")
    with pytest.raises(traitlets.TraitError, match="names that are listed"):
        explorer.desk.networks.value = ("fsrcnn", "unknown")


def test_runs_are_there_to_be_read_after_a_restart(tmp_path, monkeypatch):
    explorer = lam_widgets.Explorer(["fsrcnn", "residual"], ["bricks"], steps=3, history=tmp_path)
    for question in ("which pixels made it", "how far it can see"):
        explorer.desk.question.value = question
        explorer.run(wait=True)
    (tmp_path / "9_broken.json").write_text("{")
    (tmp_path / "9_alone.json").write_text(next(tmp_path.glob("1*.json")).read_text())
    again = lam_widgets.Explorer(["fsrcnn", "residual"], ["bricks"], steps=3, history=tmp_path)
    assert [run.question for run in again.runs] == [run.question for run in explorer.runs]
    assert all(run.is_earlier for run in again.runs) and again.dataset is None and again._past.layout.display == ""
    row = again._list.children[0].children
    assert row[2].disabled and "before the restart" in row[5].value
    row[3].click()
    xr.testing.assert_equal(again._shown[0].dataset, explorer.runs[1].dataset)
    again._list.delete(again.runs[0])
    assert len(list(tmp_path.glob("*.nc"))) == len(list(tmp_path.glob("*.png"))) == 1
    from lam_widgets.explorer import shelf

    monkeypatch.setattr(shelf, "LARGEST", 10)
    again.run(wait=True)
    assert again.state == "done" and "too large to be kept" in again.desk.message.value


def test_runs_are_kept_by_the_notebooks_name_where_a_server_runs_it(monkeypatch, tmp_path):
    from lam_widgets.explorer import shelf

    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert shelf.folder(None) is None and shelf.folder(False) is None and shelf.folder(tmp_path) == tmp_path
    monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path))
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a/one.ipynb")
    one = shelf.folder(None)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a/two.ipynb")
    assert one.parent == shelf.folder(None).parent == tmp_path / "runs" and one != shelf.folder(None)
    assert shelf.folder(False) is None
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="history: got the file"):
        lam_widgets.Explorer(["fsrcnn"], ["bricks"], history=tmp_path / "file")


def test_only_the_newest_of_the_runs_are_kept(tmp_path, monkeypatch):
    from lam_widgets.explorer import shelf

    monkeypatch.setattr(shelf, "_MOST", 2)
    explorer = lam_widgets.Explorer(["fsrcnn"], ["bricks"], steps=2, history=tmp_path)
    for _ in range(3):
        explorer.run(wait=True)
    assert len(explorer.runs) == 3 and len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.nc"))) == 2


def test_a_sweep_is_watched_until_it_is_done(relu_network, image, tmp_path):
    store, told = tmp_path / "all.zarr", {"steps": 4, "as_truth": False, "progress": False}
    lam.sweep([relu_network], {"a": image}, [WINDOW], store=store, **told)
    assert lam_widgets.Sweep(store).is_done and not lam_widgets.Sweep(store).is_live
    ledger = Ledger(store)
    ledger.ask(planning.of_grid([relu_network], {"a": image, "b": image.flip(-1)}, [WINDOW], False, {"steps": 4}).rows)
    widget = lam_widgets.Sweep(store, pause=0.05)
    seen = threading.Event()
    assert (
        widget.is_live
        and widget.rows[0] | {"missing": 1, "done": 1, "asked": 2, "cells_per_second": "0"} == widget.rows[0]
    )
    assert widget.lines == ["1 of 2 cells done, 0 failed", "nobody is at work"]
    widget.observe(lambda change: seen.set(), "is_done")
    lam.sweep([relu_network], {"b": image.flip(-1)}, [WINDOW], store=store, **told)  # as another process would
    assert seen.wait(20)
    widget._thread.join(20)
    assert not widget.is_live and widget.share == 1 and widget.lines[0] == "2 of 2 cells done, 0 failed"
    assert np.asarray(widget.picture()).min() == 0
    page = widget.to_html(tmp_path / "sweep.html").read_text()
    assert "2 of 2 cells done" in page
    ledger.ask(ledger.asked().iloc[:1].assign(cell=7, region_y=2))
    closed = lam_widgets.Sweep(store, pause=0.05)
    closed.close()
    closed._thread.join(20)
    assert not closed._thread.is_alive() and not closed.is_done
    with pytest.raises(InputError, match="there is no sweep"):
        lam_widgets.Sweep(tmp_path / "none.zarr")
