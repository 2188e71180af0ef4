"""Figures for print: chosen rows, letters that can be read and do not meet, the same bytes, where they come from."""

import itertools
import json

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

import lam_nb as lam
from lam_nb import InputError, Region, views
from lam_nb.result import names
from lam_nb.views.publication import _grid

from .verbs import reaching

pytest.importorskip("matplotlib")
BRIGHT, SIZE = (4, 22), (20, 30)
WINDOW = Region(16, 40, height=6, width=10)
TRUTH = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(1))
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def picture():
    picture = torch.full((3, *SIZE), 0.2)
    picture[(slice(None), *BRIGHT)] = 1
    return picture


@pytest.fixture(scope="module")
def many(picture):
    nets = [reaching("narrow"), reaching("a-network-with-a-long-name", 5), reaching("wide", 9), reaching("x")]
    return lam.compare(nets, picture, WINDOW, reference=TRUTH, fields=True, steps=4, **QUIET)


@pytest.fixture(scope="module")
def one(picture):
    return lam.attribute(reaching("narrow"), picture, WINDOW, reference=TRUTH, steps=6, **QUIET)


@pytest.fixture(scope="module")
def others(picture, one):
    path = lam.attribute(reaching("narrow"), picture, WINDOW, path="black", steps=6, **QUIET)
    cause = lam.causal_effect(reaching("narrow"), picture, WINDOW, reference=TRUTH, block=4, fine=3, **QUIET)
    curves = lam.faithfulness.curves(reaching("narrow"), picture, WINDOW, {"LAM": one}, draws=2, **QUIET)
    return {
        "progression": views.progression(one),
        "path_panel": views.path_panel({"blur": one, "black": path}),
        "causal": views.causal(cause),
        "faithfulness": views.faithfulness(curves),
    }


def boxes(figure):
    """Return the words of a figure that are drawn, and where they are, in pixels."""
    figure.canvas.draw()
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        texts += axes.get_legend().get_texts() if axes.get_legend() else []
        for axis in (one for one in (axes.xaxis, axes.yaxis) if one.get_visible()):
            texts += [part for tick in axis._update_ticks() for part in (tick.label1, tick.label2)]
    renderer = figure.canvas.get_renderer()
    shown = [text for text in texts if text.get_visible() and text.get_text().strip()]
    return [(text, text.get_window_extent(renderer)) for text in shown]


