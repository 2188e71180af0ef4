"""One opening: every verb refuses the same things in the same words, takes names, and knows rectangles."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region

QUIET = {"progress": False}
WINDOW = Region(8, 10, height=6, width=14)


def _map(image):
    values = np.arange(float(np.prod(image.shape))).reshape(image.shape)
    return xr.Dataset({"attribution": (("channel", "y", "x"), values)})


FEW = {"steps": 2, **QUIET}
TRUTH = torch.zeros(3, 40, 52)
VERBS = {
    "attribute": lambda n, i, r, _: lam.attribute(n, i, r, **FEW),
    "compare": lambda n, i, r, _: lam.compare([n], i, r, **FEW),
    "gradient": lambda n, i, r, _: lam.gradient(n, i, r),
    "input_x_gradient": lambda n, i, r, _: lam.input_x_gradient(n, i, r),
    "integrated_gradients": lambda n, i, r, _: lam.integrated_gradients(n, i, r, **FEW),
    "smoothgrad": lambda n, i, r, _: lam.smoothgrad(n, i, r, samples=2),
    "curves": lambda n, i, r, _: lam.faithfulness.curves(n, i, r, {"rising": _map(i)}, fractions=[0, 1], **QUIET),
    "randomised": lambda n, i, r, _: lam.faithfulness.randomised(n, i, r, stages=1, **FEW),
    "causal_effect": lambda n, i, r, _: lam.causal_effect(n, i, r, reference=TRUTH, block=9, fine=2, **QUIET),
    "sweep": lambda n, i, r, folder: lam.sweep([n], {"a": i}, [r], store=folder / "all.zarr", as_truth=False, **FEW),
}


@pytest.fixture(params=list(VERBS))
def verb(request, tmp_path):
    return lambda *arguments: VERBS[request.param](*arguments, tmp_path)


@pytest.mark.parametrize("region", [WINDOW, (8, 10, 6, 14), (8, 10, 6), [8, 10, 6]])
def test_every_verb_takes_regions_and_tuples(verb, region, relu_network, image):
    told = verb(relu_network, image, region)
    expected = Region.of(region)
    if "region_y" in told.attrs:
        assert Region.of_facts(told.attrs) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"network": nn.Identity()},
            r"networks?: got Identity, expected a Network; make one with lam_nb.networks.wrap",
        ),
        (
            {"network": "imdnn-small"},
            "network: got 'imdnn-small', expected one that comes along .* did you mean 'imdn-small'",
        ),
        ({"network": 3}, r"networks?: got 3, expected a Network or a name"),
        ({"region": Region(30, 30, 16)}, r"region \(y=30, x=30, 16 × 16\) leaves the output, which is 40 × 52"),
        ({"region": Region(8, 40, height=4, width=13)}, r"region \(y=8, x=40, 4 × 13\) leaves the output"),
        ({"region": "here"}, r"regions?: got .*here.*, expected lam_nb.Region"),
        ({"image": torch.zeros(1, 20, 26)}, "image: got a tensor of shape"),
    ],
)
def test_every_verb_refuses_in_the_same_words(verb, change, message, relu_network, image):
    given = {"network": relu_network, "image": image, "region": WINDOW} | change
    with pytest.raises(InputError, match=message):
        verb(*given.values())


def test_every_verb_takes_a_name(verb, image):
    small = torch.nn.functional.interpolate(image[None], size=(10, 13), mode="bilinear")[0]  # 40 × 52 for a ×4 network
    assert verb("fsrcnn", small, Region(8, 8, 16)) is not None


def test_other_verbs_take_names_and_refuse_modules(image):
    for call in (
        lambda n: lam.receptive_field(n, side=24),
        lambda n: lam.diffusion_field(n, image, stride=48, steps=2, **QUIET),
    ):
        assert call("fsrcnn").attrs["network"] == "fsrcnn"
        with pytest.raises(InputError, match="network: got Identity, expected a Network"):
            call(nn.Identity())
    assert lam.studies.hard_regions(lam.images.sample("bricks"), ["fsrcnn"], n=1)
    with pytest.raises(InputError, match="networks: got Identity, expected a Network"):
        lam.studies.hard_regions(lam.images.sample("bricks"), [nn.Identity()], n=1)


def test_a_rectangle_is_the_sum_of_its_squares(relu_network, image):
    """Detectors add up over pixels, and so do maps: two squares side by side make a rectangle."""
    given = {"detector": "intensity", "steps": 6, **QUIET}
    left, right = (lam.attribute(relu_network, image, Region(8, x, 6), **given) for x in (10, 16))
    both = lam.attribute(relu_network, image, Region(8, 10, height=6, width=12), **given)
    np.testing.assert_allclose(both.attribution, left.attribution + right.attribution, atol=1e-5)


def test_the_field_of_a_rectangle_ends_where_it_must(linear_network, image):
    """Two convolutions of 3 see two pixels around the window's footprint, and nothing beyond."""
    window = Region(10, 20, height=4, width=16)
    used = abs(lam.attribute(linear_network, image, window, steps=2, **QUIET).attribution).sum("channel").values
    rows, columns = np.nonzero(used.any(1))[0], np.nonzero(used.any(0))[0]
    assert (rows[0], rows[-1]) == (5 - 2, 7 + 2)  # edges look at one output pixel below and to the right
    assert (columns[0], columns[-1]) == (10 - 2, 18 + 2)


