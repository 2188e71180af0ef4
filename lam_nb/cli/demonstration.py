"""``lam-nb demo``: a shipped network on a shipped photograph."""

from __future__ import annotations

import argparse

from .. import images, networks
from ..methods.attribution import attribute
from ..result import writable_folder
from ..types import Region
from ..validation import address
from . import report

NAME = "demo"
_STEPS = 24
"""Enough to watch."""
_NETWORK, _SAMPLE, _REGION = "imdn-small", "facade", Region(y=96, x=96, size=16)


def run(folder: str, device: str | None) -> None:
    """Attribute a shipped network on a shipped photograph; write lam-demo.nc and lam-demo.html."""
    table, page = (address("folder", folder) / f"lam-demo.{ending}" for ending in ("nc", "html"))
    writable_folder(table)
    network = networks.load(_NETWORK)
    image = images.downscale(images.sample(_SAMPLE), network.scale)
    dataset = attribute(network, image, _REGION, steps=_STEPS, keep="all", device=device)
    report.attribution(dataset, str(table), str(page))
    print("Open the .html file in any browser and press play; open the .nc file with lam_nb.open.")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--folder", default=".", help="where to write, default: here")
    report.add_device(parser)
