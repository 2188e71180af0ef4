"""Many regions of one image: what each would be alone, for less work."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, networks

QUIET = {"progress": False}
REGIONS = [lam.Region(0, 0, 6), lam.Region(16, 20, 6), (30, 40, 8), (17, 22, 6)]


@pytest.fixture(params=["local", "global"])
def network(request, relu_network):
    if request.param == "local":
        return relu_network
    torch.manual_seed(3)
    return networks.wrap(Pooled(relu_network.module), scale=2, name="pooled", check=False)


class Pooled(nn.Module):
    """Looks at the whole picture through its mean."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, batch):
        return self.body(batch) * (1 + batch.mean((2, 3), keepdim=True))


@pytest.mark.parametrize("effort", [{"steps": 7}, {"tolerance": 0.05}, {"rule": "paper", "steps": 5}])
def test_every_region_is_what_it_would_be_alone(effort, network, image):
    many = lam.attribute(network, image, REGIONS, **effort, **QUIET)
    assert many.sizes["region"] == len(REGIONS)
    for k, region in enumerate(REGIONS):
        one = lam.attribute(network, image, region, **effort, **QUIET)
        scale = float(abs(one.attribution).max())
        np.testing.assert_allclose(many.attribution[k], one.attribution, atol=1e-5 * scale)
        for name in ("detector_start", "detector_end", "quadrature_error", "completeness_gap"):
            assert float(many[name][k]) == pytest.approx(float(one[name]), rel=1e-3, abs=1e-6), name
        told = lam.result.facts(many.isel(region=k))
        assert {key: told[key] for key in ("region_y", "region_x", "region_size", "steps")} == {
            key: one.attrs[key] for key in ("region_y", "region_x", "region_size", "steps")
        }


def test_global_networks_share_forward_passes(relu_network, image):
    network, seen = networks.wrap(Pooled(relu_network.module), scale=2, check=False), []
    hook = network.module.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    lam.attribute(network, image, REGIONS, steps=6, local=False, **QUIET)
    hook.remove()
    assert sum(seen) == 6 + 2


def test_settled_regions_cost_nothing_more(network, image):
    many = lam.attribute(network, image, REGIONS, tolerance=0.02, **QUIET)
    assert bool((many.quadrature_error <= 0.02).all())
    assert len(set(many.steps.values)) > 1
    last = many.node_count.isel(refinement=-1)
    np.testing.assert_array_equal(last, many.steps)


def test_steps_keep_what_belongs_to_nodes(network, image):
    many = lam.attribute(network, image, REGIONS, steps=5, keep=["gradient", "integrand", "detector"], **QUIET)
    assert dict(many.integrand.sizes) == {"region": 4, "alpha": 5, "channel": 3, "y": 20, "x": 26}
    gathered = many.lam.cumulative().isel(alpha=-1)
    np.testing.assert_allclose(gathered, many.lam.signed(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ending", ["nc", "zarr"])
def test_files_hold_regions(ending, network, image, tmp_path):
    many = lam.attribute(network, image, REGIONS, tolerance=0.05, **QUIET)
    found = lam.open(lam.save(many, tmp_path / f"many.{ending}"))
    xr.testing.assert_identical(many, found)


def test_a_region_of_many_can_be_drawn(network, image):
    many = lam.attribute(network, image, REGIONS, steps=5, keep="all", **QUIET)
    figure = lam.views.progression(many.isel(region=2))
    assert "region y=30, x=40, 8 × 8" in figure.layout.title.text
    with pytest.raises(InputError, match=r"choose one, such as ds.isel\(region=0\)"):
        lam.views.progression(many)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"region": []}, r"region: got \[\]"),
        ({"region": "everywhere"}, "region: got 'everywhere'"),
        ({"region": [(0, 0, 6), (0, 50, 6)]}, "leaves the output"),
        ({"keep": "gradient"}, "keep: got 'gradient' for several regions"),
        ({"memory": "4 parsecs"}, "memory: got '4 parsecs'"),
        ({"memory": "10kB"}, "takes about .* [kM]B for one image, more than the 10 kB allowed"),
        ({"precision": "float61"}, "did you mean 'float16'"),
    ],
)
def test_bad_input_names_the_argument(arguments, message, relu_network, image):
    given = {"network": relu_network, "image": image, "region": REGIONS, "local": False} | arguments
    with pytest.raises(InputError, match=message):
        lam.attribute(**given, **QUIET)


