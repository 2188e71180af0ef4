"""Told: what the package says of itself: tables of results, words, the command line's help."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil


def tables() -> str:
    """Return a section for each table that a verb fills: its variables, dimensions, units and meaning."""
    from lam_nb.result import Table

    found: dict[str, Table] = {}
    for room in ("methods", "studies", "statistics", "networks.training"):
        package = importlib.import_module(f"lam_nb.{room}")
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not one.name.endswith("__main__"):
                named = vars(importlib.import_module(one.name)).values()
                found |= {table.maker: table for table in named if isinstance(table, Table)}
    return "\n\n".join(_table(maker, table) for maker, table in sorted(found.items()))


def _table(maker: str, table: object) -> str:
    head = f"## {maker}\n\n| variable | dimensions | meaning | units |\n| --- | --- | --- | --- |\n"
    free = {name: " (optional)" if name in table.optional else "" for name in table.words}
    rows = (
        f"| `{name}`{free[name]} | {', '.join(dims) or '·'} | {told} | {units} |"
        for name, (dims, told, units) in table.words.items()
    )
    return head + "\n".join(rows)


def words() -> str:
    """Return the constants of `lam_nb.result`: how variables, dimensions and attributes are spelled."""
    from lam_nb import result

    names = [name for name in result.__all__ if name.isupper()]
    rows = (f"| `{name}` | `{getattr(result, name)!r}` |" for name in names)
    return "| name | is |\n| --- | --- |\n" + "\n".join(rows)


def commands() -> str:
    """Return the help of every command, as it prints it."""
    from lam_nb import cli

    os.environ["COLUMNS"] = "100"
    sections = []
    for name in cli._COMMANDS:
        parser = cli._parser([name])
        (group,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
        sections.append(f"## lam-nb {name}\n\n```text\n{group.choices[name].format_help()}```")
    return "\n\n".join(sections)
