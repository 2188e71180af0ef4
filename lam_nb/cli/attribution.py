"""``lam-nb attribute``: one network on one picture."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Unpack

import lam_nb as lam

from ..types import Region
from . import options as shared
from . import report

if TYPE_CHECKING:
    from ..methods.attribution import Choices


def run(
    network: str,
    weights: str | None,
    value_range: float | None,
    truth: str | None,
    image: str | None,
    downscale: bool,
    region: str,
    out: str | None,
    html: str | None,
    json: bool,
    **settings: Unpack[Choices],
) -> None:
    """Attribute one network on one picture."""
    window = Region.parse(region)
    report.check_outputs(out, html)
    net = lam.networks.load(network, weights=weights, value_range=value_range)
    picture, sharp, facts = report.given([net], truth, image, downscale)
    dataset = lam.attribute(net, picture, window, reference=sharp, keep="all", **settings)
    report.attribution(dataset.assign_attrs(facts), out, html, json)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    shared.network(parser)
    shared.picture(parser)
    shared.region(parser)
    shared.integration(parser)
    shared.outputs(parser, "page to write that plays the integration: .html")
    shared.machine(parser)
