"""Another device: every verb gives the CPU's numbers there, and leaves networks and memory as they were."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import images, networks
from lam_nb.engine import running
from tests import pretended
from tests.benchmarks import cuda, cuda_times
from tests.verbs import QUIET, VERBS, WINDOW, fresh

needs_pretence = pytest.mark.skipif(
    not pretended.AVAILABLE, reason="needs a torch that learns devices in Python (2.13), and no GPU"
)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
PRETENDED, CUDA = pytest.param(pretended.NAME, marks=needs_pretence), pytest.param("cuda", marks=needs_gpu)


@pytest.fixture(scope="module", params=[PRETENDED, CUDA])
def device(request):
    return request.param if request.param == "cuda" else str(pretended.device())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_gives_the_same_there(verb, device, image):
    expected, found = VERBS[verb](fresh(), image, "cpu"), VERBS[verb](fresh(), image, device)
    for name, values in expected.drop_vars("plane", errors="ignore").data_vars.items():  # t-SNE magnifies rounding
        np.testing.assert_allclose(found[name], values, atol=1e-5, err_msg=name)
    told = found.attrs.get("device", running.device_name(torch.device(device)))
    assert told == running.device_name(torch.device(device))


def test_hard_regions_are_found_there(device):
    truth = images.sample("bricks")
    found = [lam.studies.hard_regions(truth, [networks.load("fsrcnn")], n=2, device=one) for one in ("cpu", device)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "settings",
    [{"colours": "luma"}, {"mean": (0.4, 0.5, 0.3), "std": 0.2}, {"pad_to": 8}, {"colours": "bgr", "value_range": 255}],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_of_networks_follow(settings, device, image):
    def made():
        torch.manual_seed(0)
        channels = 1 if settings.get("colours") == "luma" else 3
        return networks.wrap(nn.Conv2d(channels, channels, 3, padding=1), scale=1, check=False, **settings)

    expected, found = (lam.attribute(made(), image, (4, 6, 8), steps=3, device=d, **QUIET) for d in ("cpu", device))
    np.testing.assert_allclose(found.attribution, expected.attribution, atol=1e-5)


def test_a_function_without_weights_follows(device, image):
    net = networks.wrap(lambda batch: 2 * batch, mean=(0.4, 0.5, 0.6), scale=1, check=False)
    expected, found = (lam.attribute(net, image, (4, 6, 8), steps=3, device=d, **QUIET) for d in ("cpu", device))
    np.testing.assert_allclose(found.attribution, expected.attribution, atol=1e-5)


class Buffered(nn.Module):
    """Has buffers and no parameters."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", torch.ones(3, 1, 3, 3) / 9)

    def forward(self, batch):
        return nn.functional.conv2d(batch, self.kernel, padding=1, groups=3)


@pytest.mark.parametrize("kind", [Buffered, lambda: nn.Conv2d(3, 3, 3, padding=1)])
def test_networks_are_asked_there_and_stay_where_they_are(kind, device, image):
    module = kind().train()
    before = {name: one.clone() for name, one in module.state_dict().items()}
    lam.attribute(networks.wrap(module, scale=1, check=False), image, (4, 6, 8), device=device, **QUIET)
    assert module.training and all(one.device.type == "cpu" for one in module.state_dict().values())
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())


def test_a_network_that_lies_there_is_asked_here(device, image):
    module = nn.Conv2d(3, 3, 3, padding=1)
    expected = lam.attribute(networks.wrap(module, scale=1, check=False), image, (4, 6, 8), device="cpu", **QUIET)
    there = nn.Conv2d(3, 3, 3, padding=1)
    there.load_state_dict(module.state_dict())
    there = there.to(device)
    found = lam.attribute(networks.wrap(there, scale=1, check=False), image, (4, 6, 8), device="cpu", **QUIET)
    np.testing.assert_allclose(found.attribution, expected.attribution, atol=1e-6)
    assert there.weight.device.type == torch.device(device).type


@needs_pretence
def test_nothing_waits_within_the_loop_over_batches(image):
    """As many waits for sixteen batches as for four."""
    net, counts, device = fresh(), [], str(pretended.device())
    lam.attribute(net, image, WINDOW, steps=4, batch=1, device=device, **QUIET)
    for steps in (4, 16):
        with pretended.counted() as waits:
            lam.attribute(net, image, WINDOW, steps=steps, batch=1, device=device, **QUIET)
        counts.append(dict(waits))
    grown = {line: (counts[0].get(line, 0), n) for line, n in counts[1].items() if n > counts[0].get(line, 0)}
    assert not grown, grown


@needs_pretence
def test_the_pretence_is_strict():
    there = torch.rand(2, 3).to(pretended.device())
    with pytest.raises(RuntimeError, match="same device"):
        there + torch.rand(2, 3)
    with pytest.raises(TypeError, match="numpy"):
        there.numpy()
    with pretended.counted() as waits:
        assert float(there.sum()) > 0
    assert sum(waits.values()) == 1


def test_the_first_thing_to_run_on_a_gpu_runs(device, tmp_path):
    out = tmp_path / "cuda.json"
    assert cuda.main(["--device", device, "--small", "--part", "verbs", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) >= 19 and not any("failure" in row or "left_out" in row for row in rows)


def test_its_times_run_without_one(tmp_path):
    out = tmp_path / "cuda.json"
    parts = [name for name in cuda_times.PARTS if name not in ("compiled", "captum")]  # a compiler, and the peer
    cuda.main(["--device", "cpu", "--small", "--out", str(out), *(one for name in parts for one in ("--part", name))])
    times = json.loads(out.read_text())["times"]
    assert list(times) == parts and not any("failure" in found for found in times.values())
