"""What a sweep costs beside its maps: ``python -m tests.benchmarks.scale PART … --out tests/benchmarks/scale.json``.

Pictures of 16 × 16 pixels and networks of three hundred weights, so that what is left is the sweep. Parts:

overhead    here, in turns with the same computing without a store; also on one Dask worker
ready       cells a second on two workers that compute nothing, and memory of scheduler and client while it grows
computing   cells a second on two workers that do compute, one and 20 windows a picture
efficiency  two workers beside one, for cells of a tenth of a second
opening     lam.open of stores of 100,000 and a million cells, before and after they are tidied

Each part adds to the file; ``--plot`` draws it.
"""

import contextlib
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

import lam_nb as lam
from lam_nb.networks import factories
from lam_nb.result.ledger import Ledger, cell_of, columns
from lam_nb.studies import cells, tasks, verbs
from tests.benchmarks import parts, tiny
from tests.benchmarks.cluster import Cluster

NETWORK = "tests.benchmarks.tiny:network"
QUIET = {"steps": 2, "progress": False}


@contextlib.contextmanager
def scratch():
    """A folder that goes again."""
    folder = Path(tempfile.mkdtemp(prefix="scale-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Spent:
    """Seconds by the clock and of this process."""

    def __enter__(self):
        self.begun = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.clock, self.busy = time.perf_counter() - self.begun[0], time.process_time() - self.begun[1]


class _Nowhere:
    """A writer that keeps nothing."""

    def add(self, row, arrays):
        pass


def alone(paths, windows, turn):
    """Compute as a sweep does, and keep nothing."""
    net = factories.named(NETWORK)
    work = tasks.Work("none", "none", "attribute", True, ("a", "a"), {"steps": 2})
    task = tasks.Task(str(turn), "tiny", (net,), ())
    for path in paths:
        pair = tasks.Pair(path, path, path, tuple(windows), tuple(range(len(windows))))
        assert not cells._pair(task, pair, work, _Nowhere()).failure


def overhead():
    """Milliseconds a cell that a sweep adds."""
    found = {}
    for count, per_picture in ((300, 1), (1000, 20)):
        with scratch() as folder:
            paths, windows = tiny.pictures(folder / "pictures", count // per_picture), tiny.windows(per_picture)
            turns = [_turn(folder, paths, windows, turn) for turn in range(5)][1:]
            clock, busy = np.median(np.array(turns), 0) / count * 1000
            name = f"here, {per_picture} windows a picture"
            found[name] = {"clock": clock, "busy": busy, "computing": float(np.median(COMPUTING[-4:])) / count * 1000}
            print(name, found[name], flush=True)
    found["here, nothing computed, 1 windows a picture"] = _ready_here()
    one = swept(1, 1000, 1, tiny_ready=False)
    found["one worker, 1 windows a picture"] = {
        "clock": 1000 * (one["seconds"] - one["computing"]) / one["cells"],
        "computing": 1000 * one["computing"] / one["cells"],
    }
    return found


def _ready_here(count=1000):
    """The same where nothing is computed, so that what differs is not lost in noise."""
    before = verbs.VERBS["attribute"]
    tiny.dask_setup(None)
    try:
        with scratch() as folder:
            paths = tiny.pictures(folder / "pictures", count)
            turns = [_turn(folder, paths, tiny.windows(1), turn) for turn in range(5)][1:]
    finally:
        verbs.VERBS["attribute"] = before
    clock, busy = np.median(np.array(turns), 0) / count * 1000
    return {"clock": clock, "busy": busy, "turns": (np.array(turns) / count * 1000).tolist()}


COMPUTING = []


def _turn(folder, paths, windows, turn):
    with Spent() as bare:
        alone(paths, windows, turn)
    with Spent() as whole:
        lam.sweep([NETWORK], paths, windows, store=folder / f"{turn}.zarr", **QUIET)
    COMPUTING.append(bare.busy)
    return whole.clock - bare.clock, whole.busy - bare.busy


def swept(workers, count, per_picture, *, tiny_ready, busy=0.0):
    """Sweep on a cluster of its own; return what it took."""
    from distributed import Client

    with scratch() as folder:
        paths, windows = tiny.pictures(folder / "pictures", count // per_picture), tiny.windows(per_picture)
        environment = {"TINY_BUSY": str(busy)}
        preload = "tests.benchmarks.tiny" if tiny_ready else None
        with Cluster(folder / "cluster", workers, preload, environment=environment) as cluster:
            with Client(cluster.address) as client:
                client.wait_for_workers(workers)
                warm = {"store": folder / "warm.zarr", "client": client, **QUIET}
                lam.sweep([NETWORK], paths[: 2 * workers], windows[:1], **warm)  # whatever is imported, is now
                return _measured(folder, client, cluster, paths, windows)


def _measured(folder, client, cluster, paths, windows):
    processes = {"client": psutil.Process(), "scheduler": psutil.Process(cluster.scheduler.pid)}
    before = {name: one.memory_info().rss for name, one in processes.items()}
    most, last = dict(before), [0.0]

    def look(done, total):
        if time.monotonic() > last[0] + 0.2 and done < total:
            last[0] = time.monotonic()
            for name, one in processes.items():
                most[name] = max(most[name], one.memory_info().rss)

    store = folder / "all.zarr"
    with Spent() as spent:
        found = lam.sweep([NETWORK], paths, windows, store=store, client=client, steps=2, progress=look)
    assert bool((found.done == 1).all())
    grown = {f"MB of {name}": round((most[name] - before[name]) / 1e6, 1) for name in processes}
    whole = {f"MB of {name}, all": round(most[name] / 1e6, 1) for name in processes}
    kept = sum(one.stat().st_size for one in store.rglob("*") if one.is_file())
    number = found.sizes["image"] * len(windows)
    return {
        "cells": number,
        "windows a picture": len(windows),
        "seconds": spent.clock,
        "cells a second": number / spent.clock,
        "client busy": spent.busy,
        "computing": float(Ledger(store).rows()[columns.SECONDS].sum()),
        "files": sum(one.is_file() for one in store.rglob("*")),
        "bytes a cell": kept / number,
        **grown,
        **whole,
    }


def ready(counts=(1000, 10_000, 100_000)):
    """Two workers that compute nothing."""
    return [_told(swept(2, count, per, tiny_ready=True)) for count in counts for per in (1, 20)]


def computing(counts=(1000, 10_000)):
    """Two workers that compute."""
    return [_told(swept(2, count, 20, tiny_ready=False)) for count in counts] + [
        _told(swept(2, 1000, 1, tiny_ready=False))
    ]


def _told(one):
    print(json.dumps(one), flush=True)
    return one


def efficiency(count=120, busy=0.05):
    """Two workers beside one, in turns: by the clock, and how much of their time they computed."""
    turns = [(swept(1, count, 1, tiny_ready=False, busy=busy), swept(2, count, 1, tiny_ready=False, busy=busy))]
    turns += [(swept(1, count, 1, tiny_ready=False, busy=busy), swept(2, count, 1, tiny_ready=False, busy=busy))]
    one, two = (np.array([turn[k]["seconds"] for turn in turns]) for k in (0, 1))
    spent = np.array([turn[1]["computing"] for turn in turns])
    return {
        "seconds a cell": float(turns[0][0]["computing"] / count),
        "of the clock": float(np.median(one / two / 2)),
        "computing": float(np.median(spent / two / 2)),
        "turns": [[float(a), float(b)] for a, b in zip(one, two, strict=True)],
    }


def filled(folder, count, rows_a_segment):
    """Write a store of ready numbers; return its address."""
    ledger = Ledger(folder / "all.zarr")
    ledger.begin("sweep", dict(verbs.ATTRIBUTION.words))
    windows = tiny.windows(20)
    for start in range(0, count, rows_a_segment):
        numbers = range(start, min(count, start + rows_a_segment))
        ledger.write(f"s-{start:09d}", [_row(k, windows[k % 20]) for k in numbers], [_MAP] * len(numbers))
    return ledger


_MAP = {"attribution": np.random.default_rng(0).random((8, 8), dtype=np.float32)}


def _row(k, window):
    sides = window.y, window.x, window.height, window.width
    numbers = {name: k * 0.5 for name, word in verbs.ATTRIBUTION.words.items() if len(word[0]) == 3}
    told = {columns.NETWORK: "tiny", columns.NETWORK_ID: "n" * 64, columns.SETTING: "steps 2"}
    told |= {columns.SETTING_ID: "s" * 64, columns.PICTURE: f"{k // 20:06d}", columns.PICTURE_ID: f"{k // 20:064d}"}
    cell = cell_of("n", str(k // 20), "s", sides)
    return {columns.CELL: cell, **told, **dict(zip(columns.WINDOW, sides, strict=True)), **numbers, "psnr": 20.0}


def opening(counts=((100_000, 256), (1_000_000, 2048))):
    """Seconds and files, before and after a store is tidied."""
    found = []
    for count, rows in counts:
        with scratch() as folder:
            with Spent() as writing:
                ledger = filled(folder, count, rows)
            before = _opened(ledger)
            with Spent() as tidying:
                ledger.compact(last=True)
            told = {"cells": count, "segments": -(-count // rows), "writing": writing.busy, "tidying": tidying.clock}
            told["tidying busy"] = tidying.busy
            found.append(_told(told | {"before": before, "after": _opened(ledger)}))
    return found


def _opened(ledger):
    files = [one for one in Path(ledger.place.root).rglob("*") if one.is_file()]
    spent = []
    for _ in range(3):
        with Spent() as one:
            found = lam.open(ledger.place.root)
        spent.append((one.clock, one.busy))
    assert float(found.diffusion_index.sum()) > 0
    with Spent() as look:
        float(found.attribution[(-1,) * (found.attribution.ndim - 2)].sum())
    clock, busy = np.min(spent, 0)
    return {"seconds": float(clock), "busy": float(busy), "files": len(files), "one map": look.clock}


def plot(found, path):
    """Draw cells a second and memory by the number of cells."""
    import matplotlib.pyplot as plt

    figure, (rates, memory) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for part, per, label in (
        ("ready", 1, "nothing computed, 1 window a picture"),
        ("ready", 20, "nothing computed, 20 windows"),
        ("computing", 20, "computed, 20 windows"),
    ):
        rows = [one for one in found.get(part, []) if one["windows a picture"] == per]
        rates.loglog([one["cells"] for one in rows], [one["cells a second"] for one in rows], "o-", label=label)
    rates.set(xlabel="cells", ylabel="cells a second", title="two workers of one thread")
    rates.set_ylim(100, 1e5)
    rates.legend(fontsize=8, loc="upper left")
    for per, style in ((1, "o-"), (20, "s--")):
        rows = [one for one in found.get("ready", []) if one["windows a picture"] == per]
        for name, colour in (("client", "C0"), ("scheduler", "C1")):
            label = f"{name}, {per} window{'s' if per > 1 else ''} a picture"
            values = [one[f"MB of {name}"] for one in rows]
            memory.semilogx([one["cells"] for one in rows], values, style, color=colour, label=label)
    memory.axhline(50, color="0.6", linewidth=1, linestyle=":")
    memory.set(xlabel="cells", ylabel="MB more than before", title="memory while it runs", ylim=(0, None))
    memory.legend(fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parts.run((overhead, ready, computing, efficiency, opening), __doc__, __file__, plot)
