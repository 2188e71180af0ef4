"""Times on a GPU, beside the peers and beside what the card can do; `tests.benchmarks.cuda` runs them.

Every part warms up, takes turns, waits for the card before it reads the clock, and says which share of the card's own
measured rate it reaches. Rates of products are measured at 8192², copies at 2 GB.
"""

from __future__ import annotations

import contextlib
import pathlib
import statistics
import time
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import lam_nb as lam
from tests import standin
from tests.benchmarks import attribution as peers

WINDOW = peers.REGION
QUIET = peers.QUIET


@dataclass
class Bench:
    """Where it runs, how large, and what it runs on."""

    device: str
    small: bool = False
    weights: pathlib.Path | None = None
    """Folder with IMDN_x4.pth; without it IMDN has random weights, which costs the same."""
    ceilings: dict[str, float] = field(default_factory=dict)

    @property
    def cuda(self):
        return self.device.startswith("cuda")

    def wait(self):
        if self.cuda:
            torch.cuda.synchronize()

    def medians(self, repeats=5, **functions):
        """Return median seconds by name, taken in turns after one run of each."""
        seconds = {name: [] for name in functions}
        for turn in range(repeats + 1):
            for name, function in functions.items():
                self.wait()
                started = time.perf_counter()
                function()
                self.wait()
                if turn:
                    seconds[name].append(time.perf_counter() - started)
        return {name: statistics.median(row) for name, row in seconds.items()}

    def peak(self, function):
        """Return the most bytes that torch held on the card during a call, beyond those before."""
        if not self.cuda:
            function()
            return 0
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        return torch.cuda.max_memory_allocated() - before

    def imdn(self):
        if self.small:
            return lam.networks.load("imdn-small")
        if self.weights is None:
            return lam.networks.wrap(lam.networks.architectures.build("imdn"), name="imdn", check=False)
        return lam.networks.load("imdn", weights=self.weights / "IMDN_x4.pth")

    def pictures(self):
        """Return small pictures by name, as the published demo's."""
        named = {name: lam.images.sample(name) for name in ("facade", "bricks")}
        return {name: lam.images.downscale(lam.images.crop(one, 0, 0, 256, 256), 4) for name, one in named.items()}


@contextlib.contextmanager
def products(kind):
    """Have float32 products and convolutions of a kind: "ieee" or "tf32"."""
    places = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [one.fp32_precision for one in places]
    try:
        for one in places:
            one.fp32_precision = kind
        yield
    finally:
        for one, value in zip(places, before, strict=True):
            one.fp32_precision = value


@contextlib.contextmanager
def searched():
    """Have the card's library try its ways of convolving, and keep the fastest."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def ceilings(bench):
    """Return the card's measured rates: products in three precisions, copies."""
    side, count = (256, 2) if bench.small else (8192, 10)
    rows = {}
    for name, kind, dtype in (
        ("float32", "ieee", torch.float32),
        ("tf32", "tf32", torch.float32),
        ("bfloat16", "ieee", torch.bfloat16),
    ):
        left, right = (torch.randn(side, side, device=bench.device, dtype=dtype) for _ in range(2))
        with products(kind):
            seconds = bench.medians(3, run=lambda left=left, right=right: [left @ right for _ in range(count)])["run"]
        rows[f"{name}_teraflops"] = 2 * side**3 * count / seconds / 1e12
    source = torch.randn(2**16 if bench.small else 2**29, device=bench.device)
    target = torch.empty_like(source)
    rows["copy_gigabytes"] = 8 * source.numel() / bench.medians(5, run=lambda: target.copy_(source))["run"] / 1e9
    bench.ceilings |= rows
    return rows


def evaluate(module, batch, measure):
    """Return gradients of a detector at pictures: what every node costs at least."""
    images = batch.detach().requires_grad_()
    return torch.autograd.grad(measure(module(images)).sum(), images)[0]


def flops(module, picture):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(picture[None])
    return counter.get_total_flops()


def captured(module, batch, measure):
    """Return an evaluation as a graph that CUDA replays, checked against the plain one."""
    static = batch.clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            evaluate(module, static, measure)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = evaluate(module, static, measure)
    graph.replay()
    torch.testing.assert_close(found, evaluate(module, batch, measure), rtol=1e-3, atol=1e-3)
    return graph.replay


