"""Filter attribution beside a loop that builds the network anew: ``python -m tests.benchmarks.filters_speed``.

The loop does what published code for this question does, in words of our own: at each of 100 steps from one end of the
line a network is built, the interpolated weights are loaded into it, the loss of one picture is differentiated by all
parameters, and gradients are kept layer by layer until the end. Both compute the same scores; a test compares them.

(a) At equal steps there is little to win: forward and backward passes are the same. The bound is what building,
loading and bookkeeping cost, measured by themselves; beyond it only the order of the weights in memory helps.
(b) At equal true error: how many midpoint steps find as much of the converged first per cent of kernels as 100
one-sided ones. Seconds are taken in turns, so that a busy machine is unfair to neither.
"""

import argparse
import time

import numpy as np
import torch

import lam_nb as lam
from lam_nb.engine.parameters import LOSSES, Line, Plan, Reduction, Slopes, Walk
from lam_nb.engine.running import Leased
from lam_nb.methods.filtering.pairs import pairs
from lam_nb.networks import architectures
from lam_nb.networks import kernels as parts

CPU = torch.device("cpu")
TARGET, BASELINE = "srresnet-residual-restoring", "srresnet-residual-mse"
SPOILT = {"blur": lam.images.Blur(2, 21), "noise": lam.images.Noise(0.1)}
SHARE, CONVERGED, TURNS = 0.01, 243, 5


def rebuilt(build, target, baseline, given, truth, steps, passes=True):
    """Scores of all kernels for one picture, the network built anew at each step; without passes, what that costs."""
    now, then = target.module.state_dict(), baseline.module.state_dict()
    gathered = {name: [] for name, one in target.module.named_parameters() if one.ndim > 1}
    for k in range(steps):
        share = k / steps
        network = build()
        network.load_state_dict({name: (1 - share) * now[name] + share * then[name] for name in now})
        network.eval()
        if passes:
            ((network(given[None]) - truth[None]) ** 2).sum().backward()
        for name, one in network.named_parameters():
            if name in gathered:
                slope = one.grad if passes else torch.zeros_like(one)
                gathered[name].append((slope * (then[name] - now[name])).detach().numpy())
    sums = [np.abs(np.mean(rows, 0)) for rows in gathered.values()]
    return np.concatenate([one.reshape(*one.shape[:2], -1).sum(-1).ravel() for one in sums])


def walk(target, baseline, rule, steps):
    """What `lam.filters` does with a picture."""
    run, line = Leased(target, CPU), Line.between(target, baseline, CPU)
    slopes = Slopes(run, line, LOSSES["squared"])
    return Walk(slopes, Reduction(line, parts.weights(target), "module.", "slice"), Plan.of(steps, None, rule))


def seconds(function):
    """Seconds by the clock, and seconds in which this process was busy."""
    start = np.array([time.perf_counter(), time.process_time()])
    function()
    return np.array([time.perf_counter(), time.process_time()]) - start


def equal_steps(steps):
    """The loop, its rebuilding alone, and ours, at equal steps on one picture."""
    target, baseline = lam.networks.load(TARGET), lam.networks.load(BASELINE)
    given = pairs(target, ["facade"], SPOILT, 48)
    build = lambda: architectures.build("srresnet", width=12)  # noqa: E731
    one = build, target, baseline, given.inputs[0], given.truths[0], steps
    ours = walk(target, baseline, "paper", steps)
    spent = np.zeros((3, 2))
    for _ in range(TURNS):
        spent[0] += seconds(lambda: rebuilt(*one))
        spent[1] += seconds(lambda: rebuilt(*one, passes=False))
        spent[2] += seconds(lambda: ours(given.inputs[0][None], given.truths[0][None]))
    loop, idle, own = spent[:, 1] / (TURNS * steps) * 1000
    print(f"(a) {steps} steps, 48 × 48 px, busy milliseconds a step: loop {loop:.1f}, of which it builds and keeps")
    print(f"    {idle:.1f}; ours {own:.1f}. Faster {loop / own:.2f} times; the bound without another order of weights")
    print(f"    is {loop / (loop - idle):.2f}")
    return loop / own


def first(scores, skill):
    chosen = lam.statistics.top_kernels(scores, skill, SHARE)
    return set(chosen.kernel.values[chosen.values].tolist())


def equal_error(count):
    """How many midpoint steps find as much of the converged ranking as the published rule."""
    photographs = {name: lam.images.sample(name) for name in lam.images.samples()[:count]}

    def asked(**settings):
        return lam.filters(TARGET, BASELINE, photographs, SPOILT, size=48, progress=False, **settings)

    converged = asked(steps=CONVERGED)
    wanted = {skill: first(converged, skill) for skill in SPOILT}

    def found(scores):
        return [len(wanted[skill] & first(scores, skill)) / len(wanted[skill]) for skill in SPOILT]

    def off(scores):
        return float(abs(scores.score - converged.score).sum() / converged.score.sum())

    published = asked(rule="paper")
    print(f"(b) first per cent of {converged.sizes['kernel']} kernels, {count} pictures; truth: {CONVERGED} midpoints")
    print(f"    published, 100 steps: finds {found(published)}, scores {off(published):.2%} off")
    enough = None
    for steps in (3, 4, 5, 6, 8, 9, 10, 12, 16, 20, 27):
        one = asked(steps=steps)
        print(f"    midpoint, {steps:3d} steps: finds {found(one)}, scores {off(one):.2%} off")
        if enough is None and all(a >= b for a, b in zip(found(one), found(published), strict=True)):
            enough = steps
    return enough


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20, help="of (a)")
    parser.add_argument("--pictures", type=int, default=5, help="of (b)")
    given = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    faster = equal_steps(given.steps)
    enough = equal_error(given.pictures)
    if enough is None:
        print("    no number of midpoint steps that was tried finds as much")
        return
    print(f"    {enough} steps find as much; with the ends {100 / (enough + 1.6):.1f} times fewer,")
    print(f"    {faster * 100 / (enough + 1.6):.1f} times faster than the loop")


if __name__ == "__main__":
    main()
