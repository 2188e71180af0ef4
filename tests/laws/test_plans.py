"""Plans: all that is wrong is told at once, and a plan's cells are what each would be alone."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image as Pillow
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, networks, studies

SETTINGS = {"steps": 3, "progress": False}


def double():
    """A factory of networks: ×2."""
    return _enlarging(2, 3)


def quadruple():
    """A factory of networks: ×4."""
    return _enlarging(4, 4)


def broken():
    """A factory that fails."""
    raise RuntimeError("no weights today")


def _enlarging(scale, seed):
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale), nn.Softplus())
    return lam.networks.wrap(layers, scale=scale, name=f"toy x{scale}", check=False)


HERE = "tests.laws.test_plans"
DOUBLE, QUADRUPLE, BROKEN = (f"{HERE}:{one}" for one in ("double", "quadruple", "broken"))


@pytest.fixture
def photographs(tmp_path):
    """Pictures of two sizes in a folder."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name, rows, across in (("bricks", 64, 80), ("facade", 48, 64)):
        values = lam.images.sample(name)[:, :rows, :across].permute(1, 2, 0).numpy() * 255
        Pillow.fromarray(values.round().astype("uint8")).save(folder / f"{name}.png")
    return folder


def plan_of(folder):
    rows = [
        [network, str(folder / f"{name}.png"), y, x, size]
        for network in (DOUBLE, QUADRUPLE)
        for name, y, x, size in (("bricks", 16, 24, 8), ("bricks", 40, 0, 12), ("facade", 8, 32, 16))
    ]
    return pd.DataFrame(rows, columns=["network", "picture", "y", "x", "size"])


def given(plan, kind, path):
    """A plan as a table, or as a CSV; its first row's number as it is told."""
    if kind == "table":
        return plan
    plan.to_csv(path / "plan.csv", index=False)
    return path / "plan.csv"


FAULTS = [
    ({"picture": "nowhere.png"}, r"{word} {row}: .*nowhere.png"),
    ({"y": 60}, r"{word} {row}: .* leaves the output, which is 64 × 80"),
    ({"y": -4}, r"{word} {row}: no window"),
    ({"x": "left"}, r"{word} {row}: no window \(.*left"),
    ({"size": 2.5}, r"{word} {row}: no window \(.*2.5"),
    ({"network": "fsrcnnn"}, r"{word} {row}: .*fsrcnn"),
    ({"network": BROKEN}, r"{word} {row}: .*no weights today"),
    ({"network": f"{HERE}:nothing"}, r"{word} {row}: .*nothing"),
]


@pytest.mark.parametrize("kind", ["table", "csv"])
def test_all_faults_are_told_at_once_with_their_rows(kind, photographs, tmp_path):
    good = plan_of(photographs)
    plan = pd.concat([good, *[good.iloc[:1]] * len(FAULTS), good.iloc[2:3]], ignore_index=True).astype(object)
    for k, (change, _) in enumerate(FAULTS):
        for name, value in change.items():
            plan.loc[len(good) + k, name] = value
    store = tmp_path / "night.zarr"
    with pytest.raises(InputError) as told:
        lam.sweep(plan=given(plan, kind, tmp_path), store=store, allow_code=True, **SETTINGS)
    text, start, word = str(told.value), *((0, "row") if kind == "table" else (2, "line"))
    for k, (_, pattern) in enumerate(FAULTS):
        assert re.search(pattern.format(word=word, row=len(good) + k + start), text), pattern
    assert f"{word} {len(good) + len(FAULTS) + start}: " in text and "twice" in text
    assert f"{len(FAULTS) + 1} faults, nothing was computed" in text and not store.exists()


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        ({"networkk": "network"}, r"unknown column networkk and no column network; expected network, .*did you mean"),
        ({"picture_file": "picture"}, r"unknown column picture_file and no column picture"),
        ({"alpha": None}, r"unknown column alpha; expected"),
    ],
)
def test_columns_that_nobody_knows_are_told_with_a_hint(renamed, message, photographs, tmp_path):
    plan = plan_of(photographs)
    for new, old in renamed.items():
        plan = plan.assign(**{new: 1}) if old is None else plan.rename(columns={old: new})
    with pytest.raises(InputError, match=message):
        lam.sweep(plan=plan, store=tmp_path / "a.zarr", **SETTINGS)


def test_code_in_a_file_is_not_run_unless_allowed(photographs, tmp_path):
    path = given(plan_of(photographs), "csv", tmp_path)
    with pytest.raises(InputError) as told:
        lam.sweep(plan=path, store=tmp_path / "a.zarr", **SETTINGS)
    assert "lines 2, 3, 4: " in str(told.value) and "lines 5, 6, 7: " in str(told.value)
    assert "allow_code=True" in str(told.value) and not (tmp_path / "a.zarr").exists()
    table = lam.sweep(plan=path, store=tmp_path / "a.zarr", allow_code=True, **SETTINGS)
    assert bool((table.done == 1).all())


