"""A network under a lease: threads change nothing, and it is left as it was found, whatever happens."""

import threading

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import Region, networks
from lam_nb.engine.along import positions, velocities
from lam_nb.engine.reach import reach
from lam_nb.engine.running import BACKENDS, Leased
from lam_nb.engine.sampling import detect

CPU = torch.device("cpu")
REGIONS = [Region(16, 20, 6), Region(2, 30, 8), Region(28, 4, height=6, width=10)]
QUIET = {"steps": 3, "progress": False}
PATIENCE = 60
"""Seconds after which a thread counts as stuck."""


def layers(seed=7, *more):
    torch.manual_seed(seed)
    first = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *more]
    return nn.Sequential(*first, nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2))


def wrapped(module, scale=2):
    return networks.wrap(module, scale=scale, name="toy", check=False)


def picture(rows=20, columns=26):
    y, x = np.mgrid[:rows, :columns]
    wave = [0.5 + 0.3 * np.sin(0.7 * x + k) * np.cos(0.4 * y) + 0.1 * ((x + y) % 5 == 0) for k in range(3)]
    return torch.from_numpy(np.stack(wave).astype(np.float32))


def asked(net, region=REGIONS[0], **settings):
    return lam.attribute(net, picture(), region, **QUIET | settings).attribution.values


def together(*functions):
    """Run functions at once, each in a thread of its own; return what they returned, raise what they raised."""
    barrier, found, raised = threading.Barrier(len(functions)), {}, []

    def run(k, function):
        barrier.wait(PATIENCE)
        try:
            found[k] = function()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(functions)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE)
    assert not any(one.is_alive() for one in threads), "stuck"
    if raised:
        raise raised[0]
    return [found[k] for k in range(len(functions))]


def state(net):
    """All that a user could see of a network."""
    parts = {name: one.training for name, one in net.named_modules()}
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    told = {name: (one.requires_grad, one.stride(), one.dtype, one.device) for name, one in tensors.items()}
    bits = {name: one.detach().clone() for name, one in tensors.items()}
    return parts, told, bits, {name: id(one) for name, one in tensors.items()}


def assert_same(before, after):
    assert before[0] == after[0] and before[1] == after[1] and before[3] == after[3]
    assert all(torch.equal(one, after[2][name]) for name, one in before[2].items())


def mixed():
    """A network as someone may have left it: parts in training, one frozen, gradients there, order of its own."""
    net = wrapped(layers(7, nn.BatchNorm2d(8), nn.Dropout(0.5)))
    net.train()
    net.module[0].eval()
    net.module[0].weight.requires_grad_(False)
    net.module[4].weight.data = net.module[4].weight.data.contiguous(memory_format=torch.channels_last)
    net.module[4].bias.grad = torch.ones(12)
    return net


def test_threads_get_what_they_would_get_one_after_the_other():
    shared, second, third = wrapped(layers()).train(), wrapped(layers(8)), wrapped(layers(9))
    questions = [(shared, region) for region in (*REGIONS, REGIONS[0])]
    questions += [(net, region) for net in (second, third) for region in REGIONS[:2]]
    expected = [asked(wrapped(layers()), region) for region in REGIONS]
    alone = [asked(net, region) for net, region in questions]
    for _ in range(3):
        found = together(*(lambda net=net, region=region: asked(net, region) for net, region in questions))
        assert all(np.array_equal(one, other) for one, other in zip(found, alone, strict=True))
    assert all(np.array_equal(one, other) for one, other in zip(alone, expected, strict=False))
    assert len({one.tobytes() for one in alone}) == 7  # eight questions, of which one is asked twice
    assert all(part.training for part in shared.modules())


def test_two_networks_around_one_module_share_its_lease():
    module = layers().train()
    nets = [wrapped(module) for _ in range(4)]
    found = together(*(lambda net=net: asked(net) for net in nets))
    assert all(np.array_equal(one, found[0]) for one in found)
    assert all(part.training for part in module.modules())
    entered, order = threading.Event(), []

    def hold():
        with Leased(nets[0], CPU).lease():
            entered.set()
            threading.Event().wait(1)
            order.append("first")

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert entered.wait(PATIENCE)
    asked(nets[1])
    order.append("second")
    thread.join(PATIENCE)
    assert order == ["first", "second"]


