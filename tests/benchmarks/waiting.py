"""What a user waits for beside computing: ``python -m tests.benchmarks.waiting PART …``; adds to ``waiting.json``.

call      attribute(steps=1) beside the passes that it makes, in turns; passes of the first and the second call
probing   what the first call on a network costs more than the second, as a share of a map as it is by default
anytime   attribute_steps to its end beside attribute
start     help, and the first map, in processes of their own, beside importing torch
explorer  its first picture, and the first rough map of a window that is moved, in a process of its own over torch

Each part adds to the file. SHARED, the folder with published weights, is the variable LAM_NB_SHARED or ../shared.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

import lam_nb as lam
from lam_nb.engine.running import Leased
from lam_nb.engine.sampling import value_and_gradient
from tests.benchmarks import parts

SHARED = Path(os.environ.get("LAM_NB_SHARED", Path(__file__).parents[3] / "shared"))
NETWORKS = {"imdn": str(SHARED / "data/weights/IMDN_x4.pth"), "rfdn": "rfdn", "carn-m": "carn-m", "fsrcnn": "fsrcnn"}
WINDOW = lam.Region(120, 120, 16)
QUIET = {"progress": False}


def picture():
    return lam.images.downscale(lam.images.sample("facade"), 4)


def turns(repeats, **functions):
    """Seconds of each, in turns, after one turn to warm up."""
    found = {name: [] for name in functions}
    for turn in range(repeats + 1):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            if turn:
                found[name].append(time.perf_counter() - started)
    return found


def ratio(found, one, other):
    """Median of the turns' ratios."""
    return statistics.median(a / b for a, b in zip(found[one], found[other], strict=True))


def passes(net, ask):
    """Sizes of what the network is given, and with a gradient or not."""
    found = []
    hook = net.module.register_forward_hook(
        lambda module, given, output: found.append([*given[0].shape, torch.is_grad_enabled()])
    )
    ask()
    hook.remove()
    return found


def call(repeats=15):
    """Our call beside its own passes: two without a gradient and one with, of whole pictures."""
    rows, given = [], picture()
    for name, spec in NETWORKS.items():
        net = lam.networks.load(spec)
        ask = lambda net=net: lam.attribute(net, given, WINDOW, steps=1, local=False, **QUIET)  # noqa: E731
        first, second = passes(net, ask), passes(net, ask)
        run, measure = Leased(net, torch.device("cpu")), lam.detectors.edges(WINDOW)

        def bare(run=run, measure=measure):
            with run.lease(), torch.no_grad():
                run(given[None]), run(given[None])
            value_and_gradient(run, measure, given[None])

        found = turns(repeats, ours=ask, bare=bare)
        row = {"network": name, "ratio": ratio(found, "ours", "bare"), "ms": 1e3 * statistics.median(found["ours"])}
        rows.append(row | {"ms more": row["ms"] * (1 - 1 / row["ratio"])})
        rows[-1] |= {"passes of the first call": len(first), "passes of the second call": len(second)}
        print(rows[-1], flush=True)
    return rows


def probing(repeats=3):
    """First call on a new module beside the second, and beside a map as it is by default."""
    rows, given = [], picture()
    for name, spec in NETWORKS.items():
        firsts, seconds = [], []
        for turn in range(repeats + 1):
            net = lam.networks.load(spec)
            for held in (firsts, seconds):
                started = time.perf_counter()
                lam.attribute(net, given, WINDOW, steps=1, **QUIET)
                held.append(time.perf_counter() - started if turn else 0.0)
        whole = turns(repeats, map=lambda net=net: lam.attribute(net, given, WINDOW, **QUIET))["map"]
        more = statistics.median(a - b for a, b in zip(firsts[1:], seconds[1:], strict=True))
        rows.append({"network": name, "ms": 1e3 * more, "of a map": more / statistics.median(whole)})
        print(rows[-1], flush=True)
    return rows


def anytime(repeats=5):
    """A map that gets better beside one that is awaited."""
    rows, given = [], picture()
    for name, spec in NETWORKS.items():
        net = lam.networks.load(spec)
        found = turns(
            repeats,
            steps=lambda net=net: list(lam.attribute_steps(net, given, WINDOW)),
            whole=lambda net=net: lam.attribute(net, given, WINDOW, **QUIET),
        )
        rows.append({"network": name, "ratio": ratio(found, "steps", "whole")})
        print(rows[-1], flush=True)
    return rows


MAP = """
import time; started = time.perf_counter()
{before}
import torch; torch.set_num_threads(1); torched = time.perf_counter()
{between}
ready = time.perf_counter()
import lam_nb as lam
given = lam.images.downscale(lam.images.sample("facade"), 4)
lam.attribute("fsrcnn", given, (120, 120, 16), progress=False)
print(ready - torched, time.perf_counter() - ready)
"""
LACKING = "import sys; sys.modules['dask'] = None"


def start(repeats=7):
    """Seconds of help, and of a shipped network and its first map over importing torch, and what xarray takes of it."""
    asked = {
        "with dask": MAP.format(before="", between=""),
        "without dask": MAP.format(before=LACKING, between=""),
        "over torch and xarray, without dask": MAP.format(before=LACKING, between="import xarray"),
    }
    found = {name: [] for name in (*asked, "help", "xarray")}
    for _ in range(repeats):
        for name, program in asked.items():
            between, after = map(float, _run("-c", program).split())
            found[name].append(after)
            if "xarray" in name:
                found["xarray"].append(between)
        began = time.perf_counter()
        _run("-m", "lam_nb.cli", "--help")
        found["help"].append(time.perf_counter() - began)
    told = {name: statistics.median(row) for name, row in found.items()}
    print(told, flush=True)
    return told


EXPLORER = """
import time
import torch; torch.set_num_threads(1); torched = time.perf_counter()
import lam_widgets
explorer = lam_widgets.Explorer(["fsrcnn"], ["facade"], history=False)
assert explorer.picker.image
shown = time.perf_counter()
with explorer.picker.hold_trait_notifications():
    explorer.picker.x, explorer.picker.touches = 110, 1
explorer.glimpses.join()
assert explorer.picker.glimpse
first = time.perf_counter()
with explorer.picker.hold_trait_notifications():
    explorer.picker.x, explorer.picker.touches = 114, 2
explorer.glimpses.join()
print(shown - torched, first - shown, time.perf_counter() - first)
"""


def explorer(repeats=5):
    """Seconds until the Explorer shows a picture, a first rough map, and the next one."""
    rows = [[float(word) for word in _run("-c", EXPLORER).split()] for _ in range(repeats)]
    names = "picture", "first rough map", "next rough map"
    told = dict(zip(names, map(statistics.median, zip(*rows, strict=True)), strict=True))
    print(told, flush=True)
    return told


def _run(*words):
    return subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    torch.set_num_threads(1)
    parts.run((call, probing, anytime, start, explorer), __doc__, __file__)
