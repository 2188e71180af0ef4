import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, networks, paths
from lam_nb.quadrature import Nodes

REGION = Region(16, 20, 6)
ALL_PATHS = [paths.blur(), paths.linear(), paths.linear("black"), paths.linear("mean")]
QUIET = {"progress": False}


def _transposed(network, image, region):
    """What a linear network's region sum is made of: its derivative, found by hand one pixel at a time."""
    rows, columns = region.slices
    zero = network(torch.zeros_like(image)[None])[..., rows, columns].sum()
    answer = torch.zeros_like(image)
    for index in np.ndindex(*image.shape):
        one = torch.zeros_like(image)
        one[index] = 1
        answer[index] = network(one[None])[..., rows, columns].sum() - zero
    return answer.detach()


@pytest.mark.parametrize("path", ALL_PATHS, ids=repr)
def test_linear_network_and_detector_have_a_closed_form(path, linear_network, image):
    image = image[:, :14, :16]
    region = Region(8, 12, 6)
    expected = _transposed(linear_network, image, region) * (image - path(image)(0.0))
    ds = lam.attribute(linear_network, image, region, path=path, detector="intensity", steps=40, **QUIET)
    error = abs(ds.attribution - expected.numpy()).sum() / np.abs(expected.numpy()).sum()
    assert error < 2e-3


@pytest.mark.parametrize("path", ALL_PATHS, ids=repr)
@pytest.mark.parametrize("detector", ["edges", "gabor", "intensity"])
def test_completeness(path, detector, relu_network, image):
    ds = lam.attribute(relu_network, image, REGION, path=path, detector=detector, steps=200, **QUIET)
    assert abs(ds.completeness_gap) < 5e-3
    change = float(ds.detector_end - ds.detector_start)
    assert float(ds.attribution.sum()) == pytest.approx(change, rel=5e-3)


@pytest.mark.parametrize("rule", ["arc", "midpoint", "gauss", "paper"])
def test_the_gap_closes_as_steps_grow(rule, relu_network, image):
    gaps = [
        abs(float(lam.attribute(relu_network, image, REGION, rule=rule, steps=n, **QUIET).completeness_gap))
        for n in (4, 256)
    ]
    assert gaps[1] < gaps[0] / 4
    assert gaps[1] < 0.01


def test_pixels_outside_the_receptive_field_are_exactly_zero(relu_network, image):
    ds = lam.attribute(relu_network, image, REGION, steps=6, **QUIET)
    inside = np.zeros((20, 26), bool)
    inside[8 - 2 : 11 + 3, 10 - 2 : 13 + 3] = True  # the window, one row more for differences, two pixels around
    assert not ds.attribution.values[:, ~inside].any()
    assert ds.attribution.values[:, inside].any()


@pytest.mark.parametrize("batch", [1, 5, 100])
def test_batch_size_changes_nothing(batch, relu_network, image):
    one = lam.attribute(relu_network, image, REGION, steps=7, batch=3, keep="all", **QUIET)
    other = lam.attribute(relu_network, image, REGION, steps=7, batch=batch, keep="all", **QUIET)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-6)


def test_the_map_is_the_weighted_sum_of_the_integrand(relu_network, image):
    ds = lam.attribute(relu_network, image, REGION, steps=9, **QUIET)
    np.testing.assert_allclose((ds.integrand * ds.weight).sum("alpha"), ds.attribution, rtol=1e-4, atol=1e-7)
    velocity = paths.blur()(image).velocity(ds.alpha.values)
    np.testing.assert_allclose(ds.integrand, ds.gradient * velocity.numpy(), rtol=1e-5, atol=1e-7)


def test_flat_image_gives_zero_and_no_nan(relu_network):
    ds = lam.attribute(relu_network, torch.full((3, 20, 26), 0.5), REGION, steps=4, **QUIET)
    assert not ds.attribution.values.any()
    assert ds.integrand.notnull().all()
    with pytest.warns(RuntimeWarning, match="zero everywhere"):
        assert np.isnan(ds.lam.diffusion_index())


