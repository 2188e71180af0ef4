"""Faults in a night: whoever is killed, cut off or out of room, what is finished stays, and the rest is computed once.

``--hardening=long`` tries fifty; ``python -m tests.hardening.test_faults`` does, too, and writes the table of them.
"""

import asyncio
import collections
import contextlib
import json
import multiprocessing
import os
import pathlib
import platform
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

import lam_nb as lam
from lam_nb import InputError
from lam_nb.result.ledger import Ledger, columns
from lam_nb.result.ledger import place as places
from tests.benchmarks import tiny

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")
NETWORKS = ["tests.benchmarks.tiny:network", "tests.benchmarks.tiny:other"]
PICTURES, BUSY, LONGEST = 24, 0.004, 90
SETTINGS = {"steps": 2, "progress": False, "metrics": {"noted": tiny.noted}}
KINDS = ("worker", "scheduler", "client", "two", "network", "disk", "clock")
TABLE = pathlib.Path(__file__).parents[1] / "benchmarks" / "faults.json"
PROCESSES = multiprocessing.get_context("forkserver")


def _prepare(environment):
    torch.set_num_threads(1)
    os.environ.update(environment)
    sys.stderr = pathlib.Path(environment["LOG"]).open("a", buffering=1)
    os.dup2(sys.stderr.fileno(), 2)


def schedule(environment, said):
    """Be a scheduler."""
    _prepare(environment)

    async def run():
        from distributed import Scheduler

        async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=None) as one:
            said.send(one.address)
            await one.finished()

    asyncio.run(run())


def work(environment, address):
    """Be a worker."""
    _prepare(environment)

    async def run():
        from distributed import Worker

        async with Worker(address, nthreads=1, local_directory=environment["FOLDER"], dashboard=False) as one:
            await one.finished()

    asyncio.run(run())


def ask(environment, said, address, store, pictures, networks=NETWORKS, ahead=0.0):
    """Be a client: sweep, and say how it ended."""
    _prepare(environment)
    if ahead:
        now = time.time
        time.time = lambda: now() + ahead
    from distributed import Client

    try:
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(Client(address)) if address else None
            where = {"store": store, "client": client}
            table = lam.sweep(networks, pictures, [(4, 4, 4)], **where, **SETTINGS)
            said.send(("done", int(table.done.sum())))
    except InputError as error:
        said.send(("told", str(error)))
    except BaseException as error:
        said.send(("raised", repr(error)))
        raise


class Proxy:
    """Passes on to an address, until the line is dropped."""

    def __init__(self, address):
        host, port = address.removeprefix("tcp://").split(":")
        self.target, self.open, self.listening = (host, int(port)), [], socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listening.accept()
                far = socket.create_connection(self.target)
                self.open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(2**16):
                other.sendall(data)
        self.close(one, other)

    def close(self, *ends):
        """Close ends of lines, all at once for both sides."""
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def drop(self):
        """Drop all lines that are open."""
        ends, self.open = self.open, []
        self.close(*ends)


class Night:
    """A store, a cluster of two workers, and clients, each a process."""

    def __init__(self, folder, pictures, count=2):
        self.folder, self.pictures, self.count = pathlib.Path(folder), pictures, count
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log, self.store = self.folder / "count.txt", self.folder / "disk" / "all.zarr"
        self.log.touch()
        self.store.parent.mkdir(exist_ok=True)
        self.environment = {"TINY_COUNT": str(self.log), "TINY_BUSY": str(BUSY), "FOLDER": str(self.folder)}
        self.environment["LOG"] = str(self.folder / "log.txt")
        self.scheduler, self.workers, self.clients, self.proxy = None, [], [], None

    def __enter__(self):
        self.begin()
        return self

    def __exit__(self, *_):
        self.end()

    def begin(self):
        """Start a scheduler and workers, the first behind a line that can be dropped."""
        told, said = PROCESSES.Pipe(duplex=False)
        self.scheduler = self._start(schedule, said)
        assert told.poll(30)
        self.address = told.recv()
        self.proxy = Proxy(self.address)
        self.workers = [self.add(self.proxy.address if k == 0 else None) for k in range(self.count)]

    def _start(self, function, *arguments, **environment):
        process = PROCESSES.Process(target=function, args=({**self.environment, **environment}, *arguments))
        process.start()
        return process

    def add(self, address=None, **environment):
        """Start another worker."""
        return self._start(work, address or self.address, **environment)

    def sweep(self, *, networks=NETWORKS, here=False, ahead=0.0):
        """Start a client."""
        told, said = PROCESSES.Pipe(duplex=False)
        address = None if here else self.address
        client = self._start(ask, said, address, str(self.store), self.pictures, networks, ahead)
        said.close()
        self.clients.append(client)
        return client, told

    def end(self):
        """Kill whoever is left."""
        if self.proxy:
            self.proxy.listening.close()
            self.proxy.drop()
        for one in (*self.clients, *self.workers, self.scheduler):
            if one is not None:
                one.kill()
                one.join()

    def calls(self):
        """Numbers of pictures, as often as they were computed."""
        return [int(line) for line in self.log.read_text().split()]

    def rows(self):
        """What is in the store."""
        rows = Ledger(self.store).rows()
        return rows[rows[columns.FAILURE].astype(str) == ""].set_index(columns.CELL)