@pytest.mark.parametrize("text", ["", "network,picture,y,x\n", "\x00\x01", None])
def test_files_that_are_no_plan(text, tmp_path):
    path = tmp_path / "plan.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match="plan: "):
        lam.sweep(plan=path, store=tmp_path / "a.zarr", **SETTINGS)


@pytest.mark.parametrize("kind", ["table", "csv"])
def test_sizes_and_scales_may_be_mixed_and_each_cell_is_what_it_is_alone(kind, photographs, tmp_path):
    plan = plan_of(photographs)
    table = lam.sweep(plan=given(plan, kind, tmp_path), store=tmp_path / "a.zarr", allow_code=True, **SETTINGS)
    assert table.sizes["cell"] == len(plan) and bool((table.done == 1).all())
    assert "attribution" not in table and bool((table.diffusion_index_common <= table.diffusion_index).all())
    for k, row in plan.iterrows():
        net, truth = networks.factories.named(row.network), lam.images.load(row.picture)
        low, window = lam.images.downscale(truth, net.scale), Region(row.y, row.x, row["size"])
        alone = lam.attribute(net, low, window, reference=truth, **SETTINGS)
        cell = table.isel(cell=k)
        assert (str(cell.network.values), str(cell.picture.values)) == (row.network, row.picture)
        assert float(cell.diffusion_index) == pytest.approx(float(alone.lam.diffusion_index()), rel=1e-5)
        assert float(cell.psnr) == pytest.approx(float(alone.psnr), rel=1e-5)
        assert float(cell.psnr_window) == pytest.approx(float(alone.psnr_window), rel=1e-5)


def test_cells_of_one_size_keep_their_maps(photographs, tmp_path):
    plan = plan_of(photographs).iloc[:2]
    table = lam.sweep(plan=plan, store=tmp_path / "a.zarr", **SETTINGS)
    net, truth = double(), lam.images.load(photographs / "bricks.png")
    for k, (_, row) in enumerate(plan.iterrows()):
        alone = lam.attribute(net, lam.images.downscale(truth, 2), Region(row.y, row.x, row["size"]), **SETTINGS)
        np.testing.assert_allclose(table.attribution[..., k, :, :].squeeze(), alone.lam.signed(), atol=1e-6)


def test_a_plan_that_grows_computes_what_is_new(photographs, tmp_path):
    plan, seen = plan_of(photographs), []
    lam.sweep(plan=plan.iloc[:3], store=tmp_path / "a.zarr", **SETTINGS)
    settings = SETTINGS | {"progress": lambda done, total: seen.append((done, total))}
    lam.sweep(plan=plan, store=tmp_path / "a.zarr", **settings)
    assert (3, 6) in seen[:2] and seen[-1] == (6, 6)


@pytest.mark.parametrize("pattern", ["{}", "{}/*.png"])
def test_hard_windows_are_planned_for_each_picture(pattern, photographs):
    plan = studies.plan(["fsrcnn", "residual"], pattern.format(photographs), windows=2)
    assert plan.columns.tolist() == ["network", "picture", "y", "x", "height", "width"]
    assert len(plan) == 2 * 2 * 2 and set(plan.height) == set(plan.width) == {16}
    for picture, rows in plan.groupby("picture"):
        own = {name: set(zip(one.y, one.x, strict=True)) for name, one in rows.groupby("network")}
        assert own["fsrcnn"] == own["residual"] and len(own["fsrcnn"]) == 2
        truth = lam.images.load(picture)
        nets = [lam.networks.load(one) for one in ("fsrcnn", "residual")]
        assert own["fsrcnn"] == {(one.y, one.x) for one in studies.hard_regions(truth, nets, n=2, size=16)}


def test_a_plan_from_a_folder_runs_and_may_be_filtered(photographs, tmp_path):
    plan = studies.plan(["fsrcnn", "residual"], photographs, windows=2)
    kept = plan[plan.picture.str.contains("bricks")]
    table = lam.sweep(plan=kept, store=tmp_path / "a.zarr", **SETTINGS)
    assert dict(table.attribution.sizes) == {"model": 2, "image": 1, "region": 2, "y": 16, "x": 20}


@pytest.mark.parametrize("images", ["nowhere", "nowhere/*.png"])
def test_where_no_picture_is_it_is_said(images, tmp_path):
    with pytest.raises(InputError, match=r"images: no picture is .*nowhere"):
        studies.plan(["fsrcnn"], str(tmp_path / images))


def test_a_plan_and_a_grid_exclude_each_other(photographs, tmp_path):
    with pytest.raises(InputError, match="plan: got a plan and networks"):
        lam.sweep(["fsrcnn"], plan=plan_of(photographs), store=tmp_path / "a.zarr")