def test_own_path_and_detector_are_plain_functions(relu_network, image):
    def fading(picture):
        return lambda alpha: alpha**2 * picture

    def brightest(region):
        return lambda output: output.amax((1, 2, 3))

    ds = lam.attribute(relu_network, image, REGION, path=fading, detector=brightest, steps=100, **QUIET)
    assert abs(ds.completeness_gap) < 0.02
    assert (ds.attrs["path"], ds.attrs["detector"]) == ("fading", "brightest")
    assert "sigma" not in ds.coords
    black = lam.attribute(relu_network, image, REGION, path="black", detector=brightest, steps=100, **QUIET)
    difference = abs(black.attribution - ds.attribution).sum() / abs(ds.attribution).sum()
    assert difference < 0.05  # a line integral does not depend on how its path is run through


def test_own_rule_is_a_plain_function(linear_network, image):
    def start(speed, steps):
        return Nodes(np.arange(steps) / steps, np.full(steps, 1 / steps))

    ds = lam.attribute(linear_network, image, REGION, rule=start, steps=5, **QUIET)
    assert ds.attrs["rule"] == "start"
    assert ds.alpha[0] == 0


def test_the_network_is_left_as_it_was(relu_network, image):
    relu_network.train()
    relu_network.module[0].weight.requires_grad_(False)
    lam.attribute(relu_network, image, REGION, steps=2, **QUIET)
    assert relu_network.training
    assert relu_network.module[0].training
    assert [p.requires_grad for p in relu_network.parameters()] == [False, True, True, True]
    assert all(p.grad is None for p in relu_network.parameters())


def test_an_interruption_leaves_the_network_as_it_was(relu_network, image):
    def interrupted(region):
        calls = []

        def detector(output):
            calls.append(output)
            if len(calls) > 2:
                raise KeyboardInterrupt
            return output.sum((1, 2, 3))

        return detector

    relu_network.train()
    with pytest.raises(KeyboardInterrupt):
        lam.attribute(relu_network, image, REGION, detector=interrupted, steps=4, batch=1, **QUIET)
    assert relu_network.training
    assert all(p.requires_grad for p in relu_network.parameters())


def test_double_precision_weights_are_used_as_they_are(linear_network, image):
    ds = lam.attribute(linear_network.double(), image, REGION, steps=3, **QUIET)
    assert ds.attrs["precision"] == "float64"
    assert ds.attribution.dtype == np.float64


def test_half_precision_weights_are_used_and_results_can_be_saved(relu_network, image, tmp_path):
    full = lam.attribute(relu_network, image, REGION, steps=8, **QUIET)
    half = lam.attribute(relu_network.bfloat16(), image, REGION, steps=8, **QUIET)
    assert half.attrs["precision"] == "bfloat16"
    assert half.attribution.dtype == half.gradient.dtype == np.float32
    assert abs(half.attribution - full.attribution).sum() / abs(full.attribution).sum() < 0.05
    lam.save(half, tmp_path / "half.nc")


def test_padding_networks_are_differentiable_to_the_border(image):
    module = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Upsample(scale_factor=2))
    net = lam.networks.wrap(module, pad_to=8, check=False)
    ds = lam.attribute(net, image, Region(34, 46, 6), steps=50, **QUIET)
    assert ds.output.shape == (3, 40, 52)
    assert abs(ds.completeness_gap) < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"region": Region(38, 0, 16)}, "leaves the output, which is 40 × 52"),
        ({"region": "here"}, "region: got 'here'"),
        ({"region": (1, 2, 3, 4, 5)}, "region: got"),
        ({"network": nn.Identity()}, "network: got Identity, expected a Network"),
        ({"image": torch.zeros(1, 20, 26)}, "image: got a tensor of shape"),
        ({"image": torch.zeros(3, 4, 4), "region": Region(0, 0, 2)}, "4 × 4 pixels, expected more than 4"),
        ({"steps": 0}, "steps: got 0"),
        ({"rule": "arcs"}, "did you mean 'arc'"),
        ({"path": "blurr"}, "did you mean 'blur'"),
        ({"detector": "edge"}, "did you mean 'edges'"),
        ({"keep": "gradients"}, "did you mean 'gradient'"),
        ({"device": "cuda:99"}, "device: got 'cuda:99'"),
        ({"path": lambda picture: lambda alpha: picture * 0}, "at alpha = 1 it gives another picture"),
        ({"path": lambda picture: None}, "path: its maker returned NoneType"),
        ({"path": lambda picture: lambda alpha: None}, "path: got NoneType at one alpha"),
        ({"detector": lambda region: lambda output: output.sum()}, "detector: got"),
        ({"detector": lambda region: None}, "detector: its maker returned NoneType"),
        ({"detector": lambda region: lambda output: output.detach().sum((1, 2, 3))}, "no gradient reaches the image"),
        ({"rule": 3}, "rule: got 3"),
        ({"batch": 0}, "batch: got 0"),
        ({"batch": -1}, "batch: got -1"),
        ({"keep": 3}, "keep: got 3"),
    ],
)
def test_bad_input_names_the_argument(arguments, message, relu_network, image):
    given = {"network": relu_network, "image": image, "region": REGION} | arguments
    with pytest.raises(InputError, match=message):
        lam.attribute(given.pop("network"), given.pop("image"), given.pop("region"), **given, **QUIET)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda batch: batch[..., :-1], "expected .* give networks.wrap the right scale"),
        (lambda batch: [batch, batch], "give networks.wrap output="),
        (lambda batch: batch * torch.nan, "NaN or infinite"),
        (lambda batch: (batch * 0).sqrt(), "gradient is NaN"),
        (torch.no_grad()(lambda batch: batch * 1), "no gradient reaches the image"),
        (nn.Conv2d(1, 1, 3), r"failed on a batch \(1, 3, 20, 26\).*to have 1 channels"),
    ],
)
def test_bad_networks_are_named(module, message, image):
    net = lam.networks.wrap(module, scale=1, name="broken", check=False)
    with pytest.raises(InputError, match=f"(?s)network 'broken'.*{message}"):
        lam.attribute(net, image, Region(2, 2, 8), detector="intensity", **QUIET)