def ended(client, told):
    """Return how a client ended."""
    if not told.poll(LONGEST):
        client.kill()
        return ("hung", "")
    try:
        found = told.recv()
    except EOFError:
        found = ("killed", "")
    client.join()
    return found


def fault(kind, seed, folder, pictures, expected):
    """Let a sweep meet a fault, run it again to the end, and tell what came of it."""
    chance = random.Random(seed)
    with Night(folder, pictures) as night, contextlib.ExitStack() as stack:
        if kind == "disk":
            stack.enter_context(small(night.store.parent))
        clients = [night.sweep(ahead=3600.0 * k) for k in range(2 if kind == "clock" else 1)]
        waited(lambda: night.calls() or not clients[0][0].is_alive())
        delay = 0.0 if kind in ("disk", "clock") else chance.uniform(0, 2.5)
        time.sleep(delay)
        before, counted = night.rows(), len(night.calls())
        names = struck(kind, night, clients[0][0], chance)
        ends = [ended(*one) for one in clients]
        if kind == "disk":
            before, counted = night.rows(), len(night.calls())
            subprocess.run(["mount", "-o", "remount,size=64m", str(night.store.parent)], check=True)
        if "scheduler" in names:
            night.end()
            before, counted = night.rows(), len(night.calls())
            night.begin()
        last = ended(*night.sweep())
        assert last == ("done", len(expected)), (kind, seed, ends, last)
        return judged(night, expected, before, counted) | {
            "fault": kind + (f": {' and '.join(names)}" if len(names) > 1 else ""),
            "seed": seed,
            "after": round(delay, 2),
            "ends": [how for how, _ in ends],
            "told": [words for how, words in ends if how in ("told", "raised")],
        }


def waited(condition, seconds=60):
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


def struck(kind, night, client, chance):
    """Do what the fault is; return who was killed."""
    if kind == "network":
        night.proxy.drop()
        night.workers.append(night.add())
    names = {"worker": ["worker"], "scheduler": ["scheduler"], "client": ["client"]}.get(kind, [])
    if kind == "two":
        names = sorted(chance.sample(["worker", "scheduler", "client", "other worker"], 2))
    every = {"client": client, "scheduler": night.scheduler}
    every |= {"worker": night.workers[0], "other worker": night.workers[1]}
    for name in names:
        with contextlib.suppress(ProcessLookupError):  # it had ended by itself
            os.kill(every[name].pid, signal.SIGKILL)
    if "scheduler" not in names:
        night.workers += [night.add() for name in names if "worker" in name]
    return names


