"""The first thing to run on a GPU: every verb there against the CPU, memory given back, then times.

Run ``python -m tests.benchmarks.cuda --out cuda.json``; at most eight minutes. CI runs ``--small`` on a device that
pretends, and the times on the CPU. Numbers agree if they differ by no more than a hundredth of a variable's mean
magnitude, or 0.05 of an effect: networks of many layers add up in another order there.
"""

from __future__ import annotations

import argparse
import copy
import json
import pathlib
import sys
import time
import warnings

import numpy as np
import torch

import lam_nb as lam
from tests.benchmarks import cuda_times

WINDOW = lam.Region(96, 96, 16)
QUIET = {"progress": False}
_LOOSE = {"causal_effect": 0.05, "rain": 0.05}
"""Effects are differences of dB: there single precision costs more."""
_TIGHT = 1e-2
_UNLIKE = "error", "history", "share", "plane"
"""Variables that rounding may change by any amount: estimates of errors near nothing, and t-SNE's plane."""
_ALIKE = 80.0
"""Decibels beyond which two outputs count as one."""


def verbs(truth):
    """Return calls (network, image, device) by name."""

    def caused(**settings):
        given = {"reference": truth, "block": 8, "coarse": 2, "fine": 6, **settings}
        return lambda n, i, d: lam.causal_effect(n, i, WINDOW, **given, device=d, **QUIET)

    def attributed(**settings):
        return lambda n, i, d: lam.attribute(n, i, WINDOW, **settings, device=d, **QUIET)

    def curves(n, i, d):
        maps = {"gradient": lam.gradient(n, i, WINDOW, device="cpu")}
        return lam.faithfulness.curves(n, i, WINDOW, maps, draws=1, device=d, **QUIET)

    return {
        "attribute": attributed(steps=12),
        "attribute, whole": attributed(steps=6, local=False),
        "attribute, paper": attributed(steps=6, rule="paper"),
        "attribute, gabor": attributed(steps=6, detector="gabor"),
        "attribute, error": attributed(steps=6, detector=lam.detectors.error(truth)),
        "attribute, own path": attributed(steps=6, path=lambda picture: lambda alpha: alpha * picture),
        "attribute, regions": lambda n, i, d: lam.attribute(n, i, [WINDOW, (8, 8, 16)], steps=6, device=d, **QUIET),
        "compare": lambda n, i, d: lam.compare([n], i, WINDOW, steps=6, reference=truth, device=d, **QUIET),
        "gradient": lambda n, i, d: lam.gradient(n, i, WINDOW, device=d),
        "smoothgrad": lambda n, i, d: lam.smoothgrad(n, i, WINDOW, samples=4, device=d),
        "integrated_gradients": lambda n, i, d: lam.integrated_gradients(n, i, WINDOW, steps=6, device=d, **QUIET),
        "diffusion_field": lambda n, i, d: lam.diffusion_field(n, i, stride=96, steps=6, device=d, **QUIET),
        "receptive_field": lambda n, i, d: lam.receptive_field(n, [i], limit=192, device=d),
        "randomised": lambda n, i, d: lam.faithfulness.randomised(n, i, WINDOW, stages=1, steps=4, device=d, **QUIET),
        "curves": curves,
        "causal_effect": caused(),
        "rain": caused(finish=lam.images.Rain(), metric="l1"),
        "representations": known(truth),
        "filters": differing(truth),
    }


def known(truth):
    """Return what features know of two degradations, by network, image and device."""
    given = [truth, truth.flip(2), truth.flip(1)]
    kinds = {"blur": lam.images.Blur(2.0), "noise": lam.images.Noise(0.1)}
    return lambda n, i, d: lam.representations(n, given, kinds, components=2, device=d, **QUIET)


def differing(truth):
    """Return which kernels of a network and its perturbed twin differ."""

    def run(n, i, d):
        twin = copy.deepcopy(n)
        with torch.no_grad():
            for one in twin.parameters():
                one.mul_(1.02)
        return lam.filters(n, twin, [truth], {"blur": lam.images.Blur(2.0)}, steps=3, device=d, **QUIET)

    return run


