"""``lam-nb attribute``: one network on one file."""

from __future__ import annotations

import argparse
import os
from typing import Unpack

from .. import detectors, images, networks, paths, quadrature
from ..methods.attribution import Choices, attribute
from ..types import Region
from . import report


def run(
    network: str,
    weights: str | None,
    value_range: float | None,
    image: str,
    downscale: bool,
    region: str,
    out: str | None,
    html: str | None,
    **settings: Unpack[Choices],
) -> None:
    """Attribute one network on one file."""
    window = Region.parse(region)
    report.check_outputs(out, html)
    net = networks.load(network, weights=weights, value_range=value_range)
    picture = images.load(image)
    if downscale:
        picture = images.downscale(picture, net.scale)
    dataset = attribute(net, picture, window, keep="all", **settings)
    dataset.attrs |= {"image": os.path.basename(image), "downscaling": "PIL bicubic, 8 bit" if downscale else "none"}
    report.attribution(dataset, out, html)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    report.add_network(parser)
    add = parser.add_argument
    add("--image", required=True, help="the network's input, or the sharp photograph with --downscale")
    add("--downscale", action="store_true", help="shrink the photograph by the network's scale first")
    add(
        "--region",
        required=True,
        metavar="Y,X,SIZE",
        help="window of the output in output pixels, or Y,X,HEIGHT,WIDTH",
    )
    add("--out", help="result to write: .nc or .zarr")
    add("--html", help="page to write that plays the integration: .html")
    add("--path", default="blur", help=f"{', '.join(paths.names())}; default %(default)s")
    add("--detector", default="edges", help=f"{', '.join(detectors.names())}; default %(default)s")
    add("--rule", default="arc", help=f"{', '.join(quadrature.names())}; default %(default)s")
    add("--tolerance", type=float, help="refine until the map's estimated error is below, default 0.05")
    add("--steps", type=int, help="a fixed number of gradient evaluations instead")
