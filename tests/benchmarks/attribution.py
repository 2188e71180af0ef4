"""Speed beside the peers, in one process: ``python -m tests.benchmarks.attribution SHARED --out results.json``.

SHARED is the folder with published weights and test images. Prints a table, writes JSON with the
machine named, and draws it (``--plot``). Times are medians of repeated, interleaved runs; what counts
are their ratios. Comparisons with peers state the true error of both sides, against a fine reference.
The peers are in the dependency group ``benchmark``; a part whose peer is missing says so.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import xarray as xr
from scipy.stats import gaussian_kde
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

import lam_nb as lam
from lam_nb import paths
from lam_nb.engine.running import Leased, outputs
from lam_nb.engine.sampling import value_and_gradient

WEIGHTS = {"imdn": "IMDN_x4.pth", "rfdn": "RFDN_AIM.pth", "carn-m": "carn_m.pth"}
REGION = lam.Region(120, 120, 16)
QUIET = {"keep": "map", "progress": False}
LADDER = (4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 32, 40, 50)
SHIPPED = ("fsrcnn", "residual", "residual-channel", "imdn-small", "rfdn-small")


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
    return total.cpu().numpy()


def straight_by_captum(net, lr, region, steps, method="riemann_middle", at_once=4):
    """Integrate along the straight line from black with captum; by default as many nodes at once as is fastest here."""
    from captum.attr import IntegratedGradients

    measure = lam.detectors.edges(region)
    peer = IntegratedGradients(lambda batch: measure(net(batch)))
    return peer.attribute(lr[None], n_steps=steps, method=method, internal_batch_size=at_once)[0].detach().cpu().numpy()


def blur_by_saliency(net, lr, region, steps, sigma=1.2):
    """Integrate along the blur path with saliency, which takes one node at a time."""
    from saliency.core import BlurIG
    from saliency.core.base import INPUT_OUTPUT_GRADIENTS

    measure = lam.detectors.edges(region)

    def call_model(batch, call_model_args=None, expected_keys=None):
        pictures = torch.from_numpy(np.asarray(batch, np.float32)).permute(0, 3, 1, 2)
        slopes = value_and_gradient(Leased(net, pictures.device), measure, pictures)[1]
        return {INPUT_OUTPUT_GRADIENTS: slopes.permute(0, 2, 3, 1).numpy()}

    picture = lr.permute(1, 2, 0).numpy().astype(float)
    return BlurIG().GetMask(picture, call_model, max_sigma=sigma, steps=steps).transpose(2, 0, 1)


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


def fewest(net, lr, reference, goal, **settings):
    """Return the fewest steps with which our map's true error is at most `goal`."""
    for steps in LADDER:
        found = lam.attribute(net, lr, REGION, steps=steps, **settings, **QUIET).attribution.values
        if error(found, reference) <= goal:
            return steps
    return LADDER[-1]


def against_demo(nets, images, repeats, fine):
    """Compare with the demo at equal or smaller true error, and at our default tolerance."""
    rows = []
    for name, net in nets.items():
        for label, lr in tqdm(images.items(), desc=f"demo, {name}"):
            reference = lam.attribute(net, lr, REGION, steps=fine, **QUIET).attribution.values
            goal = error(demo_scheme(net, lr, REGION), reference)
            steps = fewest(net, lr, reference, goal)
            seconds, found = medians(
                repeats,
                demo=lambda net=net, lr=lr: demo_scheme(net, lr, REGION),
                ours=lambda net=net, lr=lr, steps=steps: lam.attribute(net, lr, REGION, steps=steps, **QUIET),
                default=lambda net=net, lr=lr: lam.attribute(net, lr, REGION, **QUIET),
            )
            row = {"network": name, "image": label, "demo_error": goal, "our_steps": steps}
            row |= {"our_error": error(found["ours"].attribution.values, reference)}
            row |= {"default_steps": found["default"].attrs["steps"]}
            row |= {"default_error": error(found["default"].attribution.values, reference)}
            row |= {"ratio": seconds["demo"] / seconds["ours"], "default_ratio": seconds["demo"] / seconds["default"]}
            rows.append(row)
    return summary(rows, "ratio", "default_ratio")


def summary(rows, *ratios):
    return {"rows": rows} | {name: geometric_mean([row[name] for row in rows]) for name in ratios}


