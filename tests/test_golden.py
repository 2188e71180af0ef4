"""Parity with the published demo: maps, detector values and diffusion indices of real networks."""

import json

import numpy as np
import pytest

import lam_nb as lam
from lam_nb.types import ImplausibleNetwork

pytestmark = pytest.mark.shared
WEIGHTS = {
    "imdn_x4": ("imdn", "IMDN_x4.pth"),
    "rfdn_x4": ("rfdn", "RFDN_AIM.pth"),
    "carn_m_x4": ("carn-m", "carn_m.pth"),
}
CASES = [(model, image) for model in WEIGHTS for image in ("1.png", "2.png", "3.png")]


@pytest.fixture(scope="module")
def nets(shared):
    return {
        model: lam.networks.load(name, weights=shared / "data" / "weights" / file)
        for model, (name, file) in WEIGHTS.items()
    }


def _case(shared, model, image):
    golden = np.load(shared / "golden" / "lam_demo.npz")
    told = json.loads((shared / "golden" / "lam_demo.json").read_text())
    settings = next(row for row in told if (row["model"], row["image"]) == (model, image))
    keys = {key.rsplit("__", 1)[-1]: key for key in golden if key.startswith(f"{model}__{image.removesuffix('.png')}")}
    return settings, golden[keys["attribution"]], golden[keys["detector"]]


def _lr(shared, image):
    return lam.images.downscale(lam.images.load(shared / "data" / "images" / "lam" / image), 4)


def _relative_error(values, reference):
    return float(np.abs(values - reference).sum() / np.abs(reference).sum())


@pytest.mark.parametrize(("model", "image"), CASES)
def test_the_paper_rule_is_the_demo(model, image, nets, shared):
    told, attribution, detector = _case(shared, model, image)
    region = lam.Region(told["window_y"], told["window_x"], told["window"])
    path = lam.paths.blur(told["sigma"], told["kernel"])
    lr = _lr(shared, image)
    ds = lam.attribute(nets[model], lr, region, path=path, rule="paper", steps=told["fold"], progress=False)
    assert _relative_error(ds.attribution.values, attribution) <= 1e-3
    np.testing.assert_allclose(ds.detector, detector, rtol=1e-4)
    assert float(ds.lam.diffusion_index()) == pytest.approx(told["diffusion_index"], abs=0.02)
    assert float(ds.lam.gini()) == pytest.approx(told["gini"], abs=2e-4)


@pytest.mark.parametrize(("model", "image"), list(zip(WEIGHTS, ("1.png", "2.png", "3.png"), strict=True)))
def test_the_default_is_more_accurate_than_the_demo_and_knows_its_error(model, image, nets, shared):
    told, attribution, _ = _case(shared, model, image)
    region = lam.Region(told["window_y"], told["window_x"], told["window"])
    lr = _lr(shared, image)
    ds = lam.attribute(nets[model], lr, region, progress=False)
    fine = lam.attribute(nets[model], lr, region, steps=96, keep="map", progress=False).attribution
    ours, theirs = (_relative_error(values, fine.values) for values in (ds.attribution.values, attribution))
    assert ours < theirs
    assert ours < float(ds.quadrature_error) < 3 * ours
    assert abs(float(ds.completeness_gap)) < 0.02


def test_the_wrong_range_gives_another_map(nets, shared):
    """RFDN takes [0, 255]; fed [0, 1] it still draws a plausible map."""
    lr = _lr(shared, "1.png")
    region = lam.Region(150, 110)
    with pytest.warns(ImplausibleNetwork, match=r"value_range=255\.0"):
        wrong = lam.networks.load("rfdn", weights=shared / "data" / "weights" / "RFDN_AIM.pth", value_range=1)
    right, other = (lam.attribute(net, lr, region, progress=False) for net in (nets["rfdn_x4"], wrong))
    assert nets["rfdn_x4"].value_range == 255
    assert abs(float(right.lam.diffusion_index() - other.lam.diffusion_index())) > 5