def test_progress_is_shown(relu_network, image, capsys):
    lam.attribute(relu_network, image, REGION, steps=2, progress=True)
    assert "evaluation" in capsys.readouterr().err


@pytest.mark.parametrize("tolerance", [0.2, 0.05, 0.01])
def test_a_tolerance_is_reached_and_true(tolerance, relu_network, image):
    ds = lam.attribute(relu_network, image, REGION, tolerance=tolerance, **QUIET)
    fine = lam.attribute(relu_network, image, REGION, steps=400, **QUIET)
    true = float(abs(ds.attribution - fine.attribution).sum() / abs(fine.attribution).sum())
    assert true <= float(ds.quadrature_error) <= tolerance
    assert ds.attrs["tolerance"] == tolerance
    assert float(ds.step_error.sum()) == pytest.approx(float(ds.quadrature_error), rel=1e-5)
    assert list(ds.node_count.values) == sorted(set(ds.node_count.values))
    assert ds.node_count[-1] == ds.sizes["alpha"] == ds.attrs["steps"]
    index = abs(float(ds.lam.diffusion_index()) - float(fine.lam.diffusion_index()))
    assert index <= 3 * float(ds.diffusion_index_error)


def test_refinement_evaluates_no_node_twice(relu_network, image):
    seen = []
    hook = relu_network.module.register_forward_pre_hook(lambda _, given: seen.extend(given[0].detach()))
    ds = lam.attribute(relu_network, image, REGION, tolerance=0.01, local=False, **QUIET)
    hook.remove()
    assert ds.sizes["refinement"] > 1
    assert len(seen) == ds.sizes["alpha"] + 2  # the two ends of the path as well
    assert len({one.numpy().tobytes() for one in seen}) >= len(seen) - 1
    assert bool((np.diff(ds.alpha) > 0).all())


def test_more_accuracy_costs_more(relu_network, image):
    wanted = (0.2, 0.05, 0.01)
    counts = [lam.attribute(relu_network, image, REGION, tolerance=t, **QUIET).attrs["steps"] for t in wanted]
    assert counts == sorted(counts) and counts[0] < counts[-1]


def test_what_cannot_be_reached_is_said(relu_network, image, monkeypatch):
    monkeypatch.setattr("lam_nb.engine.integration._MOST", 27)
    with pytest.warns(lam.types.NotConverged, match="after 27 evaluations the map's estimated error is .*1e-06"):
        ds = lam.attribute(relu_network, image, REGION, tolerance=1e-6, **QUIET)
    assert ds.sizes["alpha"] <= 27 and float(ds.quadrature_error) > 1e-6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 8, "tolerance": 0.1}, "give one of them"),
        ({"rule": "paper", "tolerance": 0.1}, "rule='paper' cannot reach"),
        ({"tolerance": 0}, "tolerance: got 0"),
    ],
)
def test_effort_is_steps_or_tolerance(settings, message, relu_network, image):
    with pytest.raises(InputError, match=message):
        lam.attribute(relu_network, image, REGION, **settings, **QUIET)


