"""Sweeps from the command line, how far they are, and stores of the version before."""

import json
import pathlib
import re
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

import lam_nb as lam
from lam_nb import InputError, Region, cli
from lam_nb.cli import watching
from lam_nb.result.ledger import Claims, Ledger
from lam_nb.studies import reporting
from lam_nb.studies.cells import claim_of

OLD = pathlib.Path(__file__).parent / "fixtures" / "store-1" / "store.zip"
WINDOWS = [Region(24, 32, 16), Region(8, 8, height=8, width=12)]
STEPS = ["--steps", "4"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name, y in (("one", 0), ("two", 64)):
        picture = lam.images.crop(lam.images.sample("bricks"), y, 48, 64, 80)
        lam.images.to_pillow(picture).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path


def _plan(path, *rows):
    pd.DataFrame(rows, columns=["network", "picture", "y", "x", "size"]).to_csv(path, index=False)
    return str(path)


def test_a_plan_is_made_swept_told_and_gone_on_with(folder, capsys):
    asked = ["sweep", "--networks", "fsrcnn,residual", "--images", "photos", "--windows", "1", "--store", "night.zarr"]
    assert cli.main([*asked, *STEPS]) == 0
    told = capsys.readouterr()
    assert "night.csv, 4 windows" in told.out and "4 of 4 done, 0 failed, 0 missing" in told.out
    assert "lam-nb report night.zarr --html night.html" in told.out
    before = lam.open("night.zarr").load()
    assert cli.main(["sweep", "night.csv", "--store", "night.zarr", *STEPS]) == 0
    np.testing.assert_array_equal(lam.open("night.zarr").diffusion_index, before.diffusion_index)
    assert cli.main([*asked[:-4], "--windows", "2", "--store", "night.zarr", *STEPS]) == 2
    assert "night.csv holds another plan" in capsys.readouterr().err
    capsys.readouterr()
    assert cli.main(["status", "night.zarr", "--json"]) == 0
    assert {row["missing"] for row in json.loads(capsys.readouterr().out)} == {0}
    assert cli.main(["status", "night.zarr", "--follow"]) == 0
    told = capsys.readouterr().out
    assert "residual      2     2       0        0        0        0   0 s" in told and "sweeps at work    none" in told


def test_what_fails_is_counted_and_the_code_says_so(folder, capsys):
    lam.images.to_pillow(lam.images.sample("bricks")).save("photos/whole.jpg", quality=95)
    pathlib.Path("photos/broken.jpg").write_bytes(pathlib.Path("photos/whole.jpg").read_bytes()[:9000])
    plan = _plan("plan.csv", ["fsrcnn", "photos/one.png", 8, 8, 16], ["fsrcnn", "photos/broken.jpg", 8, 8, 16])
    assert cli.main(["sweep", plan, "--store", "night.zarr", *STEPS]) == 1
    told = capsys.readouterr()
    assert "1 failed" in told.err  # beside the bar
    assert (
        "1 of 2 done, 1 failed, 0 missing" in told.out
        and "failed            fsrcnn on photos/broken.jpg: InputError: " in told.out
    )
    found = lam.studies.status("night.zarr")
    assert found[["asked", "done", "failed", "missing"]].values.tolist() == [[2, 1, 1, 0]]
    assert "Error" in found.first_failure[0] and found.mean_seconds[0] > 0
    only = _plan("only.csv", ["fsrcnn", "photos/broken.jpg", 8, 8, 16])
    assert cli.main(["sweep", only, "--store", "other.zarr", *STEPS]) == 1
    assert "all 1 pairs of network and image failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["none.csv"], "plan: none.csv is no table"),
        ([], "expected a plan such as plan.csv, or --networks"),
        (["plan.csv", "--networks", "fsrcnn"], "got a plan and --networks"),
        (["plan.csv", "--workers", "0"], "--workers: got 0"),
        (["plan.csv", "--workers", "2", "--scheduler", "tcp://a:1"], "give one or the other"),
        (["plan.csv", "--resources", "GPU"], "--resources: got 'GPU', expected NAME=VALUE"),
        (["plan.csv", "--resources", "GPU=many"], "expected a number, such as GPU=1"),
        (["plan.csv", "--set", "stepps=4"], "stepps"),
        (["--networks", "fsrcnn", "--images", "none"], "images: no picture is 'none'"),
    ],
)
def test_bad_input_is_told_and_nothing_is_left(more, message, folder, capsys):
    _plan("plan.csv", ["fsrcnn", "photos/one.png", 8, 8, 16])
    assert cli.main(["sweep", *more, "--store", "night.zarr"]) == 2
    assert message in capsys.readouterr().err
    assert not pathlib.Path("night.zarr").exists()


