"""Serving: another program that shows something in a browser, until Ctrl-C."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import subprocess
from collections.abc import Sequence
from typing import NoReturn

from ..validation import InputError

_SIGNALLED = 128
"""What exit codes of programs that a signal ended begin at."""
_PATIENCE = 10
"""Seconds that a server has to end by itself."""


def needs(module: str, extra: str) -> None:
    """Say what to install where a program is missing.

    Raises
    ------
    InputError
        If it is.
    """
    if importlib.util.find_spec(module) is None:
        raise InputError(f'{module} is not installed; install it: pip install "lam-nb[{extra}]".')


def serve(command: Sequence[str]) -> None:
    """Run a server until it ends, or Ctrl-C ends it; it never outlives this program.

    Raises
    ------
    InputError
        If it fails.
    """
    signal.signal(signal.SIGTERM, _end)  # whoever ends this program ends the server, too
    server = subprocess.Popen(command)
    try:
        if code := server.wait():
            raise InputError(f"{command[2]} ended with exit code {code}; what it said stands above.")
    except KeyboardInterrupt:
        print("\nlam-nb: ended.")
    finally:
        server.terminate()
        try:
            server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(_SIGNALLED + number)


def chosen(port: int | None, no_browser: bool) -> list[str]:
    """Return the options of a Jupyter server for those of a command."""
    found = [] if port is None else [f"--port={port}"]
    return [*found, "--no-browser"] if no_browser else found


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that serve."""
    parser.add_argument("--port", type=int, help="by default a free one")
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")
