"""What is called the same: by value, by code and all it refers to; never by name or by where it lies."""

import functools
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from lam_nb import identity, networks
from lam_nb.identity import differences, digest, fingerprint, of_file, of_network, of_weights


def test_pictures_by_values_and_shape():
    flat = torch.arange(24.0) / 24
    one, other = flat.reshape(3, 2, 4), flat.reshape(3, 4, 2)
    assert digest(one) == digest(one.clone()) == digest(one.double()) != digest(other)
    assert digest(one) != digest(one + 1e-6)
    assert digest(one.permute(0, 2, 1).contiguous().permute(0, 2, 1)) == digest(one)


def test_weights_by_name_shape_kind_and_value():
    base = {"a": torch.zeros(2, 3), "b": torch.ones(1)}
    others = [
        {"a": torch.zeros(2, 3), "c": torch.ones(1)},
        {"a": torch.zeros(3, 2), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3).int(), "b": torch.ones(1)},
        {"a": torch.zeros(2, 3), "b": torch.ones(1) * (1 + 1e-6)},
        {"a": torch.zeros(2, 3)},
    ]
    assert of_weights(base) == of_weights(dict(reversed(base.items())))
    assert len({of_weights(one) for one in (base, *others)}) == 6


def test_files_by_what_they_hold(tmp_path):
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(text)
    a, b, c = (of_file(tmp_path / name) for name in "abc")
    assert a == b != c


def tuned(power):
    return lambda batch: batch**power


class Holder:
    def __init__(self, value):
        self.value, self.calls = value, 0

    def __call__(self, batch):
        self.calls += 1
        return batch * self.value

    def doubled(self, batch):
        return 2 * batch * self.value


class Layer(nn.Module):
    def __init__(self, gain):
        super().__init__()
        self.gain, self.seen = gain, 0

    def forward(self, batch):
        self.seen += 1
        return batch * self.gain


PAIRS = {
    "closure": tuned,
    "partial": lambda n: functools.partial(pow, n),
    "partial keyword": lambda n: functools.partial(sorted, key=n),
    "attribute": Holder,
    "method": lambda n: Holder(n).doubled,
    "module": Layer,
    "nested module": lambda n: nn.Sequential(nn.ReLU(), Layer(n)),
    "layer's setting": lambda n: nn.ReLU6() if n == 1 else nn.ReLU(),
    "padding": lambda n: nn.AvgPool2d(3, 1, padding=n - 1),
    "list": lambda n: [1, n],
    "tuple": lambda n: (1, n),
    "set": lambda n: {1, n + 1},
    "mapping": lambda n: {"a": n},
    "key": lambda n: {n: "a"},
    "array": lambda n: np.full(2, n),
    "kind of an array": lambda n: np.ones(2, [np.int32, np.int64][n - 1]),
    "tensor": lambda n: torch.full((2,), n),
    "shape of a tensor": lambda n: torch.ones((2, n)),
    "text": lambda n: "ab"[n - 1],
    "number": lambda n: n,
    "one or true": lambda n: [1, True][n - 1],
}


@pytest.mark.parametrize("name", PAIRS)
def test_alike_is_the_same_and_another_is_not(name):
    make = PAIRS[name]
    assert fingerprint(make(1)) == fingerprint(make(1)) != fingerprint(make(2))


def test_code_counts_and_not_its_name():
    def first(batch):
        return batch + 1

    def second(batch):
        return batch + 2

    other = second
    second.__name__ = "first"
    assert fingerprint(first) != fingerprint(other)
    assert fingerprint(lambda batch: batch.sum()) != fingerprint(lambda batch: batch.mean())


def helped(batch):
    return _helper(batch)


def _helper(batch):
    return batch * 2


def test_what_a_function_calls_counts_too(monkeypatch):
    before = fingerprint(helped)
    monkeypatch.setitem(globals(), "_helper", lambda batch: batch * 3)
    assert fingerprint(helped) != before


@pytest.mark.parametrize("make", [Holder, Layer])
def test_what_a_run_changes_is_state_and_does_not_count(make):
    used = make(2)
    before = fingerprint(used)
    used(torch.ones(1))
    assert fingerprint(used) == before
    named = {"seen", "calls"} & set(vars(used))
    assert getattr(used, named.pop()) == 1


def test_the_same_in_another_process():
    code = (
        "from lam_nb.identity import fingerprint; print(fingerprint([{'b', 'a', 'c'}, {'x': 1.5}, sorted, slice(3)]))"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout
        for env in ({**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2"))
    }
    assert len(runs) == 1


def test_what_cannot_be_told_apart_is_never_the_same():
    opaque = iter([1, 2])
    assert identity.UNKNOWN in fingerprint(opaque)
    plan = {"path": fingerprint(opaque), "steps": "5"}
    assert differences(plan, plan) == [f"path, which {identity.UNKNOWN} from another"]


def test_differences_are_told_by_name():
    one = {"steps": 5, "network": {"a": {"code": "x"}, "b": {"code": "y"}}, "only": 1}
    other = {"steps": 5, "network": {"a": {"code": "z"}, "b": {"code": "y"}}}
    assert differences(one, other) == ["network a code", "only"] and differences(one, one) == []
    assert differences(other, one) == ["network a code", "only"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("value_range", 255), ("mean", 0.5), ("std", 0.5), ("pad_to", 4), ("colours", "bgr"), ("output", 0)],
)
def test_every_setting_of_a_network_counts(name, value):
    plain, other = (networks.wrap(nn.Identity(), scale=1, check=False, **one) for one in ({}, {name: value}))
    found = differences({"network": of_network(plain)}, {"network": of_network(other)})
    assert found == [f"network {name}"]


def test_numbers_that_are_equal_are_the_same_setting():
    whole, real = (networks.wrap(nn.Identity(), scale=1, value_range=v, check=False) for v in (255, 255.0))
    assert of_network(whole) == of_network(real)
