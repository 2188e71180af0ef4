"""Error bars hold what they promise, and are not wider than that; effort ends where it is said to."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import Region, networks, quadrature

QUIET = {"progress": False}
WINDOWS = [(16, 20, 6), (4, 8, 8), (22, 30, 8), (10, 36, 6), (28, 4, 8)]


def picture(seed, rows=20, columns=26):
    a, b, c = np.random.default_rng(seed).uniform(0.2, 0.9, 3)
    y, x = np.mgrid[:rows, :columns]
    wave = [
        0.5 + 0.25 * np.sin(a * x + k) * np.cos(b * y) + 0.2 * ((10 * c * x + y + k) // 4 % 2 - 0.5) for k in (0, 1, 2)
    ]
    return torch.from_numpy(np.stack(wave).clip(0, 1).astype(np.float32))


def net(seed):
    torch.manual_seed(seed)
    layers = [nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU()]
    layers += [nn.Conv2d(12, 12, 3, padding=1), nn.PixelShuffle(2)]
    return networks.wrap(nn.Sequential(*layers), scale=2, name="toy", check=False)


@pytest.fixture(scope="module")
def windows():
    """Forty windows: off and error of the map, off and error of the index."""
    rows = []
    for seed in range(8):
        given = net(seed), picture(seed), WINDOWS
        rough, fine = (lam.attribute(*given, steps=steps, keep="map", **QUIET) for steps in (9, 243))
        truth = fine.attribution.values
        off = np.abs(rough.attribution.values - truth).sum((1, 2, 3)) / np.abs(truth).sum((1, 2, 3))
        index = np.abs(rough.lam.diffusion_index() - fine.lam.diffusion_index()).values
        rows.append(np.stack([off, rough.quadrature_error.values, index, rough.diffusion_index_error.values], 1))
    return np.concatenate(rows).T


def test_the_error_of_the_index_is_a_standard_error(windows):
    """Six in ten lie within it, as of any root mean square: neither one in ten nor all."""
    off = windows[2] / windows[3]
    assert len(off) == 40
    assert 0.5 < np.mean(off <= 1) < 0.9
    assert np.mean(off <= 3) > 0.95
    assert 0.7 < np.sqrt(np.mean(off**2)) < 1.5


def test_the_error_of_the_map_is_above_the_truth_but_not_far(windows):
    """A quarter is added for safety, and nine nodes are few: above in nearly all, within three times in all."""
    ratio = windows[1] / windows[0]
    assert np.mean(ratio >= 1) > 0.95
    assert 1.4 < np.median(ratio) < 2.1
    assert np.mean(ratio <= 1.5) > 0.1 and ratio.max() < 3.5
    assert np.corrcoef(np.log(windows[0]), np.log(windows[1]))[0, 1] > 0.5


def wandering(nodes, pixels=4000, seed=0):
    """Brownian integrands on a fine grid: contributions of midpoints, and the true sums."""
    fine = 41
    source = np.random.default_rng(seed)
    walk = source.normal(size=(nodes * fine, pixels)).cumsum(0) / np.sqrt(nodes * fine)
    return walk[fine // 2 :: fine] / nodes, walk.mean(0)


@pytest.mark.parametrize("nodes", [9, 24])
def test_errors_of_steps_add_up_to_the_variance_of_the_sum(nodes):
    contributions, truth = wandering(nodes)
    expected = (quadrature.step_errors(contributions) ** 2).sum(0).mean()
    assert expected == pytest.approx(np.mean((contributions.sum(0) - truth) ** 2), rel=0.1)


def test_the_estimate_is_raised_by_a_quarter():
    contributions, _ = wandering(9, 50)
    each = np.sqrt((quadrature.step_errors(contributions) ** 2).sum(0)).sum()
    total = np.abs(contributions.sum(0)).sum()
    assert quadrature.relative_error(contributions) == pytest.approx(1.25 * each / total)


def test_a_detector_and_its_ends_are_what_the_network_gives():
    """Both ends of every verb's detector are the detector of the outputs, by hand."""
    window, image, toy = Region(16, 20, 6), picture(1), net(1)
    detect = lam.detectors.edges(window)
    blurred = lam.paths.blur()(image)(0.0)
    with torch.no_grad():
        start, end = (float(detect(toy(one[None]))) for one in (blurred, image))
    found = lam.attribute(toy, image, window, steps=3, **QUIET)
    assert [float(found.detector_start), float(found.detector_end)] == pytest.approx([start, end], rel=1e-5)
    for peer in (lam.gradient, lam.input_x_gradient, lam.smoothgrad):
        assert float(peer(toy, image, window).detector_end) == pytest.approx(end, rel=1e-5)
    assert abs(start - end) > 0.005 * end