def legible(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    figure.set_dpi(300)
    found = boxes(figure)
    assert found
    for text, box in found:
        assert text.get_fontsize() >= 6, text
        inside = box.x0 >= -2 and box.y0 >= -2 and box.x1 <= figure.bbox.width + 2 and box.y1 <= figure.bbox.height + 2
        assert inside, (text.get_text(), box, figure.bbox)
    for (text, box), (other, place) in itertools.combinations(found, 2):
        over = min(box.x1, place.x1) - max(box.x0, place.x0), min(box.y1, place.y1) - max(box.y0, place.y0)
        assert min(over) <= 2, (text.get_text(), other.get_text())


@pytest.mark.parametrize("width", [85, 170, "cvpr-column", "ieee"])
@pytest.mark.parametrize("scale", ["own", "common"])
def test_words_of_the_grid_are_large_enough_apart_and_on_the_page(many, width, scale):
    figure = views.publish(many, list(_grid.ROWS), width=width, scale=scale, best=True)
    legible(figure)


@pytest.mark.parametrize("width", [85, 170])
def test_words_of_all_others_are_too(one, others, width):
    legible(views.publish(one, width=width))
    for view in others.values():
        legible(views.publish(view, width=width))


def test_widths_are_those_of_who_prints(one):
    for name, mm in (("cvpr-column", 82.55), ("cvpr-text", 174.6), ("ieee", 88.9), ("elsevier", 90), (85, 85)):
        assert views.publish(one, width=name).get_size_inches()[0] * 25.4 == pytest.approx(mm)


def test_a_bright_pixel_is_in_its_place_in_every_row(many, one, picture):
    figure = views.publish(many, ["truth", "overlay", "map", "area", "patch"])
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    maps = [image for image in shown if image.shape == SIZE]
    expected = np.unravel_index(abs(many.isel(model=0).lam.signed().values).argmax(), SIZE)
    assert tuple(np.unravel_index(abs(maps[0]).argmax(), SIZE)) == expected
    elsewhere = one.attribution.copy(data=np.zeros((3, *SIZE)))
    elsewhere[:, 15, 5] = 1
    grey = views.publish(one.assign(attribution=elsewhere), ["overlay"]).axes[0].images[0].get_array().astype(int)
    assert tuple(np.unravel_index(grey.sum(-1).argmax(), SIZE)) == BRIGHT
    assert tuple(np.unravel_index((grey[..., 0] - grey[..., 1]).argmax(), SIZE)) == (15, 5)
    patch = views.publish(one, ["patch"]).axes[0].images[0].get_array()
    rows, columns = WINDOW.slices
    np.testing.assert_array_equal(patch, views.kit.as_pixels(one.output.values[..., rows, columns]))
    truth = views.publish(one, ["truth"]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(truth, views.kit.as_pixels(TRUTH.numpy()))


def found(figure, axes, share):
    """Return (y, x) in pixels of the picture where a drawn print is most of what `share` tells of its colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(300)
    canvas.draw()
    page = np.asarray(canvas.buffer_rgba()).astype(int)
    box = axes.get_window_extent()
    rows = slice(page.shape[0] - int(box.y1), page.shape[0] - int(box.y0) - 1)
    part = share(page[rows, int(box.x0) + 1 : int(box.x1)])
    down, across = np.argwhere(part == part.max()).mean(0)
    x, y = axes.transData.inverted().transform((box.x0 + 1 + across, box.y1 - down))
    return y, x


def redness(page):
    return np.minimum(page[..., 0] - page[..., 1], page[..., 0] - page[..., 2])


def test_a_bright_pixel_is_in_its_place_in_every_other_print(picture, others, many):
    def alone(values, y, x):
        only = np.zeros(values.shape)
        only[..., y, x] = 1
        return values.copy(data=only)

    cause = others["causal"].made_from[1]
    cause = cause.assign(effect=alone(cause.effect, 1, 5))
    figure = views.publish(views.causal(cause))
    assert found(figure, figure.axes[0], redness) == pytest.approx((5.5, 21.5), abs=0.3)  # of blocks of 4 pixels
    field = lam.receptive_field(reaching("narrow"), [picture])
    seen = field.assign({names.EFFECTIVE_FIELD: alone(field[names.EFFECTIVE_FIELD], *BRIGHT)})
    figure = views.publish(views.receptive_field(seen))
    place = found(figure, figure.axes[0], lambda page: page[..., :2].sum(-1) - page[..., 2])  # Viridis ends in yellow
    assert place == pytest.approx((float(field.y[BRIGHT[0]]), float(field.x[BRIGHT[1]])), abs=0.3)
    spot = many.attribution.copy(data=np.zeros(many.attribution.shape))
    spot[..., BRIGHT[0] - 1 : BRIGHT[0] + 2, BRIGHT[1] - 1 : BRIGHT[1] + 2] = 1
    figure = views.publish(views.informative(many.assign(attribution=spot)))
    assert found(figure, figure.axes[1], redness) == pytest.approx(BRIGHT, abs=0.6)
    widely = lam.diffusion_field(reaching("narrow"), picture, size=10, stride=10, steps=3, **QUIET)
    index = alone(widely.diffusion_index, 1, 4)
    figure = views.publish(views.diffusion_field(widely.assign(diffusion_index=index)))
    place = found(figure, figure.axes[1], lambda page: page[..., :2].sum(-1) - page[..., 2])
    assert place == pytest.approx((float(index.window_y[1]), float(index.window_x[4])), abs=1)


def test_the_window_is_outlined_where_it_is_and_its_patch_in_the_same_colour(one):
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle

    figure = views.publish(one, ["truth", "overlay", "patch"])
    for axes, scale in zip(figure.axes[:2], (1, 2), strict=True):
        outlines = [part for part in axes.patches if isinstance(part, Rectangle)]
        assert [to_hex(part.get_edgecolor()) for part in outlines] == [views.kit.HALO, views.kit.BOX]
        for part in outlines:
            place = (part.get_y() + 0.5, part.get_x() + 0.5, part.get_height(), part.get_width())
            assert place == pytest.approx([side / scale for side in (16, 40, 6, 10)])
    assert {to_hex(one.get_edgecolor()) for one in figure.axes[2].spines.values()} == {views.kit.BOX}


def test_numbers_stand_below_and_the_best_is_bold(many):
    texts = {text.get_text(): text for text in views.publish(many, best=True).texts}
    best = float(many.psnr_window.max())
    for k in range(4):
        psnr = float(many.psnr_window[k])
        index = float(many.isel(model=k).lam.diffusion_index())
        assert texts[f"{psnr:.2f} dB"].get_fontweight() == ("bold" if psnr == best else "normal")
        assert any(word.startswith(f"{index:.2f} ± ") for word in texts)


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_the_same_result_is_the_same_file_and_tells_where_it_is_from(many, one, others, ending, tmp_path):
    for k, shown in enumerate((many, one, *others.values())):
        first, second = (
            views.save(shown, tmp_path / f"{k}-{n}.{ending}", width=85, dpi=100).read_bytes() for n in range(2)
        )
        assert first == second
        if k == 1:
            told = first.decode("latin-1")
            if ending == "png":
                told = Pillow.open(tmp_path / "1-0.png").text["Description"]
                assert json.loads(told)["weights_sha256"] == one.attrs["weights_sha256"]
            assert one.attrs["weights_sha256"] in told


def test_letters_stay_letters_and_pictures_are_single_pixels(many, others, tmp_path):
    drawn = views.save(many, tmp_path / "many.svg", width=85).read_text()
    assert "narrow" in drawn and "<text" in drawn
    for name, view in others.items():
        text = views.save(view, tmp_path / f"{name}.svg", width=85).read_text()
        assert "<text" in text and text.count("<path") > 3
        assert view.made_from[0] == name


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rows": ["truth", "overlays"]}, "did you mean 'overlay'"),
        ({"rows": []}, "expected different names among truth"),
        ({"rows": ["map", "map"]}, "expected different names"),
        ({"rows": 3}, "rows: got 3"),
        ({"width": "nature"}, "width: got 'nature', expected one of cvpr-column"),
        ({"width": 0}, "width: got 0"),
        ({"scale": "log"}, "scale: got 'log'"),
        ({"best": 1}, "best: got 1"),
    ],
)
def test_what_cannot_be_printed_is_told(one, given, words):
    with pytest.raises(InputError, match=words):
        views.publish(one, **given)


def test_a_row_that_needs_what_was_not_kept_says_how_to_keep_it(picture):
    bare = lam.attribute(reaching("narrow"), picture, WINDOW, steps=3, keep="map", **QUIET)
    for row, words in {
        "truth": r"'truth' needs 'reference'.*reference=truth",
        "field": r"'field' needs 'effective_receptive_field'.*fields=True",
        "patch": r"'patch' needs 'output'",
        "overlay": r"'overlay' needs 'input'",
    }.items():
        with pytest.raises(InputError, match=words):
            views.publish(bare, [row])
    views.publish(bare, ["map"])


def test_any_other_view_is_drawn_with_its_lines_and_letters(one, many, picture, tmp_path):
    settled = views.convergence(lam.attribute(reaching("narrow"), picture, WINDOW, tolerance=0.02, **QUIET))
    figure = views.publish(settled, width=170)
    legible(figure)
    assert [axes.get_title() for axes in figure.axes] == [note.text for note in settled.layout.annotations[:3]]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), settled.data[0].y)
    field = views.receptive_field(lam.receptive_field(reaching("narrow"), [picture]))
    mesh = views.publish(field).axes[0].collections[0]
    np.testing.assert_allclose(mesh.get_array().reshape(SIZE), field.data[0].z)
    for shown in (views.informative(many), field, settled):
        text = views.save(shown, tmp_path / "any.svg").read_text()
        assert "<text" in text and text == views.save(shown, tmp_path / "again.svg").read_text()
    with pytest.raises(InputError, match="rows: got 'map' for view"):
        views.publish(settled, "map")