def test_fresh_networks_are_measured_at_once_without_a_deadlock():
    nets = [wrapped(layers(seed)) for seed in range(4)]
    found = together(*(lambda net=net: reach(Leased(net, CPU)).size for net in nets))
    assert found == [(5, 5)] * 4
    asking = [lambda net=net: asked(net).shape for net in nets]
    measuring = [lambda seed=seed: reach(Leased(wrapped(layers(seed)), CPU)).size for seed in range(4)]
    assert together(*asking, *measuring) == [(3, 20, 26)] * 4 + [(5, 5)] * 4


def test_everything_is_as_it_was_found():
    net = mixed()
    before = state(net)
    for verb in (asked, lambda net: lam.gradient(net, picture(), REGIONS[0])):
        verb(net)
        assert_same(before, state(net))
    together(*(lambda region=region: asked(net, region) for region in REGIONS))
    assert_same(before, state(net))
    torch.testing.assert_close(net.module[4].bias.grad, torch.ones(12), rtol=0, atol=0)
    assert BACKENDS._holders == {} and BACKENDS._alone is None
    assert torch.backends.mkldnn.enabled and torch.backends.cudnn.enabled


class Stopped(BaseException):
    """Neither an Exception nor an InputError."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Stopped])
@pytest.mark.parametrize("where", ["network", "detector", "progress"])
def test_an_interruption_leaves_it_as_it_was(where, error):
    net, told = mixed(), []

    def bad(*_):
        told.append(1)
        if len(told) > 3:
            raise error("enough")

    def detector(region):
        plain = lam.detectors.intensity(region)
        return lambda output: (bad() if output.requires_grad else None, plain(output))[1]

    hook = net.module[2].register_forward_hook(lambda *_: bad() if where == "network" else None)
    before, settings = state(net), {"steps": 8, "batch": 1, "local": False}
    settings |= {"detector": detector} if where == "detector" else {"progress": bad} if where == "progress" else {}
    expected = lam.InputError if where == "network" and error is ValueError else error
    with pytest.raises(expected):
        asked(net, **settings)
    hook.remove()
    assert_same(before, state(net))
    assert together(lambda: asked(net).shape) == [(3, 20, 26)]  # another thread is not locked out
    assert BACKENDS._holders == {} and BACKENDS._alone is None


class Merging(nn.Module):
    """Adds a low-rank part to its weights when it is evaluated, and takes it away again: which rounds."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.weight = nn.Parameter(torch.randn(8, 8, 1, 1))
        self.a, self.b = nn.Parameter(torch.randn(8, 2)), nn.Parameter(torch.randn(2, 8))
        self.merged, self.calls = False, []

    def train(self, mode=True):
        self.calls.append(mode)
        super().train(mode)
        if self.merged == mode:
            self.weight.data += (self.a @ self.b).data[..., None, None] * (-1 if mode else 1)
            self.merged = not mode
        return self

    def forward(self, batch):
        assert self.merged and not self.training
        return nn.functional.conv2d(batch, self.weight)


def test_weights_that_are_merged_come_back_bit_for_bit():
    net = wrapped(layers(7, Merging())).train()
    merging, before = net.module[2], state(net)
    rounded = merging.weight.data.clone()
    merging.eval(), merging.train()
    assert not torch.equal(rounded, merging.weight)  # otherwise there is nothing to see
    merging.weight.data.copy_(rounded)
    merging.calls.clear()
    asked(net)
    assert_same(before, state(net))
    assert merging.calls[0] is False and merging.calls[-1] is True and not merging.merged
    together(*(lambda region=region: asked(net, region) for region in REGIONS))
    assert_same(before, state(net))


class Stubborn(nn.Identity):
    """Cannot be trained again."""

    def train(self, mode=True):
        if mode and self.__dict__.get("asked"):
            raise RuntimeError("I stay as I am")
        return super().train(mode)


def test_restoring_goes_on_when_a_part_fails():
    net = wrapped(layers(7, nn.Dropout(0.1), Stubborn(), Merging())).train()
    before = state(net)
    net.module[3].asked = True
    with pytest.raises(RuntimeError, match="I stay as I am"):
        asked(net)
    after = state(net)
    assert [name for name, mode in after[0].items() if not mode] == ["module.3"]
    assert all(torch.equal(one, after[2][name]) for name, one in before[2].items())
    net.module[3].asked = False
    assert together(lambda: asked(net).shape) == [(3, 20, 26)]


