"""The command line: ``lam-nb demo | attribute | causal | doctor``."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch
import xarray as xr

from . import attribution, detectors, gradients, images, networks, paths, quadrature, result, statistics
from .causal import causal_effect
from .files import writable_folder
from .types import InputError, Region
from .version import __version__

_STEPS = 24
"""Enough to watch."""
_NETWORK, _SAMPLE, _REGION = "imdn-small", "facade", Region(y=96, x=96, size=16)
_TOLERANCES = {"psnr": 0.01, "ssim": 0.0005, "l1": 0.0001}
_PACKAGES = "torch numpy xarray plotly ipywidgets anywidget jupyterlab notebook voila".split()
_WIDGET_EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code: 0, 2 for bad input, 130 after an interruption.

    Examples
    --------
    >>> main(["attribute", "--network", "imdn-small", "--image", "none.png", "--region", "1,2,3"])
    2
    """
    given = vars(_parser().parse_args(arguments))
    command: Callable[..., None] = given.pop("command")
    try:
        command(**given)
    except InputError as error:
        print(f"lam-nb: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nlam-nb: interrupted; no result was written, a --store keeps what was done.", file=sys.stderr)
        return 130
    return 0


def demo(folder: str, device: str | None) -> None:
    """Attribute a shipped network on a shipped photograph; write lam-demo.nc and lam-demo.html."""
    table, page = Path(folder) / "lam-demo.nc", Path(folder) / "lam-demo.html"
    writable_folder(table)
    network = networks.load(_NETWORK)
    image = images.downscale(images.sample(_SAMPLE), network.scale)
    dataset = attribution.attribute(network, image, _REGION, steps=_STEPS, keep="all", device=device)
    _report(dataset, str(table), str(page))
    print("Open the .html file in any browser and press play; open the .nc file with lam_nb.open.")


def attribute(
    network: str,
    weights: str | None,
    value_range: float | None,
    image: str,
    downscale: bool,
    region: str,
    out: str | None,
    html: str | None,
    **settings: Any,
) -> None:
    """Attribute one network on one file."""
    window = Region.parse(region)
    _check_outputs(out, html)
    net = networks.load(network, weights=weights, value_range=value_range)
    picture = images.load(image)
    if downscale:
        picture = images.downscale(picture, net.scale)
    dataset = attribution.attribute(net, picture, window, keep="all", **settings)
    dataset.attrs |= {"image": os.path.basename(image), "downscaling": "PIL bicubic, 8 bit" if downscale else "none"}
    _report(dataset, out, html)


def causal(
    network: str,
    weights: str | None,
    value_range: float | None,
    truth: str,
    image: str | None,
    task: str | None,
    sigma: float,
    region: str,
    out: str | None,
    html: str | None,
    seed: int,
    **settings: Any,
) -> None:
    """Measure which blocks of the input help a window, and which harm it."""
    window = Region.parse(region)
    _check_outputs(out, html)
    net = networks.load(network, weights=weights, value_range=value_range)
    sharp = images.load(truth)
    sharp = images.crop(sharp, 0, 0, *(side - side % net.scale for side in sharp.shape[-2:]))
    task = task or ("super-resolution" if net.scale > 1 else "denoising")
    if (task == "super-resolution") != (net.scale > 1):
        raise InputError(f"--task: got {task} for a network of scale {net.scale}; choose one that fits.")
    given = images.downscale(sharp, net.scale) if net.scale > 1 else sharp
    if task == "denoising":
        settings["noise"], given = sigma, images.Noise(sigma, seed)(sharp)
    if task == "deraining":
        settings["finish"] = images.Rain(seed)
    if image is not None:
        if task == "deraining":
            raise InputError("--image: rain must fall after the patches, on the clean --truth; leave --image out.")
        given = images.load(image)
    settings["tolerance"] = settings["tolerance"] or _TOLERANCES[settings["metric"]]
    dataset = causal_effect(net, given, window, reference=sharp, seed=seed, **settings)
    written = [result.save(dataset, out)] if out else []
    if html:
        from . import views

        written.append(views.write_html(views.causal(dataset), html, title=f"{net.name} · lam_nb"))
    effect, units = dataset["effect"], dataset.attrs["units"]
    counts = ", ".join(f"{int(dataset[name])} {name}" for name in ("positive", "negative", "zero", "own"))
    _print_table(
        [
            ("network", f"{net.name} ({net.parameter_count:,} parameters), {task}"),
            ("region", f"y={window.y}, x={window.x}, {window.size} × {window.size} px"),
            ("without", f"{float(dataset['quality_origin']):.3f} {units}"),
            ("effects", f"{float(effect.min()):+.3f} to {float(effect.max()):+.3f} {units}"),
            ("largest error", f"{float(dataset['standard_error'].max()):.3f} {units} (standard error)"),
            ("blocks", counts),
            ("interventions", f"{dataset.attrs['pictures_computed']:,} in {dataset.attrs['seconds']:.1f} s"),
            *(("written", str(path.resolve())) for path in written),
        ]
    )


