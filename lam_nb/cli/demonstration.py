"""``lam-nb demo``: two networks on one photograph, of which one looks narrowly and one widely."""

from __future__ import annotations

import argparse

from .. import images, networks, result
from ..methods.comparison import compare
from ..result import writable_folder
from ..types import Region
from ..validation import address
from . import report

STEPS = 24
"""Enough to watch."""
NETWORKS, SAMPLE, REGION = ("fsrcnn", "rfdn"), "facade", Region(y=160, x=184, size=16)
"""The window is the first that `lam_nb.studies.hard_regions` chooses there for these networks and CARN-M."""
_KEPT = (result.INPUT, result.OUTPUT, result.INTEGRAND)


def run(folder: str, device: str | None) -> None:
    """Compare two shipped networks on a shipped photograph; write lam-demo.nc and lam-demo.html."""
    from .. import views

    table, page = (address("folder", folder) / f"lam-demo.{ending}" for ending in ("nc", "html"))
    writable_folder(table)
    nets = [networks.load(name) for name in NETWORKS]
    truth = images.sample(SAMPLE)
    small = images.downscale(truth, nets[0].scale)
    many = compare(nets, small, REGION, reference=truth, steps=STEPS, keep=_KEPT, device=device)
    written = [result.save(many, table), views.write_html(views.comparison(many), page, title="lam-nb demo")]
    report.lines([row for k in range(len(nets)) for row in report.numbers(many.isel({result.MODEL: k}))], written)
    print("Open the .html file in any browser and drag the slider; open the .nc file with lam_nb.open.")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--folder", default=".", help="where to write, default: here")
    report.add_device(parser)