def test_shares_of_the_detector_are_between_its_ends():
    """Half the pixels replaced, by hand: where the detector is between that of the image and of the baseline."""
    window, image, toy = Region(16, 20, 6), picture(1), net(1)
    rank = torch.arange(20 * 26).reshape(20, 26)
    order = xr.Dataset({"attribution": (("channel", "y", "x"), (rank.max() - rank + 1).double()[None].numpy())})
    found = lam.faithfulness.curves(toy, image, window, {"rows": order}, fractions=[0, 0.5, 1], **QUIET)
    blurred, detect = lam.paths.blur()(image)(0.0), lam.detectors.edges(window)
    mixed = torch.where(rank < 260, blurred, image)
    with torch.no_grad():
        low, half, high = (float(detect(toy(one[None]))) for one in (blurred, mixed, image))
    deleted = found.detector_share.sel({"method": "rows", "mode": "deletion"}).values
    assert deleted.tolist() == pytest.approx([1, (half - low) / (high - low), 0], abs=1e-3)
    assert min(abs(deleted[1] - 1), abs(deleted[1])) > 0.01


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_error_of_low_precision_is_near_the_truth(precision):
    ratios = []
    for seed in range(4):
        given = {"network": net(seed), "image": picture(seed), "region": WINDOWS[0], "steps": 9, "keep": "map", **QUIET}
        exact, low = lam.attribute(**given), lam.attribute(**given, precision=precision)
        off = np.abs(low.attribution - exact.attribution).sum() / np.abs(exact.attribution).sum()
        ratios.append(float(low.precision_error / off))
    assert len({round(one, 6) for one in ratios}) == 4
    assert 0.5 < np.median(ratios) < 3


def test_eight_bits_of_precision_cost_more_than_eleven():
    given = {"network": net(0), "image": picture(0), "region": WINDOWS[0], "steps": 9, "keep": "map", **QUIET}
    coarse, fine = (float(lam.attribute(**given, precision=one).precision_error) for one in ("bfloat16", "float16"))
    assert 3 < coarse / fine < 30
    assert "precision_error" not in lam.attribute(**given)


def test_never_more_than_243_evaluations():
    toy, seen = net(0), []
    hook = toy.register_forward_pre_hook(lambda _, given: seen.append(len(given[0]) * given[0].requires_grad))
    with pytest.warns(lam.NotConverged, match="after 243 evaluations"):
        found = lam.attribute(toy, picture(0), WINDOWS[0], tolerance=1e-9, **QUIET)
    hook.remove()
    looked = 1  # once, at what the window needs
    assert sum(seen) - looked == found.attrs["steps"] == found.sizes["alpha"] == 243
    assert int(found.node_count[0]) == 9 and int(found.node_count[-1]) == 243
    assert float(found.quadrature_error) == pytest.approx(float(found.error_history[-1]))
    assert float(found.step_error.sum()) == pytest.approx(float(found.quadrature_error))


@pytest.mark.parametrize("most", [41, 61, 99])
def test_the_last_round_stops_at_the_ceiling_wherever_it_is(most, monkeypatch):
    """From 9 by threes one comes to 243 exactly; another odd ceiling is met in the middle of a round."""
    monkeypatch.setattr("lam_nb.engine.integration._MOST", most)
    with pytest.warns(lam.NotConverged, match=f"after {most} evaluations"):
        found = lam.attribute(net(0), picture(0), WINDOWS[0], tolerance=1e-9, **QUIET)
    assert found.attrs["steps"] == most
