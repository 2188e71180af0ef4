"""Causal effects: noise and rounding have closed forms, and no draw counts twice."""

import numpy as np
import pytest
import torch

import lam_nb as lam
from lam_nb import Region, networks
from lam_nb.methods import causal

QUIET = {"progress": False}
GREY = 128 / 255
BLOCK, SHOWN = (1, 1), Region(12, 16, 8)
"""The block of rows and columns 8 … 15, and where a shift by (4, 8) shows it."""


def shift():
    return networks.wrap(lambda batch: batch.roll((4, 8), (2, 3)), scale=1, name="shift", check=False)


def flat(level=GREY, rows=32, columns=40):
    return torch.full((3, rows, columns), level)


def distance(windows, truth):
    return -(windows - truth).square().mean((1, 2, 3))


def patches(level=128):
    return np.full((1, 8, 8, 3), level, np.uint8)


def effect(image, truth, **settings):
    given = {"reference": truth, "block": 8, "patches": patches(), "threshold": 1e-9, "metric": distance}
    return lam.causal_effect(shift(), image, SHOWN, **given | settings, **QUIET)


@pytest.mark.parametrize("sigma", [0.02, 0.08])
def test_noise_costs_its_variance(sigma):
    """Grey on grey changes nothing but for the noise, whose mean square is its variance."""
    found = effect(flat(), flat(), noise=sigma, fine=200)
    assert float(found.effect[BLOCK]) == pytest.approx(sigma**2, rel=0.05)
    others = found.effect.where((found.block_y != 11.5) | (found.block_x != 11.5))
    assert float(abs(others).max()) == 0
    assert not effect(flat(), flat(), fine=5).effect.fillna(0).any()


def test_a_patch_costs_its_distance():
    found = effect(flat(0.3), flat(0.2), fine=3)
    assert float(found.effect[BLOCK]) == pytest.approx((GREY - 0.2) ** 2 - 0.1**2, rel=1e-4)
    assert float(found.quality_origin) == pytest.approx(-(0.1**2), rel=1e-4)
    harmful = effect(flat(0.3), flat(), fine=3)
    assert float(harmful.effect[BLOCK]) < 0 and int(harmful.negative) == 1


@pytest.mark.parametrize(("metric", "worst"), [("psnr", 100), ("l1", 0)])
def test_the_metrics_have_their_units(metric, worst):
    found = effect(flat(0.3), flat(0.3), fine=3, metric=metric)
    assert float(found.quality_origin) == pytest.approx(worst, abs=1e-4)
    off = GREY - 0.3
    lost = -10 * np.log10(off**2) if metric == "psnr" else -off
    assert float(found.effect[BLOCK]) == pytest.approx(worst - lost, rel=1e-4)


def test_rain_falls_on_the_patch_too():
    rain, seen = lam.images.Rain(seed=2), []
    layer = rain.layer(32, 40)
    assert float(layer[8:16, 8:16].max()) > 0.1
    net = networks.wrap(
        lambda batch: seen.append(batch.cpu()) or batch.roll((4, 8), (2, 3)) + 0 * batch.mean(), check=False
    )
    given = {"reference": flat(), "block": 8, "patches": patches(50), "finish": rain, "fine": 2, "batch": 1}
    lam.causal_effect(net, flat(), SHOWN, **given, **QUIET)
    pictures = [batch[0] for batch in seen if batch.shape == (1, 3, 32, 40)]
    wet, patched = (flat(level) + layer for level in (GREY, 50 / 255))
    for y, x in ((0, 0), BLOCK, (3, 4)):
        block = slice(8 * y, 8 * y + 8), slice(8 * x, 8 * x + 8)
        expected = wet.clone()
        expected[:, *block] = patched[:, *block]
        assert any(torch.allclose(one, expected.clamp(0, 1), atol=1e-6) for one in pictures)


@pytest.mark.parametrize("rounded", [True, False])
def test_eight_bits_are_what_the_metric_sees(rounded):
    seen = []

    def watched(windows, truth):
        seen.extend([windows, truth])
        return distance(windows, truth)

    wave = 0.5 + 0.3 * torch.sin(torch.arange(32 * 40) * 0.37).reshape(32, 40).expand(3, -1, -1)
    effect(wave, 1 - wave, uint8=rounded, metric=watched, noise=0.05, fine=2)
    levels = torch.cat([one.flatten() for one in seen]).double() * 255
    whole = (levels - levels.round()).abs() < 1e-3
    assert len(levels) > 1000 and bool(whole.all()) == rounded