def test_a_missing_extra_is_told(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    plan = _plan("plan.csv", ["fsrcnn", "photos/one.png", 8, 8, 16])
    assert cli.main(["sweep", plan, "--store", "night.zarr", "--workers", "2"]) == 2
    assert 'pip install "lam-nb[sweep]"' in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_workers_and_a_scheduler_compute_the_same(folder, capsys):
    distributed = pytest.importorskip("distributed")
    plan = _plan(
        "plan.csv", *([net, f"photos/{one}.png", 8, 8, 16] for net in ("fsrcnn", "residual") for one in ("one", "two"))
    )
    assert cli.main(["sweep", plan, "--store", "alone.zarr", *STEPS]) == 0
    assert cli.main(["sweep", plan, "--store", "workers.zarr", "--workers", "1", *STEPS]) == 0
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert cli.main(["sweep", plan, "--store", "scheduler.zarr", "--scheduler", address, *STEPS]) == 0
    for name in ("workers.zarr", "scheduler.zarr"):
        np.testing.assert_allclose(lam.open(name).diffusion_index, lam.open("alone.zarr").diffusion_index, rtol=1e-3)


_PROGRAM = """
import sys, time, torch, lam_nb as lam
torch.set_num_threads(1)
def slow(done, total):
    print(done, flush=True)
    time.sleep(0.5)
pictures = [f"photos/{name}.png" for name in ("one", "two")]
lam.sweep(["fsrcnn", "residual"], pictures, [lam.Region(8, 8)], store="night.zarr", steps=4, progress=slow)
"""


def test_a_sweep_of_another_process_is_watched(folder, capsys):
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, text=True) as sweeping:
        assert [int(sweeping.stdout.readline()) for _ in range(3)] == [0, 0, 1]
        found = lam.studies.status("night.zarr")
        assert found.attrs["sweeps"] == 1 and found.done.sum() <= 1 < found.missing.sum() and found.asked.sum() == 4
        assert cli.main(["status", "night.zarr", "--follow"]) == 0  # until it is done
        sweeping.wait(60)
    told = capsys.readouterr().out
    assert "sweeps at work    1, " in told and "4 of 4 done" in told
    after = lam.studies.status("night.zarr")
    assert after.attrs["sweeps"] == 0 and after.done.sum() == 4 and after.seconds_left.sum() == 0


def test_whoever_looks_on_may_stop(folder, capsys, monkeypatch):
    plan = _plan("plan.csv", ["fsrcnn", "photos/one.png", 8, 8, 16])
    cli.main(["sweep", plan, "--store", "night.zarr", *STEPS])
    ledger = Ledger("night.zarr")
    more = ledger.asked().assign(cell=1, region_y=20)
    ledger.ask(more)

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(watching.time, "sleep", interrupted)
    assert cli.main(["status", "night.zarr", "--follow"]) == 0
    assert "1 of 2 done, 0 failed, 1 missing" in capsys.readouterr().out


def test_status_counts_each_setting_and_sees_who_is_at_work(relu_network, image, tmp_path):
    store, kept = tmp_path / "all.zarr", {"progress": False, "as_truth": False}
    for steps in (4, 5):
        lam.sweep([relu_network], {"a": image}, [Region(16, 20, 6)], store=store, steps=steps, **kept)
    found = lam.studies.status(store)
    assert found.setting.tolist() == ["steps 4, of inputs", "steps 5, of inputs"] and found.done.tolist() == [1, 1]
    ledger = Ledger(store)
    row = ledger.asked().iloc[:1]
    ledger.ask(row.assign(cell=[1], region_y=[2]))
    claims = Claims(ledger.place, "b")
    claims.take(claim_of(*(row[name].iloc[0] for name in ("network_id", "picture_id", "setting_id"))))
    claims.take("run-b")
    found = lam.studies.status(store)
    claims.release()
    assert found.at_work.tolist() == [1, 0] and found.missing.tolist() == [1, 0] and found.attrs["sweeps"] == 1
    assert lam.studies.status(store).at_work.tolist() == [0, 0]