def doctor() -> None:
    """Print versions, device, memory, and whether notebooks will show widgets."""
    rows = [("python", platform.python_version()), ("lam-nb", __version__)]
    rows += [(name, _version(name)) for name in _PACKAGES]
    rows += [("device", str(gradients.device())), *_memory()]
    rows += [("networks", ", ".join(networks.shipped())), ("samples", ", ".join(images.samples()))]
    rows += [("widgets", _widgets())]
    _print_table(rows)


def _report(dataset: xr.Dataset, table: str | None, page: str | None) -> None:
    written = []
    if table:
        written.append(result.save(dataset, table))
    if page:
        from . import views

        written.append(views.write_html(views.progression(dataset), page, title=f"{dataset.attrs['network']} · lam_nb"))
    told = dataset.attrs
    _print_table(
        [
            ("network", f"{told['network']} ({told['parameters']:,} parameters)"),
            ("region", f"y={told['region_y']}, x={told['region_x']}, {told['region_size']} × {told['region_size']} px"),
            ("diffusion index", f"{float(statistics.diffusion_index(dataset)):.2f} ± {_index_error(dataset):.2f}"),
            ("Gini", f"{float(statistics.gini(dataset)):.4f}"),
            ("completeness gap", f"{float(statistics.completeness(dataset)):+.2%}"),
            ("quadrature error", f"{float(dataset[result.QUADRATURE_ERROR]):.1%} (estimated, relative L1)"),
            ("seconds", f"{told['seconds']:.1f} on {told['device']}"),
            *(("written", str(path.resolve())) for path in written),
        ]
    )


def _index_error(dataset: xr.Dataset) -> float:
    return max(float(dataset[result.DIFFUSION_INDEX_ERROR]), 0.01)


def _print_table(rows: list[tuple[str, str]]) -> None:
    for name, value in rows:
        print(f"{name:<18}{value}")


def _check_outputs(table: str | None, page: str | None) -> None:
    for path, endings in ((table, (".nc", ".zarr")), (page, (".html",))):
        if path is None:
            continue
        if Path(path).suffix not in endings:
            raise InputError(f"output: got {path}, expected a name that ends in {' or '.join(endings)}.")
        writable_folder(path)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _memory() -> Iterator[tuple[str, str]]:
    memory = psutil.virtual_memory()
    yield "memory", f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        yield "GPU", f"{torch.cuda.get_device_name()}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"


