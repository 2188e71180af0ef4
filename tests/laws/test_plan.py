"""A sweep goes on with the same question only; how it is run may change from call to call."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, networks

REGIONS = [Region(16, 20, 6), Region(0, 3, 8)]
FACTOR = 2.0


def module(seed=7):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 12, 3, padding=1), nn.PixelShuffle(2))


def net(made=None, **settings):
    return networks.wrap(made or module(), **{"scale": 2, "name": "toy", "check": False} | settings)


def doubled(batch):
    return nn.functional.interpolate(batch, scale_factor=2.0) * FACTOR


def halved(batch):
    return nn.functional.interpolate(batch, scale_factor=2.0) / FACTOR


def tiled(batch):
    return batch.repeat_interleave(2, 2).repeat_interleave(2, 3)


def strongest(region):
    rows, columns = region.slices
    return lambda output: output[..., rows, columns].square().sum((1, 2, 3))


def squared(picture):
    return lambda alpha: picture * alpha**2


def pictures(level=0.0):
    y, x = np.mgrid[:40, :52]
    wave = np.stack([0.5 + 0.3 * np.sin(0.4 * x + k) * np.cos(0.3 * y) for k in range(3)]).astype(np.float32)
    other = wave[:, ::-1].copy()
    other[1, 5, 7] += level
    return {"one": torch.from_numpy(wave), "two": torch.from_numpy(other)}


def asked(store, **change):
    given = {"networks": [net()], "images": pictures(), "regions": REGIONS, "steps": 3, "progress": False}
    return lam.sweep(store=store, **given | change)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "all.zarr"
    asked(path)
    return path


OTHERS = {
    "one pixel of one image": {"images": pictures(1 / 255)},
    "names of images": {"images": dict(zip(("one", "other"), pictures().values(), strict=True))},
    "order of images": {"images": dict(reversed(pictures().items()))},
    "as_truth": {"as_truth": False},
    "path": {"path": lam.paths.blur(1.3)},
    "own path": {"path": squared},
    "detector": {"detector": "intensity"},
    "own detector": {"detector": strongest},
    "rule": {"rule": "midpoint"},
    "precision": {"precision": "bfloat16"},
    "steps": {"steps": 4},
    "tolerance": {"steps": None, "tolerance": 0.3},
    "a region": {"regions": [REGIONS[0], Region(0, 3, 7)]},
    "order of regions": {"regions": REGIONS[::-1]},
    "weights": {"networks": [net(module(8))]},
    "value_range": {"networks": [net(value_range=255)]},
    "mean": {"networks": [net(mean=0.4)]},
    "std": {"networks": [net(std=(0.5, 0.6, 0.7))]},
    "colours": {"networks": [net(colours="bgr")]},
    "pad_to": {"networks": [net(pad_to=8)]},
    "name": {"networks": [net(name="other")]},
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_part_of_the_question_counts_by_itself(name, store):
    before = lam.open(store)
    with pytest.raises(InputError, match=r"store: .* holds another sweep \(not the same: "):
        asked(store, **OTHERS[name])
    xr.testing.assert_identical(lam.open(store), before)


def test_the_refusal_names_what_differs(store):
    for change, words in (
        ("as_truth", "as_truth"),
        ("value_range", "networks toy value_range"),
        ("rule", "settings rule"),
    ):
        with pytest.raises(InputError, match=f"not the same: {words}"):
            asked(store, **OTHERS[change])


def test_the_same_question_made_anew_is_the_same(store):
    xr.testing.assert_identical(asked(store), lam.open(store))


def test_the_code_of_a_function_counts_and_so_does_what_it_reads(tmp_path, monkeypatch):
    given = {"networks": [net(doubled, name="f")]}
    asked(tmp_path / "f.zarr", **given)
    asked(tmp_path / "f.zarr", networks=[net(doubled, name="f")])
    with pytest.raises(InputError, match="not the same: networks f code"):
        asked(tmp_path / "f.zarr", networks=[net(halved, name="f")])
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    with pytest.raises(InputError, match="not the same: networks f code"):
        asked(tmp_path / "f.zarr", **given)


def test_arguments_and_output_of_a_network_count(tmp_path):
    def gained(batch, gain):
        return {"a": gain * tiled(batch), "b": gain * batch.mean() * tiled(batch)}

    first = {"arguments": {"gain": 1.0}, "output": "a", "name": "f"}
    asked(tmp_path / "f.zarr", networks=[net(gained, **first)])
    for other in ({"arguments": {"gain": 2.0}}, {"output": "b"}):
        with pytest.raises(InputError, match=f"not the same: networks f {next(iter(other))}"):
            asked(tmp_path / "f.zarr", networks=[net(gained, **first | other)])


def test_a_file_counts_by_what_it_holds(tmp_path):
    torch.manual_seed(0)
    built = networks.architectures.build("fsrcnn", width=4, blocks=1, scale=2)
    file, moved = tmp_path / "mine.pth", tmp_path / "elsewhere" / "mine.pth"
    torch.save(built.state_dict(), file)
    with pytest.warns(lam.ImplausibleNetwork):
        asked(tmp_path / "all.zarr", networks=[str(file)])
    with torch.no_grad():
        next(built.parameters()).mul_(1.5)
    torch.save(built.state_dict(), file)
    with pytest.warns(lam.ImplausibleNetwork), pytest.raises(InputError, match="holds another sweep"):
        asked(tmp_path / "all.zarr", networks=[str(file)])
    assert not moved.exists()


def test_how_it_is_run_may_change_when_it_goes_on(tmp_path):
    def stop(done, total):
        if done >= 1:
            raise KeyboardInterrupt

    expected = asked(tmp_path / "whole.zarr")
    with pytest.raises(KeyboardInterrupt):
        asked(tmp_path / "parts.zarr", batch=3, progress=stop)
    assert int(lam.open(tmp_path / "parts.zarr").done.sum()) == 1
    run = {"batch": 1, "memory": "1GB", "device": "cpu", "local": False, "progress": lambda done, total: None}
    found = asked(tmp_path / "parts.zarr", **run)
    assert bool(found.done.all())
    xr.testing.assert_allclose(found.drop_attrs(), expected.drop_attrs(), atol=1e-5)


@pytest.mark.parametrize("axis", ["networks", "images"])
def test_another_order_never_mixes_cells_up(axis, tmp_path):
    """A sweep that was stopped half-way holds places of the old order."""

    def stop(done, total):
        if done >= 1:
            raise KeyboardInterrupt

    nets = [net(name="a"), net(module(8), name="b")]
    given = {"networks": nets, "images": pictures()}
    with pytest.raises(KeyboardInterrupt):
        asked(tmp_path / "all.zarr", **given, progress=stop)
    given |= {"networks": nets[::-1]} if axis == "networks" else {"images": dict(reversed(pictures().items()))}
    with pytest.raises(InputError, match="not the same: order"):
        asked(tmp_path / "all.zarr", **given)
