"""A cell counts by what decides it, and by nothing else: that alone is computed anew, and beside what was there."""

import shutil

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import Region, networks
from lam_nb.result.ledger import Ledger
from lam_nb.studies import planning

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
    "one pixel of one image": (2, {"images": pictures(1 / 255)}),
    "names of images": (0, {"images": dict(zip(("one", "other"), pictures().values(), strict=True))}),
    "order of images": (0, {"images": dict(reversed(pictures().items()))}),
    "as_truth": (4, {"as_truth": False}),
    "path": (4, {"path": lam.paths.blur(1.3)}),
    "own path": (4, {"path": squared}),
    "detector": (4, {"detector": "intensity"}),
    "own detector": (4, {"detector": strongest}),
    "rule": (4, {"rule": "midpoint"}),
    "precision": (4, {"precision": "bfloat16"}),
    "steps": (4, {"steps": 4}),
    "tolerance": (4, {"steps": None, "tolerance": 0.3}),
    "a region": (2, {"regions": [REGIONS[0], Region(0, 3, 7)]}),
    "order of regions": (0, {"regions": REGIONS[::-1]}),
    "weights": (4, {"networks": [net(module(8))]}),
    "value_range": (4, {"networks": [net(value_range=255)]}),
    "mean": (4, {"networks": [net(mean=0.4)]}),
    "std": (4, {"networks": [net(std=(0.5, 0.6, 0.7))]}),
    "colours": (4, {"networks": [net(colours="bgr")]}),
    "pad_to": (4, {"networks": [net(pad_to=8)]}),
    "name": (0, {"networks": [net(name="other")]}),
    "a metric": (4, {"metrics": {"largest": lambda output, truth: float((output - truth).abs().max())}}),
    "nothing": (0, {}),
}
"""How many of the four cells are others, and the question."""


def cells(store):
    return len(Ledger(store).rows())


@pytest.mark.parametrize("name", OTHERS)
def test_each_part_of_the_question_counts_by_itself(name, store, tmp_path):
    fresh, change = OTHERS[name]
    copy = tmp_path / "copy.zarr"
    shutil.copytree(store, copy)
    found = asked(copy, **change)
    assert cells(copy) == cells(store) + fresh
    alone = asked(tmp_path / "alone.zarr", **change)
    xr.testing.assert_equal(found.drop_attrs(), alone.drop_attrs())
    xr.testing.assert_equal(asked(copy).drop_attrs(), lam.open(store).drop_attrs())


def grown(store, **change):
    """How many cells a question adds."""
    before = cells(store) if store.exists() else 0
    asked(store, **change)
    return cells(store) - before


def test_the_code_of_a_function_counts_and_so_does_what_it_reads(tmp_path, monkeypatch):
    store = tmp_path / "f.zarr"
    assert grown(store, networks=[net(doubled, name="f")]) == 4
    assert grown(store, networks=[net(doubled, name="f")]) == 0
    assert grown(store, networks=[net(halved, name="f")]) == 4
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert grown(store, networks=[net(doubled, name="f")]) == 4


def test_arguments_and_output_of_a_network_count(tmp_path):
    def gained(batch, gain):
        return {"a": gain * tiled(batch), "b": gain * batch.mean() * tiled(batch)}

    first = {"arguments": {"gain": 1.0}, "output": "a", "name": "f"}
    assert grown(tmp_path / "f.zarr", networks=[net(gained, **first)]) == 4
    for other in ({"arguments": {"gain": 2.0}}, {"output": "b"}):
        assert grown(tmp_path / "f.zarr", networks=[net(gained, **first | other)]) == 4


def test_a_file_counts_by_what_it_holds(tmp_path):
    torch.manual_seed(0)
    built = networks.architectures.build("fsrcnn", width=4, blocks=1, scale=2)
    file, store = tmp_path / "mine.pth", tmp_path / "all.zarr"
    for factor in (1.0, 1.5):
        with torch.no_grad():
            next(built.parameters()).mul_(factor)
        torch.save(built.state_dict(), file)
        with pytest.warns(lam.ImplausibleNetwork):
            assert grown(store, networks=[str(file)]) == 4
    moved = tmp_path / "moved.pth"
    file.rename(moved)
    with pytest.warns(lam.ImplausibleNetwork):
        assert grown(store, networks=[str(moved)]) == 0


def stop(done, total):
    if done >= 2:
        raise KeyboardInterrupt


def test_how_it_is_run_may_change_when_it_goes_on(tmp_path):
    expected = asked(tmp_path / "whole.zarr")
    with pytest.raises(KeyboardInterrupt):
        asked(tmp_path / "parts.zarr", batch=3, progress=stop)
    assert int(lam.open(tmp_path / "parts.zarr").done.sum()) == 1
    run = {"batch": 1, "memory": "1GB", "device": "cpu", "local": False, "progress": lambda done, total: None}
    found = asked(tmp_path / "parts.zarr", **run)
    assert bool(found.done.all()) and cells(tmp_path / "parts.zarr") == 4
    xr.testing.assert_allclose(found.drop_attrs(), expected.drop_attrs(), atol=1e-5)


@pytest.mark.parametrize("axis", ["networks", "images"])
def test_another_order_never_mixes_cells_up(axis, tmp_path):
    """A sweep that was stopped half-way goes on in another order."""
    nets = [net(name="a"), net(module(8), name="b")]
    given = {"networks": nets, "images": pictures()}
    with pytest.raises(KeyboardInterrupt):
        asked(tmp_path / "all.zarr", **given, progress=stop)
    expected = asked(tmp_path / "whole.zarr", **given)
    given |= {"networks": nets[::-1]} if axis == "networks" else {"images": dict(reversed(pictures().items()))}
    found = asked(tmp_path / "all.zarr", **given)
    xr.testing.assert_equal(found.sel(model=["a", "b"], image=["one", "two"]).drop_attrs(), expected.drop_attrs())


def test_a_folder_of_degraded_pictures_counts_by_what_it_holds(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "one.png").write_bytes(b"one")

    def setting(folder, **kinds):
        return planning.setting_of(True, {"degradations": {"rain": [(1, folder)], **kinds}})[0]

    first = setting(str(here))
    shutil.copytree(here, there)
    assert setting(str(there)) == setting(there) == first
    (there / "one.png").write_bytes(b"two")
    assert setting(there) != first
    (here / "two.png").write_bytes(b"two")
    assert setting(here) != first
    assert setting(here, blur=lam.images.Blur(1)) != setting(here, blur=lam.images.Blur(2))