def test_the_papers_rule_takes_fifty_steps(relu_network, image):
    assert lam.attribute(relu_network, image, REGION, rule="paper", **QUIET).attrs["steps"] == 50


class Codebook(torch.nn.Module):
    """Replaces every pixel by the nearest of a few colours: nothing of the picture passes but the choice."""

    def __init__(self):
        super().__init__()
        self.colours = torch.nn.Parameter(torch.rand(5, 3, generator=torch.Generator().manual_seed(0)))

    def forward(self, batch):
        flat = batch.movedim(1, -1).flatten(0, 2)
        chosen = self.colours[torch.cdist(flat, self.colours).argmin(1)]
        return chosen.view(*batch.movedim(1, -1).shape).movedim(-1, 1)


def test_a_codebook_is_told_with_what_can_be_asked_of_it_all_the_same(image):
    net = networks.wrap(Codebook(), scale=1, check=False)
    with pytest.raises(InputError, match=r"no gradient reaches the image.*codebook.*causal_effect, which needs none"):
        lam.attribute(net, image, (8, 10, 6), steps=2, progress=False)
    cause = lam.causal_effect(net, image, (8, 10, 6), reference=image, block=5, fine=3, **QUIET)
    assert not cause.effect.where(cause.stage != 3, 0).any()  # it looks at each pixel alone


def test_a_map_that_is_there_early_ends_as_the_map(relu_network, image):
    settings = {"tolerance": 0.002, "reference": torch.rand(3, 40, 52), "detector": "gabor"}
    found = list(lam.attribute_steps(relu_network, image, REGION, **settings))
    counts = [ds.attrs["steps"] for ds in found]
    assert len(found) > 2 and counts[0] == 9 and counts == sorted(set(counts))
    for ds in found:
        assert lam.result.check(ds, lam.result.ATTRIBUTION).attribution.shape == tuple(image.shape)
        assert ds.sizes["alpha"] == ds.attrs["steps"] == int(ds.node_count[-1])
        assert abs(float(ds.completeness_gap)) < 3 * float(ds.quadrature_error) + 1e-3
        assert float(ds.lam.cumulative()[-1].sum()) == pytest.approx(float(ds.attribution.sum()), rel=1e-4)
    assert float(found[-1].quadrature_error) <= 0.002 < float(found[-2].quadrature_error)
    np.testing.assert_array_equal(
        found[-1].attribution, lam.attribute(relu_network, image, REGION, **settings, **QUIET).attribution
    )
    whole = abs(found[-1].attribution).sum()
    off = [float(abs(ds.attribution - found[-1].attribution).sum() / whole) for ds in found]
    assert off[0] < 5 * float(found[0].quadrature_error), "the first says how far off it is"


def test_who_stops_early_computes_no_more_and_leaves_the_network(relu_network, image):
    told, before = [], {name: value.clone() for name, value in relu_network.module.state_dict().items()}
    steps = lam.attribute_steps(
        relu_network, image, REGION, tolerance=1e-6, progress=lambda done, total: told.append(done)
    )
    assert told == [], "nothing before the first is asked for"
    assert next(steps).attrs["steps"] == max(told) == 9
    steps.close()
    assert max(told) == 9 and all(torch.equal(before[k], v) for k, v in relu_network.module.state_dict().items())


def test_steps_that_are_fixed_come_once_and_mistakes_at_once(relu_network, image):
    (only,) = lam.attribute_steps(relu_network, image, REGION, steps=5, keep="map")
    assert only.attrs["steps"] == 5 and "integrand" not in only
    with pytest.raises(InputError, match=r"expected one window; lam_nb\.attribute takes several"):
        lam.attribute_steps(relu_network, image, [REGION, REGION])
    with pytest.raises(TypeError, match="did you mean 'steps'"):
        lam.attribute_steps(relu_network, image, REGION, stps=4)
    with pytest.raises(InputError, match="give one of them"):
        lam.attribute_steps(relu_network, image, REGION, steps=4, tolerance=0.1)


def test_warnings_of_both_point_at_who_asked(relu_network, image):
    with pytest.warns(lam.NotConverged) as told:
        for _ in lam.attribute_steps(relu_network, image, REGION, tolerance=1e-9):
            pass
        lam.attribute(relu_network, image, REGION, tolerance=1e-9, **QUIET)
    assert [one.filename for one in told] == [__file__] * 2
