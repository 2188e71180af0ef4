"""Killed at any moment: a file or a store is there, whole, as it was before or as it is now."""

import contextlib
import multiprocessing
import os
import shutil
import time

import numpy as np
import pytest
import torch
import xarray as xr
import zarr

import lam_nb as lam
from lam_nb.images import photographs
from lam_nb.methods.causal import book
from lam_nb.networks.training import learning
from lam_nb.result import files
from tests.conftest import picture, spot
from tests.hardening.generator import toy


def write(path, said):
    """Write until killed, and say what is written; in a process of its own."""
    for k in range(10_000):
        lam.save(xr.Dataset({"attribution": (("y", "x"), np.full((60, 70), float(k)))}), path)
        said.send(k)


def page(path, said):
    """Write pages until killed."""
    views = [lam.views.attribution(spot(4, y).assign_attrs(network=f"net {y}")) for y in (20, 21)]
    for k in range(10_000):
        views[k % 2].to_html(path)
        said.send(k)


def effects(path, said=None):
    """Measure a causal map, writing the store after every batch."""
    book._EVERY = 0
    torch.set_num_threads(1)
    truth = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(1))
    few = {"block": 4, "fine": 6, "coarse": 6, "batch": 4, "threshold": 1e-9}
    few["progress"] = (lambda done, total: said.send(done)) if said else False
    return lam.causal_effect(toy(), picture(20, 26), (16, 20, 6), reference=truth, store=path, **few)


def training(path, said=None):
    """Train a little, saving after every step."""
    torch.set_num_threads(1)
    if said:
        said.send(0)
    tiny = {"options": {"width": 8, "blocks": 1}, "steps": 30, "every": 1, "batch": 1, "patch": 16, "device": "cpu"}
    return learning.train(photographs.folder(), path, **tiny).state_dict()


def killed(work, path, delay, least=0):
    """Return what a writer last said before it was killed, some time after it first said at least so much."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])  # imported once, not at each start
    told, said = processes.Pipe(duplex=False)
    writer = processes.Process(target=work, args=(path, said))
    writer.start()
    said.close()
    last = told.recv()
    while last < least:
        last = told.recv()
    time.sleep(delay)
    writer.kill()
    with contextlib.suppress(EOFError):
        while True:
            last = told.recv()
    writer.join()
    return last


@pytest.mark.parametrize("ending", ["nc", "zarr"])
def test_a_killed_writer_leaves_a_whole_result(ending, tmp_path):
    path, rng = tmp_path / f"map.{ending}", np.random.default_rng(0)
    for _ in range(8):
        last = killed(write, path, float(rng.uniform(0, 0.3)))
        values = lam.open(path).attribution.values
        assert (values == values[0, 0]).all() and values[0, 0] >= last


def test_a_killed_page_is_whole(tmp_path):
    rng = np.random.default_rng(1)
    for _ in range(6):
        killed(page, tmp_path / "table.html", float(rng.uniform(0, 0.2)))
        text = (tmp_path / "table.html").read_text()
        assert text.rstrip().endswith("</html>") and ("net 20" in text) != ("net 21" in text)


@pytest.mark.filterwarnings("ignore")
def test_a_killed_causal_map_goes_on_to_the_same_numbers(tmp_path):
    rng, store_ = np.random.default_rng(2), tmp_path / "effects.zarr"
    alone = effects(tmp_path / "alone.zarr")
    counts = [killed(effects, store_, float(rng.uniform(0, 0.3)), least=1) for _ in range(4)]
    assert min(counts) > 0 and zarr.open_group(str(store_), mode="r").attrs["everything"] > 0
    went_on = effects(store_)
    for name in ("effect", "standard_error", "draws", "stage"):
        np.testing.assert_array_equal(went_on[name], alone[name])


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path):
    rng, out = np.random.default_rng(3), tmp_path / "net.safetensors"
    alone = training(tmp_path / "alone.safetensors")
    for _ in range(4):
        killed(training, out, float(rng.uniform(0.1, 0.6)))
    went_on = training(out)
    assert went_on.keys() == alone.keys() and all(torch.equal(went_on[name], alone[name]) for name in alone)
    assert not list(tmp_path.glob("*.resume"))


def store(path, value):
    return lam.save(xr.Dataset({"attribution": value}), path)


@pytest.mark.parametrize("moment", ["aside", "exchanged"])
def test_each_moment_of_an_exchange_is_recovered(moment, tmp_path, monkeypatch):
    path = tmp_path / "map.zarr"
    store(path, 1.0)
    real = files.Path.rename

    def killed(self, target):
        done = real(self, target)
        if (moment == "aside") == (".before" in str(target)):
            raise SystemExit
        return done

    monkeypatch.setattr(files.Path, "rename", killed)
    monkeypatch.setattr(files.shutil, "rmtree", lambda *_, **__: None)
    with pytest.raises(SystemExit):
        store(path, 2.0)
    monkeypatch.undo()
    assert float(lam.open(path).attribution) == (1.0 if moment == "aside" else 2.0)
    store(path, 3.0)
    assert float(lam.open(path).attribution) == 3.0
    assert not (tmp_path / ".map.zarr.before.lam_nb").exists()


def test_what_killed_processes_left_is_cleaned_when_it_is_old_and_ours(tmp_path):
    old, young, foreign = (tmp_path / name for name in (".map.nc.a1.lam_nb", ".map.nc.b2.lam_nb", ".map.nc.c3"))
    for folder in (old, young, foreign):
        folder.mkdir()
    for folder in (old, foreign):
        os.utime(folder, (time.time() - 2 * 86400,) * 2)
    store(tmp_path / "map.nc", 1.0)
    assert (old.exists(), young.exists(), foreign.exists()) == (False, True, True)
    shutil.rmtree(young)


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store("~/map.nc", 1.0).exists() and float(lam.open("~/map.nc").attribution) == 1.0
    assert (tmp_path / "map.nc").is_file()
