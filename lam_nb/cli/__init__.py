# PYTHON_ARGCOMPLETE_OK
"""The command line: ``lam-nb demo | samples | networks | attribute | compare | sweep | …``; a file each."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable

from ..validation import InputError
from ..version import __version__
from . import completion

__all__ = ["main"]
_COMMANDS = {
    "demo": (
        "demonstration",
        "Compare two shipped networks on a shipped photograph; write lam-demo.nc and lam-demo.html.",
    ),
    "samples": (
        "photographs",
        "List the photographs that come along, with their licences; --folder copies them.",
    ),
    "networks": (
        "listing",
        "List the networks that are known by name: shipped, in the cache, to download, to get by hand.",
    ),
    "attribute": ("attribution", "Attribute one network on one picture."),
    "compare": ("comparing", "Compare several networks on one picture: how widely each looks, and where."),
    "causal": ("cause", "Measure which blocks of the input help a window, and which harm it."),
    "represent": ("represent", "Ask whether the features of a network know degradation or content."),
    "filters": ("filtering", "Score the kernels in which two networks differ by what they do to the loss."),
    "sweep": (
        "sweeping",
        "Compute the maps of a plan, each kept as soon as it is there; run it again and only what is missing is.",
    ),
    "status": ("status", "Tell how far the sweeps of a store are: done, failed, missing, how fast, how long still."),
    "report": (
        "overview",
        "Write one page on a sweep: how widely networks look, their maps, hard windows, failures, what it took.",
    ),
    "migrate": ("migrating", "Copy a sweep's store of the version before into a new one, which a sweep goes on with."),
    "explore": ("explore", "Open the Explorer in a browser, on pictures and networks of yours; Ctrl-C ends it."),
    "lab": ("lab", "Copy the notebooks to a folder, where they are not yet, and open JupyterLab on it."),
    "doctor": ("doctor", "Print versions, device, memory, and whether notebooks will show widgets."),
    "completion": ("completion", "Print what has a shell complete lam-nb, with how to switch it on."),
}
"""Name -> module and what it does. The module is imported when the command is given, and torch when it is run."""
_EXAMPLES = """examples:
  lam-nb demo
  lam-nb compare --networks fsrcnn,rfdn --truth facade --region 160,184,16 --html compare.html
  lam-nb attribute --network mine.pth --truth photo.png --region 110,150,16 --out map.nc
  lam-nb explore photo.png

lam-nb COMMAND --help tells the rest. The same word means the same everywhere: --truth is a sharp photograph and
--image a network's input, files or samples by name; --network is one and --networks several, with commas between;
--out writes a result, --html a page, --json prints for other programs."""


def __dir__() -> list[str]:
    return __all__


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code: 0, 1 if a sweep's cells failed, 2 for bad input, 130 interrupted.

    Examples
    --------
    >>> main(["attribute", "--network", "imdn-small", "--image", "none.png", "--region", "1,2,3"])
    2
    """
    asked = completion.asked()
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser(words if asked is None else asked)
    if asked is not None:
        completion.answer(parser)
    if not words:
        parser.print_help()
        return 0
    given = vars(parser.parse_args(words))
    command: Callable[..., int | None] = given.pop("command")
    try:
        code = command(**given)
    except InputError as error:
        print(f"lam-nb: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nlam-nb: interrupted; no result was written, a --store keeps what was done.", file=sys.stderr)
        return 130
    return code or 0


def _parser(words: list[str]) -> argparse.ArgumentParser:
    """Return the parser of the command that is given, with a line on all others."""
    told = "What did this super-resolution network look at?"
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="lam-nb", description=told, epilog=_EXAMPLES, formatter_class=shape)
    parser.add_argument("--version", action="version", version=f"lam-nb {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, told) in _COMMANDS.items():
        one = commands.add_parser(name, help=told, description=told)
        if name in words[:1]:
            command = importlib.import_module(f".{module}", __name__)
            command.options(one)
            one.set_defaults(command=command.run)
    return parser