def test_what_was_only_asked_has_a_status(tmp_path):
    ledger = Ledger(tmp_path / "all.zarr")
    with pytest.raises(InputError, match="there is no sweep"):
        lam.studies.status(tmp_path / "all.zarr")
    ledger.begin("sweep", {})
    sides = {"region_y": [0], "region_x": [0], "region_height": [4], "region_width": [4]}
    told = {name: ["a"] for name in ("network", "picture", "setting", "network_id", "picture_id", "setting_id")}
    ledger.ask(pd.DataFrame({"cell": [1], **told, **sides}))
    found = lam.studies.status(tmp_path / "all.zarr")
    assert found.missing.tolist() == [1] and np.isnan(found.seconds_left[0])
    assert "unknown left" in watching.table(found)


def test_one_page_tells_of_a_sweep(folder, capsys):
    lam.images.to_pillow(lam.images.sample("bricks")).save("photos/whole.jpg", quality=95)
    pathlib.Path("photos/broken.jpg").write_bytes(pathlib.Path("photos/whole.jpg").read_bytes()[:9000])
    nets, pictures = ("fsrcnn", "residual", "rfdn-small", "dncnn-small"), ("one.png", "two.png", "broken.jpg")
    rows = [[net, f"photos/{one}", y, 8, 16] for net in nets for one in pictures for y in (8, 40)]
    plan = _plan("plan.csv", *rows)
    assert cli.main(["sweep", plan, "--store", "night.zarr", *STEPS]) == 1
    shorter = _plan("plan3.csv", *(row for row in rows if "broken" not in row[1] and row[2] == 8))
    assert cli.main(["sweep", shorter, "--store", "night.zarr", "--steps", "3"]) == 0
    pathlib.Path("photos/two.png").unlink()
    capsys.readouterr()
    assert cli.main(["report", "night.zarr", "--html", "page.html"]) == 0
    assert "24 of 32 done, 8 failed" in capsys.readouterr().out
    page = pathlib.Path("page.html").read_text()
    for words in (
        "24 of 32 windows are done: 3 networks of scale 4 on 2 pictures",
        "for other networks as well",
        "Not compared, being of another scale: dncnn-small.",
        "The widest looks",
        "The narrowest looks",
        "The hardest windows",
        "8 windows failed",
        "InputError: image: ",
        "<td class='number'>×4</td>",
        "the picture is not where it was",
        'alt="Attribution map of rfdn-small for the window y=',
        "one.png, y=8",
    ):
        assert words in page, words
    assert "Settings: steps 3" not in page and "nan" not in re.sub(
        r"<script.*?</script>|base64,[\w+/=]+", "", page, flags=re.S
    )
    assert cli.main(["report", "night.zarr", "--html", "page.html", "--by", "setting"]) == 0
    assert "Settings: steps 3" in pathlib.Path("page.html").read_text()
    assert cli.main(["report", "night.zarr", "--html", "page.txt"]) == 2


def test_maps_of_a_report_are_read_one_by_one_and_those_that_are_shown(folder, monkeypatch):
    lam.sweep(
        ["fsrcnn", "residual"], "photos", [Region(8, 8), Region(40, 40)], store="night.zarr", steps=4, progress=False
    )
    report, read = reporting.Report("night.zarr"), []
    arrays = Ledger.arrays
    monkeypatch.setattr(Ledger, "arrays", lambda self, row: read.append(row["cell"]) or arrays(self, row))
    widest = list(report.extremes(1))
    assert len(read) == 1 and widest[0].row["cell"] == read[0]
    index = lam.open("night.zarr").diffusion_index
    assert widest[0].row["diffusion_index"] == float(index.max())
    assert next(report.extremes(1, narrow=True)).row["diffusion_index"] == float(index.min())
    found = lam.open("night.zarr").attribution.stack(cell=("model", "image", "region"))
    at = int(index.values.argmax())
    np.testing.assert_array_equal(widest[0].values, found.isel(cell=at).values)
    assert [one.row["picture"] for one in report.hardest(9)] == ["one", "two"]


