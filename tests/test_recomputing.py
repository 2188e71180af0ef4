"""What is computed again for the gradient is what was computed, in less memory; nothing is left behind."""

import gc
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region
from lam_nb.engine.recomputing import Recomputed, blocks
from lam_nb.engine.running import Leased
from lam_nb.engine.sampling import Sampler, _Kept, _TooMuch, values_and_gradients
from lam_nb.quadrature import Nodes

WINDOWS = [lam.detectors.edges(Region(3, 5, 16)), lam.detectors.edges(Region(20, 8, 16))]


def run_of(net):
    run = Leased(net, torch.device("cpu"))
    with run.lease(), torch.no_grad():
        run(torch.zeros(1, 3, 24, 32))
    return run


@pytest.fixture
def batch():
    return torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["carn-m", "imdn-small", "residual-nonlocal", "rfdn-small", "srresnet-mse"])
def test_gradients_of_several_windows_are_the_same_to_the_last_bit(name, batch):
    run = run_of(lam.networks.load(name))
    found = blocks(run)
    assert len(found) >= 3
    before, output = values_and_gradients(run, WINDOWS, batch)
    after, again = values_and_gradients(Recomputed(run), WINDOWS, batch)
    assert torch.equal(output, again)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
    assert not any("forward" in vars(block) for _, block in found)


class Chain(nn.Module):
    """Blocks of one kind, which may change in place what they are given, or fail."""

    def __init__(self, spoils=False):
        super().__init__()
        self.blocks = nn.ModuleList(Block(spoils) for _ in range(4))

    def forward(self, images):
        kept = images * 1.0
        for block in self.blocks:
            kept = block(kept, shift=0.1)
        return kept


class Block(nn.Module):
    def __init__(self, spoils):
        super().__init__()
        self.body, self.spoils, self.fails = nn.Conv2d(3, 3, 3, padding=1), spoils, False

    def forward(self, images, shift):
        if self.fails:
            raise RuntimeError("it fails")
        return torch.tanh(self.body(nn.functional.leaky_relu(images, 0.5, inplace=self.spoils))) + shift


def chain(**settings):
    torch.manual_seed(0)
    return lam.networks.wrap(Chain(**settings), name="chain", check=False)


def test_what_changes_its_input_is_not_computed_again(batch):
    run = run_of(chain(spoils=True))
    with pytest.raises(InputError, match="memory: Block changes in place what it is given"):
        values_and_gradients(Recomputed(run), WINDOWS[:1], batch)


def test_an_error_leaves_the_network_as_it_was(batch):
    run = run_of(chain())
    run.network.module.blocks[2].fails = True
    with pytest.raises(InputError, match="it fails"):
        values_and_gradients(Recomputed(run), WINDOWS[:1], batch)
    assert not any("forward" in vars(block) for block in run.network.module.blocks)


def test_own_forwards_of_blocks_stay(batch):
    net = chain()
    first = net.module.blocks[0]
    own = first.forward
    first.forward = lambda images, shift: own(images, shift) * 2
    run, mine = run_of(net), first.forward
    (before,), _ = values_and_gradients(run, WINDOWS[:1], batch)
    (after,), _ = values_and_gradients(Recomputed(run), WINDOWS[:1], batch)
    assert torch.equal(before[1], after[1]) and first.forward is mine


def test_a_network_without_blocks_has_none():
    assert blocks(run_of(lam.networks.load("fsrcnn"))) == []
    assert blocks(lambda batch: batch) == []


def test_a_pass_that_ends_early_leaves_nothing(batch):
    def held():
        gc.collect()
        return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())

    run = run_of(lam.networks.load("imdn-small"))
    before = held()
    for _ in range(3):
        with pytest.raises(_TooMuch), _Kept(run.weights, 2**20).counted():
            values_and_gradients(run, WINDOWS[:1], batch)
    assert held() <= before + 2


def test_who_has_not_enough_for_one_picture_computes_again(monkeypatch, batch):
    """As on a GPU that is full: the first pass fails, the next ones keep less."""
    run = run_of(lam.networks.load("imdn-small"))
    failed, asked = [], Leased.__call__

    def called(self, images):
        if torch.is_grad_enabled() and not failed:
            failed.append(len(images))
            raise torch.OutOfMemoryError("full")
        return asked(self, images)

    nodes = Nodes(np.array([0.25, 0.75]), np.array([0.5, 0.5]))
    expected = Sampler(run, lam.paths.blur()(batch[0]))(WINDOWS[:1], [nodes])
    monkeypatch.setattr(Leased, "__call__", called)
    sampler = Sampler(run, lam.paths.blur()(batch[0]))
    found = sampler(WINDOWS[:1], [nodes])
    assert failed == [1] and isinstance(sampler.run, Recomputed)
    assert (found[0].integrand == expected[0].integrand).all()


_PEAK = """
import sys, torch, lam_nb as lam
from torch import nn
torch.set_num_threads(1)

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [[nn.Conv2d(3, 24, 3, padding=1), nn.Tanh(), nn.Conv2d(24, 3, 1)] for _ in range(6)]
        self.body = nn.Sequential(*sum(layers, []))
    def forward(self, images):
        return images + self.body(images)

torch.manual_seed(0)
net = lam.networks.wrap(nn.Sequential(*[Block() for _ in range(24)]), name="deep", check=False)
image = torch.rand(3, 160, 192, generator=torch.Generator().manual_seed(0))
settings = dict(steps=2, keep="map", progress=False, local=False, device="cpu")
lam.attribute(net, image[:, :24, :24], (4, 4, 16), **settings)
def most():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
open("/proc/self/clear_refs", "w").write("5")
before = most()
memory = None if sys.argv[1] == "None" else sys.argv[1]
found = lam.attribute(net, image, (80, 80, 16), memory=memory, **settings)
print((most() - before) * 1024, found.attribution.values.tobytes().hex()[:64], float(abs(found.attribution).sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_picture_that_takes_too_much_is_computed_in_less():
    def peak(memory):
        done = subprocess.run([sys.executable, "-c", _PEAK, memory], capture_output=True, text=True, check=True)
        rose, *told = done.stdout.split()
        return int(rose) / 1e6, told

    (plain, expected), (bounded, found) = peak("None"), peak("200MB")
    assert found == expected
    assert bounded <= 1.1 * 200 and plain > 1.5 * 200
