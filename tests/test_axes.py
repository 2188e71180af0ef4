"""Networks of one channel, of four bands, of names of their own: from wrap to every verb, view and file."""

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, images, networks, views
from lam_nb.types import Axes

from .verbs import QUIET, VERBS, WINDOW

BANDS = ("nir", "r", "g", "b")


class Mixing(nn.Module):
    """Small and smooth, of any number of channels; twice as large."""

    def __init__(self, channels):
        super().__init__()
        torch.manual_seed(channels)
        self.wide = nn.Conv2d(channels, 8, 5, padding=2)
        self.last = nn.Conv2d(8, 4 * channels, 3, padding=1)

    def forward(self, batch):
        return nn.functional.pixel_shuffle(self.last(torch.sigmoid(self.wide(batch))), 2)


class Beside(nn.Module):
    """A network of RGB, and a first band that is enlarged by repetition."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, batch):
        first = batch[:, :1].repeat_interleave(2, 2).repeat_interleave(2, 3)
        return torch.cat([first, self.module(batch[:, 1:])], 1)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(params=[(1, ("luma",)), (4, BANDS), (2, 2)], ids=["luma", "bands", "numbers"])
def network(request):
    count, channels = request.param
    return networks.wrap(Mixing(count), channels=channels, name="own", check=False)


def picture(count, size=(20, 26)):
    return torch.rand(count, *size, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_channels_are_found_by_trials_where_they_are_not_told(count):
    found = networks.wrap(Mixing(count), check=False)
    assert (found.axes.channels, found.scale) == (tuple(range(count)), 2)
    assert networks.wrap(Mixing(count), scale=2, check=False).axes == found.axes
    assert networks.wrap(Mixing(3), check=False).axes.is_rgb


def test_a_function_of_one_channel_is_found_where_its_scale_is_sought():
    def doubled(batch):
        assert batch.shape[1] == 1
        return batch.repeat_interleave(2, 2).repeat_interleave(2, 3)

    assert networks.wrap(doubled, check=False).axes.count == 1


def test_what_shuffles_pixels_first_is_still_of_three_channels():
    layers = nn.PixelUnshuffle(2), nn.Conv2d(12, 12, 3, padding=1), nn.PixelShuffle(2)
    assert networks.wrap(nn.Sequential(*layers), pad_to=2, check=False).axes.is_rgb


def test_a_map_of_three_bands_is_that_of_rgb_and_what_is_apart_counts_for_nothing():
    """The law of channels: a band that no other sees changes no other's map."""
    module, given = Mixing(3), picture(3)
    alone = lam.attribute(networks.wrap(module, check=False), given, WINDOW, steps=9, **QUIET)
    four = networks.wrap(Beside(module), channels=BANDS, check=False)
    flat = torch.cat([torch.full((1, 20, 26), 0.5), given])
    beside = lam.attribute(four, flat, WINDOW, steps=9, **QUIET)
    np.testing.assert_allclose(beside.attribution.sel(channel=["r", "g", "b"]), alone.attribution, atol=1e-6)
    assert not beside.attribution.sel(channel="nir").any()
    assert beside.channel.values.tolist() == list(BANDS)


def test_a_grey_network_has_the_map_of_one_that_sees_grey_three_times():
    module, grey = Mixing(1), picture(1)
    own = lam.attribute(networks.wrap(module, check=False), grey, WINDOW, steps=9, **QUIET)
    thrice = networks.wrap(lambda batch: module(batch.mean(1, keepdim=True)).expand(-1, 3, -1, -1), check=False)
    other = lam.attribute(thrice, grey.expand(3, -1, -1), WINDOW, steps=9, **QUIET)
    np.testing.assert_allclose(3 * own.lam.signed(), other.lam.signed(), atol=1e-5)


SAFE = {name: call for name, call in VERBS.items() if name not in ("error", "reference", "compare", "rain")}


@pytest.mark.parametrize("verb", SAFE)
def test_every_verb_takes_it(network, verb):
    if verb in ("causal_effect", "noise"):
        truth = picture(network.axes.count, (40, 52))
        given = {"metric": "l1", "noise": 0.1} if verb == "noise" else {}
        asked = {"reference": truth, "block": 5, "fine": 3, **given}
        found = lam.causal_effect(network, picture(network.axes.count), WINDOW, **asked, **QUIET)
    else:
        found = SAFE[verb](network, picture(network.axes.count), "cpu")
    if "channel" in found.dims:
        assert found.channel.values.tolist() == list(network.axes.channels)


def test_results_go_through_statistics_views_and_files(network, tmp_path):
    count = network.axes.count
    given, truth = picture(count), picture(count, (40, 52))
    ds = lam.attribute(network, given, WINDOW, reference=truth, keep="all", tolerance=0.02, **QUIET)
    assert float(ds.lam.diffusion_index()) > 0
    off = float(ds.attribution.sum() - (ds.detector_end - ds.detector_start))
    assert abs(off) < 2 * float(ds.quadrature_error * abs(ds.attribution).sum()) + 1e-4
    for end in ("nc", "zarr"):
        lam.save(ds, tmp_path / f"map.{end}")
        back = lam.open(tmp_path / f"map.{end}")
        np.testing.assert_array_equal(back.attribution, ds.attribution)
        assert back.channel.values.tolist() == list(network.axes.channels)
    many = lam.compare([network, network], given, WINDOW, reference=truth, fields=True, steps=3, **QUIET)
    cause = lam.causal_effect(network, given, WINDOW, reference=truth, block=5, fine=3, **QUIET)
    for figure in (
        views.attribution(ds),
        views.progression(ds),
        views.comparison(many),
        views.causal(cause, attribution=ds),
        views.informative(many),
        views.receptive_field(lam.receptive_field(network, [given])),
        views.diffusion_field(lam.diffusion_field(network, given, stride=16, steps=3, **QUIET)),
    ):
        assert figure.to_json()
    views.save(ds, tmp_path / "map.png")
    views.save(many, tmp_path / "many.png")
    assert "diffusion index" in views.table([ds])._repr_html_()