def test_a_report_of_nothing_is_refused(folder, capsys):
    assert cli.main(["report", "none.zarr", "--html", "page.html"]) == 2
    assert "there is no sweep" in capsys.readouterr().err
    Ledger("night.zarr").begin("sweep", {})
    assert cli.main(["report", "night.zarr", "--html", "page.html"]) == 2
    assert "is done yet" in capsys.readouterr().err


@pytest.fixture
def old(tmp_path):
    with zipfile.ZipFile(OLD) as packed:
        packed.extractall(tmp_path)
    return tmp_path / "sweep.zarr"


def _pictures():
    truth = lam.images.crop(lam.images.sample("bricks"), 64, 48, 64, 80)
    return {"a": truth, "b": truth.flip(-1)}


def test_a_store_of_version_1_opens_and_is_not_written_to(old):
    assert lam.open(old).done.values.tolist() == [[1, 1], [1, 0]]
    with pytest.raises(InputError, match=r"lam-nb migrate OLD\.zarr NEW\.zarr"):
        lam.sweep(["fsrcnn"], _pictures(), WINDOWS, store=old, steps=4, progress=False)
    with pytest.raises(InputError, match="lam-nb migrate"):
        lam.studies.status(old)


def test_a_store_of_version_1_becomes_one_that_goes_on(old, tmp_path, capsys):
    new = tmp_path / "new.zarr"
    assert cli.main(["migrate", str(old), str(new)]) == 0
    assert "3 of 4 done" in capsys.readouterr().out
    before, after = lam.open(old), lam.open(new)
    for name in ("diffusion_index", "diffusion_index_error", "quadrature_error", "completeness_gap", "psnr"):
        np.testing.assert_array_equal(after[name], before[name])
    np.testing.assert_array_equal(after.attribution, before.attribution)
    assert after.model.values.tolist() == before.model.values.tolist()
    seen = []
    settings = {"store": new, "steps": 4, "detector": "intensity"}
    table = lam.sweep(
        ["fsrcnn", "residual"], _pictures(), WINDOWS, progress=lambda *told: seen.append(told), **settings
    )
    assert seen == [(0, 8), (6, 8), (8, 8)] and bool(table.done.all())
    np.testing.assert_array_equal(table.attribution[0], before.attribution[0])
    lam.studies.migrate(old, new)  # again, which adds nothing
    assert len(Ledger(new).rows()) == 8
    assert cli.main(["migrate", str(new), str(tmp_path / "other.zarr")]) == 2
    assert "is of version 2 already" in capsys.readouterr().err


def test_failures_of_version_1_are_kept_and_odd_settings_told(old, tmp_path):
    import zarr

    group = zarr.open_group(str(old), mode="r+")
    group["failure"][1, 1] = "Traceback …\nRuntimeError: too dark"
    plan = json.loads(group.attrs["plan"])
    group.attrs["plan"] = json.dumps(
        plan | {"as_truth": False, "settings": {"path": "function code 64", "batch": "None"}}
    )
    found = lam.studies.migrate(old, tmp_path / "new.zarr")
    assert "too dark" in str(found.failure.values[1, 1])
    rows = Ledger(tmp_path / "new.zarr").rows()
    assert rows.setting[0].startswith("path own ") and rows.setting[0].endswith("of inputs")


def test_numbers_of_0_1_0_are_kept_and_answer_nothing(tmp_path):
    with zipfile.ZipFile(OLD.parents[1] / "0.1.0" / "stores.zip") as packed:
        packed.extractall(tmp_path)
    found = lam.studies.migrate(tmp_path / "sweep.zarr", tmp_path / "new.zarr")
    np.testing.assert_array_equal(found.diffusion_index, lam.open(tmp_path / "sweep.zarr").diffusion_index)
    assert "version 0.1" in Ledger(tmp_path / "new.zarr").rows().setting[0]
    table = lam.sweep(
        ["fsrcnn"], {"a": _pictures()["a"]}, [Region(24, 32, 16)], store=tmp_path / "new.zarr", steps=4, progress=False
    )
    assert len(Ledger(tmp_path / "new.zarr").rows()) == 7 and bool(table.done.all())