def throughput(bench):
    """Return evaluations a second against the batch: plain, channels last, as a graph, in TF32, in bfloat16."""
    rows = []
    for side, batches in ((32, (1, 4)),) if bench.small else ((64, (1, 8, 32)), (256, (1, 8))):
        module = bench.imdn().to(bench.device).requires_grad_(False)
        picture = next(iter(bench.pictures().values())).to(bench.device)
        picture = nn.functional.interpolate(picture[None], (side, side))[0]
        measure = lam.detectors.edges(lam.Region(2 * side, 2 * side, 16))
        operations = 3 * flops(module, picture)
        last = bench.imdn().to(bench.device, memory_format=torch.channels_last).requires_grad_(False)
        for size in batches:
            batch = (
                picture.repeat(size, 1, 1, 1) * torch.linspace(0.5, 1, size, device=bench.device)[:, None, None, None]
            )
            ordered = batch.to(memory_format=torch.channels_last)

            def low(module, batch, measure=measure):
                with torch.autocast(bench.device.partition(":")[0], torch.bfloat16):
                    return evaluate(module, batch, lambda out: measure(out.float()))

            ways = {
                "plain": lambda b=batch, m=module, d=measure: evaluate(m, b, d),
                "channels_last": lambda b=ordered, m=last, d=measure: evaluate(m, b, d),
            }
            if bench.cuda:
                with products("ieee"):
                    ways["graph"] = captured(module, batch, measure)
            with products("ieee"):
                seconds = bench.medians(3, **ways)
            with products("ieee"), searched():
                seconds["searched"] = bench.medians(3, run=ways["plain"])["run"]
            with products("tf32"):
                found = bench.medians(3, tf32=ways["plain"], tf32_channels_last=ways["channels_last"])
            low_ways = {"bfloat16": lambda b=batch, m=module: low(m, b)}
            low_ways["bfloat16_channels_last"] = lambda b=ordered, m=last: low(m, b)
            seconds |= found | bench.medians(3, **low_ways)
            row = {"side": side, "batch": size} | {f"{name}_per_second": size / one for name, one in seconds.items()}
            rate = bench.ceilings.get("float32_teraflops")
            least = operations * size / 1e12 / rate if rate else float("nan")
            row["plain_share_of_floor"] = least / seconds["plain"]
            row["best_share_of_floor"] = least / min(seconds[name] for name in ways)
            rows.append(row)
            del ways
    return {"rows": rows}


def compiled(bench):
    """Return what `torch.compile` gains, and what compiling costs."""
    module = bench.imdn().to(bench.device).requires_grad_(False)
    picture = next(iter(bench.pictures().values())).to(bench.device)
    measure = lam.detectors.edges(WINDOW)
    batch = picture.repeat(8, 1, 1, 1)
    quick = torch.compile(module.module)
    started = time.perf_counter()
    found = evaluate(quick, batch, measure)
    bench.wait()
    took = time.perf_counter() - started
    expected = evaluate(module, batch, measure)
    seconds = bench.medians(
        5, plain=lambda: evaluate(module, batch, measure), quick=lambda: evaluate(quick, batch, measure)
    )
    return {
        "batch": 8,
        "seconds_to_compile": took,
        "ratio": seconds["plain"] / seconds["quick"],
        "difference": float((found - expected).abs().sum() / expected.abs().sum()),
    }


def demo(bench):
    """Compare with the published demo's loop, on the card, at equal or smaller true error; and with its equal nodes."""
    rows = []
    names = ["fsrcnn"] if bench.small else ["rfdn", "carn-m", "imdn"]
    for name in names:
        network = bench.imdn() if name == "imdn" else lam.networks.load(name)
        moved = (bench.imdn() if name == "imdn" else lam.networks.load(name)).to(bench.device)
        for label, picture in list(bench.pictures().items())[: 1 if bench.small else 2]:
            there = picture.to(bench.device)
            settings = {"device": bench.device, **QUIET}
            fine = 30 if bench.small else 300
            reference = lam.attribute(network, picture, WINDOW, steps=fine, **settings).attribution.values

            def loop(there=there, moved=moved):
                with products("ieee"):
                    return peers.demo_scheme(moved, there, WINDOW)

            goal = peers.error(loop(), reference)
            steps = peers.fewest(network, picture, reference, goal, device=bench.device)
            ours = lambda n=steps: lam.attribute(network, picture, WINDOW, steps=n, **settings)  # noqa: E731
            default = lambda: lam.attribute(network, picture, WINDOW, **settings)  # noqa: E731
            seconds = bench.medians(2 if bench.small else 3, demo=loop, ours=ours, default=default)
            row = {"network": name, "image": label, "demo_error": goal, "our_steps": steps}
            row |= {f"{one}_seconds": value for one, value in seconds.items()}
            row |= {"default_steps": int(default().attrs["steps"])}
            rows.append(row | {"ratio": seconds["demo"] / seconds["ours"]})
    return {"rows": rows, "ratio": peers.geometric_mean([row["ratio"] for row in rows])}