def test_low_precision_says_what_it_costs(image):
    network = networks.load("imdn-small")
    exact = lam.attribute(network, image, (20, 30, 16), steps=8, **QUIET)
    rough = lam.attribute(network, image, (20, 30, 16), steps=8, precision="bfloat16", **QUIET)
    true = float(abs(rough.attribution - exact.attribution).sum() / abs(exact.attribution).sum())
    assert 0 < true <= 1.5 * float(rough.precision_error) < 1
    assert rough.attrs["precision"] == "bfloat16" and "precision_error" not in exact


def test_the_network_is_put_back(relu_network, image):
    before = [p.stride() for p in relu_network.parameters()]
    lam.attribute(relu_network, image, REGIONS, steps=2, precision="bfloat16", **QUIET)
    assert [p.stride() for p in relu_network.parameters()] == before


_PEAK = """
import sys, torch, lam_nb as lam
torch.set_num_threads(1)
net = lam.networks.load(sys.argv[2], check=False)
image = torch.rand(3, 96, 128)
lam.attribute(net, image[:, :24, :24], (8, 8, 16), steps=1, progress=False, local=False, device="cpu")
def most():  # in kB since the last reset; getrusage would count what the parent held at the fork
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
open("/proc/self/clear_refs", "w").write("5")
before = most()
memory = None if sys.argv[1] == "None" else sys.argv[1]
lam.attribute(net, image, (100, 100, 16), steps=8, keep="map", progress=False, local=False, memory=memory, device="cpu")
print((most() - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("name", "allowed"), [("residual", 150), ("residual-channel", 150)])
def test_memory_is_bounded(name, allowed):
    def peak(memory):
        done = subprocess.run([sys.executable, "-c", _PEAK, memory, name], capture_output=True, text=True, check=True)
        return int(done.stdout) / 1e6

    assert 0.4 * allowed < peak(f"{allowed}MB") <= 1.1 * allowed < peak("None")


def test_a_diffusion_field_holds_every_window(network, image):
    field = lam.diffusion_field(network, image, stride=7, size=6, steps=4, **QUIET)
    assert dict(field.diffusion_index.sizes) == {"window_y": 5, "window_x": 7}
    alone = lam.attribute(network, image, (14, 21, 6), steps=4, **QUIET)
    found = field.diffusion_index.sel(window_y=14 + 2.5, window_x=21 + 2.5)
    assert float(found) == pytest.approx(float(alone.lam.diffusion_index()), rel=1e-4)
    assert field.attrs["evaluations"] == 35 * 4


def test_flat_windows_have_no_index(relu_network):
    field = lam.diffusion_field(relu_network, torch.full((3, 16, 18), 0.5), stride=8, size=6, steps=3, **QUIET)
    inner = field.diffusion_index.sel(window_y=slice(8, 20), window_x=slice(8, 20))
    assert bool(inner.isnull().all())
    assert "of 16 windows" in lam.views.diffusion_field(field).layout.title.text


def test_a_field_says_how_many_windows_are_rough(relu_network, image, monkeypatch):
    monkeypatch.setattr("lam_nb.engine.integration._MOST", 9)
    with pytest.warns(lam.types.NotConverged, match=r"\d+ of 20 windows are above tolerance=1e-06"):
        lam.diffusion_field(relu_network, image, stride=10, size=6, tolerance=1e-6, **QUIET)


@pytest.mark.parametrize("arguments", [{"stride": 0}, {"size": 400}, {"network": nn.Identity()}])
def test_a_field_checks_its_input(arguments, relu_network, image):
    with pytest.raises(InputError, match=next(iter(arguments))):
        lam.diffusion_field(**{"network": relu_network, "image": image} | arguments)
