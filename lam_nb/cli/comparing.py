"""``lam-nb compare``: several networks on one picture."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Unpack

import lam_nb as lam

from ..types import Region
from ..validation import InputError
from . import options as shared
from . import report

if TYPE_CHECKING:
    from ..methods.attribution import Choices


def run(
    networks: str,
    truth: str | None,
    image: str | None,
    downscale: bool,
    region: str,
    out: str | None,
    html: str | None,
    json: bool,
    **settings: Unpack[Choices],
) -> None:
    """Compare several networks on one picture: how widely each looks, and where."""
    window = Region.parse(region)
    report.check_outputs(out, html)
    nets = [lam.networks.load(name) for name in shared.split(networks)]
    if len(nets) < 2:
        raise InputError(f"--networks: got {networks!r}, expected two or more, such as fsrcnn,rfdn.")
    picture, sharp, facts = report.given(nets, truth, image, downscale)
    kept = (lam.result.INPUT, lam.result.OUTPUT, lam.result.INTEGRAND)
    many = lam.compare(nets, picture, window, reference=sharp, keep=kept, **settings).assign_attrs(facts)
    written = [lam.result.save(many, out)] if out else []
    if html:
        page = lam.views.comparison(many)
        written.append(lam.views.write_html(page, html, title="lam-nb compare"))
    each = [many.isel({lam.result.MODEL: k}) for k in range(len(nets))]
    report.tell(many, [row for one in each for row in report.numbers(one)], written, json)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    shared.networks(parser, "names or checkpoints, with commas between", required=True)
    shared.device(parser)
    shared.picture(parser)
    shared.region(parser)
    shared.integration(parser)
    shared.outputs(parser, "page to write: .html; with --steps it plays the integration")
    shared.machine(parser)