def captum(bench, steps=24):
    """Compare with captum on the straight path, equal nodes, at its fastest of several batches."""
    rows = []
    network = bench.imdn()
    moved = bench.imdn().to(bench.device).requires_grad_(False)
    for label, picture in list(bench.pictures().items())[:1]:
        there = picture.to(bench.device)

        def theirs(at_once, there=there):
            with products("ieee"):
                return peers.straight_by_captum(moved, there, WINDOW, steps, at_once=at_once)

        settings = {"path": "black", "rule": "midpoint", "local": False, "device": bench.device, **QUIET}
        ours = lambda p=picture: lam.attribute(network, p, WINDOW, steps=steps, **settings).attribution.values  # noqa: E731
        ways = {f"captum_{n}": lambda n=n: theirs(n) for n in ((4,) if bench.small else (4, 12, 24))}
        seconds = bench.medians(3, ours=ours, **ways)
        row = {"image": label, "difference": peers.error(ours(), theirs(4))}
        row |= {f"{name}_seconds": value for name, value in seconds.items()}
        rows.append(row | {"ratio": min(seconds[name] for name in ways) / seconds["ours"]})
    return {"rows": rows}


def calls(bench):
    """Return seconds of whole calls, and their share of what the operations of their convolutions would take."""
    rows = []
    network = bench.imdn()
    for side, steps in ((32, 4),) if bench.small else ((64, 1), (64, 24), (64, 128), (256, 24), (512, 24)):
        picture = nn.functional.interpolate(next(iter(bench.pictures().values()))[None], (side, side))[0]
        window = lam.Region(2 * side, 2 * side, 16)
        settings = {"device": bench.device, "local": False, "steps": steps, **QUIET}
        run = lambda p=picture, w=window, s=settings: lam.attribute(network, p, w, **s)  # noqa: E731
        seconds = bench.medians(3, run=run)["run"]
        least = flops(bench.imdn(), picture) * 3 * steps / 1e12 / bench.ceilings.get("float32_teraflops", float("nan"))
        row = {"side": side, "steps": steps, "seconds": seconds, "share_of_floor": least / seconds}
        rows.append(row | {"peak_megabytes": bench.peak(run) / 1e6})
    return {"rows": rows}


def precisions(bench):
    """Return what lower precisions cost in the map, and gain in time."""
    rows = []
    for name in ("fsrcnn",) if bench.small else ("imdn", "carn-m", "rfdn"):
        network = bench.imdn() if name == "imdn" else lam.networks.load(name)
        side = 32 if bench.small else 128
        picture = nn.functional.interpolate(next(iter(bench.pictures().values()))[None], (side, side))[0]
        window = lam.Region(2 * side, 2 * side, 16)
        settings = {"device": bench.device, "local": False, "steps": 4 if bench.small else 24, **QUIET}
        run = {
            kind: lambda kind=kind, n=network, p=picture, s=settings: lam.attribute(n, p, window, precision=kind, **s)
            for kind in ("float32", "bfloat16", "float16")
        }
        seconds = bench.medians(3, **run)
        exact = run["float32"]().attribution.values
        for kind in ("bfloat16", "float16"):
            row = {"network": name, "precision": kind, "ratio": seconds["float32"] / seconds[kind]}
            rows.append(row | {"error": peers.error(run[kind]().attribution.values, exact)})
        if bench.cuda:
            with _tf32():
                took = bench.medians(3, run=run["float32"])["run"]
                found = run["float32"]().attribution.values
            row = {"network": name, "precision": "tf32", "ratio": seconds["float32"] / took}
            rows.append(row | {"error": peers.error(found, exact)})
    return {"rows": rows}


@contextlib.contextmanager
def _tf32():
    """Let the package's own computations use TF32, which it rules out."""
    from lam_nb.engine.running import BACKENDS

    holder = object()
    BACKENDS._holders[holder] = 0, True  # as if somebody had set the switch before: it is left as it is then
    before = torch.backends.cudnn.conv.fp32_precision
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    try:
        yield
    finally:
        torch.backends.cudnn.conv.fp32_precision = before
        BACKENDS._holders.pop(holder)


def windows(bench):
    """Compare 64 windows in one call with a call for each."""
    rows = []
    for name in ("fsrcnn",) if bench.small else ("imdn", "carn-m"):
        network = bench.imdn() if name == "imdn" else lam.networks.load(name)
        picture = next(iter(bench.pictures().values()))
        places = range(8, 232, 112 if bench.small else 28)
        every = [lam.Region(y, x, 16) for y in places for x in places]
        settings = {"device": bench.device, "steps": 9, **QUIET}
        some = every[:4]
        seconds = bench.medians(
            2,
            many=lambda n=network, p=picture, e=every, s=settings: lam.attribute(n, p, e, **s),
            single=lambda n=network, p=picture, e=some, s=settings: [lam.attribute(n, p, one, **s) for one in e],
        )
        alone = seconds["single"] / len(some)
        row = {"network": name, "windows": len(every), "seconds_many": seconds["many"], "seconds_single": alone}
        rows.append(row | {"ratio": alone * len(every) / seconds["many"]})
    return {"rows": rows}


