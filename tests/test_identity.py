"""Identity: what answers alike is the same, what does not is not, what cannot be told is never taken for the same."""

import copy
import functools
import math
import os
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

import lam_nb as lam
from lam_nb import identity, networks
from lam_nb.identity import UNKNOWN, differences, fingerprint

ROOT = pathlib.Path(__file__).parents[1]


class Block(nn.Module):
    """A block with a setting that no weight tells of, and state that a run changes."""

    def __init__(self, strength=1.0):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.strength = strength
        self.seen = None

    def forward(self, batch):
        self.seen = batch.shape[-2:]
        return batch + self.strength * self.conv(batch)


def block(strength=1.0):
    torch.manual_seed(0)
    return Block(strength)


def same(one, other):
    return not differences({"network": identity.of_network(one)}, {"network": identity.of_network(other)})


SETTINGS = {
    "value_range": 255,
    "mean": 0.1,
    "std": (0.5, 0.5, 0.4),
    "colours": "bgr",
    "pad_to": 4,
    "output": None,
    "arguments": {"level": 3},
}


@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in ("output", "arguments")])
def test_each_setting_of_a_network_counts_by_itself(name):
    one, other = (networks.wrap(block(), check=False, **more) for more in ({}, {name: SETTINGS[name]}))
    assert same(one, networks.wrap(block(), check=False)) and not same(one, other)
    assert differences(identity.of_network(one), identity.of_network(other)) == [name]


def test_arguments_and_outputs_count():
    module = lambda batch, level=1: [batch * level, batch]  # noqa: E731
    asked = [{"output": k, "arguments": {"level": v}} for k, v in ((0, 1), (1, 1), (0, 2))]
    nets = [networks.wrap(module, scale=1, check=False, **one) for one in asked]
    assert not same(nets[0], nets[1]) and not same(nets[0], nets[2])


def test_names_and_plain_numbers_do_not_count():
    assert same(networks.wrap(block(), name="a", check=False), networks.wrap(block(), name="b", check=False))
    assert same(*(networks.wrap(block(), value_range=v, check=False) for v in (255, 255.0)))


def test_settings_of_a_module_count_and_its_state_does_not():
    one, strong = (networks.wrap(block(s), scale=1, check=False) for s in (1.0, 0.5))
    assert not same(one, strong)
    fresh = networks.wrap(block(), scale=1, check=False)
    one(torch.rand(1, 3, 9, 8))
    assert same(one, fresh)
    dilated = nn.Conv2d(3, 3, 3, padding=2, dilation=2)
    plain = nn.Conv2d(3, 3, 3, padding=1)
    plain.load_state_dict(dilated.state_dict())
    assert not same(*(networks.wrap(one, scale=1, check=False) for one in (dilated, plain)))


def test_weights_count_whatever_changed_them():
    one, other = (networks.wrap(block(), scale=1, check=False) for _ in range(2))
    other.module.conv.weight.data[0, 0, 0, 0] += 1e-6
    assert not same(one, other)
    assert same(one, copy.deepcopy(one).double().float())


def test_code_counts():
    class Other(Block):
        def forward(self, batch):
            return super().forward(batch).clamp(0, 1)

    torch.manual_seed(0)
    assert not same(networks.wrap(block(), scale=1, check=False), networks.wrap(Other(), scale=1, check=False))


def keyword(*, times=2):
    return lambda output: output * times


def test_functions_are_told_by_all_they_refer_to():
    def made(*, times=2):
        return lambda output: output * times

    def tripled(*, times=3):
        return lambda output: output * times

    assert fingerprint(made) != fingerprint(tripled)  # keyword-only defaults
    two, three = (eval("lambda x: FACTOR * x", {"FACTOR": k}) for k in (2, 3))
    assert fingerprint(two) != fingerprint(three) == fingerprint(eval("lambda x: FACTOR * x", {"FACTOR": 3}))
    inner = [eval("lambda x: [FACTOR * y for y in x]", {"FACTOR": k}) for k in (2, 3)]
    assert fingerprint(inner[0]) != fingerprint(inner[1])  # globals of code within code
    assert fingerprint(lambda: "a") != fingerprint(lambda: "b")
    assert fingerprint(math.sqrt) != fingerprint(math.exp)
    assert fingerprint(functools.partial(keyword, times=1)) != fingerprint(functools.partial(keyword, times=2))


class Slots:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def test_objects_are_told_by_slots_and_attributes():
    assert fingerprint(Slots(1)) == fingerprint(Slots(1)) != fingerprint(Slots(2))
    assert fingerprint(lam.paths.blur()) != fingerprint(lam.paths.blur(sigma=1.3))
    tensor = torch.rand(3, 4, 5)
    assert fingerprint(lam.paths.linear(tensor)) == fingerprint(lam.paths.linear(tensor.clone()))
    assert fingerprint(lam.paths.linear(tensor)) != fingerprint(lam.paths.linear(tensor + 1e-3))
    assert fingerprint(lam.detectors.error(tensor)) != fingerprint(lam.detectors.error(tensor + 1e-3))
    assert fingerprint(np.array(["a", None], dtype=object)) != fingerprint(np.array(["b", None], dtype=object))
    assert fingerprint({1: 2, "a": 3}) == fingerprint({"a": 3, 1: 2})


def test_what_cannot_be_told_apart_is_never_the_same():
    generator = fingerprint(np.random.default_rng(0))
    assert UNKNOWN in generator
    assert differences({"path": generator}, {"path": generator}) == [f"path, which {UNKNOWN} from another"]


def test_the_same_whenever_python_is_started():
    code = (
        "import torch, lam_nb as lam; from lam_nb.identity import *; from lam_nb.networks import load;"
        "print(fingerprint(lambda x, *, k={3, 'a', (1, 2.5)}: [k, torch.add, lam.paths.blur()]));"
        "print(of_network(load('fsrcnn', check=False)))"
    )
    asked = {"capture_output": True, "text": True}
    seeds = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    runs = [subprocess.run([sys.executable, "-c", code], env=environment, **asked) for environment in seeds]
    assert runs[0].stdout == runs[1].stdout != "" and not runs[0].stderr


def test_old_plans_are_refused_in_words(tmp_path, relu_network, image):
    folder = ROOT / "tests" / "fixtures" / "0.1.0"
    zipfile.ZipFile(folder / "stores.zip").extractall(tmp_path)
    table = lam.open(tmp_path / "sweep.zarr")
    assert bool((table.done == 1).all())
    hr = lam.images.crop(lam.images.sample("bricks"), 64, 48, 64, 80)
    given = {"networks": ["fsrcnn", "residual", "residual-wide"], "images": {"a": hr, "b": hr.flip(-1)}}
    with pytest.raises(lam.InputError, match=r"is of another version .* opens with lam_nb.open .* `lam-nb migrate"):
        lam.sweep(**given, regions=[(24, 32, 16)], store=tmp_path / "sweep.zarr", steps=4, progress=False)
    lr, store = lam.images.downscale(hr, 4), tmp_path / "causal-store.zarr"
    with pytest.raises(lam.InputError, match="another map, or one of an older version"):
        lam.causal_effect("fsrcnn", lr, (24, 32), reference=hr, fine=6, store=store, progress=False)
