"""A cell is there when all its numbers are, and not before; what failed says where."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import Region, networks
from lam_nb.result.ledger import Ledger, Place, compaction
from lam_nb.studies import cells

REGIONS = [Region(16, 20, 6), Region(0, 3, 8)]
NUMBERS = ("diffusion_index", "quadrature_error", "detector_end", "attribution")


def net(function=None, name="toy"):
    torch.manual_seed(7)
    layers = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.PixelShuffle(2))
    return networks.wrap(function or layers, scale=2, name=name, check=False)


def pictures():
    y, x = np.mgrid[:40, :52]
    wave = np.stack([0.5 + 0.3 * np.sin(0.4 * x + k) * np.cos(0.3 * y) for k in range(3)]).astype(np.float32)
    return {"one": torch.from_numpy(wave), "two": torch.from_numpy(wave[..., ::-1].copy())}


def asked(store, nets=None):
    return lam.sweep(nets or [net()], pictures(), REGIONS, store=store, steps=3, progress=False)


class Written:
    """Files that a ledger writes, of which the one with a number is interrupted, half-way or before."""

    def __init__(self, monkeypatch, last=None, half=False):
        self.names, self.last, self.half = [], last, half
        self.real = Place.write
        monkeypatch.setattr(Place, "write", lambda place, *given: self.write(place, *given))

    def write(self, place, name, contents):
        self.names.append(name)
        if len(self.names) - 1 == self.last:
            raise KeyboardInterrupt
        return self.real(place, name, contents)


def test_a_cell_is_there_when_its_table_is_and_not_before(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "pause", lambda run: 0.0)  # every pair is written at once
    with monkeypatch.context() as patch:
        written = Written(patch)
        expected = asked(tmp_path / "whole.zarr").load()
    tables = [k for k, name in enumerate(written.names) if name.startswith("rows/")]
    assert len(tables) == 3  # two pairs, and what they became
    for k in range(len(written.names)):
        store = tmp_path / f"{k}.zarr"
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            Written(patch, last=k)
            asked(store)
        there = sum(table < k for table in tables[:2]) + (k in tables[:2])  # the end tries once more
        if store.exists() and (store / "plans").exists():
            before = lam.open(store)
            assert int(before.done.sum()) == there, written.names[k]
            for name in NUMBERS:
                kept = before[name].where(before.done == 1)
                assert int(kept.isel(region=0).notnull().any([d for d in kept.dims if d in "yx"]).sum()) == there, name
        after = asked(store)
        xr.testing.assert_equal(after.drop_attrs(), expected.drop_attrs())


def test_what_was_merged_meanwhile_is_still_read(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "pause", lambda run: 0.0)
    monkeypatch.setattr(compaction, "due", lambda known, last: [])
    early = asked(tmp_path / "all.zarr")
    assert len(Ledger(tmp_path / "all.zarr").segments()) == 2
    monkeypatch.undo()
    assert Ledger(tmp_path / "all.zarr").compact(last=True) == 1
    xr.testing.assert_equal(early.load(), lam.open(tmp_path / "all.zarr").load())


def fragile(batch):
    if float(batch.detach().mean()) > 0.9:
        raise ValueError("too bright for me")
    return nn.functional.interpolate(batch, scale_factor=2)


def test_what_failed_says_where_until_it_is_mended(tmp_path):
    given = {"dark": pictures()["one"], "bright": torch.full((3, 40, 52), 0.95)}
    run = {"store": tmp_path / "all.zarr", "steps": 3, "progress": False}
    with pytest.warns(RuntimeWarning, match="1 of 2 pairs failed"):
        table = lam.sweep([net(fragile, "fragile")], given, REGIONS, **run)
    failure = table.failure.sel(model="fragile")
    assert str(failure.sel(image="dark").item()) == ""
    assert "in fragile" in failure.sel(image="bright").item()
    assert "ValueError: too bright for me" in failure.sel(image="bright").item()


def test_equal_names_are_numbered_and_kept_apart(tmp_path):
    table = asked(
        tmp_path / "all.zarr", [net(), net(lambda batch: batch.repeat_interleave(2, 2).repeat_interleave(2, 3))]
    )
    assert table["model"].values.tolist() == ["toy (1)", "toy (2)"]
    assert float(abs(table.psnr[0] - table.psnr[1]).min()) > 0.01
