"""``lam-nb demo``: two networks on one photograph, of which one looks narrowly and one widely."""

from __future__ import annotations

import argparse

import lam_nb as lam

from ..types import Region
from ..validation import address
from . import options as shared
from . import report

STEPS = 24
"""Enough to watch."""
NETWORKS, SAMPLE, REGION = ("fsrcnn", "rfdn"), "facade", Region(y=160, x=184, size=16)
"""The window is the first that `lam_nb.studies.hard_regions` chooses there for these networks and CARN-M."""


def run(folder: str, device: str | None) -> None:
    """Compare two shipped networks on a shipped photograph; write lam-demo.nc and lam-demo.html."""
    result = lam.result
    table, page = (address("folder", folder) / f"lam-demo.{ending}" for ending in ("nc", "html"))
    result.writable_folder(table)
    nets = [lam.networks.load(name) for name in NETWORKS]
    truth = lam.images.sample(SAMPLE)
    small = lam.images.downscale(truth, nets[0].scale)
    kept = (result.INPUT, result.OUTPUT, result.INTEGRAND)
    many = lam.compare(nets, small, REGION, reference=truth, steps=STEPS, keep=kept, device=device)
    shown = lam.views.write_html(lam.views.comparison(many), page, title="lam-nb demo")
    written = [result.save(many, table), shown]
    report.lines([row for k in range(len(nets)) for row in report.numbers(many.isel({result.MODEL: k}))], written)
    print("Open the .html file in any browser and drag the slider; open the .nc file with lam_nb.open.")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--folder", default=".", help="where to write, default: here")
    shared.device(parser)
