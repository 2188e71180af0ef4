"""The command line: ``lam-nb demo | attribute | causal | represent | filters | networks | …``; a file each."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable

from ..validation import InputError

__all__ = ["main"]
_COMMANDS = {
    "demo": (
        "demonstration",
        "Compare two shipped networks on a shipped photograph; write lam-demo.nc and lam-demo.html.",
    ),
    "attribute": ("attribution", "Attribute one network on one file."),
    "causal": ("cause", "Measure which blocks of the input help a window, and which harm it."),
    "represent": ("represent", "Ask whether the features of a network know degradation or content."),
    "filters": ("filtering", "Score the kernels in which two networks differ by what they do to the loss."),
    "sweep": (
        "sweeping",
        "Compute the maps of a plan, each kept as soon as it is there; run it again and only what is missing is.",
    ),
    "status": ("watching", "Tell how far the sweeps of a store are: done, failed, missing, how fast, how long still."),
    "report": (
        "overview",
        "Write one page on a sweep: how widely networks look, their maps, hard windows, failures, what it took.",
    ),
    "migrate": ("migrating", "Copy a sweep's store of the version before into a new one, which a sweep goes on with."),
    "networks": (
        "listing",
        "List the networks that are known by name: shipped, in the cache, to download, to get by hand.",
    ),
    "explore": ("explore", "Open the Explorer in a browser, on pictures and networks of yours; Ctrl-C ends it."),
    "lab": ("lab", "Copy the notebooks to a folder, where they are not yet, and open JupyterLab on it."),
    "doctor": ("doctor", "Print versions, device, memory, and whether notebooks will show widgets."),
}
"""Name -> module and what it does. The module, and torch with it, is imported when the command is given."""


def __dir__() -> list[str]:
    return __all__


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code: 0, 1 if a sweep's cells failed, 2 for bad input, 130 interrupted.

    Examples
    --------
    >>> main(["attribute", "--network", "imdn-small", "--image", "none.png", "--region", "1,2,3"])
    2
    """
    words = sys.argv[1:] if arguments is None else arguments
    given = vars(_parser(words).parse_args(words))
    command: Callable[..., int | None] = given.pop("command")
    try:
        code = command(**given)
    except InputError as error:
        print(f"lam-nb: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nlam-nb: interrupted; no result was written, a --store keeps what was done.", file=sys.stderr)
        return 130
    return code or 0


def _parser(words: list[str]) -> argparse.ArgumentParser:
    """Return the parser of the command that is given, with a line on all others."""
    parser = argparse.ArgumentParser(prog="lam-nb", description="What did this super-resolution network look at?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, told) in _COMMANDS.items():
        one = commands.add_parser(name, help=told, description=told)
        if name in words[:1]:
            command = importlib.import_module(f".{module}", __name__)
            command.options(one)
            one.set_defaults(command=command.run)
    return parser