@contextlib.contextmanager
def small(folder):
    """Have a folder lie on a disk of 96 kB; who may not make one skips."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("may not make a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def judged(night, expected, before, counted):
    """Return what was kept, what is wrong, and what was computed more than once."""
    after = night.rows()
    before = before.reindex(columns=expected.columns)
    numbers = [name for name in expected if name not in columns.FACTS]
    same = [after.loc[one, numbers].equals(before.loc[one, numbers]) for one in before.index]
    off = (after.loc[expected.index, numbers] - expected[numbers]).abs() > 1e-6 * expected[numbers].abs().clip(1)
    lies = (after.loc[expected.index, numbers].isna() != expected[numbers].isna()) | off
    maps = np.abs(lam.open(night.store).attribution.values - lam.open(expected.attrs["store"]).attribution.values)
    calls = night.calls()
    finished = {int(one) for one in before["noted"]}
    return {
        "finished": len(before),
        "kept": int(sum(same)),
        "missing": len(expected.index.difference(after.index)),
        "wrong": int(lies.any(axis=1).sum() + (maps.max((-1, -2)) > 1e-6).sum()),
        "computed again": len(finished.intersection(calls[counted:])),
        "computed twice": sum(number - 1 for number in collections.Counter(calls).values()),
    }


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return made_pictures(tmp_path_factory.mktemp("pictures"))


def made_pictures(folder):
    """Pictures, and the preloading of what processes need."""
    PROCESSES.set_forkserver_preload(["tests.hardening.test_faults", "distributed"])
    return tiny.pictures(folder, PICTURES)


@pytest.fixture(scope="module")
def expected(pictures, tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("alone"), pictures)


def undisturbed(folder, pictures):
    """What comes out if nothing happens."""
    lam.sweep(NETWORKS, pictures, [(4, 4, 4)], store=folder / "alone.zarr", **SETTINGS)
    rows = Ledger(folder / "alone.zarr").rows().set_index(columns.CELL)
    rows.attrs["store"] = str(folder / "alone.zarr")
    return rows


def fifty():
    """Kinds and seeds of fifty faults."""
    chance = random.Random(0)
    return [(KINDS[k % len(KINDS)] if k < 14 else chance.choice(KINDS), k) for k in range(50)]


def pytest_generate_tests(metafunc):
    if "which" in metafunc.fixturenames:
        every = fifty()
        chosen = every if metafunc.config.getoption("--hardening") == "long" else every[: len(KINDS)]
        metafunc.parametrize("which", chosen, ids=[f"{kind}-{seed}" for kind, seed in chosen])


def test_a_fault_loses_nothing(which, pictures, expected, tmp_path):
    found = fault(*which, tmp_path / "night", pictures, expected)
    check(found)


def check(found):
    """Nothing is lost, wrong, or computed again that was finished, and whoever can say why, says so."""
    assert found["kept"] == found["finished"] and not found["missing"] and not found["wrong"], found
    assert found["computed again"] == 0, found
    most = 0 if found["fault"] == "clock" else 48
    assert found["computed twice"] <= most and "hung" not in found["ends"] and "raised" not in found["ends"], found
    if found["fault"] == "disk":
        assert "takes no more" in found["told"][0] and "the same call goes on" in found["told"][0]


def test_a_full_disk_is_told_with_the_store(pictures, tmp_path, monkeypatch):
    real, written = places.Path.write_bytes, []

    def full(path, contents):
        if "rows" in str(path):
            written.append(path)
            raise OSError(28, "No space left on device")
        return real(path, contents)

    monkeypatch.setattr(places.Path, "write_bytes", full)
    store = tmp_path / "all.zarr"
    with pytest.raises(InputError, match=rf"store: {store} takes no more .*No space.* is kept, and the same call goes"):
        lam.sweep(NETWORKS[:1], pictures[:3], [(4, 4, 4)], store=store, **SETTINGS)
    monkeypatch.setattr(places.Path, "write_bytes", real)
    assert written and not list((store / "claims").iterdir())
    assert bool((lam.sweep(NETWORKS[:1], pictures[:3], [(4, 4, 4)], store=store, **SETTINGS).done == 1).all())


def test_an_interrupted_client_leaves_no_task_behind(pictures, tmp_path):
    from distributed import Client

    def interrupt(done, total):
        if done >= 2:
            raise KeyboardInterrupt

    with Night(tmp_path / "night", pictures) as night, Client(night.address) as client:
        with pytest.raises(KeyboardInterrupt) as caught:
            where = {"store": night.store, "client": client, **SETTINGS, "progress": interrupt}
            lam.sweep(NETWORKS, pictures, [(4, 4, 4)], **where)
        waited(lambda: not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)), 20)
        assert caught and not client.futures
        assert client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0
        assert bool(
            (lam.sweep(NETWORKS, pictures, [(4, 4, 4)], store=night.store, client=client, **SETTINGS).done).all()
        )


def test_a_cell_that_kills_its_workers_is_set_aside(pictures, tmp_path):
    import dask
    from distributed import Client
    from distributed.deploy import LocalCluster

    poison = tmp_path / "poison.png"
    Pillow.fromarray(np.full((16, 16, 3), 255, np.uint8)).save(poison)
    given = [*pictures[:5], str(poison)]
    os.environ["TINY_POISON"] = "1"
    try:
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": 1}),  # of three by default: workers start slowly
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as one,
        ):
            where = {"store": tmp_path / "all.zarr", "client": one}
            networks = ["tests.benchmarks.tiny:poisoned"]
            with pytest.warns(RuntimeWarning, match=r"1 of 6 pairs failed .* on poison: its worker was lost"):
                found = lam.sweep(networks, given, [(4, 4, 4)], **where, **SETTINGS)
    finally:
        os.environ.pop("TINY_POISON")
    assert found.done.values.tolist() == [[1, 1, 1, 1, 1, 0]]


def test_a_worker_that_cannot_make_the_network_says_where(pictures, tmp_path):
    from distributed import Client

    with Night(tmp_path / "night", pictures, count=0) as night, Client(night.address) as client:
        night.workers.append(night.add(TINY_LACKS="1"))
        where = {"store": night.store, "client": client, **SETTINGS}
        with pytest.raises(InputError, match=rf"all 3 pairs .*lacking.*\(on {platform.node()}\)"):
            lam.sweep(["tests.benchmarks.tiny:fragile"], pictures[:3], [(4, 4, 4)], **where)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="faults-"))
    pictures = made_pictures(folder / "pictures")
    expected, found = undisturbed(folder, pictures), []
    for kind, seed in fifty():
        one = fault(kind, seed, folder / str(seed), pictures, expected)
        found.append({name: value for name, value in one.items() if name != "told"})
        print(one, flush=True)
        TABLE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