def transformers(bench):
    """Return seconds a node and peak memory of SwinIR and HAT, of random weights, from 64 to 256 pixels."""
    rows = []
    made = {"swinir": _swinir, "hat": _hat}
    for name, make in made.items():
        network = lam.networks.wrap(make(bench.small), scale=4, name=name, check=False)
        for side in (32,) if bench.small else (64, 128, 256):
            picture = nn.functional.interpolate(next(iter(bench.pictures().values()))[None], (side, side))[0]
            window = lam.Region(2 * side, 2 * side, 16)
            settings = {"device": bench.device, "steps": 2 if bench.small else 8, **QUIET}
            run = lambda n=network, p=picture, w=window, s=settings: lam.attribute(n, p, w, **s)  # noqa: E731
            try:
                seconds = bench.medians(1, run=run)["run"]
                row = {"network": name, "side": side, "seconds_a_node": seconds / settings["steps"]}
                rows.append(row | {"peak_gigabytes": bench.peak(run) / 1e9})
            except lam.InputError as error:
                rows.append({"network": name, "side": side, "failure": str(error)})
    return {"rows": rows}


def _swinir(small):
    few = {"depths": (2, 2), "heads": 2, "width": 24}
    wide = {"depths": (6,) * 6, "width": 180, "inner": 360, "tail": "shuffles"}
    return lam.networks.architectures.build("swinir", **(few if small else wide))


def _hat(small):
    standin.provide()
    from spandrel.architectures.HAT import HAT

    layers = 2 if small else 6
    wide = {"depths": (layers,) * layers, "num_heads": (6,) * layers, "window_size": 16, "embed_dim": 180}
    more = {"overlap_ratio": 0.5, "compress_ratio": 3, "squeeze_factor": 30, "conv_scale": 0.01, "mlp_ratio": 2}
    return HAT(img_size=64, upscale=4, upsampler="pixelshuffle", **more, **wide).eval()


def others(bench):
    """Return seconds of causal_effect, representations and filters on the CPU and on the card."""
    rows = []
    truth = lam.images.crop(lam.images.sample("facade"), 0, 0, 256, 256)
    name = "fsrcnn" if bench.small else "rfdn"
    draws = {"coarse": 1, "fine": 2} if bench.small else {"coarse": 3, "fine": 10}
    blur = {"blur": lam.images.Blur(2.0), "noise": lam.images.Noise(0.1)}
    pair = [lam.networks.load(f"srresnet-residual-{kind}") for kind in ("mse", "restoring")]

    def caused(device):
        image = lam.images.downscale(truth, 4)
        lam.causal_effect(
            lam.networks.load(name), image, WINDOW, reference=truth, **draws, device=device, progress=False
        )

    def known(device):
        lam.representations(
            lam.networks.load(name), [truth, truth.flip(2)], blur, components=2, device=device, progress=False
        )

    def differing(device):
        lam.filters(pair[1], pair[0], [truth], {"blur": blur["blur"]}, steps=4, device=device, progress=False)

    for verb, run in {"causal_effect": caused, "representations": known, "filters": differing}.items():
        seconds = {}
        for device in ("cpu", bench.device):
            run(device)
            bench.wait()
            started = time.perf_counter()
            run(device)
            bench.wait()
            seconds[device] = time.perf_counter() - started
        rows.append({"verb": verb, "cpu_seconds": seconds["cpu"], "seconds": seconds[bench.device]})
    return {"rows": rows}


PARTS = {
    "ceilings": ceilings,
    "calls": calls,
    "demo": demo,
    "throughput": throughput,
    "precisions": precisions,
    "captum": captum,
    "windows": windows,
    "others": others,
    "transformers": transformers,
    "compiled": compiled,
}


def times(bench, left, chosen, kept=None):
    """Return every part's findings; none is begun when no seconds are left, and none that fails costs the others."""
    found = {}
    for name, part in PARTS.items():
        if name not in chosen:
            continue
        begun = time.perf_counter()
        if left() < 0:
            found[name] = {"left_out": "no time"}
            continue
        try:
            found[name] = part(bench)
        except Exception as error:
            found[name] = {"failure": f"{type(error).__name__}: {error}"}
        found[name]["took_seconds"] = round(time.perf_counter() - begun, 1)
        print(f"## {name}", *_lines(found[name]), sep="\n", flush=True)
        if kept:
            kept(found)
        if bench.cuda:
            torch.cuda.empty_cache()
    return found


def _lines(found):
    for row in (found | {"rows": None}, *found.get("rows", [])):
        yield "  ".join(f"{key} {peers.cell(value)}" for key, value in row.items() if key != "rows")
