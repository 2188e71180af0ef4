"""A cell is there when all its numbers are, and not before; what failed says where."""

import numpy as np
import pytest
import torch
import xarray as xr
import zarr
from torch import nn

import lam_nb as lam
from lam_nb import Region, networks

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


class Counted:
    """Writes of arrays, of which the one with a number is interrupted."""

    def __init__(self, monkeypatch, last=None):
        self.names, self.last, self.real = [], last, zarr.Array.__setitem__
        monkeypatch.setattr(zarr.Array, "__setitem__", lambda array, *given: self.write(array, *given))

    def write(self, array, *given):
        self.names.append(array.basename)
        if len(self.names) - 1 == self.last:
            raise KeyboardInterrupt
        return self.real(array, *given)


def test_a_cell_is_done_only_when_all_its_numbers_are_written(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        counted = Counted(patch)
        expected = asked(tmp_path / "whole.zarr")
    first, last = (k for k, name in enumerate(counted.names) if name == "done")
    assert last == len(counted.names) - 1 and set(NUMBERS) < set(counted.names[first:])
    for k in range(first + 1, last + 1):
        store = tmp_path / f"{k}.zarr"
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            Counted(patch, last=k)
            asked(store)
        before = lam.open(store)
        assert before.done.values.tolist() == [[1, 0]]
        for name in NUMBERS:
            kept = before[name].where(before.done == 1).isel(image=0)
            assert bool(kept.notnull().all()), name
        after = asked(store)
        xr.testing.assert_allclose(after.drop_attrs(), expected.drop_attrs())


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
