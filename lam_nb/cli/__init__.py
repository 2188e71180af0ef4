"""The command line: ``lam-nb demo | attribute | causal | represent | filters | networks | …``; a file each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from ..validation import InputError
from . import (
    attribution,
    cause,
    demonstration,
    doctor,
    explore,
    filtering,
    lab,
    listing,
    migrating,
    overview,
    represent,
    sweeping,
    watching,
)

__all__ = ["main"]
_COMMANDS = (
    demonstration,
    attribution,
    cause,
    represent,
    filtering,
    sweeping,
    watching,
    overview,
    migrating,
    listing,
    explore,
    lab,
    doctor,
)


def __dir__() -> list[str]:
    return __all__


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code: 0, 1 if a sweep's cells failed, 2 for bad input, 130 interrupted.

    Examples
    --------
    >>> main(["attribute", "--network", "imdn-small", "--image", "none.png", "--region", "1,2,3"])
    2
    """
    given = vars(_parser().parse_args(arguments))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lam-nb", description="What did this super-resolution network look at?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        words = str(command.run.__doc__)
        one = commands.add_parser(command.NAME, help=words, description=words)
        command.options(one)
        one.set_defaults(command=command.run)
    return parser
