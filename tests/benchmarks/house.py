"""The house in numbers: rooms, floors and arrows of lam_nb, and how much of it is typed as Any.

Run ``python -m tests.benchmarks.house``. A room is a top-level module or package of lam_nb; its floor is the
longest chain of imports below it; an arrow is a pair of rooms of which one imports the other, when it is loaded or
later. Imports for type checkers alone do not count. A circle makes floors endless and is named instead.
"""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

PACKAGE = pathlib.Path(__file__).parents[2] / "lam_nb"


def rooms(package: pathlib.Path = PACKAGE) -> dict[str, list[pathlib.Path]]:
    """Return the files of every room by its name."""
    found: dict[str, list[pathlib.Path]] = {}
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        name = inside.parts[0].removesuffix(".py")
        if name not in {"__init__", "__main__"}:
            found.setdefault(name, []).append(path)
    return found


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from (one for part in node.orelse for one in _imports(part))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        else:
            yield from _imports(node)


def _targets(node: ast.Import | ast.ImportFrom, path: pathlib.Path, package: pathlib.Path) -> Iterator[str]:
    """Yield the rooms that an import statement of a file names."""
    if isinstance(node, ast.Import):
        names = [one.name for one in node.names]
    elif node.level:
        base = list(path.relative_to(package.parent).parts[: -node.level])
        base += node.module.split(".") if node.module else []
        names = [".".join([*base, one.name]) for one in node.names]
    else:
        names = [f"{node.module}.{one.name}" for one in node.names]
    for name in names:
        parts = name.split(".")
        if parts[0] == package.name and len(parts) > 1:
            yield parts[1]


def arrows(package: pathlib.Path = PACKAGE) -> dict[str, set[str]]:
    """Return which rooms every room imports."""
    known = rooms(package)
    found: dict[str, set[str]] = {}
    for name, paths in known.items():
        every = (
            target
            for path in paths
            for node in _imports(ast.parse(path.read_text()))
            for target in _targets(node, path, package)
        )
        found[name] = {target for target in every if target in known} - {name}
    return found


def circles(found: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """Return one chain of imports that comes back to where it began, for every room that has one."""

    def walk(chain: tuple[str, ...]) -> tuple[str, ...] | None:
        for target in sorted(found[chain[-1]]):
            if target == chain[0]:
                return (*chain, target)
            if target not in chain and (back := walk((*chain, target))):
                return back
        return None

    return [chain for name in found if (chain := walk((name,)))]


def floors(found: dict[str, set[str]]) -> dict[str, int]:
    """Return the floor of every room; 1 imports no other."""
    known: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in known:
            known[name] = 1 + max((floor(target) for target in found[name]), default=0)
        return known[name]

    return {name: floor(name) for name in found}


def untyped(package: pathlib.Path = PACKAGE) -> int:
    """Return how often the code says Any; imports do not count."""
    trees = (ast.parse(path.read_text()) for path in package.rglob("*.py"))
    return sum(isinstance(node, ast.Name) and node.id == "Any" for tree in trees for node in ast.walk(tree))


def main() -> None:
    """Print the house."""
    found = arrows()
    if round_ := circles(found):
        print("circles:", "; ".join(" -> ".join(chain) for chain in round_))
        return
    level = floors(found)
    for number in range(max(level.values()), 0, -1):
        here = sorted(name for name in found if level[name] == number)
        print(f"{number:>3}  {', '.join(here)}")
    print(f"{len(found)} rooms on {max(level.values())} floors, {sum(map(len, found.values()))} arrows, no circle")
    widgets = PACKAGE.parent / "widgets" / "lam_widgets"
    print(f"Any: {untyped()} times in lam_nb, {untyped(widgets)} in lam_widgets")


if __name__ == "__main__":
    main()