def test_a_sweep_keeps_them(network, tmp_path):
    pictures = {"one": picture(network.axes.count, (40, 52))}
    table = lam.sweep([network], pictures, [WINDOW], store=tmp_path / "all.zarr", steps=3, **QUIET)
    assert bool(table.done.all())


def test_a_luma_network_is_native_or_beside_rgb():
    module = Mixing(1)
    beside, native = networks.wrap(module, colours="luma", check=False), networks.wrap(module, check=False)
    rgb = picture(3)
    torch.testing.assert_close(images.luma(beside(rgb[None])), native(images.luma(rgb)[None]), atol=1e-5, rtol=0)


def test_a_checkpoint_of_one_channel_is_taken_either_way(tmp_path):
    torch.manual_seed(1)
    grey = networks.architectures.build("dncnn", channels=1, width=8, blocks=4)
    torch.save(grey.state_dict(), tmp_path / "grey.pth")
    assert networks.load(tmp_path / "grey.pth", check=False).colours == "luma"
    native = networks.load(tmp_path / "grey.pth", channels=("thermal",), check=False)
    assert (native.axes.channels, native.colours) == (("thermal",), "rgb")
    assert "channels         thermal" in native.card


def test_grey_files_stay_grey_where_one_channel_is_wanted(tmp_path):
    deep = (np.arange(12 * 9).reshape(9, 12) * 500).astype(np.uint16)
    Pillow.fromarray(deep).save(tmp_path / "deep.png")
    native = networks.wrap(Mixing(1), check=False)
    ds = lam.attribute(native, tmp_path / "deep.png", Region(2, 3, 4), steps=3, **QUIET)
    np.testing.assert_allclose(ds.input[0], deep / 65535, atol=1e-6)
    assert images.load(tmp_path / "deep.png", channels=1).shape == (1, 9, 12)
    assert images.as_image(deep, channels=1).shape == (1, 9, 12)
    assert images.as_image(torch.zeros(9, 12), channels=1).shape == (1, 9, 12)


@pytest.mark.parametrize(
    ("count", "given", "words"),
    [
        (1, torch.zeros(3, 9, 12), r"expected \(1, y, x\).*images.luma"),
        (1, np.zeros((9, 12, 3)), r"expected \(y, x, 1\) or \(y, x\).*images.luma"),
        (4, torch.zeros(3, 9, 12), r"expected \(4, y, x\).*takes 4 channels"),
        (4, np.zeros((9, 12)), r"expected \(y, x, 4\).*takes 4 channels"),
        (4, torch.zeros(9, 12, 4), "permute"),
        (3, torch.zeros(4, 9, 12), r"expected \(3, y, x\), RGB; drop alpha"),
        (4, Pillow.new("RGB", (12, 9)), "takes 4 channels"),
    ],
)
def test_pictures_of_other_channels_are_told(count, given, words):
    with pytest.raises(InputError, match=words):
        lam.attribute(networks.wrap(Mixing(count), check=False), given, Region(2, 3, 4), steps=2, **QUIET)


def test_four_bands_are_read_from_what_holds_four():
    four = Pillow.fromarray(np.full((9, 12, 4), 51, np.uint8), "RGBA")
    assert images.as_image(four, channels=4).unique().tolist() == pytest.approx([0.2])


def test_networks_of_different_channels_are_not_compared():
    pair = [networks.wrap(Mixing(count), check=False) for count in (1, 3)]
    with pytest.raises(InputError, match=r"networks: their channels differ \(Mixing: 1 channel, Mixing: 3 channels"):
        lam.compare(pair, picture(3), WINDOW, steps=2, **QUIET)


@pytest.mark.parametrize("given", [0, -1, (), ("a", "a"), "luma", ("a", 1), 1.5, True, [None]])
def test_what_are_no_channels_is_told(given):
    with pytest.raises(InputError, match="channels: got"):
        networks.wrap(Mixing(1), channels=given, check=False)


def test_channels_beside_colours_are_one_too_many():
    with pytest.raises(InputError, match="colours: got 'luma' beside channels"):
        networks.wrap(Mixing(1), channels=("luma",), colours="luma", check=False)


def test_standardised_bands_have_a_mean_each():
    means = (0.1, 0.2, 0.3, 0.4)
    net = networks.wrap(lambda batch: batch, scale=1, channels=4, mean=means, std=(0.5, 1, 1, 2), check=False)
    torch.testing.assert_close(net(picture(4)[None])[0], picture(4))
    with pytest.raises(InputError, match=r"mean: got .* expected a number or 4"):
        networks.wrap(Mixing(4), mean=(0.1, 0.2, 0.3), check=False)


def test_scaling_and_jpeg_take_any_channels():
    small = images.downscale(picture(4, (24, 32)), 4)
    assert small.shape == (4, 6, 8)
    np.testing.assert_array_equal(small[1:], images.downscale(picture(4, (24, 32))[1:], 4))
    assert images.upscale(small, 2).shape == (4, 12, 16)
    assert images.JPEG(50)(picture(4, (24, 32))).shape == (4, 24, 32)


def test_names_are_said():
    assert (Axes.of(4).words, Axes.of(["t"]).words, Axes().is_rgb) == ("4 channels", "1 channel (t)", True)
    assert Axes.of(3) == Axes()
