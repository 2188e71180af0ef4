"""Causal effect maps: laws on toys, the same map for any batch, going on where it was."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, networks
from lam_nb.methods import causal

QUIET = {"progress": False}


def net_of(function, scale=1):
    return networks.wrap(function, scale=scale, name="toy", check=False)


@pytest.fixture
def truth(image):
    return (image + 0.05 * torch.rand(image.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)


def test_patches_that_change_nothing_have_no_effect(relu_network):
    grey = torch.full((3, 20, 26), 128 / 255)
    stock = np.full((4, 8, 8, 3), 128, np.uint8)
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    cem = lam.causal_effect(relu_network, grey, Region(16, 20, 6), reference=truth, patches=stock, block=3, **QUIET)
    known = cem.effect.values[np.isfinite(cem.effect.values)]
    assert not known.any() and int(cem.positive) == int(cem.negative) == 0


def test_a_network_that_ignores_its_input_has_no_effects(image, truth):
    cem = lam.causal_effect(net_of(lambda batch: batch * 0 + 0.5), image, Region(8, 8, 6), reference=truth, **QUIET)
    assert not np.nan_to_num(cem.effect.values).any()


def test_a_shift_has_its_effect_in_one_place(image, truth):
    shift = net_of(lambda batch: batch.roll((4, 8), (2, 3)))
    given = {"reference": image.roll((4, 8), (1, 2)), "block": 4, "coarse": 2, "fine": 4}
    cem = lam.causal_effect(shift, image, Region(12, 16, 4), **given, **QUIET)
    places = np.argwhere(np.nan_to_num(cem.effect.values) != 0)
    assert places.tolist() == [[2, 2]]  # block of rows 8 … 11, columns 8 … 11
    assert float(cem.effect[2, 2]) > 20  # the output was exact without intervention
    assert int(cem.positive) == 1 and int(cem.own) == 1


def test_blocks_outside_the_field_are_not_computed(relu_network, image):
    seen = []
    hook = relu_network.module.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    cem = lam.causal_effect(relu_network, image, Region(16, 20, 6), reference=truth, block=2, **QUIET)
    hook.remove()
    assert int(cem.draws[0, 0]) == 0 and float(cem.effect[0, 0]) == 0 and float(cem.standard_error[0, 0]) == 0
    assert int(cem.stage[0, 0]) == causal.OUTSIDE
    assert sum(shape[0] for shape in seen if shape[2:] != (20, 26)) >= cem.attrs["pictures_computed"]


def test_the_same_map_for_any_batch(relu_network, image):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    given = {"reference": truth, "block": 3, "fine": 7, "keep": "draws", "threshold": 1e-4}
    runs = [lam.causal_effect(relu_network, image, Region(16, 20, 6), batch=b, **given, **QUIET) for b in (1, 5, 64)]
    for other in runs[1:]:
        np.testing.assert_allclose(runs[0].effect, other.effect, atol=1e-4)
        np.testing.assert_allclose(runs[0].every_draw, other.every_draw, atol=1e-4)
        np.testing.assert_array_equal(runs[0].draws, other.draws)
    other = lam.causal_effect(relu_network, image, Region(16, 20, 6), seed=1, **given, **QUIET)
    assert not np.array_equal(runs[0].effect, other.effect, equal_nan=True)


def test_a_standard_error_is_reached_with_fewer_draws(relu_network, image):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    given = {"reference": truth, "block": 3, "threshold": 1e-4, "fine": 400}
    full = lam.causal_effect(relu_network, image, Region(16, 20, 6), **given, **QUIET)
    some = lam.causal_effect(relu_network, image, Region(16, 20, 6), se=0.01, **given, **QUIET)
    assert some.attrs["pictures_computed"] < full.attrs["pictures_computed"]
    fine = some.stage.values == causal.FINE
    settled, spent = some.standard_error.values[fine] <= 0.01, some.draws.values[fine] == 400
    assert (settled | spent).all() and (settled & ~spent).any()
    off = (some.effect - full.effect).values[fine] / np.maximum(some.standard_error.values[fine], 1e-4)
    assert np.abs(off).mean() < 2


def test_few_draws_are_unbiased(image, truth):
    blur = net_of(nn.AvgPool2d(5, 1, 2, count_include_pad=False))
    given = {"reference": truth, "block": 4, "threshold": 1e-9}
    many = lam.causal_effect(blur, image, Region(8, 8, 8), coarse=1, fine=300, **given, **QUIET)
    given |= {"coarse": 1, "fine": 3}
    few = [lam.causal_effect(blur, image, Region(8, 8, 8), seed=s, **given, **QUIET).effect.values for s in range(30)]
    mean, spread = np.mean(few, 0), np.std(few, 0) / 30**0.5
    known = np.isfinite(many.effect.values) & (spread > 0)
    assert np.abs((mean - many.effect.values)[known] / spread[known]).mean() < 1.5


def test_an_interrupted_map_goes_on(relu_network, image, tmp_path, monkeypatch):
    monkeypatch.setattr("lam_nb.methods.causal.book._EVERY", 0.0)
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    given = {"reference": truth, "block": 3, "threshold": 1e-4, "fine": 9, "batch": 8, "keep": "draws"}
    expected = lam.causal_effect(relu_network, image, Region(16, 20, 6), **given, **QUIET)

    for calls in (4, 6):
        left = [calls]

        def halt(done, total, left=left):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        again = {"store": tmp_path / "map.zarr", "progress": halt}
        with pytest.raises(KeyboardInterrupt):
            lam.causal_effect(relu_network, image, Region(16, 20, 6), **again, **given)
    found = lam.causal_effect(relu_network, image, Region(16, 20, 6), store=tmp_path / "map.zarr", **given, **QUIET)
    np.testing.assert_allclose(found.effect, expected.effect, atol=1e-6)
    np.testing.assert_allclose(found.every_draw, expected.every_draw, atol=1e-6)
    assert found.attrs["pictures_computed"] <= expected.attrs["pictures_computed"] + 16
    with pytest.raises(InputError, match="holds another map"):
        lam.causal_effect(relu_network, image, Region(16, 20, 6), store=tmp_path / "map.zarr", seed=3, **given, **QUIET)


def test_sizes_that_do_not_divide_and_files(relu_network, image, tmp_path):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    cem = lam.causal_effect(relu_network, image, (17, 21, 5), reference=truth, block=7, fine=5, uint8=True, **QUIET)
    assert dict(cem.effect.sizes) == {"block_y": 3, "block_x": 4}
    assert cem.block_x.values[-1] == pytest.approx((21 + 25) / 2)
    assert int(cem.positive + cem.negative + cem.zero + cem.own) == 12
    xr.testing.assert_identical(lam.open(lam.save(cem, tmp_path / "cem.nc")), cem)
    figure = lam.views.causal(cem, clip=2.5, power=1.2)
    assert "blocks of 7 px" in figure.layout.title.text and figure.data[2].zmax == 1
    ds = lam.attribute(relu_network, image, (17, 21, 5), steps=3, **QUIET)
    beside = lam.views.causal(cem, attribution=ds)
    assert len(beside.layout.images) == 4 and "rank correlation of blocks" in beside.layout.annotations[3].text
    both = lam.views.causal_comparison([cem, cem], scale="own")
    assert [trace.showscale for trace in both.data if trace.type == "heatmap"] == [True, True]
    with pytest.raises(InputError, match="all in one metric"):
        lam.views.causal_comparison([cem, cem.assign_attrs(metric="l1")])


def test_agreement_with_an_attribution_of_the_same_blocks(relu_network, image):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    cem = lam.causal_effect(relu_network, image, Region(16, 20, 6), reference=truth, block=3, threshold=1e-9, **QUIET)
    made = np.nan_to_num(np.abs(cem.effect.values)).repeat(3, 0)[:20].repeat(3, 1)[:, :26]
    rows, columns = (np.minimum(3, n - np.arange(0, n, 3)) for n in (20, 26))
    share = made / (rows.repeat(rows)[:, None] * columns.repeat(columns))
    same = xr.Dataset({"attribution": (("channel", "y", "x"), share[None])})
    assert float(lam.statistics.causal_agreement(cem, same)) == pytest.approx(1)
    elsewhere = same.assign_attrs(region_y=0, region_x=0, region_size=6)
    with pytest.raises(InputError, match="attribution: is of the window"):
        lam.statistics.causal_agreement(cem, elsewhere)
    with pytest.raises(InputError, match="expected one map"):
        lam.statistics.causal_agreement(cem, same.expand_dims(model=2))
    with pytest.raises(InputError, match="attribution: its canvas"):
        lam.statistics.causal_agreement(cem, same.isel(y=slice(0, 12)))


def test_a_store_of_another_truth_is_not_continued(relu_network, image, tmp_path):
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(0))
    given = {"block": 5, "fine": 3, "store": tmp_path / "map.zarr", **QUIET}
    lam.causal_effect(relu_network, image, Region(16, 20, 6), reference=truth, **given)
    others = [{"metric": "l1"}, {"noise": 0.1}, {"keep": "draws"}, {"finish": lambda b: b}, {"reference": 1 - truth}]
    for other in ({"reference": truth} | one for one in others):
        with pytest.raises(InputError, match="holds another map"):
            lam.causal_effect(relu_network, image, Region(16, 20, 6), **given | other)


def test_a_degradation_that_spreads_is_computed_everywhere(image):
    given = {"reference": image, "block": 4, "fine": 2, "threshold": 1e-6, **QUIET}
    region = Region(8, 8, 5)
    rain = lam.causal_effect(net_of(nn.Identity()), image, region, finish=lam.images.Rain(), **given)
    assert int(rain.draws[0, 0]) == 0  # rain changes no pixel but its own
    blur = lam.causal_effect(net_of(nn.Identity()), image, region, finish=lam.images.Blur(2.0), **given)
    assert int((blur.draws == 0).sum()) == int(blur.own) and float(abs(blur.effect[1, 2])) > 0
    known = np.isfinite(blur.effect.values)
    assert (np.abs(blur.effect.values[known]) > 0).any()


def test_ssim_is_the_librarys(image, truth):
    from skimage.metrics import structural_similarity

    given = {"reference": truth, "metric": "ssim", "fine": 3, **QUIET}
    cem = lam.causal_effect(net_of(nn.Identity()), image, Region(2, 4, 14), **given)
    window = np.s_[:, 2:16, 4:18]
    settings = {"data_range": 1, "channel_axis": 0, "gaussian_weights": True, "use_sample_covariance": False}
    expected = structural_similarity(image.numpy()[window], truth.numpy()[window], **settings)
    assert float(cem.quality_origin) == pytest.approx(expected, abs=1e-5) and cem.effect.attrs["units"] == "1"
    with pytest.raises(InputError, match="at least 11 pixels"):
        lam.causal_effect(net_of(nn.Identity()), image, Region(2, 4, 8), **given)


def test_rain_falls_after_the_patch(image):
    rain, seen = lam.images.Rain(seed=2), []
    derain = net_of(lambda batch: seen.append(batch.cpu()) or batch)
    cem = lam.causal_effect(derain, image, Region(6, 6, 8), reference=image, block=5, fine=2, finish=rain, **QUIET)
    layer = rain.layer(20, 26)
    whole = [batch for batch in seen if batch.shape[-2:] == (20, 26)]
    assert whole and all((batch >= layer - 1e-5).all() for batch in whole)
    assert float(layer.max()) > 0.5 and cem.attrs["finish"] == "Rain(seed=2)"


@pytest.mark.parametrize("metric", ["psnr", "l1", "ssim", lambda a, b: -(a - b).square().mean((1, 2, 3))])
def test_metrics_noise_and_degradations(metric, image, truth):
    given = {"reference": truth, "block": 5, "fine": 4, "metric": metric, "noise": 0.1}
    cem = lam.causal_effect(net_of(nn.Identity()), image, Region(4, 6, 12), finish=lambda b: b * 0.9, **given, **QUIET)
    assert np.isfinite(cem.effect.values[cem.stage.values != causal.OWN]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reference": torch.zeros(3, 8, 8)}, "reference: got"),
        ({"metric": "ssimm"}, "metric: got 'ssimm'"),
        ({"patches": np.zeros((3, 8, 8))}, "patches: got an array"),
        ({"keep": "all"}, "keep: got 'all'"),
        ({"store": "map.nc"}, "store: got"),
        ({"coarse": 0}, "coarse: got 0"),
        ({"batch": 0}, "batch: got 0"),
        ({"region": Region(0, 0, 20), "block": 26}, "leaves no block beside it"),
        ({"region": "here"}, "region: got 'here'"),
        ({"network": nn.Identity()}, "network: got Identity"),
    ],
)
def test_bad_input_names_the_argument(arguments, message, image, truth):
    given = {"network": net_of(nn.Identity()), "image": image, "region": Region(6, 6, 8), "reference": truth}
    with pytest.raises(InputError, match=message):
        lam.causal_effect(**given | arguments, **QUIET)