def other_asks(net, seen):
    """Return a progress function in which another thread asks the same network."""

    def follow(done, total):
        if not seen:
            seen.append(None)
            seen.extend(together(lambda: asked(net)))

    return follow


VERBS = {
    "attribute": lambda net, follow: lam.attribute(net, picture(), REGIONS[0], steps=3, progress=follow),
    "several windows": lambda net, follow: lam.attribute(net, picture(), REGIONS, steps=3, progress=follow),
    "compare": lambda net, follow: lam.compare([net], picture(), REGIONS[0], steps=3, progress=follow),
    "field": lambda net, follow: lam.diffusion_field(net, picture(), stride=20, steps=3, progress=follow),
    "causal": lambda net, follow: lam.causal_effect(
        net, picture(), REGIONS[0], reference=torch.rand(3, 40, 52), block=8, fine=2, progress=follow
    ),
    "curves": lambda net, follow: lam.faithfulness.curves(
        net, picture(), REGIONS[0], {"gradient": lam.gradient(net, picture(), REGIONS[0])}, progress=follow
    ),
}


@pytest.mark.parametrize("name", VERBS)
def test_no_lease_is_held_while_others_have_the_word(name):
    net, seen = wrapped(layers()).train(), []
    expected = asked(wrapped(layers()))
    VERBS[name](net, other_asks(net, seen))
    assert len(seen) == 2 and np.array_equal(seen[1], expected)
    assert all(part.training for part in net.modules())


def test_weights_that_changed_between_two_questions_are_seen():
    net = wrapped(layers())
    first = asked(net)
    net.module[0].weight.data *= 1.5  # behind autograd's back
    second = asked(net)
    assert not np.allclose(first, second)
    assert np.array_equal(second, asked(wrapped(net.module)))
    other = wrapped(layers())
    other.module[0].weight.data *= 1.5
    assert np.array_equal(second, asked(other))


NOTED = []
"""Whether fast libraries were on, whenever something of a user's was called."""


def note(given):
    NOTED.append(torch.backends.mkldnn.enabled)
    return given


def noting_path(image):
    note(image)
    return lambda alpha: note(alpha) * image


def noting_detector(region):
    plain = lam.detectors.intensity(region)
    return lambda output: plain(note(output))


def causal(net):
    given = {"reference": torch.rand(3, 40, 52), "block": 8, "fine": 1, "coarse": 1, "progress": False}
    return lam.causal_effect(net, picture(), REGIONS[0], finish=note, **given)


def curves(net):
    given = {"baseline": noting_path, "detector": noting_detector, "draws": 1, "progress": False}
    values = np.arange(20.0 * 26).reshape(1, 20, 26)
    maps = {"rows": xr.Dataset({"attribution": (("channel", "y", "x"), values)})}
    return lam.faithfulness.curves(net, picture(), REGIONS[0], maps, **given)


CALLS = {
    "positions": lambda net: positions(lambda alpha: note(alpha) * picture(), [0.5]),
    "velocities": lambda net: velocities(lambda alpha: note(alpha) * picture(), [0.5]),
    "detector": lambda net: detect(noting_detector(REGIONS[0]), torch.rand(1, 3, 40, 52), "toy"),
    "attribute": lambda net: asked(net, path=noting_path, detector=noting_detector),
    "causal": causal,
    "curves": curves,
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_convolves_while_another_thread_is_exact(name):
    """Exactness turns libraries off for the whole process: paths, detectors and degradations have to wait."""
    net, other, entered = wrapped(layers()), wrapped(layers(3)), threading.Event()
    reach(Leased(net, CPU))  # known, so that this thread needs not be exact itself
    NOTED.clear()

    def exact():
        with Leased(other, CPU).lease(exact=True):
            entered.set()
            threading.Event().wait(0.3)
            NOTED.append(torch.backends.mkldnn.enabled)

    thread = threading.Thread(target=exact, daemon=True)
    thread.start()
    assert entered.wait(PATIENCE)
    CALLS[name](net)
    thread.join(PATIENCE)
    assert NOTED[0] is False and NOTED.count(False) == 1 and len(NOTED) > 1
    assert torch.backends.mkldnn.enabled