def _widgets() -> str:
    """Say in words whether this environment's JupyterLab has what widgets need."""
    missing = [name for name in ("ipywidgets", "anywidget") if importlib.util.find_spec(name) is None]
    if missing:
        return f"no: {' and '.join(missing)} not installed; run pip install {' '.join(missing)}"
    if importlib.util.find_spec("jupyterlab") is None:
        return "yes in Colab and VS Code; JupyterLab is not installed here"
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    lost = [name for name in _WIDGET_EXTENSIONS if not any((folder / name).is_dir() for folder in folders)]
    if lost:
        return f"no: JupyterLab lacks the extension {' and '.join(lost)}; install ipywidgets and anywidget beside it"
    return "yes: JupyterLab has the widget manager and anywidget"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lam-nb", description="What did this super-resolution network look at?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("demo", help=str(demo.__doc__), description=demo.__doc__)
    one.add_argument("--folder", default=".", help="where to write, default: here")
    one.add_argument("--device", help="cpu, cuda, mps; default: CUDA when there is one")
    one.set_defaults(command=demo)
    one = commands.add_parser("attribute", help=str(attribute.__doc__), description=attribute.__doc__)
    one.add_argument(
        "--network", required=True, help="shipped network, checkpoint file, or architecture with --weights"
    )
    one.add_argument("--weights", help="checkpoint for the named architecture")
    one.add_argument("--value-range", type=float, help="largest pixel value the network works with: 1 or 255")
    one.add_argument("--image", required=True, help="the network's input, or the sharp photograph with --downscale")
    one.add_argument("--downscale", action="store_true", help="shrink the photograph by the network's scale first")
    one.add_argument("--region", required=True, metavar="Y,X,SIZE", help="window of the output, in output pixels")
    one.add_argument("--out", help="result to write: .nc or .zarr")
    one.add_argument("--html", help="page to write that plays the integration: .html")
    one.add_argument("--path", default="blur", help=f"{', '.join(paths.names())}; default %(default)s")
    one.add_argument("--detector", default="edges", help=f"{', '.join(detectors.names())}; default %(default)s")
    one.add_argument("--rule", default="arc", help=f"{', '.join(quadrature.names())}; default %(default)s")
    one.add_argument("--tolerance", type=float, help="refine until the map's estimated error is below, default 0.05")
    one.add_argument("--steps", type=int, help="a fixed number of gradient evaluations instead")
    one.add_argument("--device", help="cpu, cuda, mps; default: CUDA when there is one")
    one.set_defaults(command=attribute)
    one = commands.add_parser("causal", help=str(causal.__doc__), description=causal.__doc__)
    one.add_argument("--network", required=True, help="as for attribute")
    one.add_argument("--weights", help="checkpoint for the named architecture")
    one.add_argument("--value-range", type=float, help="largest pixel value the network works with: 1 or 255")
    one.add_argument("--truth", required=True, help="the sharp, clean photograph; the network's input is made from it")
    one.add_argument("--image", help="the network's input, if it is not to be made")
    one.add_argument("--task", choices=["super-resolution", "denoising", "deraining"], help="told from the scale")
    one.add_argument("--sigma", type=float, default=50 / 255, help="noise of denoising, default 50/255")
    one.add_argument("--region", required=True, metavar="Y,X,SIZE", help="window of the output; papers take 32 px")
    one.add_argument("--out", help="result to write: .nc or .zarr")
    one.add_argument("--html", help="page to write: .html")
    one.add_argument("--store", help=".zarr to go on from after an interruption")
    one.add_argument("--block", type=int, help="side of a block in input pixels; default 8 output pixels' worth")
    one.add_argument("--fine", type=int, default=50, help="draws for blocks that matter, default %(default)s")
    one.add_argument("--se", type=float, help="draw only until the standard error is below this, in the metric's units")
    told = ", ".join(f"{value:g} for {name}" for name, value in _TOLERANCES.items())
    one.add_argument("--tolerance", type=float, help=f"smaller effects count as none; default {told}")
    one.add_argument("--patches", help="folder of photographs, or .npz, to cut patches from")
    one.add_argument("--metric", default="psnr", choices=["psnr", "ssim", "l1"], help="default %(default)s")
    one.add_argument("--seed", type=int, default=0, help="of noise, rain and patches, default %(default)s")
    one.add_argument("--device", help="cpu, cuda, mps; default: CUDA when there is one")
    one.set_defaults(command=causal)
    one = commands.add_parser("doctor", help=str(doctor.__doc__), description=doctor.__doc__)
    one.set_defaults(command=doctor)
    return parser


if __name__ == "__main__":
    sys.exit(main())
