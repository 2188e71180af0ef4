"""Speed beside the peers, in one process: ``python -m tests.benchmarks.attribution SHARED --out results.json``.

SHARED is the folder with published weights and test images. Prints and writes JSON, with the machine.
Times are medians of repeated, interleaved runs; what counts are their ratios. Every comparison
states the true error of both sides, against a fine reference.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from scipy.stats import gaussian_kde
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

import lam_nb as lam
from lam_nb import gradients, paths

WEIGHTS = {"imdn": "IMDN_x4.pth", "rfdn": "RFDN_AIM.pth", "carn-m": "carn_m.pth"}
REGION = lam.Region(120, 120, 16)
QUIET = {"keep": "map", "progress": False}
TOLERANCES = (0.4, 0.3, 0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02)


def demo_scheme(net, lr, region, sigma=1.2, steps=50):
    """Compute a map as the published demo does: a node at a time, parameter gradients on, one-sided rule."""
    path = paths.blur(sigma)(lr)
    images = path(np.arange(steps + 1) / steps)
    rows, columns = region.slices
    total = torch.zeros_like(lr)
    for node in range(steps):
        image = images[node + 1][None].clone().requires_grad_()
        output = net(image)
        down = output[:, :, :-1, :-1] - output[:, :, 1:, :-1]
        right = output[:, :, :-1, :-1] - output[:, :, :-1, 1:]
        edges = (down**2 + right**2).sqrt()
        net.zero_grad()
        edges[..., rows, columns].sum().backward()
        slope = torch.nan_to_num(image.grad[0], nan=0.0)
        total += slope * (images[node + 1] - images[node])
    return total.numpy()


def straight_by_captum(net, lr, region, steps):
    """Integrate along the straight line from black with captum, as many nodes at once as we take."""
    from captum.attr import IntegratedGradients

    measure = lam.detectors.edges(region)
    peer = IntegratedGradients(lambda batch: measure(net(batch)))
    return peer.attribute(lr[None], n_steps=steps, method="riemann_middle", internal_batch_size=8)[0].detach().numpy()


def medians(repeats, **functions):
    """Time functions in turn, `repeats` times each, after one run to warm up; return median seconds and results."""
    results = {name: function() for name, function in functions.items()}
    seconds = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(row) for name, row in seconds.items()}, results


def error(found, reference):
    return float(np.abs(found - reference).sum() / np.abs(reference).sum())


def geometric_mean(values):
    return float(np.exp(np.mean(np.log(values))))


def against_demo(nets, images, repeats, fine):
    """Compare with the demo at equal or smaller true error."""
    rows = []
    for name, net in nets.items():
        for label, lr in tqdm(images.items(), desc=f"demo, {name}"):
            reference = lam.attribute(net, lr, REGION, steps=fine, **QUIET).attribution.values
            goal = error(demo_scheme(net, lr, REGION), reference)
            ours = next(
                t
                for t in TOLERANCES
                if error(lam.attribute(net, lr, REGION, tolerance=t, **QUIET).attribution.values, reference) <= goal
            )
            seconds, found = medians(
                repeats,
                demo=lambda net=net, lr=lr: demo_scheme(net, lr, REGION),
                ours=lambda net=net, lr=lr, ours=ours: lam.attribute(net, lr, REGION, tolerance=ours, **QUIET),
            )
            row = {"network": name, "image": label, "demo_error": goal, "tolerance": ours}
            row |= {"our_error": error(found["ours"].attribution.values, reference)}
            row |= {"our_nodes": found["ours"].attrs["steps"], "estimate": float(found["ours"].quadrature_error)}
            row |= {"demo_seconds": seconds["demo"], "our_seconds": seconds["ours"]}
            rows.append(row | {"ratio": seconds["demo"] / seconds["ours"]})
    return {"rows": rows, "ratio": geometric_mean([row["ratio"] for row in rows])}


def against_captum(nets, images, repeats, steps=24):
    """Compare with captum on the straight path from black, at equal node counts."""
    rows = []
    lr = next(iter(images.values()))
    settings = {"path": "black", "rule": "midpoint", "steps": steps, "local": False, **QUIET}
    for name, net in nets.items():
        seconds, found = medians(
            repeats,
            captum=lambda net=net: straight_by_captum(net, lr, REGION, steps),
            ours=lambda net=net: lam.attribute(net, lr, REGION, **settings).attribution.values,
        )
        row = {"network": name, "difference": error(found["ours"], found["captum"])}
        rows.append(row | {"ratio": seconds["captum"] / seconds["ours"]})
    return {"rows": rows, "ratio": geometric_mean([row["ratio"] for row in rows])}


def floor(net, lr, repeats, nodes=24):
    """Return which share of the machine's matrix-product peak the whole call reaches."""
    with gradients.frozen(net, torch.device("cpu")), torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(lr[None])
    side = 2048
    left, right = torch.rand(side, side), torch.rand(side, side)
    seconds, _ = medians(
        repeats,
        product=lambda: left @ right,
        ours=lambda: lam.attribute(net, lr, REGION, steps=nodes, local=False, **QUIET),
    )
    peak = 2 * side**3 / seconds["product"]
    least = nodes * 2 * counter.get_total_flops() / peak
    return {
        "gigaflops_peak": peak / 1e9,
        "least_seconds": least,
        "seconds": seconds["ours"],
        "share": least / seconds["ours"],
    }