def against_captum(nets, images, repeats, fine, steps=24):
    """Compare with captum on the straight path from black: equal nodes, and its defaults at equal true error."""
    rows = []
    lr = next(iter(images.values()))
    settings = {"path": "black", "rule": "midpoint", "local": False}
    for name, net in nets.items():
        reference = lam.attribute(net, lr, REGION, steps=fine, **settings, **QUIET).attribution.values
        goal = error(straight_by_captum(net, lr, REGION, 50, "gausslegendre"), reference)
        few = fewest(net, lr, reference, goal, path="black")
        seconds, found = medians(
            repeats,
            captum=lambda net=net: straight_by_captum(net, lr, REGION, steps),
            ours=lambda net=net: lam.attribute(net, lr, REGION, steps=steps, **settings, **QUIET).attribution.values,
            defaults=lambda net=net: straight_by_captum(net, lr, REGION, 50, "gausslegendre"),
            few=lambda net=net, few=few: lam.attribute(net, lr, REGION, path="black", steps=few, **QUIET),
        )
        row = {"network": name, "difference": error(found["ours"], found["captum"]), "captum_error": goal}
        row |= {"our_steps": few, "our_error": error(found["few"].attribution.values, reference)}
        row |= {"ratio_equal_nodes": seconds["captum"] / seconds["ours"]}
        rows.append(row | {"ratio_equal_error": seconds["defaults"] / seconds["few"]})
    return summary(rows, "ratio_equal_nodes", "ratio_equal_error")


def against_saliency(nets, images, repeats, steps=24):
    """Compare with saliency's blur integrated gradients at equal node counts."""
    rows = []
    lr = next(iter(images.values()))
    blur = lam.paths.blur(1.2, 11)
    for name, net in nets.items():
        seconds, _ = medians(
            repeats,
            saliency=lambda net=net: blur_by_saliency(net, lr, REGION, steps),
            ours=lambda net=net: lam.attribute(net, lr, REGION, path=blur, rule="paper", steps=steps, **QUIET),
        )
        rows.append({"network": name, "ratio": seconds["saliency"] / seconds["ours"]})
    return summary(rows, "ratio")


def coverage(nets, images, fine):
    """Return in how many cases the estimated error covers the true one, over networks, images, tolerances."""
    rows = []
    every = nets | {name: lam.networks.load(name) for name in SHIPPED}
    for name, net in every.items():
        for label, lr in tqdm(images.items(), desc=f"coverage, {name}"):
            dense = lam.attribute(net, lr, REGION, steps=fine, **QUIET)
            reference, index = dense.attribution.values, float(dense.lam.diffusion_index())
            for tolerance in (0.2, 0.1, 0.05):
                found = lam.attribute(net, lr, REGION, tolerance=tolerance, **QUIET)
                row = {"network": name, "image": label, "tolerance": tolerance, "steps": found.attrs["steps"]}
                row |= {"true": error(found.attribution.values, reference), "estimate": float(found.quadrature_error)}
                row |= {"index_off": abs(float(found.lam.diffusion_index()) - index)}
                rows.append(row | {"index_estimate": float(found.diffusion_index_error)})
    covered = np.mean([row["true"] <= row["estimate"] for row in rows])
    near = np.mean([row["index_off"] <= 2 * row["index_estimate"] for row in rows])
    ratio = statistics.median(row["estimate"] / row["true"] for row in rows)
    return {"rows": rows, "cases": len(rows), "covered": covered, "index_within_two": near, "estimate_over_true": ratio}


def floor(net, lr, repeats, nodes=24):
    """Return which share of the machine's matrix-product peak the whole call reaches."""
    with FlopCounterMode(display=False) as counter:
        outputs(Leased(net, lr.device), lr[None])
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


