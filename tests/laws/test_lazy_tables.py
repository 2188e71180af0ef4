"""Studies of a sweep's table read numbers, and no map that they do not need."""

import numpy as np
import pytest
import xarray as xr

import lam_nb as lam
from lam_nb import InputError, statistics, studies
from lam_nb.result.ledger import Ledger, cell_of, columns, window_of
from lam_nb.result.ledger.assembly import Stacked
from lam_nb.studies.verbs import ATTRIBUTION
from lam_nb.types import Region

NETS, PICTURES, WINDOWS = 5, 30, 2
INDEX = np.add.outer(np.arange(1.0, NETS + 1), np.linspace(0, 0.5, PICTURES))
SIZES = {f"net {k}": (8 * (k + 1), 4) for k in range(NETS)}


def rows(settings=("defaults",), own_windows=False, sizes=((16, 16),), skip=()):
    """Rows as a sweep writes them, with known numbers."""
    found = []
    for setting in settings:
        for net, picture, k in np.ndindex(NETS, PICTURES, WINDOWS):
            if (net, picture) in skip:
                continue
            window = Region(k + (picture if own_windows else 0), 0, 4)
            identities = f"net {net}", f"picture {picture}", setting
            size = sizes[picture % len(sizes)]
            found.append(
                {
                    columns.CELL: cell_of(*identities, window_of(window)),
                    **dict(zip((columns.NETWORK, columns.PICTURE, columns.SETTING), identities, strict=True)),
                    **dict(zip(columns.IDENTITIES, identities, strict=True)),
                    **dict(zip(columns.WINDOW, window_of(window), strict=True)),
                    columns.ROWS: size[0],
                    columns.COLUMNS: size[1],
                    "diffusion_index": INDEX[net, picture] * (16 * 16) / (size[0] * size[1]),
                    "psnr": 20 + 2 * np.log(INDEX[net, picture]),
                }
            )
    return found


def store(path, **how):
    """A store of some hundred maps in three segments."""
    ledger, every = Ledger(path), rows(**how)
    ledger.begin("sweep", ATTRIBUTION.words)
    for k in range(3):
        part = every[k::3]
        maps = [{"attribution": np.full((one[columns.ROWS], one[columns.COLUMNS]), 1.0, "float32")} for one in part]
        ledger.write(f"segment-{k}", part, maps)
    return lam.open(path)


@pytest.fixture
def read(monkeypatch):
    """How many maps are read."""
    counts, real = [], Stacked._parts

    def parts(self, at):
        counts.append(at.size)
        return real(self, at)

    monkeypatch.setattr(Stacked, "_parts", parts)
    return counts


STUDIES = {
    "di_against_psnr": lambda table: studies.di_against_psnr(table, draws=20),
    "di_against": lambda table: studies.di_against(table, dict.fromkeys(SIZES, 1.0) | {"net 0": 2.0}, "field"),
    "di_against_size": lambda table: studies.di_against_size(table, SIZES, draws=20),
    "content": studies.content,
    "summary": statistics.summary,
}


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("own_windows", [False, True])
def test_no_study_reads_a_map(name, own_windows, tmp_path, read):
    table = store(tmp_path / "a.zarr", own_windows=own_windows)
    assert table.attribution.size == NETS * PICTURES * WINDOWS * 16 * 16
    STUDIES[name](table)
    assert read == []


def test_what_is_looked_at_is_read_and_nothing_else(tmp_path, read):
    table = store(tmp_path / "a.zarr")
    assert table.attribution.isel(model=2, image=3, region=1, y=slice(4)).values.shape == (4, 16)
    assert read == [1]


def test_dask_reads_piece_by_piece(tmp_path, read):
    table = store(tmp_path / "a.zarr")
    total = abs(table.attribution.chunk({"model": 1, "image": 10})).sum(("y", "x")).compute()
    assert float(total.min()) == float(total.max()) == 256 and max(read) == 10 * WINDOWS


@pytest.mark.parametrize("name", ["di_against_psnr", "di_against_size", "content"])
def test_windows_of_their_own_change_nothing_where_numbers_are_the_same(name, tmp_path):
    grid, flat = (store(tmp_path / f"{own}.zarr", own_windows=own) for own in (False, True))
    assert flat.attribution.dims == ("cell", "y", "x")
    xr.testing.assert_allclose(STUDIES[name](grid).drop_attrs(), STUDIES[name](flat).drop_attrs())


def test_mixed_sizes_are_compared_on_one_canvas(tmp_path):
    for own in (False, True):
        table = store(tmp_path / f"{own}.zarr", own_windows=own, sizes=((16, 16), (32, 16)))
        study = studies.di_against_psnr(table, draws=20)
        np.testing.assert_allclose(study.diffusion_index, INDEX.mean(1) / 2)
        assert float(study.pearson) == pytest.approx(1, abs=1e-4)


def test_pictures_that_some_networks_have_not_seen_do_not_count(tmp_path):
    skip = [(0, k) for k in range(10)]
    study = studies.di_against_psnr(store(tmp_path / "a.zarr", own_windows=True, skip=skip), draws=20)
    np.testing.assert_allclose(study.diffusion_index, INDEX[:, 10:].mean(1))
    with pytest.raises(InputError, match="no picture was seen by all networks"):
        nobody = [(k % NETS, k) for k in range(PICTURES)]
        studies.di_against_psnr(store(tmp_path / "b.zarr", own_windows=True, skip=nobody))


@pytest.mark.parametrize("name", ["di_against_psnr", "di_against", "di_against_size", "content"])
@pytest.mark.parametrize(
    ("own_windows", "how"), [(False, r"table.sel\(setting='steps 4'\)"), (True, r"table.isel\(cell=table.setting == ")]
)
def test_several_settings_are_refused_and_how_to_select_is_said(name, own_windows, how, tmp_path):
    table = store(tmp_path / "a.zarr", settings=("steps 4", "steps 5"), own_windows=own_windows)
    with pytest.raises(InputError, match=rf"holds 2 settings \(steps 4, steps 5\); select one: {how}"):
        STUDIES[name](table)
    one = table.isel(cell=table.setting == "steps 4") if own_windows else table.sel(setting="steps 4")
    assert STUDIES[name](one) is not None


def test_the_summary_has_a_row_for_every_window(tmp_path):
    for own in (False, True):
        for settings in (("defaults",), ("steps 4", "steps 5")):
            path = tmp_path / f"{own}{len(settings)}.zarr"
            found = statistics.summary(store(path, own_windows=own, settings=settings))
            assert len(found) == NETS * PICTURES * WINDOWS * len(settings)
            assert ("setting" in found.index.names) == (len(settings) > 1)
            assert found.diffusion_index.notna().all() and len(found.printed) == len(found)