@pytest.mark.parametrize("detector", ["edges", "intensity", "gabor"])
def test_detectors_of_rectangles_look_at_rectangles(detector):
    maker = lam.detectors.named(detector)
    output = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    wide, tall = (maker(Region(4, 6, height=h, width=w)) for h, w in ((5, 20), (20, 5)))
    turned = output.transpose(2, 3)
    assert wide(output).shape == (1,)
    if detector != "gabor":
        torch.testing.assert_close(wide(output), maker(Region(6, 4, height=20, width=5))(turned))
    assert float(wide(output)) != float(tall(output))


def test_rectangles_keep_through_files_and_stacks(relu_network, image, tmp_path):
    ds = lam.attribute(relu_network, image, WINDOW, steps=2, **QUIET)
    assert "region_size" not in ds.attrs
    xr.testing.assert_identical(lam.open(lam.save(ds, tmp_path / "a.nc")), ds)
    many = lam.attribute(relu_network, image, [WINDOW, Region(0, 0, 4)], steps=2, **QUIET)
    assert [Region.of_facts(lam.result.facts(many.isel(region=k))) for k in (0, 1)] == [WINDOW, Region(0, 0, 4)]


def test_a_rectangle_has_no_size():
    with pytest.raises(InputError, match=r"region.size: .* is no square and has no one side; use region.height"):
        _ = WINDOW.size
    assert Region(1, 2, height=5, width=5) == Region(1, 2, 5) and Region(1, 2, 5).size == 5
    for bad in ({"height": 3}, {"size": 4, "height": 3, "width": 3}, {"height": 0, "width": 3}):
        with pytest.raises(InputError, match=r"region\."):
            Region(1, 2, **bad)


def test_blocks_of_a_rectangle_are_its_own(relu_network, image):
    cem = lam.causal_effect(
        relu_network,
        image,
        Region(8, 8, height=4, width=16),
        reference=torch.zeros(3, 40, 52),
        block=2,
        **QUIET,
        fine=2,
    )
    assert int(cem.own) == 1 * 4


def test_a_reference_is_kept_and_measured(relu_network, image):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    ds = lam.attribute(relu_network, image, WINDOW, reference=truth, steps=2, **QUIET)
    np.testing.assert_array_equal(ds.reference, truth)
    rows, columns = WINDOW.slices
    output = ds.output.values
    assert float(ds.psnr) == pytest.approx(lam.images.psnr(output, truth))
    assert float(ds.psnr_window) == pytest.approx(lam.images.psnr(output[:, rows, columns], truth[:, rows, columns]))
    assert float(ds.ssim) == pytest.approx(lam.images.ssim(output.clip(0, 1), truth.numpy()))
    many = lam.compare([relu_network, relu_network], image, WINDOW, reference=truth, steps=2, **QUIET)
    assert many.psnr.dims == many.psnr_window.dims == many.ssim.dims == ("model",) and many.reference.ndim == 3
    with pytest.raises(InputError, match="reference: got"):
        lam.attribute(relu_network, image, WINDOW, reference=torch.zeros(3, 8, 8), **QUIET)
