"""Which kernels make the difference: laws of integrals, kernels, masks and stores first, then bad input."""

import copy
import itertools
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, cli, networks, quadrature
from lam_nb.engine.parameters import SAFETY, Line, Sum
from lam_nb.methods.filtering.pairs import pairs
from lam_nb.networks import kernels as parts
from tests.benchmarks.filters_speed import rebuilt

QUIET = {"progress": False}
SPOILT = {"blur": lam.images.Blur(1.5), "noise": lam.images.Noise(0.1)}
NAMES = ("one", "two", "three")


def pictures(count=3, rows=20, columns=28):
    source = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 5, 7, generator=source)
    large = nn.functional.interpolate(coarse, size=(rows, columns), mode="bilinear")
    return dict(zip(NAMES, large, strict=False))


def module(seed=0, slope=True):
    torch.manual_seed(seed)
    first, last = nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 12, 3, padding=1)
    return nn.Sequential(first, nn.PReLU(5) if slope else nn.Tanh(), last, nn.PixelShuffle(2))


def toy(inner, name="toy", scale=2):
    return networks.wrap(inner, scale=scale, name=name, check=False)


def moved(inner, by=0.05, seed=1):
    """A copy whose parameters all lie a little elsewhere."""
    other, source = copy.deepcopy(inner), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in other.parameters():
            one += by * torch.randn(one.shape, generator=source, dtype=one.dtype)
    return other


def pair(**settings):
    inner = module(**settings)
    return toy(moved(inner), "target"), toy(inner, "baseline")


def asked(target=None, baseline=None, given=None, degradations=SPOILT, **settings):
    if target is None:
        target, baseline = pair()
    settings = settings if "tolerance" in settings or "rule" in settings else {"steps": 6, **settings}
    return lam.filters(target, baseline, pictures() if given is None else given, degradations, **QUIET, **settings)


# -- integrals -------------------------------------------------------------------------------------------------------


def linear(seed):
    torch.manual_seed(seed)
    return toy(nn.Conv2d(3, 3, 1).double(), f"linear {seed}", 1)


def closed_form(target, baseline, given, truth, place):
    """∂L/∂W is linear in W: its integral is its value at one place, times the way."""
    w, b = (tuple(one.detach().numpy().astype(float) for one in net.module.parameters()) for net in (target, baseline))
    matrix, shift = (place * now + (1 - place) * then for now, then in zip(w, b, strict=True))
    x, t = (one.double().flatten(1).numpy() for one in (given, truth))
    off = 2 * (matrix[:, :, 0, 0] @ x + shift[:, None] - t)
    kernels, biases = (w[0] - b[0])[:, :, 0, 0] * (off @ x.T), (w[1] - b[1]) * off.sum(1)
    return np.abs(kernels).ravel(), kernels.sum() + biases.sum()


@pytest.mark.parametrize(
    ("settings", "place"), [({"steps": 1}, 0.5), ({"steps": 7}, 0.5), ({"rule": "paper", "steps": 10}, 0.55)]
)
def test_a_linear_network_has_a_closed_form(settings, place):
    target, baseline = linear(0), linear(1)
    ds = asked(target, baseline, **settings)
    given = pairs(target, pictures(), SPOILT)
    for k, (row, truth) in enumerate(zip(given.inputs, given.truths, strict=True)):
        kernels, total = closed_form(target, baseline, row, truth, place)
        cell = {"content": k // 2, "degradation": k % 2}
        np.testing.assert_allclose(ds.score_each.isel(cell), kernels, rtol=2e-6)
        np.testing.assert_allclose(ds.signed_sum.isel(cell), total, rtol=2e-6)


def test_signed_sums_are_the_change_of_the_loss():
    ds = asked(steps=243)
    assert np.abs(ds.completeness_gap).max() < 1e-3
    np.testing.assert_allclose(ds.signed_sum, ds.loss_target - ds.loss_baseline, rtol=2e-3)
    assert (np.abs(asked(steps=3).completeness_gap) > np.abs(ds.completeness_gap)).mean() > 0.8


def test_statistics_of_normalisation_are_the_targets_and_that_is_said():
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.Conv2d(4, 3, 3, padding=1))
    other = moved(inner)
    other[1].running_mean += 0.2
    other[1].running_var *= 1.3
    ds = asked(toy(other, scale=1), toy(inner, scale=1), steps=40)
    assert np.abs(ds.completeness_gap).max() < 1e-3
    assert ds.attrs["buffers"].endswith("differ: module.1.running_mean, module.1.running_var")
    assert "buffers" not in asked(steps=1).attrs


