"""How a sweep grows, by a simulation fed with what was measured: ``python -m tests.benchmarks.growth``.

Events: workers claim, compute, write and merge segments; a client hands out tasks; a store answers each request after
its latency, and takes so many a second. What a pair, a cell and a sweep cost beside computing comes from
``scale.json``. A test compares what it says of the measured sizes with what was measured.
"""

import heapq
import json
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
FEW, MANY, WHOLE = 16, 128, 2**16
"""As in the ledger: segments that are merged, at least and at most, and rows from which one stays."""


@dataclass
class Store:
    """What a store takes: seconds a request, requests and bytes a second."""

    latency: tuple[float, float] = (0.020, 0.050)
    writes: float = 3500.0
    reads: float = 5500.0
    bandwidth: float = 100e6
    """Bytes a second of one connection."""


LOCAL = Store((0.0002, 0.0006), 1e5, 1e5, 1e9)


@dataclass
class Night:
    """What is asked, and how."""

    networks: int = 40
    pictures: int = 10_000
    windows: int = 20
    workers: int = 64
    seconds: float = 0.1
    """Of a map."""
    bytes: int = 2**14
    """Of a map: 64 × 64 numbers."""
    store: Store = field(default_factory=Store)
    least: float = 1.0
    share: float = 0.01
    longest: float = 60.0
    """A pause between writing: a share of the time since the start, at least, at most."""
    length: float = 2.0
    """Of a task, in pauses."""
    rest: float = 0.0
    """Of whoever merges, in times of what it took."""
    tidied: bool = True
    """Whether segments are merged while it runs."""
    shared: bool = True
    """Whether workers merge, or the client alone."""

    @property
    def pairs(self):
        return self.networks * self.pictures


@dataclass
class Costs:
    """Measured seconds: of a sweep, a pair and a cell, beside computing; of the client for a task."""

    sweep: float
    pair: float
    cell: float
    task: float = 0.004
    plan: float = 3.4e-6
    bytes: float = 64.0
    """That a planned cell takes of the client's memory."""

    @staticmethod
    def of(found):
        """Fit what is left where nothing is computed, by the sizes up to 10,000 cells."""
        from scipy.optimize import nnls

        rows = [one for one in found["ready"] if one["cells"] <= 10_000]
        parts = [[1, one["cells"] / one["windows a picture"] / 2, one["cells"] / 2] for one in rows]
        scale = 1 / np.array([one["seconds"] for one in rows])  # relative errors count alike
        sweep, pair, cell = nnls(np.array(parts) * scale[:, None], np.ones(len(rows)))[0]
        return Costs(float(sweep), float(pair), float(cell))


