"""How time and memory grow: ``python -m tests.benchmarks.sizes PART …``; adds to ``sizes.json``, draws ``sizes.png``.

side      sides of the picture, 32 to 512, of a finite and an endless network, four evaluations
nodes     evaluations, 4 to 256
windows   windows of one call, 1 to 256
networks  networks of one `compare`, 1 to 16
large     1024 × 1024 on a network of finite field, in 4 GB

Time by the clock on one thread, the least of three; memory by which the process rose. Exponents are fitted to the
larger half of each row, on logarithms.
"""

import ctypes
import functools
import gc
import time
from pathlib import Path

import numpy as np
import torch

import lam_nb as lam
from tests.benchmarks import parts

FINITE, ENDLESS = "carn-m", "imdn-small"
QUIET = {"progress": False, "keep": "map"}


def peak_memory(reset=False):
    """Return the process's largest memory so far in MB (Linux; NaN elsewhere), counted anew after a reset."""
    try:
        if reset:
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)  # what was freed goes back, so that it does not count
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except (OSError, AttributeError):
        return float("nan")
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


@functools.cache
def picture(side):
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(0))


@functools.cache
def network(name):
    return lam.networks.load(name)


def grown(sizes, ask, repeats=3):
    """Seconds and megabytes of each size, and how they grow."""
    rows = []
    for size in sizes:
        ask(size)  # once to warm up: it is measured what the second call takes
        before, spent = peak_memory(reset=True), []
        for _ in range(repeats):
            begun = time.perf_counter()
            ask(size)
            spent.append(time.perf_counter() - begun)
        rows.append({"size": size, "seconds": min(spent), "megabytes": peak_memory() - before})
        print(rows[-1], flush=True)
    return {"rows": rows, "exponents": {name: exponent(rows, name) for name in ("seconds", "megabytes")}}


def exponent(rows, name):
    """The slope on logarithms, of the larger half."""
    kept = rows[len(rows) // 2 :]
    if len(kept) < 2:
        return None
    values = np.array([max(row[name], 1e-9) for row in kept])
    return float(np.polyfit(np.log([row["size"] for row in kept]), np.log(values), 1)[0])


def attributed(name, side=64, windows=1, **settings):
    """Ask for as many windows in the middle rows of a picture."""
    net, given = network(name), picture(side)
    last = side * net.scale - 16
    places = np.linspace(0, last, windows + 2).astype(int)[1:-1]
    asked = [lam.Region(last // 2, int(x)) for x in places]
    return lam.attribute(net, given, asked if windows > 1 else asked[0], **QUIET, **settings)


def side():
    sizes = (32, 64, 128, 256, 512)
    return {name: grown(sizes, lambda size, name=name: attributed(name, size, steps=4)) for name in (FINITE, ENDLESS)}


def nodes():
    sizes = (4, 8, 16, 32, 64, 128, 256)
    return {name: grown(sizes, lambda size, name=name: attributed(name, steps=size)) for name in (FINITE, ENDLESS)}


def windows():
    sizes = (1, 4, 16, 64, 256)
    ask = lambda size, name: attributed(name, windows=size, steps=4)  # noqa: E731
    return {name: grown(sizes, functools.partial(ask, name=name), repeats=1) for name in (FINITE, ENDLESS)}


def networks():
    names = lam.networks.shipped()
    chosen = [one for one in names if network(one).scale == 4][:8] * 2
    nets = [lam.networks.load(one) for one in chosen]
    ask = lambda size: lam.compare(nets[:size], picture(64), lam.Region(96, 96), steps=4, keep="map", progress=False)  # noqa: E731
    return {"compare": grown([one for one in (1, 2, 4, 8, 16) if one <= len(nets)], ask)}


def large():
    found = {}
    for name in ("fsrcnn", FINITE):
        found[name] = grown([1024], functools.partial(attributed, name, steps=4), repeats=1)["rows"][0]
    return found


AXES = {"side": "side of the picture, pixels", "nodes": "evaluations", "windows": "windows", "networks": "networks"}


def plot(found, path):
    """Draw seconds above, megabytes below, a column for each part."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(AXES), figsize=(13, 5.8), layout="constrained", sharex="col")
    for column, (part, words) in zip(axes.T, AXES.items(), strict=True):
        for axis, key in zip(column, ("seconds", "megabytes"), strict=True):
            values = []
            for name, one in found.get(part, {}).items():
                rows = [row for row in one["rows"] if row[key] > 0]
                values += [row[key] for row in rows]
                label = f"{name}, exponent {round(one['exponents'][key], 2) + 0.0:.2f}"
                axis.loglog([row["size"] for row in rows], [row[key] for row in rows], "o-", label=label)
            sizes = [row["size"] for row in rows]
            axis.set_xticks(sizes, list(map(str, sizes)))
            axis.minorticks_off()
            axis.set_ylim(10.0 ** np.floor(np.log10(min(values))), 10.0 ** np.ceil(np.log10(max(values))))
            axis.grid(alpha=0.3)
            axis.legend(fontsize=8, loc="lower right")
        column[0].set(title=part)
        column[1].set(xlabel=words)
    axes[0, 0].set(ylabel="seconds, one thread")
    axes[1, 0].set(ylabel="MB more than before")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    torch.set_num_threads(1)
    parts.run((side, nodes, windows, networks, large), __doc__, __file__, plot)