def locality(net, image, repeats, steps=12):
    """Compare the engine with and without locality."""
    region = lam.Region(4 * image.shape[-2] // 2, 4 * image.shape[-1] // 2, 16)
    seconds, found = medians(
        repeats,
        local=lambda: lam.attribute(net, image, region, steps=steps, **QUIET).attribution.values,
        whole=lambda: lam.attribute(net, image, region, steps=steps, local=False, **QUIET).attribution.values,
    )
    return {
        "size": list(image.shape[-2:]),
        "difference": error(found["local"], found["whole"]),
        "ratio": seconds["whole"] / seconds["local"],
    }


def area(repeats, side=128):
    """Compare the contribution area with scipy's kernel density."""
    values = np.abs(np.random.default_rng(0).standard_normal((1, side, side)))
    places = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij")).reshape(2, -1)
    dataset = xr.Dataset({"attribution": (("channel", "y", "x"), values)})
    seconds, found = medians(
        repeats,
        scipy=lambda: gaussian_kde(places, weights=values.ravel())(places).reshape(side, side),
        ours=lambda: lam.statistics.contribution_area(dataset).values,
    )
    scaled = found["scipy"] / found["scipy"].max()
    difference = float(np.abs(scaled - found["ours"]).max())
    return {"side": side, "difference": difference, "ratio": seconds["scipy"] / seconds["ours"]}


def machine():
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU, CUDA unmeasured"
    threads = f"{torch.get_num_threads()} threads"
    return {"system": platform.platform(), "torch": torch.__version__, "device": device, "threads": threads}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--part", action="append", help="demo, captum, floor, locality or area; all if not given")
    parser.add_argument("--reference", type=int, default=400, help="nodes of the reference")
    given = parser.parse_args()
    nets = {n: lam.networks.load(n, weights=given.shared / "data/weights" / f) for n, f in WEIGHTS.items()}
    photographs = {p.stem: lam.images.load(p) for p in lam.images.files(given.shared / "data/images/lam")}
    images = {name: lam.images.downscale(one, 4) for name, one in photographs.items()}
    wide = torch.cat([photographs[name][:, :192] for name in list(photographs)[:1]], 2)
    parts = {
        "demo": lambda: against_demo(nets, images, given.repeats, given.reference),
        "captum": lambda: against_captum(nets, images, given.repeats),
        "floor": lambda: floor(nets["imdn"], images["1"], given.repeats),
        "locality": lambda: locality(nets["carn-m"], wide, given.repeats),
        "area": lambda: area(given.repeats),
    }
    results = {"machine": machine()}
    for name in given.part or parts:
        try:
            results[name] = parts[name]()
        except ModuleNotFoundError as error:
            results[name] = f"not measured: {error}"
        print(name, json.dumps(results[name], indent=2), flush=True)
        if given.out:
            given.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
