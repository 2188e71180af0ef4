"""The engine of tables: names, what a result holds, results stacked, files. It knows no verb."""

from __future__ import annotations

from . import names
from .files import checked, checkpoint, page, recover, replacing, save, writable_folder
from .files import open as open  # not in __all__: a star import must not hide the built-in
from .names import *  # noqa: F403 # every name is public, and spelled once
from .stacking import numbered, stacked
from .table import Table, check, facts, stamp

__all__ = [
    *(name for name in dir(names) if name.isupper()),
    "Table",
    "check",
    "checked",
    "checkpoint",
    "facts",
    "numbered",
    "page",
    "recover",
    "replacing",
    "save",
    "stacked",
    "stamp",
    "writable_folder",
]


def __getattr__(name: str) -> object:
    from .. import _moved

    return _moved.moved(__name__, name)


def __dir__() -> list[str]:
    return [*__all__, "open"]
