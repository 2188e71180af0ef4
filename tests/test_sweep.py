"""Sweeps lose nothing: killed, interrupted, with workers that die, with pairs that fail."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import types

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import InputError, Region, networks
from lam_nb.identity import fingerprint
from lam_nb.result.ledger import Ledger, compaction
from lam_nb.studies import cells, executors, grid, planning

REGIONS = [Region(16, 20, 6), Region(0, 3, 8)]
SETTINGS = {"steps": 4, "progress": False}


@pytest.fixture
def pictures(image):
    truth = torch.nn.functional.interpolate(image[None], scale_factor=2, mode="bicubic")[0].clamp(0, 1)
    return {"one": truth, "two": truth.flip(-1)}


@pytest.fixture
def pair(relu_network, linear_network):
    return [relu_network, linear_network]


def test_every_cell_is_what_it_would_be_alone(pair, pictures, tmp_path):
    table = lam.sweep(pair, pictures, REGIONS, store=tmp_path / "all.zarr", **SETTINGS)
    assert bool((table.done == 1).all())
    for m, network in enumerate(pair):
        for i, truth in enumerate(pictures.values()):
            lr = lam.images.downscale(truth, 2)
            one = lam.attribute(network, lr, REGIONS[1], **SETTINGS)
            cell = table.isel(model=m, image=i, region=1)
            np.testing.assert_allclose(cell.attribution, one.lam.signed(), atol=1e-6)
            assert float(cell.diffusion_index) == pytest.approx(float(one.lam.diffusion_index()), rel=1e-5)
            error = np.mean((one.output.values.clip(0, 1) - truth.numpy()) ** 2)
            assert float(cell.psnr) == pytest.approx(-10 * np.log10(error), rel=1e-4)


def test_what_is_there_is_not_computed_again(pair, pictures, tmp_path):
    store = tmp_path / "all.zarr"
    seen = []

    def stop(done, total):
        seen.append(done)
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lam.sweep(pair, pictures, REGIONS, store=store, **SETTINGS | {"progress": stop})
    assert seen == [0, 0, 2, 4, 6] and int(lam.open(store).done.sum()) == 3
    calls = []
    hook = pair[1].module.register_forward_pre_hook(lambda *_: calls.append(1))
    table = lam.sweep(pair, pictures, REGIONS, store=store, **SETTINGS)
    first = len(calls)
    again = lam.sweep(pair, pictures, REGIONS, store=store, **SETTINGS)
    hook.remove()
    assert first > 0 and len(calls) == first
    xr.testing.assert_identical(table, again)


def halved(region):
    rows, columns = region.slices
    return lambda output: output[..., rows, columns].sum((1, 2, 3)) / 2


def test_own_functions_and_odd_sizes_resume_too(relu_network, tmp_path):
    given = {"odd": torch.rand(3, 41, 53, generator=torch.Generator().manual_seed(0))}
    settings = {"store": tmp_path / "all.zarr", "detector": halved, **SETTINGS}
    first = lam.sweep([relu_network], given, REGIONS, **settings)
    assert bool((first.done == 1).all()) and bool(np.isfinite(first.psnr).all())
    settings["detector"] = types.FunctionType(halved.__code__, {})  # another object, as after a restart
    xr.testing.assert_identical(lam.sweep([relu_network], given, REGIONS, **settings), first)


class Failing(nn.Module):
    """Fails on dark pictures."""

    def forward(self, batch):
        if float(batch.detach().mean()) < 0.1:
            raise RuntimeError("too dark")
        return torch.nn.functional.interpolate(batch, scale_factor=2) ** 2


def test_a_pair_that_fails_is_told_and_the_others_go_on(relu_network, pictures, tmp_path):
    net = networks.wrap(Failing(), scale=2, name="failing", check=False)
    given = {"dark": torch.zeros_like(pictures["one"]), **pictures}
    with pytest.warns(RuntimeWarning, match=r"1 of 6 pairs failed .* failing on dark: .*too dark"):
        table = lam.sweep([net, relu_network], given, REGIONS, store=tmp_path / "all.zarr", **SETTINGS)
    assert table.done.values.tolist() == [[0, 1, 1], [1, 1, 1]]
    assert bool(table.psnr.sel(model="failing", image="dark").isnull())


def test_a_store_grows_and_only_what_is_missing_is_computed(pair, pictures, tmp_path):
    store, calls = tmp_path / "all.zarr", []
    pair = [networks.wrap(one.module, scale=2, name=name, check=False) for one, name in zip(pair, "ab", strict=True)]
    for net in pair:
        net.module.register_forward_pre_hook(lambda module, _: calls.append(module))
    asked = {"networks": pair[:1], "images": {"one": pictures["one"]}, "regions": REGIONS[:1]}
    lam.sweep(store=store, **asked, **SETTINGS)
    once = len(calls)
    for change, fresh in (({"regions": REGIONS}, 1), ({"images": pictures}, 2), ({"networks": pair}, 4), ({}, 0)):
        asked |= change
        before = lam.open(store).load()
        calls.clear()
        after = lam.sweep(store=store, **asked, **SETTINGS)
        assert bool((after.done == 1).all()) and (len(calls) > 0) == (fresh > 0) and len(calls) <= 2 * fresh * once
        known = after.sel(model=before.model, image=before.image).isel(region=slice(before.sizes["region"]))
        np.testing.assert_array_equal(known.attribution, before.attribution)
    lam.sweep(store=store, **asked, **SETTINGS | {"steps": 5})
    both = lam.open(store)
    assert both.setting.values.tolist() == ["steps 4", "steps 5"] and bool((both.done == 1).all())
    np.testing.assert_array_equal(both.sel(setting="steps 4").attribution, after.attribution)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": []}, "networks: got"),
        ({"images": {}}, "images: expected at least one"),
        ({"images": {"a": torch.rand(3, 24, 24)}}, "leaves the output, which is 24 × 24"),
        ({"regions": []}, "regions: got"),
        ({"store": "all.nc"}, "store: got all.nc"),
        ({"client": object()}, "modules do not travel"),
        ({"client": 3, "networks": ["fsrcnn"], "regions": [(4, 4, 8)]}, "client: got int"),
        ({"resources": {"GPU": 1}}, "resources: are what a task takes of a worker"),
        ({"metrics": {"mine": 3}}, "metrics: got int for 'mine'"),
        ({"metrics": {"cell": lambda output, truth: 1.0}}, "metrics: 'cell' is the name of something"),
        ({"metrics": {"psnr": lambda output, truth: 1.0}}, "metrics: 'psnr' is the name of something"),
    ],
)
def test_bad_input_names_the_argument(arguments, message, pair, pictures, tmp_path):
    given = {"networks": pair, "images": pictures, "regions": REGIONS, "store": tmp_path / "x.zarr"} | arguments
    with pytest.raises(InputError, match=message):
        lam.sweep(**given, **SETTINGS)


def test_a_file_is_no_store_and_is_left_as_it_is(pair, pictures, tmp_path):
    file = tmp_path / "mine.zarr"
    file.write_text("mine")
    for ask in (lambda: lam.sweep(pair, pictures, REGIONS, store=file, **SETTINGS), lambda: lam.studies.status(file)):
        with pytest.raises(InputError, match="is a file, expected a folder"):
            ask()
    assert file.read_text() == "mine"


_PROGRAM = """
import sys, torch, lam_nb as lam
torch.set_num_threads(1)
names, pictures = ["fsrcnn", "residual", "imdn-small"], ["bricks", "facade"]
lam.sweep(names, pictures, [lam.Region(96, 96)], store=sys.argv[1], steps=4, progress=False)
"""


def _done(store):
    return int(lam.open(store).done.sum()) if (store / "rows").is_dir() else 0


def test_a_killed_process_loses_nothing(tmp_path):
    store = tmp_path / "all.zarr"
    program = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(store)])
    while _done(store) < 2 and program.poll() is None:
        time.sleep(0.05)
    program.send_signal(signal.SIGKILL)
    program.wait()
    before = lam.open(store)
    subprocess.run([sys.executable, "-c", _PROGRAM, str(store)], check=True)
    after = lam.open(store)
    assert int(before.done.sum()) >= 2 and bool((after.done == 1).all())
    for name in ("diffusion_index", "quadrature_error", "attribution"):
        kept, again = (one[name].values[before.done.values == 1] for one in (before, after))
        assert len(kept) >= 2 and np.isfinite(kept).all()
        np.testing.assert_array_equal(kept, again)


@pytest.mark.filterwarnings("ignore")
def test_workers_may_die(tmp_path):
    distributed = pytest.importorskip("distributed")
    store, names, pictures = tmp_path / "all.zarr", ["fsrcnn", "residual", "rfdn-small"], ["bricks", "facade"]
    settings = {"steps": 6, "store": store}
    killed = []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:

            def kill_one(done, total):
                if done >= 2 and not killed:
                    killed.append(next(iter(client.run(os.getpid).values())))
                    os.kill(killed[0], signal.SIGKILL)

            table = lam.sweep(names, pictures, [Region(96, 96)], client=client, progress=kill_one, **settings)
    assert killed and bool((table.done == 1).all())
    alone = lam.sweep(names, pictures, [Region(96, 96)], **settings | {"store": tmp_path / "b.zarr"}, progress=False)
    np.testing.assert_allclose(table.diffusion_index, alone.diffusion_index, rtol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_few_tasks_are_in_flight_however_many_there_are(pictures, tmp_path):
    distributed = pytest.importorskip("distributed")
    truth, flying = pictures["one"], []
    many = {f"{k}": truth.roll(k, -1) for k in range(24)}
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        with distributed.Client(cluster) as client:
            submit = client.submit

            def counted(*given, **settings):
                future = submit(*given, **settings)
                flying.append(future)
                most.append(sum(not one.done() for one in flying))
                return future

            most, client.submit = [], counted
            table = lam.sweep(
                ["torch.nn:Identity"], many, REGIONS, store=tmp_path / "all.zarr", client=client, **SETTINGS
            )
    assert bool(table.done.all()) and 1 < max(most) <= 3 * 2 and len(flying) > 3


def test_paths_of_one_name_are_told_apart(pair, pictures, image, tmp_path):
    first, second = image * 0.5, image * 0.2
    given = {"store": tmp_path / "all.zarr", "as_truth": False, **SETTINGS}
    lam.sweep(pair, {"one": image}, REGIONS, path=lam.paths.linear(first), **given)
    expected = lam.open(given["store"]).attribution.values
    for other in (lam.paths.linear(second), lambda picture: lambda alpha: alpha * picture):
        found = lam.sweep(pair, {"one": image}, REGIONS, path=other, **given)
        assert np.abs(found.attribution - expected).max() > 1e-4
    again = lam.sweep(pair, {"one": image}, REGIONS, path=lam.paths.linear(first.clone()), **given)
    np.testing.assert_array_equal(again.attribution, expected)
    assert lam.open(given["store"]).sizes["setting"] == 3


def test_what_is_merged_while_it_grows_is_as_it_was(relu_network, tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "pause", lambda run: 0.0)  # a segment for every pair
    monkeypatch.setattr(grid, "_TIDY", 0.05)
    monkeypatch.setattr(grid, "_POLL", 0.01)
    random = torch.Generator().manual_seed(0)
    given = {f"{k}": torch.rand(3, 40, 52, generator=random) for k in range(40)}
    merged, real = [], compaction.merged
    monkeypatch.setattr(compaction, "merged", lambda *known: merged.append(len(known[1])) or real(*known))
    table = lam.sweep([relu_network], given, REGIONS, store=tmp_path / "a.zarr", **SETTINGS)
    assert len(merged) > 1 and merged[0] >= 16 and bool((table.done == 1).all())
    monkeypatch.undo()
    there = lam.sweep([relu_network], given, REGIONS, store=tmp_path / "b.zarr", **SETTINGS)
    for name in ("attribution", "diffusion_index", "psnr"):
        np.testing.assert_array_equal(table[name], there[name])


@pytest.mark.filterwarnings("ignore")
def test_workers_merge_what_they_wrote(linear_network, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(cells, "pause", lambda run: 0.0)  # a segment for every pair
    monkeypatch.setattr(grid, "_TIDY", 0.05)
    random = torch.Generator().manual_seed(0)
    given = {f"{k}": torch.rand(3, 40, 52, generator=random) for k in range(40)}
    threads, real = set(), compaction.merged
    monkeypatch.setattr(
        compaction, "merged", lambda *known: threads.add(threading.current_thread().name) or real(*known)
    )
    cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "processes": False}
    asked = {"networks": ["torch.nn:Identity"], "images": given, "regions": REGIONS[1:], **SETTINGS}
    with distributed.LocalCluster(**cluster) as local, distributed.Client(local) as client:
        table = lam.sweep(**asked, store=tmp_path / "a.zarr", client=client)
    assert threads and all("Dask-Default-Threads" in name for name in threads)
    assert len(Ledger(tmp_path / "a.zarr").segments()) == 1
    alone = lam.sweep(**asked, store=tmp_path / "b.zarr")
    np.testing.assert_array_equal(table.attribution, alone.attribution)


def test_who_merges_on_workers_that_are_gone_leaves_it(monkeypatch):
    """None there, or a scheduler that fails: nothing is raised, nothing is waited for."""

    class Gone:
        def map(self, *given, **settings):
            raise OSError("scheduler is gone")

    class Empty(Gone):
        def map(self, *given, **settings):
            return [types.SimpleNamespace(done=lambda: False)]

        def nthreads(self):
            return {}

        def cancel(self, futures):
            assert len(futures) == 1

    for client in (Gone(), Empty()):
        executors.spread(client)(lambda group: None, [["a", "b"]])


class Holder:
    def __init__(self, value):
        self.value = value

    def call(self, region):
        return self.value


def test_functions_that_hold_themselves_and_methods_are_told_apart():
    def countdown(steps):
        def down(n):
            return down(n - steps) if n > 0 else n

        return down

    assert fingerprint(countdown(1)) == fingerprint(countdown(1)) != fingerprint(countdown(2))
    half, tenth = (torch.full((2,), value, dtype=torch.bfloat16) for value in (0.5, 0.1))
    assert fingerprint(half) != fingerprint(tenth) != fingerprint(np.array(["a"]))
    assert fingerprint(Holder(1).call) == fingerprint(Holder(1).call) != fingerprint(Holder(2).call)


def test_when_nothing_works_it_is_an_error_and_the_name_is_free_again(pair, pictures, tmp_path):
    with pytest.raises(InputError, match=r"all 4 pairs of network and image failed, .*detector"):
        lam.sweep(pair, pictures, REGIONS, store=tmp_path / "all.zarr", detector="edgess", **SETTINGS)
    assert bool(lam.sweep(pair, pictures, REGIONS, store=tmp_path / "all.zarr", **SETTINGS).done.all())


def test_tasks_hold_a_bounded_number_of_pairs_and_make_no_more_ahead(linear_network, tmp_path):
    """However many pictures there are, by size, each pair once."""
    sides = [24 + 2 * (k % 3) for k in range(40)]
    many = {str(k): torch.full((3, side, side), k / 40) for k, side in enumerate(sides)}
    asked = planning.of_grid([linear_network], many, REGIONS[1:], True, {"steps": 4})
    made = []

    class Sources(dict):
        def __getitem__(self, key):
            made.append(key)
            return super().__getitem__(key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "MOST", 8)
        patch.setattr(
            grid, "_pairs", lambda rows, sources, sizes, real=grid._pairs: real(rows, Sources(sources), sizes)
        )
        tasks = grid._tasks(asked, asked.rows, False, Ledger(tmp_path / "all.zarr"))
        first = next(tasks)
        assert len(first.pairs) == len(made) == 8
        every = [first, *tasks]
    assert [len(one.pairs) for one in every] == [8] * 5
    pairs = [pair for one in every for pair in one.pairs]
    sizes = [asked.sizes[pair.picture_id] for pair in pairs]
    assert sizes == sorted(sizes)
    assert sorted(cell for pair in pairs for cell in pair.cells) == sorted(asked.rows.cell.unique())


@pytest.mark.filterwarnings("ignore")
def test_a_store_in_memory_is_not_for_other_processes(tmp_path):
    distributed = pytest.importorskip("distributed")
    asked = {"networks": ["torch.nn:Identity"], "images": ["bricks"], "regions": REGIONS}
    cluster = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**cluster) as local, distributed.Client(local) as client:
        with pytest.raises(InputError, match=r"store: memory://.* lies in this process"):
            lam.sweep(**asked, store=f"memory://{tmp_path.name}/a.zarr", client=client, **SETTINGS)
    with distributed.LocalCluster(**cluster, processes=False) as local, distributed.Client(local) as client:
        table = lam.sweep(**asked, store=f"memory://{tmp_path.name}/b.zarr", client=client, **SETTINGS)
        assert bool(table.done.all())


def test_a_notebook_shows_a_table_of_networks(tmp_path):
    """In a real kernel: one table beneath the bar, as it is at the end; outside there is none."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    call = f"""
import lam_nb as lam, torch
torch.set_num_threads(1)
windows, store = [(96, 96, 16), (32, 32, 16)], {str(tmp_path / "a.zarr")!r}
lam.sweep(["fsrcnn", "residual"], ["bricks"], windows, store=store, steps=2);
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(call)])
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    pages = [one.data["text/html"] for one in book.cells[0].outputs if "text/html" in one.get("data", {})]
    (page,) = [one for one in pages if "<table" in one]
    lines = [re.findall("<t[hd]>(.*?)</t[hd]>", line) for line in page.split("<tr")]
    assert [line[:4] for line in lines[-2:]] == [[name, "2", "2", "0"] for name in ("fsrcnn", "residual")]
    assert [line[-1] for line in lines[-2:]] == ["0 s", "0 s"]
