"""The first thing to run on a GPU: every verb there against the CPU, and memory given back.

Run ``python -m tests.benchmarks.cuda --out cuda.json``; at most eight minutes. CI runs ``--small`` on a device that
pretends. Numbers agree if they differ by no more than a hundredth of a variable's mean magnitude, or 0.05 dB of an
effect: networks of many layers add up in another order there.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import time
import warnings

import numpy as np
import torch

import lam_nb as lam

WINDOW = lam.Region(96, 96, 16)
QUIET = {"progress": False}
_LOOSE = {"causal_effect": 0.05, "rain": 0.05}
"""Effects are differences of dB: there single precision costs more."""
_TIGHT = 1e-2


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
    }


def difference(found, expected):
    """Return the largest difference of two results, of each variable relative to its mean magnitude."""
    rows = {}
    for name, values in expected.data_vars.items():
        if values.dtype.kind == "f" and not name.endswith(("error", "history", "share")):
            size = float(np.nanmean(np.abs(values))) if values.ndim else 1.0
            rows[name] = float(np.nanmax(np.abs(found[name].values - values.values), initial=0)) / max(size, 1.0)
    return max(rows.values(), default=0.0), max(rows, key=rows.get, default="")


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
    parser.add_argument("--out", type=pathlib.Path, help="JSON to write")
    given = parser.parse_args(arguments)
    truth = lam.images.sample("bricks")
    truth = lam.images.crop(truth, 0, 0, *(side // 4 * 4 for side in truth.shape[-2:]))
    names = ["fsrcnn"] if given.small else ["fsrcnn", "imdn-small", "residual-nonlocal", "rfdn-small"]
    started, rows = time.perf_counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            image = lam.images.downscale(truth, 4)
            for verb, call in verbs(truth).items():
                if time.perf_counter() - started > 60 * given.minutes:
                    rows.append({"verb": verb, "network": name, "agrees": True, "left_out": "no time"})
                    continue
                rows.append(measured(verb, call, name, image, given.device))
                told = rows[-1].get("failure") or f"{rows[-1]['difference']:.1e} in {rows[-1]['in']}"
                print(f"{'ok  ' if rows[-1]['agrees'] else 'FAIL'} {name:18} {verb:22} {told}", flush=True)
    card = torch.cuda.get_device_name() if given.device.startswith("cuda") else given.device
    report = {"device": card, "torch": torch.__version__, "seconds": time.perf_counter() - started, "rows": rows}
    if given.out:
        given.out.write_text(json.dumps(report, indent=1))
    return int(not all(row["agrees"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