def test_the_quality_of_rounded_outputs_is_of_multiples_of_a_grey_level():
    found = effect(flat(0.3), flat(0.5), uint8=True, metric="l1", fine=2)
    assert round(0.3 * 255) != pytest.approx(0.3 * 255)
    assert float(found.quality_origin) * 255 == pytest.approx(-(round(0.5 * 255) - round(0.3 * 255)), abs=1e-4)


@pytest.fixture(scope="module")
def drawn():
    source = torch.Generator().manual_seed(3)
    image, truth = (torch.rand(3, 32, 40, generator=source) for _ in range(2))
    given = {"keep": "draws", "noise": 0.05, "coarse": 3, "fine": 9, "patches": None}
    return effect(image, truth, **given)


def test_the_fine_stage_draws_anew(drawn):
    draws = drawn.every_draw[BLOCK].values
    assert int(drawn.stage[BLOCK]) == causal.FINE and draws.shape == (12,)
    assert np.isfinite(draws).all() and len(np.unique(draws)) == 12
    assert int(drawn.draws[BLOCK]) == 9
    assert float(drawn.effect[BLOCK]) == pytest.approx(draws[3:].mean(), rel=1e-6)


def test_the_standard_error_is_that_of_a_mean(drawn):
    draws = drawn.every_draw[BLOCK].values[3:]
    expected = np.std(draws, ddof=1) / np.sqrt(len(draws))
    assert float(drawn.standard_error[BLOCK]) == pytest.approx(expected, rel=1e-5)


def test_coarse_draws_alone_count_where_they_decide(drawn):
    coarse = drawn.stage.values == causal.COARSE
    assert coarse.any() and (drawn.draws.values[coarse] == 3).all()
    assert np.isnan(drawn.every_draw.values[coarse][:, 3:]).all()


def test_effects_below_the_threshold_are_none():
    size = float(effect(flat(0.3), flat(0.2), fine=3).effect[BLOCK])
    for factor, positive in ((0.9, 1), (1.1, 0)):
        found = effect(flat(0.3), flat(0.2), fine=3, threshold=size * factor)
        assert int(found.positive) == positive
        assert (int(found.stage[BLOCK]) == causal.FINE) == bool(positive)


def test_few_draws_are_enough_where_they_agree():
    """Equal draws have no error: the fine stage stops after its first round."""
    found = effect(flat(0.3), flat(0.2), fine=40, se=1e-3)
    assert int(found.draws[BLOCK]) == 10 and float(found.standard_error[BLOCK]) < 1e-6


def test_a_map_that_arrives_step_by_step_ends_as_the_map():
    image = torch.rand(3, 32, 40, generator=torch.Generator().manual_seed(0))
    given = {"reference": image, "block": 8, "patches": patches(), "metric": distance, "fine": 25, "noise": 0.05}
    steps = list(lam.causal_effect_steps(shift(), image, SHOWN, **given))
    whole = lam.causal_effect(shift(), image, SHOWN, **given, **QUIET)
    assert [int(one.draws.max()) for one in steps] == [3, 10, 20, 25]
    fine = whole.stage.values == causal.FINE
    assert fine.any()
    errors = [one.standard_error.values[fine].mean() for one in steps[1:]]
    assert errors[0] > errors[1] > errors[2] and np.isfinite(errors).all()
    np.testing.assert_allclose(steps[-1].effect, whole.effect, rtol=1e-9)
    np.testing.assert_allclose(steps[-1].standard_error, whole.standard_error, rtol=1e-9)
    assert steps[-1].attrs["pictures_computed"] == whole.attrs["pictures_computed"]


def test_steps_are_not_computed_until_they_are_asked_for_and_check_settings_at_once():
    image, done = torch.rand(3, 32, 40), []
    given = {"reference": image, "block": 8, "fine": 25, "progress": lambda *told: done.append(told)}
    steps = lam.causal_effect_steps(shift(), image, SHOWN, **given)
    assert done == []
    next(steps)
    before = len(done)
    steps.close()
    assert len(done) == before
    with pytest.raises(TypeError, match="fine"):
        lam.causal_effect_steps(shift(), image, SHOWN, reference=image, fin=3)
    with pytest.raises(lam.InputError, match="fine"):
        lam.causal_effect_steps(shift(), image, SHOWN, reference=image, fine=0)
    (only,) = lam.causal_effect_steps(shift(), image, SHOWN, reference=image, block=8, threshold=1e9)
    assert (only.effect.fillna(0) == 0).all()