class Simulation:
    """One night."""

    def __init__(self, night, costs, seed=0):
        self.night, self.costs, self.chance = night, costs, random.Random(seed)
        self.requests = {"write": 0, "read": 0, "list": 0, "delete": 0}
        self.free = {"write": 0.0, "read": 0.0}
        self.waited = dict(self.free)
        self.left, self.segments, self.most = night.pairs, Counter(), 0
        self.spent = {"computing": 0.0, "claims": 0.0, "segments": 0.0, "merging": 0.0, "handing out": 0.0}
        self.bytes, self.tasks, self.written = 0, 0, 0
        self.client, self.now, self.end = 0.0, 0.0, 0.0
        self.at_work, self.owed = {}, Counter()
        self.each = night.windows * (night.seconds + costs.cell) + costs.pair

    def ask(self, now, kind, count=1, size=0, at_once=1):
        """Have a store answer requests, so many at once; return when the last one is."""
        store, queue = self.night.store, "read" if kind in ("read", "list") else "write"
        self.requests[kind] += count
        rate = store.reads if queue == "read" else store.writes
        begun = max(now, self.free[queue])
        self.waited[queue] += begun - now
        self.free[queue] = max(self.now, self.free[queue]) + count / rate
        rounds = -(-count // at_once)
        return begun + rounds * self.chance.uniform(*store.latency) + size / store.bandwidth

    def pause(self, now):
        """Seconds between what a worker writes."""
        return min(max(self.night.least, self.night.share * now), self.night.longest)

    def segment(self, now, rows):
        """Write a segment: a group's facts twice, chunks of a megabyte, the table."""
        size = rows * self.night.bytes
        now = self.ask(now, "list")
        now = self.ask(now, "write", 2 + max(1, size // 2**20), size, at_once=8)
        self.segments[rows] += 1
        self.written += 1
        self.bytes += size + 300 * rows
        self.most = max(self.most, self.segments.total())
        return self.ask(now, "write")

    def step(self, now, who):
        """Go on with a worker: a pair of its is finished, or it has no task; return when it comes again."""
        task = self.at_work.get(who)
        if task:
            now = self.finished(now, task)
        if not task or not task["left"]:
            if not self.left:
                self.end = max(self.end, now)
                return None
            now, task = self.handed(now)
            self.at_work[who] = task
        claimed = self.ask(now, "write")
        self.spent["claims"] += claimed - now
        self.spent["computing"] += self.each
        return claimed + self.each

    def finished(self, now, task):
        """Count a pair; write if it is time, and at the end of a task give its claims back."""
        task["left"] -= 1
        task["held"] += 1
        full = task["held"] * self.night.windows * self.night.bytes > 2**26
        if now - task["last"] >= self.pause(now) or full or not task["left"]:
            now = self.flushed(now, task["held"])
            task |= {"last": now, "held": 0}
        if task["left"]:
            return now
        renewed = task["length"] * int((now - task["begun"]) / 15) // 2  # by a thread beside; claims grow in number
        if renewed:
            self.ask(now, "write", renewed, at_once=renewed)
        released = self.ask(now, "delete")  # all by one request
        self.spent["claims"] += released - now
        return released

    def handed(self, now):
        """Hand out a task."""
        length = min(256, max(1, int(self.night.length * self.pause(now) / self.each)), self.left)
        self.left -= length
        self.tasks += 1
        self.client = max(self.client, now) + self.costs.task
        self.spent["handing out"] += self.costs.task
        now = self.ask(self.client, "list")
        return now, {"left": length, "length": length, "held": 0, "last": now, "begun": now}

    def flushed(self, now, pairs):
        """Write what is finished."""
        done = self.segment(now, pairs * self.night.windows)
        self.spent["segments"] += done - now
        return done

    def tidy(self, now, last=False):
        """Have segments that are due merged by workers, each group by one; return when that is done."""
        begun = self.ask(now, "list")
        ends = [begun] * (self.night.workers if self.night.shared else 1)
        while groups := self.due(last):
            for group in groups:
                who = min(range(len(ends)), key=ends.__getitem__)
                done = self.merged(ends[who], group)
                self.spent["merging"] += done - ends[who]
                self.owed[who] += done - ends[who] if self.night.shared else 0.0
                ends[who] = done
            if not last:
                break
            ends = [max(ends)] * len(ends)
        return max(ends)

    def merged(self, now, group):
        """Merge a group of segments; return when it is done."""
        rows = sum(group)
        size = rows * self.night.bytes
        now = self.ask(now, "read", 3 * len(group))
        now = self.ask(now, "read", max(len(group), size // 2**20), size, at_once=8)
        now = self.ask(now, "write", 3 + size // 2**27, size, at_once=4)
        now = self.ask(now, "list", 1)
        now = self.ask(now, "delete", 2)  # many by one request
        self.segments -= Counter(group)
        self.segments[rows] += 1
        return now

    def due(self, last):
        """Groups to merge, as the ledger chooses them."""
        small = sorted(one for one in self.segments.elements() if one < WHOLE)
        if last:
            groups = [[]]
            for one in small:
                if sum(groups[-1]) + one > WHOLE or len(groups[-1]) >= MANY:
                    groups.append([])
                groups[-1].append(one)
            return [group for group in groups if len(group) > 1]
        sizes = {}
        for one in small:
            sizes.setdefault(int(np.log(max(1, one)) / np.log(FEW)), []).append(one)
        groups = [every[k : k + MANY] for every in sizes.values() for k in range(0, len(every), MANY)]
        return [group for group in groups if len(group) >= FEW]

    def run(self):
        """Return what becomes of it."""
        night, begun = self.night, self.costs.sweep + self.costs.plan * self.night.pairs * self.night.windows
        events = [(begun, k) for k in range(night.workers)] + ([(begun + 10, -1)] if night.tidied else [])
        heapq.heapify(events)
        while events:
            now, who = heapq.heappop(events)
            self.now = now if self.left or who >= 0 else self.now
            if who < 0:
                if self.left:
                    done = self.tidy(now)
                    heapq.heappush(events, (done + max(10.0, night.rest * (done - now)), -1))
                continue
            done = self.step(now, who)
            if done is not None:
                heapq.heappush(events, (done + self.owed.pop(who, 0.0), who))  # what it merged before
        end = self.end
        done = self.tidy(end, last=True)
        return self.told(begun, end, done)

    def told(self, begun, end, done):
        """Return figures, and the load of whatever may break first."""
        night, span = self.night, end - begun
        cells = night.pairs * night.windows
        writes = self.requests["write"] + self.requests["delete"]
        loads = {
            "workers compute": self.spent["computing"] / (span * night.workers),
            "workers wait for claims": self.spent["claims"] / (span * night.workers),
            "workers write": self.spent["segments"] / (span * night.workers),
            "workers merge" if night.shared else "client merges": self.spent["merging"]
            / ((done - begun) * (night.workers if night.shared else 1)),
            "client hands out": self.spent["handing out"] / span,
            "store's writes": writes / (span * night.store.writes),
            "store's reads": (self.requests["read"] + self.requests["list"]) / (span * night.store.reads),
        }
        return {
            "cells": cells,
            "seconds": done,
            "hours": done / 3600,
            "tidying at the end": done - end,
            "tasks": self.tasks,
            "segments written": self.written,
            "most segments": self.most,
            "segments": self.segments.total(),
            "GB": self.bytes / 1e9,
            "requests": sum(self.requests.values()),
            "requests by kind": self.requests,
            "client MB": (cells * (self.costs.bytes + 8) + self.most * 500) / 1e6,
            "loads": {name: round(value, 4) for name, value in loads.items()},
        }


def predicted(row, costs):
    """Return seconds that the simulation gives for a measured run of two workers."""
    alone = row["computing"] / row["cells"] if row.get("part") == "computing" else 0.0
    pictures = row["cells"] // row["windows a picture"]
    night = Night(1, pictures, row["windows a picture"], 2, alone, 256, LOCAL)
    return Simulation(night, costs).run()["seconds"]


def measured(found):
    """Runs of two workers that were measured."""
    return [{**row, "part": part} for part in ("ready", "computing") for row in found.get(part, [])]


CHANGES = {
    "as it is": {},
    "a pause of 1 s throughout": {"longest": 1.0},
    "that, and no merging while it runs": {"longest": 1.0, "tidied": False},
    "a pause of 10 s at least": {"least": 10.0},
    "maps of 10 ms": {"seconds": 0.01},
    "merged by the client alone": {"shared": False},
    "512 workers": {"workers": 512},
    "512 workers, merged by the client alone": {"workers": 512, "shared": False},
    "4096 workers": {"workers": 4096},
    "a million maps, one window a picture": {"windows": 1, "pictures": 25_000},
    "a slow store: 200 ms a request": {"store": Store((0.15, 0.25))},
}


def grown(costs):
    """What becomes of eight million maps, in several ways."""
    found = {}
    for name, change in CHANGES.items():
        found[name] = Simulation(replace(Night(), **change), costs).run()
        told = found[name]
        print(f"{name}: {told['hours']:.2f} h, {told['requests']:,} requests, {told['most segments']} segments")
        print("   ", told["loads"], flush=True)
    return found


def plot(costs, path):
    """Draw time, requests and segments by the number of cells."""
    import matplotlib.pyplot as plt

    pictures = [10, 100, 1000, 10_000]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    unmerged = CHANGES["that, and no merging while it runs"]
    for name, change in {"pauses that grow": {}, "a pause of 1 s, unmerged": unmerged}.items():
        runs = [Simulation(replace(Night(networks=40, pictures=one), **change), costs).run() for one in pictures]
        cells = [one["cells"] for one in runs]
        for axis, key in zip(axes, ("hours", "requests", "most segments"), strict=True):
            axis.loglog(cells, [one[key] for one in runs], "o-", label=name)
            axis.set(xlabel="maps", title=key)
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main():
    found = json.loads((HERE / "scale.json").read_text())
    costs = Costs.of(found)
    print(costs)
    small = [
        {"part": row["part"], "cells": row["cells"], "windows a picture": row["windows a picture"]}
        | {"measured": row["seconds"], "predicted": predicted(row, costs)}
        for row in measured(found)
    ]
    print(*small, sep="\n")
    written = {"costs": vars(costs), "small": small, "grown": grown(costs)}
    (HERE / "growth.json").write_text(json.dumps(written, indent=1) + "\n")
    plot(costs, HERE / "growth.png")


if __name__ == "__main__":
    main()
