"""What listening costs: ``python -m tests.benchmarks.representations_speed [--pictures 100] [--patches 800]``.

One pass over pictures × 3 degradations on 64 × 64, six layers of a 16-block SRResNet, beside the bare forward passes of
the same batches, in turns, so that a busy machine is unfair to neither; the rise of the process's memory beside what
``memory=`` allows; and features of patches × 64·128·128 numbers, which lie in a Zarr store while their components are
found. Prints ratios; nothing is compared with figures of another machine.
"""

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from lam_nb import networks
from lam_nb.engine import features as engine
from lam_nb.engine.peak import Peak
from lam_nb.engine.progress import bar
from lam_nb.engine.running import Leased, outputs
from lam_nb.methods.representation.components import components
from lam_nb.methods.representation.gathering import Gathering
from lam_nb.networks.architectures.srresnet import SRResNet

CPU = torch.device("cpu")
TAPS = ("conv_first", "body.3", "body.7", "body.11", "body.15", "upconv1")
CONDITIONS, SIDE, BATCH, TURNS = 3, 64, 4, 5


def network():
    torch.manual_seed(0)
    return networks.wrap(SRResNet(), scale=4, name="srresnet", check=False)


def inputs(count, side):
    source = torch.Generator().manual_seed(0)
    return [torch.rand(3, side, side, generator=source) for _ in range(count)]


def seconds(function):
    """Seconds by the clock, and seconds in which this process was busy: others may be, too."""
    start = np.array([time.perf_counter(), time.process_time()])
    function()
    return np.array([time.perf_counter(), time.process_time()]) - start


def gathered(gathering, given):
    """Features of all inputs, and nothing done with them."""
    with bar(False, len(given), "", "") as shown, gathering.of(given, "speed", shown):
        pass


def one_pass(count):
    """Seconds of gathering over seconds of forward passes, a share of the pictures each turn."""
    run, given = Leased(network(), CPU), inputs(count * CONDITIONS, SIDE)
    taken = engine.chosen(run, engine.survey(run, given[0]), TAPS)
    spent = dict.fromkeys(("bare", "memory", "store"), np.zeros(2))
    for part in np.array_split(np.arange(len(given)), TURNS):
        some = [given[k] for k in part]

        def bare(some=some):
            for at in range(0, len(some), BATCH):
                outputs(run, torch.stack(some[at : at + BATCH]))

        spent["bare"] = spent["bare"] + seconds(bare)
        spent["memory"] = spent["memory"] + seconds(
            lambda some=some: gathered(Gathering(run, taken, batch=BATCH), some)
        )
        with tempfile.TemporaryDirectory() as folder:
            filed = Gathering(run, taken, batch=BATCH, store=Path(folder) / "features.zarr")
            spent["store"] = spent["store"] + seconds(lambda some=some, filed=filed: gathered(filed, some))
    bare, memory, store = spent.values()
    print(f"{len(given)} samples × {len(taken)} layers: {bare[0] / len(given):.3f} s a bare forward pass")
    for name, one in (("in memory", memory), ("into a store", store)):
        clock, busy = one / bare
        print(f"  gathered {name}: {clock:.3f} of the bare forward passes by the clock, {busy:.3f} by busy seconds")


def bounded(count, allowed):
    """The rise of memory over what is allowed."""
    run, given = Leased(network(), CPU), inputs(count, SIDE)
    taken = engine.chosen(run, engine.survey(run, given[0]), TAPS)
    peak = Peak(CPU, allowed)
    with peak.watched(), contextlib.ExitStack() as stack:
        shown = stack.enter_context(bar(False, len(given), "", ""))
        shelf, left = stack.enter_context(Gathering(run, taken, memory=allowed).of(given, "speed", shown))
        for one in taken:
            components(shelf.matrix(one.name), 50, left // 2)
        place = shelf.place
    print(f"{count} samples in {place}: memory rose by {peak.rise / 1e6:,.0f} MB of {allowed / 1e6:,.0f} MB allowed")


def out_of_core(patches, allowed):
    """Whole features of many patches, through a store."""
    run, given = Leased(network(), CPU), inputs(patches, 32)
    known = engine.survey(run, given[0])
    taken = engine.last(run, known)
    peak, start = Peak(CPU, allowed), time.perf_counter()
    with peak.watched(), contextlib.ExitStack() as stack:
        shown = stack.enter_context(bar(False, len(given), "", ""))
        shelf, left = stack.enter_context(Gathering(run, (taken,), memory=allowed).of(given, "speed", shown))
        gathering = time.perf_counter() - start
        found = components(shelf.matrix(taken.name), min(300, patches), left // 2)
        place = shelf.place
    size = 4 * patches * taken.count(False)
    words = f"{patches} × {taken.count(False):,} features of {taken.name} ({size / 1e9:.1f} GB) in {place}"
    print(f"{words}: gathered in {gathering:.0f} s, components in {time.perf_counter() - start - gathering:.0f} s")
    share = found.shares.sum()
    print(f"  memory rose by {peak.rise / 1e6:,.0f} MB of {allowed / 1e6:,.0f} MB allowed; {share:.0%} of variance")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--patches", type=int, default=800)
    parser.add_argument("--memory", type=int, default=1_000_000_000, help="bytes")
    given = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    one_pass(given.pictures)
    bounded(max(60, given.pictures), given.memory)
    out_of_core(given.patches, given.memory)


if __name__ == "__main__":
    main()