def test_equal_networks_have_nothing_to_tell():
    inner = module()
    ds = asked(toy(inner), toy(copy.deepcopy(inner)), tolerance=0.01)
    for name in ("score", "discriminative", "change", "signed_sum", "completeness_gap", "quadrature_error"):
        assert not ds[name].any(), name
    assert (ds.loss_target == ds.loss_baseline).all() and (ds.node_count == 9).all()


def test_swapped_networks_change_the_sign_of_the_signed_sum_alone():
    target, baseline = pair()
    there, back = asked(target, baseline), asked(baseline, target)
    np.testing.assert_allclose(there.signed_sum, -back.signed_sum, rtol=1e-4)
    np.testing.assert_allclose(there.score, back.score, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("by", ["score", "discriminative", "change"])
def test_a_planted_kernel_ranks_first(by):
    inner = module()
    other = copy.deepcopy(inner)
    with torch.no_grad():
        other[2].weight[7, 3] += 0.3
    ds = asked(toy(other), toy(inner))
    first = lam.statistics.kernel_ranking(ds, "blur", by=by)
    first = np.abs(first).argmax("kernel")
    assert (ds.layer[first], ds["out"][first], ds["in"][first]) == ("2", 7, 3)
    assert np.count_nonzero(ds.score[0]) == np.count_nonzero(ds.change) == 1


@pytest.mark.parametrize("batch", [2, 4, 6])
def test_any_batch_is_the_same(batch):
    one, many = (asked(batch=size, tolerance=0.02) for size in (1, batch))
    for name in ("score", "discriminative", "target_gradient", "signed_sum", "loss_target"):
        np.testing.assert_allclose(many[name], one[name], rtol=1e-4, atol=1e-4, err_msg=name)
    np.testing.assert_array_equal(many.node_count, one.node_count)


class Branching(nn.Module):
    """Looks at its numbers: nothing that can be done for several pictures by themselves."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) if float(x.mean()) > 0.5 else 1.5 * self.inner(x)


def test_networks_that_cannot_be_asked_together_are_asked_one_by_one():
    inner = module()
    target, baseline = toy(Branching(moved(inner))), toy(Branching(inner))
    one, many = (asked(target, baseline, batch=size) for size in (1, 4))
    np.testing.assert_array_equal(many.score, one.score)


def test_magnitudes_are_taken_picture_by_picture():
    given, target_and_baseline = pictures(), pair()
    ds = asked(*target_and_baseline, given)
    alone = [asked(*target_and_baseline, {name: given[name]}) for name in given]
    np.testing.assert_allclose(ds.score, np.mean([one.score for one in alone], 0), rtol=1e-5)
    each = np.array([one.score for one in alone])
    np.testing.assert_allclose(ds.score_error, each.std(0, ddof=1) / np.sqrt(3), rtol=1e-3)
    apart = (each[:, 0] - each[:, 1]).mean(0)
    np.testing.assert_allclose(ds.discriminative.sel(degradation="blur", against="noise"), apart, rtol=1e-3, atol=1e-5)
    assert np.isnan(alone[0].score_error).all()


def test_inputs_and_truths_show_the_same_place():
    ramp = torch.stack([torch.arange(40).float()[:, None] + torch.arange(64).float() / 100] * 3) / 50
    given = pairs(pair()[0], {"ramp": ramp}, {"clean": None}, size=(8, 10))
    torch.testing.assert_close(nn.functional.avg_pool2d(given.truths[0], 2), given.inputs[0], atol=6e-3, rtol=0)


def test_the_published_rule_is_that_of_a_loop_that_builds_the_network_anew():
    target, baseline = pair()
    ds = asked(target, baseline, rule="paper", steps=20)
    given = pairs(target, pictures(), SPOILT)
    found = rebuilt(lambda: module(9), target, baseline, given.inputs[0], given.truths[0], 20)
    np.testing.assert_allclose(ds.score_each.isel(degradation=0, content=0), found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rule", ["midpoint", "paper"])
def test_a_sum_estimates_its_error_as_quadrature_does(rule):
    values = np.random.default_rng(0).normal(size=(12, 2, 30)).cumsum(0)
    values -= values[:1] + (values[-1:] - values[:1]) * np.arange(12)[:, None, None] / 11  # the ends are alike
    total = Sum(quadrature.place(rule, np.ones_like, 12).place)
    for one in values:
        total.add(torch.from_numpy(one))
    for k in range(2):
        error = SAFETY * float(total.deviation[k].sum() / total.value[k].abs().sum())
        assert error == pytest.approx(quadrature.relative_error(values[:, k], total.place))


def test_one_sided_steps_know_their_first_order_error():
    steady = torch.linspace(0, 1, 51, dtype=torch.float64)[:, None, None]
    middle, end = Sum(0.5), Sum(1.0)
    for before, after in itertools.pairwise(steady):
        middle.add((before + after) / 2 / 50)
        end.add(after / 50)
    assert float(middle.value) == pytest.approx(0.5) and float(middle.deviation) < 2e-4
    assert float(end.value - 0.5) == pytest.approx(float(end.deviation), rel=0.05)


def test_the_estimate_covers_the_true_error():
    target, baseline = pair(slope=False)
    truth = asked(target, baseline, steps=300).score_each
    for settings in ({"steps": 9}, {"steps": 20, "rule": "paper"}):
        ds = asked(target, baseline, **settings)
        true = np.abs(ds.score_each - truth).sum("kernel") / truth.sum("kernel")
        assert (true <= ds.quadrature_error).all() and (ds.quadrature_error < 0.5).all()


def test_a_tolerance_takes_as_many_steps_as_each_picture_needs():
    rough, fine = (asked(tolerance=goal) for goal in (0.5, 0.004))
    assert (rough.node_count == 9).all() and (fine.node_count > 9).all()
    assert (fine.quadrature_error.where(fine.node_count < 243, 0) <= 0.004).all()


# -- kernels ---------------------------------------------------------------------------------------------------------


def test_kernels_of_all_kinds_add_up():
    slices, filters, layers = (asked(kernel=kind) for kind in parts.KINDS)
    assert [one.sizes["kernel"] for one in (slices, filters, layers)] == [75, 17, 2]
    for whole in (filters, layers):
        np.testing.assert_allclose(whole.score.sum("kernel"), slices.score.sum("kernel"), rtol=1e-5)
    some = slices.score.where((slices.layer == "2") & (slices["out"] == 4), drop=True).sum("kernel")
    one = filters.score.where((filters.layer == "2") & (filters["out"] == 4), drop=True)[:, 0]
    np.testing.assert_allclose(one, some, rtol=1e-5)
    assert (filters["in"] == -1).all() and (layers["out"] == -1).all()
    assert slices.depth.values[0] == 1 / 3 and slices.depth.values[-1] == 1  # the slopes are a layer, too


def test_transposed_layers_have_their_outputs_second():
    torch.manual_seed(0)
    inner = nn.Sequential(nn.ConvTranspose2d(3, 3, 2, stride=2))
    other = copy.deepcopy(inner)
    with torch.no_grad():
        other[0].weight[2, 1] += 0.2
    target, baseline = toy(other), toy(inner)
    ds = asked(target, baseline)
    first = int(ds.score[0].argmax("kernel"))
    assert (int(ds["out"][first]), int(ds["in"][first])) == (1, 2)
    back = networks.masked(target, baseline, lam.statistics.top_kernels(ds, "blur", 1 / 9, by="score"))
    torch.testing.assert_close(back.module.state_dict(), inner.state_dict())


def test_networks_are_left_as_they_were():
    target, baseline = pair()
    target.train()
    target.module[0].weight.requires_grad_(False)
    before = target.weights_hash, baseline.weights_hash
    asked(target, baseline, batch=3)
    assert (target.weights_hash, baseline.weights_hash) == before
    assert target.training and not target.module[0].weight.requires_grad
    assert all(one.grad is None for net in (target, baseline) for one in net.parameters())


# -- masks -----------------------------------------------------------------------------------------------------------


def test_masks_put_back_what_was_chosen_and_nothing_else():
    target, baseline = pair()
    ds, before = asked(target, baseline), target.weights_hash
    for amount in (0.0, 0.3, 1.0, 1.5):
        made = networks.masked(target, baseline, lam.statistics.top_kernels(ds, "blur", 0.2), amount)
        chosen = lam.statistics.top_kernels(ds, "blur", 0.2)
        for one, own in zip(*(net.module.parameters() for net in (made, target)), strict=True):
            if own.ndim < 4:
                assert torch.equal(one, own)
        for layer in ("0", "2"):
            mine = chosen.values[ds.layer.values == layer]
            one, own, other = (
                net.module[int(layer)].weight.detach().flatten(2).flatten(0, 1) for net in (made, target, baseline)
            )
            torch.testing.assert_close(one[mine], own[mine] + amount * (other[mine] - own[mine]))
            assert torch.equal(one[~mine], own[~mine])
    assert target.weights_hash == before
    assert chosen.sum() == 15


def test_masking_everything_is_the_baseline_of_networks_without_biases():
    torch.manual_seed(0)
    first, last = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.Conv2d(4, 12, 3, padding=1, bias=False)
    inner = nn.Sequential(first, nn.ReLU(), last, nn.PixelShuffle(2))
    target, baseline = toy(moved(inner)), toy(inner)
    ds = asked(target, baseline)
    found = lam.studies.masking_curve(target, baseline, ds, pictures(), SPOILT, shares=[0.1, 1], draws=2, **QUIET)
    for method in found["method"].values:
        one = found.sel({"method": method, "share": 1, "draw": 0})
        for skill in range(2):
            np.testing.assert_allclose(one.function_lost[skill], found.function_gap, rtol=1e-5)
            np.testing.assert_allclose(one.psnr_lost[skill], found.psnr_gap, rtol=1e-4, atol=1e-5)
    assert np.isnan(found.psnr_lost.sel({"method": "change", "draw": 1})).all()
    assert np.isfinite(found.psnr_lost.sel({"method": "random", "draw": 1})).all()


def test_modulation_begins_at_the_target_and_passes_through_the_mask():
    target, baseline = pair()
    ds = asked(target, baseline)
    given = {"share": 0.1, "amounts": [0, 0.5, 1], **QUIET}
    found = lam.studies.modulation_curve(target, baseline, ds, pictures(), SPOILT, **given)
    assert not found.function_lost.sel(amount=0).any() and not found.psnr_lost.sel(amount=0).any()
    curve = lam.studies.masking_curve(
        target, baseline, ds, pictures(), SPOILT, shares=[0.1], methods=["discriminative"], **QUIET
    )
    np.testing.assert_allclose(found.psnr_lost.sel(amount=1), curve.psnr_lost[0, :, :, 0, 0], rtol=1e-6)
    made = networks.masked(target, baseline, lam.statistics.top_kernels(ds, "noise", 0.1), 0.5)
    with torch.no_grad():
        seen = made(torch.from_numpy(found.input.sel(degradation="blur").values)[None])[0].clamp(0, 1) * 255
    np.testing.assert_allclose(found.output.sel(skill="noise", degradation="blur", amount=0.5), seen, atol=0.51)


def test_intervals_hold_means_and_shrink_with_pictures():
    source = np.random.default_rng(0)
    values = xr.DataArray(source.normal(size=(2, 3, 40)), dims=("method", "draw", "content"))
    values[0, 1:] = np.nan
    few, many = (
        lam.statistics.masking_effect(xr.Dataset({"psnr_lost": values[..., :count]}), "psnr_lost") for count in (5, 40)
    )
    width = lambda one: one.psnr_lost_high - one.psnr_lost_low  # noqa: E731
    assert (width(many) < width(few)).all() and (many.psnr_lost_low < many.psnr_lost).all()
    assert float(width(many)[0]) == pytest.approx(2 * 1.96 * float(values[0, 0].std()) / np.sqrt(40), rel=0.15)


def test_predictions_are_cross_validated():
    source = np.random.default_rng(0)
    signatures = source.random((3, 1, 50)) + 0.2
    clear = signatures * source.uniform(0.9, 1.1, (3, 8, 50)) * source.uniform(1, 9, (3, 8, 1))
    own = source.random((1, 8, 50)) * np.ones((3, 1, 1)) + 1e-3 * source.random((3, 8, 50))
    for values, right in ((clear, 1.0), (own, 1 / 3)):
        each = xr.DataArray(values, dims=("degradation", "content", "kernel"))
        each = each.assign_coords(degradation=["a", "b", "c"], content=[f"p{k}" for k in range(8)])
        found = lam.studies.degradation_prediction(xr.Dataset({"score_each": each}))
        assert abs(float(found.accuracy) - right) < 0.35 and float(found.chance) == 1 / 3
        assert float(found.accuracy_low) <= float(found.accuracy) <= float(found.accuracy_high)
        np.testing.assert_allclose(found.confusion.sum("said"), 1)
    assert float(found.accuracy) < 0.9
    each = xr.DataArray(source.random((2, 4, 30)) ** 8, dims=("degradation", "content", "kernel"))
    each = each.assign_coords(degradation=["a", "b"], content=list("wxyz"))
    assert float(lam.studies.degradation_prediction(xr.Dataset({"score_each": each})).accuracy) < 1


# -- stores ----------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
import zarr
import lam_nb as lam
from tests.test_filters import SPOILT, pair, pictures
real, writes = zarr.Array.__setitem__, []
def write(array, *given):
    writes.append(array.basename)
    if writes.count("done") == 3:  # scores are there, and nobody has said so yet
        os.kill(os.getpid(), signal.SIGKILL)
    return real(array, *given)
zarr.Array.__setitem__ = write
lam.filters(*pair(), pictures(), SPOILT, steps=6, batch=1, store=sys.argv[1], progress=False)
"""


def test_a_killed_question_goes_on_where_it_was(tmp_path):
    store, root = tmp_path / "scores.zarr", pathlib.Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), str(root / "widgets"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run([sys.executable, "-c", KILLED, str(store)], env={**os.environ, "PYTHONPATH": paths}, cwd=root)
    assert run.returncode == -signal.SIGKILL
    target, baseline = pair()
    seen = []
    target.register_forward_hook(lambda *_: seen.append(1))
    whole = asked(target, baseline)
    everything = len(seen) - 1  # one to survey the layers
    seen.clear()
    found = asked(target, baseline, store=store)
    assert len(seen) - 1 == everything * 4 // 6  # two of six pictures were done
    for name in ("score", "discriminative", "signed_sum", "score_each"):
        np.testing.assert_array_equal(found[name], whole[name])
    seen.clear()
    asked(target, baseline, store=store)
    assert len(seen) == 1
    for other in ({"steps": 7}, {"kernel": "filter"}, {"loss": "absolute"}, {"seed": 3}):
        with pytest.raises(InputError, match=r"store: .* holds other scores of kernels \(not the same: "):
            asked(target, baseline, store=store, **other)


def test_a_store_is_of_one_pair(tmp_path):
    target, baseline = pair()
    asked(target, baseline, store=tmp_path / "scores.zarr")
    with pytest.raises(InputError, match=r"not the same: baseline\)"):
        asked(target, toy(moved(baseline.module, seed=5), "baseline"), store=tmp_path / "scores.zarr")


def test_a_masking_curve_goes_on_where_it_was(tmp_path, monkeypatch):
    target, baseline = pair()
    ds = asked(target, baseline)
    given = {"shares": [0.1], "draws": 2, **QUIET}
    question = target, baseline, ds, pictures(), SPOILT
    done = []

    def stopped(count, total):
        done.append(count)
        if count == 3:
            raise KeyboardInterrupt

    store = tmp_path / "masked.zarr"
    with pytest.raises(KeyboardInterrupt):
        lam.studies.masking_curve(*question, **given | {"progress": stopped}, store=store)
    found, whole = (
        lam.studies.masking_curve(*question, **given, store=store),
        lam.studies.masking_curve(*question, **given),
    )
    np.testing.assert_array_equal(found.function_lost, whole.function_lost)


def test_results_come_back_from_files(tmp_path):
    ds = asked()
    for name in ("kernels.nc", "kernels.zarr"):
        lam.save(ds, tmp_path / name)
        xr.testing.assert_identical(lam.open(tmp_path / name).load(), ds)


# -- words -----------------------------------------------------------------------------------------------------------


def test_scores_say_how_they_were_made():
    ds = asked(each=False)
    assert ds.attrs["rule"] == "midpoint" and ds.attrs["steps"] == 6 and ds.attrs["kernel_kind"] == "slice"
    assert ds.attrs["network"] == "target" and ds.attrs["baseline"] == "baseline" and ds.attrs["images"] == 3
    assert "biases" in ds.attrs["left_out"] and ds.attrs["baseline_weights_sha256"] == pair()[1].weights_hash
    with pytest.raises(InputError, match=r"has no 'score_each'; make it with lam_nb\.filters\(\.\.\., each=True\)"):
        lam.studies.degradation_prediction(ds)


def another():
    return toy(nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.PReLU(5), nn.Conv2d(5, 12, 1), nn.PixelShuffle(2)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda t, b: asked(t, another()), r"baseline: '2\.weight' is \(12, 5, 3, 3\) in 'target' and \(12, 5, 1, 1\)"),
        (
            lambda t, b: asked(t, toy(nn.Sequential(*t.module, nn.Conv2d(3, 3, 1)))),
            "has '4.weight', which 'target' has not",
        ),
        (
            lambda t, b: asked("srresnet-residual-mse", "fsrcnn"),
            "target: 'srresnet-residual-mse' has 'conv_first.weight'",
        ),
        (
            lambda t, b: asked(t, networks.wrap(b.module, scale=2, value_range=255, check=False)),
            "value_range is 1.0 in",
        ),
        (lambda t, b: asked(t, "no such"), "got 'no such'"),
        (lambda t, b: asked(t, toy(lambda x: x)), "has no parameters"),
        (lambda t, b: asked(t, b, loss="mse"), "loss: got 'mse', expected one of squared, absolute"),
        (lambda t, b: asked(t, b, loss=3), "loss: got 3"),
        (lambda t, b: asked(t, b, loss=lambda o, y: o - y), r"loss: it returned \(1, 3, 20, 28\) for a picture"),
        (lambda t, b: asked(t, b, rule="simpson"), "rule: got 'simpson'"),
        (lambda t, b: asked(t, b, steps=0), "steps: got 0"),
        (lambda t, b: asked(t, b, steps=3, tolerance=0.1), "tolerance: got 0.1 beside steps=3"),
        (lambda t, b: asked(t, b, rule="paper", tolerance=0.1), "tolerance: got 0.1 beside rule='paper'"),
        (lambda t, b: asked(t, b, tolerance=-1), "tolerance: got -1"),
        (lambda t, b: asked(t, b, kernel="tap"), "kernel: got 'tap', expected one of slice, filter, layer"),
        (lambda t, b: asked(t, b, batch=0), "batch: got 0"),
        (lambda t, b: asked(t, b, degradations={}), "degradations: got none"),
        (lambda t, b: asked(t, b, size=99), "size: got 99"),
        (lambda t, b: asked(t, b, each=1), "each: got 1"),
        (lambda t, b: asked(t, b, store="scores.nc"), r"store: got scores\.nc, expected a name that ends in \.zarr"),
    ],
)
def test_bad_input_is_told_in_words(given, message):
    with pytest.raises(InputError, match=message):
        given(*pair())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            lambda t, b, ds: networks.masked(t, b, ds.score[0]),
            r"kernels: got float64 \('kernel',\), expected a boolean",
        ),
        (lambda t, b, ds: networks.masked(t, b, [True]), "kernels: got list"),
        (
            lambda t, b, ds: networks.masked(t, b, lam.statistics.top_kernels(ds, "blur"), float("nan")),
            "amount: got nan",
        ),
        (
            lambda t, b, ds: networks.masked("fsrcnn", "fsrcnn", lam.statistics.top_kernels(ds, "blur")),
            "which network 'fsrcnn' has not",
        ),
        (lambda t, b, ds: lam.statistics.top_kernels(ds, "blurr"), "did you mean 'blur'"),
        (lambda t, b, ds: lam.statistics.top_kernels(ds, "blur", 0), "share: got 0"),
        (lambda t, b, ds: lam.statistics.top_kernels(ds, "blur", by="depth"), "by: got 'depth'"),
        (lambda t, b, ds: lam.statistics.kernel_ranking(ds.drop_vars("score"), "blur"), "has no 'score'"),
        (
            lambda t, b, ds: lam.studies.masking_curve(t, b, ds, pictures(), SPOILT, shares=[], **QUIET),
            r"shares: got \[\]",
        ),
        (
            lambda t, b, ds: lam.studies.masking_curve(t, b, ds, pictures(), SPOILT, methods="random", **QUIET),
            "methods: got",
        ),
        (
            lambda t, b, ds: lam.studies.modulation_curve(t, b, ds, pictures(), SPOILT, amounts=["a"], **QUIET),
            "amounts: got 'a'",
        ),
        (
            lambda t, b, ds: lam.studies.degradation_prediction(ds.isel(content=[0])),
            "at least two degradations and two",
        ),
        (lambda t, b, ds: lam.studies.degradation_prediction(ds, folds=9), "folds: got 9"),
        (lambda t, b, ds: lam.studies.masking_curve(t, b, ds, pictures(), SPOILT, draws=10**9), "draws: got 1"),
    ],
)
def test_bad_choices_of_kernels_are_told_in_words(given, message):
    target, baseline = pair()
    with pytest.raises(InputError, match=message):
        given(target, baseline, asked(target, baseline, steps=2))


