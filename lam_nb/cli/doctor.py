"""``lam-nb doctor``: what is here, and whether notebooks will show widgets."""

from __future__ import annotations

import argparse
import importlib.util
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import lam_nb as lam

from ..version import __version__
from . import options as shared
from . import report

_PACKAGES = "torch numpy xarray plotly ipywidgets anywidget jupyterlab notebook voila".split()
_WIDGET_EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget")


def run(json: bool) -> None:
    """Print versions, device, memory, and whether notebooks will show widgets."""
    from ..engine.running import device

    rows = [("python", platform.python_version()), ("lam-nb", __version__)]
    rows += [(name, _version(name)) for name in _PACKAGES]
    rows += [("device", str(device())), *_memory()]
    rows += [("networks", ", ".join(lam.networks.shipped())), ("samples", ", ".join(lam.images.samples()))]
    rows += [("widgets", _widgets())]
    if json:
        report.records([dict(rows)])
    else:
        report.lines(rows)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    shared.machine(parser)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _memory() -> Iterator[tuple[str, str]]:
    import psutil
    import torch

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