def regions(nets, wide, images, repeats, side=8):
    """Compare many regions in one call with a call for each; single calls are timed on a part of them."""
    cases = {"carn-m": wide, "imdn": next(iter(images.values()))}
    rows = []
    for name, picture in cases.items():
        net, last = nets[name], [4 * n - 24 for n in picture.shape[-2:]]
        places = [np.linspace(8, end, side).astype(int) for end in last]
        windows = [lam.Region(int(y), int(x)) for y in places[0] for x in places[1]]
        settings = {"steps": 9, **QUIET}
        some = windows[:: len(windows) // 8]
        seconds, _ = medians(
            repeats,
            many=lambda net=net, picture=picture: lam.attribute(net, picture, windows, **settings),
            single=lambda net=net, picture=picture: [lam.attribute(net, picture, one, **settings) for one in some],
            broad=lambda net=net, picture=picture: broad(
                lambda: [lam.attribute(net, picture, one, **settings) for one in some]
            ),
            forward=lambda net=net, picture=picture: outputs(Leased(net, picture.device), picture[None]),
        )
        alone, former = seconds["single"] / len(some), seconds["broad"] / len(some)
        row = {"network": name, "regions": len(windows), "size": list(picture.shape[-2:])}
        row |= {"seconds_many": seconds["many"], "seconds_single": alone, "forward_seconds": seconds["forward"]}
        row |= {"ratio": alone * len(windows) / seconds["many"]}
        rows.append(row | {"ratio to single calls that compute all": former * len(windows) / seconds["many"]})
    return {"rows": rows}


def narrowing(image, repeats, steps=24):
    """Compare maps whose convolutions compute what the window needs with maps whose convolutions compute all."""
    region, rows = lam.Region(120, 120, 16), []
    for name in ("fsrcnn", "residual", "residual-wide", "carn-m", "srresnet-mse"):
        net = lam.networks.load(name)
        ask = lambda net=net: lam.attribute(net, image, region, steps=steps, **QUIET).attribution.values  # noqa: E731
        seconds, found = medians(repeats, narrow=ask, broad=lambda ask=ask: broad(ask))
        row = {"network": name, "difference": error(found["narrow"], found["broad"]), "seconds": seconds["narrow"]}
        rows.append(row | {"ratio": seconds["broad"] / seconds["narrow"]})
    return summary(rows, "ratio")


def broad(ask):
    """Have every convolution compute all that it is given."""
    with mock.patch("lam_nb.engine.locality._MANY", 10**9):
        return ask()


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


def table(results):
    """Return the results as lines to read."""
    lines = [f"{key}: {value}" for key, value in results["machine"].items()]
    for part, found in results.items():
        if part == "machine":
            continue
        lines += ["", f"## {part}"]
        if isinstance(found, str):
            lines.append(found)
            continue
        lines += [f"{key}: {cell(value)}" for key, value in found.items() if key != "rows"]
        rows = found.get("rows", [])
        if rows:
            lines += ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
            lines += ["| " + " | ".join(cell(value) for value in row.values()) + " |" for row in rows]
    return "\n".join(lines)


def cell(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def plot(results, path):
    """Draw ratios beside the peers, errors estimated and true, and what narrowing saves."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    rows = results.get("demo", {}).get("rows", [])
    names = [f"{row['network']} {row['image']}" for row in rows]
    left.barh(names, [row["ratio"] for row in rows], color="#3b6ea8")
    left.axvline(8, color="#c24e00", linestyle="--", label="goal")
    left.set(xlabel="times faster than the demo's loop\nat equal or smaller true error", title="published demo")
    left.invert_yaxis()
    left.legend()
    rows = results.get("coverage", {}).get("rows", [])
    for tolerance, colour in ((0.2, "#9ecae1"), (0.1, "#4292c6"), (0.05, "#084594")):
        chosen = [row for row in rows if row["tolerance"] == tolerance]
        pairs = [row["true"] for row in chosen], [row["estimate"] for row in chosen]
        middle.scatter(*pairs, color=colour, label=f"tolerance {tolerance:g}", s=22)
    middle.axline((0, 0), slope=1, color="#c24e00", linestyle="--", label="equal")
    middle.set(xlabel="true relative L1 error", ylabel="estimated", title="is the estimate honest?", xlim=0, ylim=0)
    middle.legend()
    rows = results.get("narrowing", {}).get("rows", [])
    right.barh([row["network"] for row in rows], [row["ratio"] for row in rows], color="#3b6ea8")
    right.axvline(1, color="#c24e00", linestyle="--", label="as fast")
    right.set(xlabel="times faster than with convolutions\nthat compute all of their input", title="narrowing, 64 × 64")
    right.invert_yaxis()
    right.legend()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--out", type=Path, help="JSON file to write, or to add parts to")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="PNG file to draw")
    parser.add_argument("--part", action="append", help="one of those in the table; all if not given")
    parser.add_argument("--reference", type=int, default=400, help="nodes of the reference")
    given = parser.parse_args()
    nets = {n: lam.networks.load(n, weights=given.shared / "data/weights" / f) for n, f in WEIGHTS.items()}
    photographs = {p.stem: lam.images.load(p) for p in lam.images.files(given.shared / "data/images/lam")}
    images = {name: lam.images.downscale(one, 4) for name, one in photographs.items()}
    wide = next(iter(photographs.values()))[:, :192]
    parts = {
        "demo": lambda: against_demo(nets, images, given.repeats, given.reference),
        "captum": lambda: against_captum(nets, images, given.repeats, given.reference),
        "saliency": lambda: against_saliency(nets, images, given.repeats),
        "coverage": lambda: coverage(nets, images, given.reference),
        "floor": lambda: floor(nets["imdn"], images["1"], given.repeats),
        "locality": lambda: locality(nets["carn-m"], wide, given.repeats),
        "regions": lambda: regions(nets, wide, images, given.repeats),
        "narrowing": lambda: narrowing(images["1"], given.repeats),
        "area": lambda: area(given.repeats),
    }
    known = json.loads(given.out.read_text()) if given.out and given.out.is_file() else {}
    results = {name: one for name, one in known.items() if name in parts} | {"machine": machine()}
    for name in given.part or parts:
        try:
            results[name] = parts[name]()
        except ModuleNotFoundError as error:
            results[name] = f"not measured: {error}"
        print(table({"machine": {}, name: results[name]}), flush=True)
        if given.out:
            given.out.write_text(json.dumps(results, indent=2) + "\n")
    if given.plot:
        plot(results, given.plot)


if __name__ == "__main__":
    main()
