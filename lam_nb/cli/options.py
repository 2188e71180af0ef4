"""Options that commands share: the same word means the same everywhere, and shells complete it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from .._moved import ENDS
from . import completion

PATHS = ("blur", "linear", "black", "mean")
DETECTORS = ("edges", "intensity", "gabor")
RULES = ("arc", "midpoint", "gauss", "paper", "ends")
"""Names that `lam_nb.paths`, `detectors` and `quadrature` give; told here so that help waits for nothing."""
DEFAULTS = {"path": "blur", "detector": "edges", "rule": "arc"}

Adder = Callable[..., argparse.Action]


def completed(action: argparse.Action, complete: Callable[..., list[str]]) -> None:
    """Have a shell complete an option's value."""
    vars(action)["completer"] = complete


class Renamed(argparse.Action):
    """An option under its earlier name: does what the new one does, and says so."""

    def __init__(self, option_strings: Sequence[str], dest: str, now: str, **settings: object) -> None:
        super().__init__(option_strings, dest, **settings | {"help": argparse.SUPPRESS})  # type: ignore[arg-type]
        self.now = now

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        """Keep the value, and name the new option; an option that may be repeated gathers, with commas between."""
        before = getattr(namespace, self.dest, None)
        gathered = f"{before},{values}" if isinstance(before, str) and self.dest == "networks" else values
        setattr(namespace, self.dest, True if self.nargs == 0 else gathered)
        renamed(option or str(self.metavar), self.now)


def renamed(before: str, now: str) -> None:
    """Tell what an option is called now."""
    print(f"lam-nb: {before} is {now} now; the old way ends with version {ENDS}.", file=sys.stderr)


def network(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which network, and where it runs."""
    words = "shipped or published network, checkpoint file, or architecture with --weights"
    completed(parser.add_argument("--network", required=True, help=words), completion.networks)
    parser.add_argument("--weights", help="checkpoint for the named architecture")
    value_range(parser)
    device(parser)


def networks(parser: argparse.ArgumentParser, words: str, *, required: bool = False) -> None:
    """Add the option that names several networks."""
    completed(parser.add_argument("--networks", required=required, help=words), completion.networks)


def value_range(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which numbers a network works with."""
    parser.add_argument("--value-range", type=float, help="largest pixel value the network works with: 1 or 255")


def device(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where to compute."""
    parser.add_argument("--device", help="cpu, cuda, mps; default: CUDA when there is one")


def picture(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which picture: the truth, or what a network is given."""
    add = parser.add_argument
    words = "sharp photograph, or a sample's name; the network's input is made from it, and PSNR is told"
    completed(add("--truth", help=words), completion.pictures)
    completed(add("--image", help="instead, the network's input: a file, or a sample's name"), completion.pictures)
    add("--downscale", action=Renamed, nargs=0, default=False, now="--truth PHOTOGRAPH")


def region(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which window."""
    words = "window of the output in output pixels, or Y,X,HEIGHT,WIDTH"
    parser.add_argument("--region", required=True, metavar="Y,X,SIZE", help=words)


def integration(parser: argparse.ArgumentParser, *, told: bool = True) -> None:
    """Add the options of the integral; a command that tells them apart from those not given has no defaults."""
    add: Adder = parser.add_argument
    for name, choices in (("path", PATHS), ("detector", DETECTORS), ("rule", RULES)):
        words = f"{', '.join(choices)}; default {DEFAULTS[name]}"
        completed(add(f"--{name}", default=DEFAULTS[name] if told else None, help=words), completion.of(choices))
    add("--tolerance", type=float, help="refine until the map's estimated error is below, default 0.05")
    add("--steps", type=int, help="a fixed number of gradient evaluations instead")


def outputs(parser: argparse.ArgumentParser, page: str = "page to write: .html", *, told: bool = True) -> None:
    """Add the options that say what is written: a result, and a page."""
    completed(parser.add_argument("--out", help="result to write: .nc or .zarr"), completion.files)
    if told:
        completed(parser.add_argument("--html", help=page), completion.files)


def machine(parser: argparse.ArgumentParser) -> None:
    """Add the option that has a command tell its numbers to other programs."""
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")


def split(names: str | None) -> Sequence[str]:
    """Return names with commas between as a list.

    Examples
    --------
    >>> split("rfdn, fsrcnn"), split(None)
    (['rfdn', 'fsrcnn'], [])
    """
    return [name.strip() for name in names.split(",") if name.strip()] if names else []