def test_pictures_degraded_already_must_fit_their_truths(tmp_path):
    given = pictures()
    for name, one in given.items():
        lam.images.to_pillow(lam.images.downscale(one, 2)[:, 1:]).save(tmp_path / f"{name}.png")
    with pytest.raises(InputError, match=r"degradations\['real'\], one: got \(3, 9, 14\), expected \(3, 10, 14\)"):
        asked(degradations={"real": str(tmp_path)})


def test_a_line_is_a_path_like_any_other():
    line = Line.between(*pair(), torch.device("cpu"))
    ends = line([0.0, 1.0])
    assert torch.equal(ends[0], line.start) and torch.equal(ends[1], line.end)
    assert torch.equal(line.velocity([0.3])[0], line.end - line.start)
    rows = line.named(line.end, ordered=True)
    assert rows["module.0.weight"].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(rows["module.0.weight"], pair()[0].module[0].weight)


def test_the_command_tells_what_came_out(tmp_path, capsys):
    for name in ("bricks", "cat"):
        lam.images.to_pillow(lam.images.sample(name)[:, :64, :80]).save(tmp_path / f"{name}.png")
    pair_of = ["--target", "srresnet-residual-restoring", "--baseline", "srresnet-residual-mse"]
    command = ["filters", *pair_of, "--images", str(tmp_path), "--blur", "2", "--noise", "25", "--steps", "3"]
    out, page = tmp_path / "kernels.nc", tmp_path / "kernels.html"
    assert cli.main([*command, "--out", str(out), "--html", str(page), "--size", "12,16"]) == 0
    told = capsys.readouterr().out
    for words in (
        "5,976, a slice each",
        "12 × 16 px",
        "completeness gap",
        "strongest: ",
        "quadrature error",
        "first 1 %",
    ):
        assert words in told
    assert lam.open(out).attrs["baseline"] == "srresnet-residual-mse" and page.stat().st_size > 1_000_000
    for wrong, message in (
        (["--blur", "x"], "--blur: got 'x'"),
        (["--size", "1,2,3"], "--size: got '1,2,3'"),
        (["--kernel", "tap"], "kernel: got 'tap'"),
        (["--html", "page.txt"], "output: got page.txt"),
    ):
        assert cli.main([*command, *wrong]) == 2
        assert message in capsys.readouterr().err
