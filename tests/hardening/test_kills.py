"""Killed at any moment: a file or a store is there, whole, as it was before or as it is now."""

import contextlib
import multiprocessing
import os
import shutil
import time

import numpy as np
import pytest
import xarray as xr

import lam_nb as lam
from lam_nb.result import files


def write(path, said):
    """Write until killed, and say what is written; in a process of its own."""
    for k in range(10_000):
        lam.save(xr.Dataset({"attribution": (("y", "x"), np.full((60, 70), float(k)))}), path)
        said.send(k)


@pytest.mark.parametrize("ending", ["nc", "zarr"])
def test_a_killed_writer_leaves_a_whole_result(ending, tmp_path):
    path = tmp_path / f"map.{ending}"
    rng, processes = np.random.default_rng(0), multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])  # imported once, not at each start
    for _ in range(8):
        told, said = processes.Pipe(duplex=False)
        writer = processes.Process(target=write, args=(path, said))
        writer.start()
        said.close()
        last = told.recv()
        time.sleep(float(rng.uniform(0, 0.3)))
        writer.kill()
        with contextlib.suppress(EOFError):
            while True:
                last = told.recv()
        writer.join()
        values = lam.open(path).attribution.values
        assert (values == values[0, 0]).all() and values[0, 0] >= last


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
