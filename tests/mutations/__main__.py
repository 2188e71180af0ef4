"""Do every wrong by itself, run its tests, and say which were noticed."""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from . import ROOT, Edit, edits

NEEDED = 0.95
"""Share of the wrongs that must be noticed."""
PATIENCE = 300
"""Seconds after which tests count as hung, and the wrong as noticed: most take ten."""
COPIED = ("lam_nb", "widgets", "tests", "pyproject.toml", "README.md", "environment.yml", "constraints.txt")
NOTICED, SURVIVED, BROKEN = "noticed", "SURVIVED", "BROKEN"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", default="", metavar="SUBSTRING", help="of the names of wrongs")
    parser.add_argument("-j", type=int, default=1, metavar="N", help="at a time, default %(default)s")
    given = parser.parse_args(arguments)
    chosen = [one for one in edits() if given.only in one.name]
    active = [one for one in chosen if not one.pending]
    for one in chosen:
        if one.pending:
            print(f"pending   {one.name}: {one.why}")
    if stale := [f"{one.name}: {reason}" for one in active if (reason := one.stale())]:
        print("stale: " + "; ".join(stale), file=sys.stderr)
        return 2
    if not active:
        print(f"nothing to do for --only {given.only!r}", file=sys.stderr)
        return 2
    with copies(max(1, given.j)) as free:
        if failed := sound(active, free):
            print(f"these tests fail without any wrong, and so say nothing:\n{failed}", file=sys.stderr)
            return 2
        return summary(active, list(told(active, free, given.j)))


@contextmanager
def copies(count: int) -> Iterator[queue.Queue[Path]]:
    """Have copies of the package, each for one run at a time."""
    with tempfile.TemporaryDirectory(prefix="mutations.") as folder:
        free: queue.Queue[Path] = queue.Queue()
        for k in range(count):
            place = Path(folder) / str(k)
            for name in COPIED:
                copy(ROOT / name, place / name)
            free.put(place)
        yield free


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, without what Python compiled of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "browser", "notebooks"))
    elif source.exists():
        shutil.copy(source, target)


def sound(active: list[Edit], free: queue.Queue[Path]) -> str:
    """Return which of all the tests fail on a copy as it is, by name."""
    every = list(dict.fromkeys(test for one in active for test in one.tests))
    count = free.qsize()

    def run(names: list[str]) -> str:
        place = free.get()
        found = tests(place, names, "-q", "--no-header", "-rfE")
        free.put(place)
        return "" if found.returncode == 0 else "\n".join(found.stdout.splitlines()[-30:])

    with ThreadPoolExecutor(count) as pool:
        return "\n".join(filter(None, pool.map(run, [every[k::count] for k in range(min(count, len(every)))])))


def told(active: list[Edit], free: queue.Queue[Path], count: int) -> Iterator[str]:
    """Yield how each wrong fared, in order, and print it."""
    with ThreadPoolExecutor(max(1, count)) as pool:
        for one, (verdict, words) in zip(active, pool.map(lambda one: tried(one, free), active), strict=True):
            print(f"{verdict:<9} {one.name}: {one.why}{words}", flush=True)
            yield verdict


def tried(one: Edit, free: queue.Queue[Path]) -> tuple[str, str]:
    """Do a wrong, run its tests, undo it; return whether it was noticed."""
    place = free.get()
    file = place / one.file
    before = file.read_text()
    try:
        file.write_text(one.applied(before))
        run = tests(place, list(one.tests), "-q", "-x", "--no-header", "--tb=no")
    except subprocess.TimeoutExpired:
        return NOTICED, " (hung)"
    finally:
        file.write_text(before)
        free.put(place)
    last = " ".join(run.stdout.split()[-12:])
    return {0: (SURVIVED, ""), 1: (NOTICED, "")}.get(run.returncode, (BROKEN, f" ({last})"))


def tests(place: Path, names: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run tests on a copy, and nowhere else; nothing compiled is kept, since edits may be of one size and second."""
    paths = os.pathsep.join([str(place), str(place / "widgets")])
    given = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    given.setdefault("LAM_NB_SHARED", str(ROOT.parent / "shared"))
    command = [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", *names]
    patience = PATIENCE if "-x" in options else None
    return subprocess.run(command, cwd=place, env=given, capture_output=True, text=True, timeout=patience)


def summary(active: list[Edit], verdicts: list[str]) -> int:
    """Print how many were noticed; return 0 if that is enough and all could be tried."""
    noticed = verdicts.count(NOTICED)
    print(f"\n{noticed} of {len(verdicts)} noticed, {verdicts.count(SURVIVED)} survived", end="")
    print(f", {verdicts.count(BROKEN)} broken" * (BROKEN in verdicts))
    for one, verdict in zip(active, verdicts, strict=True):
        if verdict != NOTICED:
            print(f"  {verdict:<9} {one.name} in {one.file}")
    return 0 if BROKEN not in verdicts and noticed >= NEEDED * len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