def difference(found, expected):
    """Return the largest relative L1 difference of variables, and of which; infinite where only one has a gap."""
    rows = {}
    for name, values in expected.data_vars.items():
        if values.dtype.kind == "f" and not name.endswith(_UNLIKE):
            rows[name] = _apart(*(one.values.clip(-_ALIKE, _ALIKE) for one in (found[name], values)))
    return max(rows.values(), default=0.0), max(rows, key=rows.get, default="")


def _apart(found, expected):
    gaps = np.isnan(expected)
    if (np.isnan(found) != gaps).any():
        return float("inf")
    apart, size = np.abs(found - expected)[~gaps].sum(), np.abs(expected[~gaps]).sum()
    return float(apart / max(size, expected.size if expected.ndim == 0 else 1e-6))


def measured(verb, call, name, image, device):
    """Return how a verb did on the device."""
    row = {"verb": verb, "network": name}
    try:
        expected = call(lam.networks.load(name), image, "cpu")
        fresh = lam.networks.load(name)  # what was found out on the CPU must not hide what fails elsewhere
        before = torch.cuda.memory_allocated() if device.startswith("cuda") else 0
        started = time.perf_counter()
        found = call(fresh, image, device)
        row |= {"seconds": round(time.perf_counter() - started, 3)}
        row["difference"], row["in"] = difference(found, expected)
        row["kept_bytes"] = (torch.cuda.memory_allocated() - before) if device.startswith("cuda") else 0
        row["agrees"] = row["difference"] <= _LOOSE.get(verb, _TIGHT)
    except Exception as error:
        row |= {"agrees": False, "failure": f"{type(error).__name__}: {error}"}
    return row


def main(arguments=None):
    """Run and print; return 1 if something does not agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cuda", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="one network alone")
    parser.add_argument("--minutes", type=float, default=8, help="begin nothing after")
    parser.add_argument("--part", action="append", choices=["verbs", *cuda_times.PARTS], help="all if not given")
    parser.add_argument("--weights", type=pathlib.Path, help="folder with IMDN_x4.pth")
    parser.add_argument("--out", type=pathlib.Path, help="JSON to write")
    given = parser.parse_args(arguments)
    truth = lam.images.sample("bricks")
    truth = lam.images.crop(truth, 0, 0, *(side // 4 * 4 for side in truth.shape[-2:]))
    names = ["fsrcnn"] if given.small else ["fsrcnn", "imdn-small", "residual-nonlocal", "rfdn-small"]
    started, rows = time.perf_counter(), []
    card = torch.cuda.get_device_name() if given.device.startswith("cuda") else given.device
    report = {"device": card, "torch": torch.__version__, "rows": rows}
    parts = given.part or ["verbs", *cuda_times.PARTS]

    def left():
        return 60 * given.minutes - (time.perf_counter() - started)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names if "verbs" in parts else ():
            image = lam.images.downscale(truth, 4)
            for verb, call in verbs(truth).items():
                if left() < 0:
                    rows.append({"verb": verb, "network": name, "agrees": True, "left_out": "no time"})
                    continue
                rows.append(measured(verb, call, name, image, given.device))
                told = rows[-1].get("failure") or f"{rows[-1]['difference']:.1e} in {rows[-1]['in']}"
                print(f"{'ok  ' if rows[-1]['agrees'] else 'FAIL'} {name:18} {verb:22} {told}", flush=True)
        _write(given.out, report)
        chosen = [one for one in parts if one != "verbs"]
        if chosen:
            bench = cuda_times.Bench(given.device, given.small, given.weights)
            report["times"] = cuda_times.times(
                bench, left, chosen, lambda found: _write(given.out, report | {"times": found})
            )
    _write(given.out, report | {"seconds": time.perf_counter() - started})
    return int(not all(row["agrees"] for row in rows))


def _write(path, report):
    if path:
        path.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
