"""Mark a folder of submissions without nbgrader: ``python notebooks/exercises/mark.py SUBMISSIONS --course COURSE``.

SUBMISSIONS holds ``ID.ipynb`` or ``ID/…/UNIT.ipynb``; COURSE is what `build.py` made. Writes ``marks.csv``, the points
of each part with the reasons for those that are missing, and ``answers.md``, what students wrote, for you to mark.

Each submission runs in a process of its own, in a folder of its own. Locked cells are the teacher's, whatever a student
made of them. A cell that takes too long is interrupted, and the parts after it still count.
"""

import argparse
import csv
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

UNITS = ("attribution", "cause")
CELL, WHOLE = 120, 600
"""Seconds for a cell, and for a submission."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Marks:
    """What a submission gets: points and reasons for each test, and what was written."""

    student: str
    points: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Unit:
    """A unit as the teacher has it: cells, which part each is of, and what it is worth."""

    name: str
    source: Path

    @property
    def cells(self):
        """Return the cells of the teacher's notebook."""
        return nbformat.read(self.source / f"{self.name}.ipynb", 4).cells

    def parts(self):
        """Return grade id -> (part, points, whether a test gives them), in order."""
        found, part = {}, ""
        for cell in self.cells:
            if heading := re.search(r"^## (Part \d+)", cell.source, re.M):
                part = heading[1]
            about = cell.metadata.get("nbgrader", {})
            if about.get("grade") and about["points"]:
                found[about["grade_id"]] = (part, about["points"], not about["solution"])
        return found


def identity(cell):
    """Return the grade id of a cell, or None."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def is_test(cell):
    """Whether passing the cell gives points, or none for the id."""
    about = cell.metadata.get("nbgrader", {})
    return bool(about.get("grade")) and not about.get("solution")


def assembled(submitted, source):
    """Return a submission's cells with the teacher's in place of all that are locked, lost ones included."""
    theirs = {identity(cell): cell for cell in source if identity(cell)}
    cells, seen = [], set()
    for cell in submitted:
        name = identity(cell)
        if name in theirs and name not in seen:
            seen.add(name)
            locked = theirs[name].metadata.nbgrader.locked
            cells.append(nbformat.from_dict(theirs[name] if locked else cell))
        elif name not in theirs:
            cells.append(nbformat.from_dict(cell))
    order = [identity(cell) for cell in source if identity(cell)]
    for k, name in enumerate(order):
        if name not in seen and theirs[name].metadata.nbgrader.locked:
            before = set(order[:k])
            at = max((j + 1 for j, cell in enumerate(cells) if identity(cell) in before), default=0)
            cells.insert(at, nbformat.from_dict(theirs[name]))
    return cells


def mark(path, student, unit, key, *, cell_limit=CELL, limit=WHOLE):
    """Run a submission and return its marks; whatever is wrong with it is a reason, and no error."""
    found, worth, started = Marks(student), unit.parts(), time.monotonic()
    found.points = {name: 0.0 for name, (_, _, tested) in worth.items() if tested}
    try:
        submitted = nbformat.read(path, 4).cells
    except Exception as error:  # whatever stands in a file that is no notebook
        found.reasons["notebook"] = f"cannot be read: {type(error).__name__}: {first_line(error)}"
        return found
    cells = assembled(submitted, unit.cells)
    present = {identity(cell) for cell in cells}
    for cell in cells:
        if identity(cell) in worth and not worth[identity(cell)][2]:
            found.written[identity(cell)] = cell.source
    with tempfile.TemporaryDirectory(prefix="marking-") as folder:
        for name in unit.source.iterdir():
            if name.suffix != ".ipynb" and name.is_file():
                shutil.copy(name, folder)
        run(cells, Path(folder), found, worth, key, cell_limit, started + limit)
    for name in set(found.points) - present:
        found.reasons[name] = "its cell is not there"
    found.seconds = time.monotonic() - started
    return found


def run(cells, folder, found, worth, key, cell_limit, end):
    """Run cells one after the other; note which tests pass."""
    notebook = nbformat.v4.new_notebook(cells=cells)
    settings = {"kernel_name": "python3", "allow_errors": True, "interrupt_on_timeout": True}
    settings["extra_arguments"] = ["--Application.log_level=40"]  # errors alone
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, **settings)
    environment = os.environ | {"SUBMITTER": found.student, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}
    left = [name for name in found.points]
    try:
        with client.setup_kernel(env=environment):
            for k, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                if time.monotonic() > end:
                    raise TimeoutError
                client.timeout = max(1, int(min(cell_limit, end - time.monotonic())))
                with lent(key, folder / "key.csv", is_test(cell)):
                    client.execute_cell(cell, k)
                name, wrong = identity(cell), error_of(cell)
                if name in left:
                    left.remove(name)
                    found.points[name] = 0.0 if wrong else float(worth[name][1])
                if wrong and is_test(cell):
                    found.reasons[name] = wrong
    except (TimeoutError, CellTimeoutError):
        found.reasons |= dict.fromkeys(left, "not reached: the time is over")
    except DeadKernelError:
        found.reasons |= dict.fromkeys(left, "not reached: Python died, for want of memory perhaps")


@contextmanager
def lent(key, place, wanted):
    """Lay the key beside the notebook while a test of the teacher runs, and at no other time."""
    if wanted:
        shutil.copy(key, place)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def error_of(cell):
    """Return what went wrong in a cell, in a line, or nothing."""
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            if output.ename == "KeyboardInterrupt":
                return "it took too long, and was interrupted"
            told = first_line(output.evalue)
            return told if output.ename == "AssertionError" and told else f"{output.ename}: {told}"
    return ""


def first_line(told):
    """Return the first line of a message, without colours."""
    return COLOUR.sub("", str(told)).strip().split("\n")[0][:400]


def submissions(folder, unit):
    """Return (student, path) of all that were handed in."""
    flat = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    deep = {path.relative_to(folder).parts[0]: path for path in sorted(folder.glob(f"*/**/{unit}.ipynb"))}
    return sorted((deep | flat).items())


def write(marks, unit, out):
    """Write marks.csv and answers.md."""
    worth = unit.parts()
    parts = Counter()
    for part, points, tested in worth.values():
        parts[part] += points * tested
    out.mkdir(parents=True, exist_ok=True)
    manual = [name for name, (_, _, tested) in worth.items() if not tested]
    columns = ["student", *(f"{part} (of {points:g})" for part, points in parts.items())]
    columns += ["marked", *(f"{name} (of {worth[name][1]:g}, by you)" for name in manual), "seconds", "reasons"]
    with open(out / "marks.csv", "w", newline="", encoding="utf-8-sig") as file:  # so that spreadsheets read it right
        table = csv.writer(file)
        table.writerow(columns)
        for one in marks:
            by_part = {part: sum(p for n, p in one.points.items() if worth[n][0] == part) for part in parts}
            reasons = "; ".join(f"{name}: {why}" for name, why in one.reasons.items())
            row = [harmless(one.student), *(f"{points:g}" for points in by_part.values()), f"{sum(by_part.values()):g}"]
            table.writerow([*row, *[""] * len(manual), f"{one.seconds:.0f}", harmless(reasons)])
    lines = [f"# {unit.name}: what students wrote\n"]
    for name in manual:
        lines.append(f"## {name} ({worth[name][0]}, {worth[name][1]:g} points)\n")
        lines += [f"### {one.student}\n\n{one.written.get(name, '*nothing*')}\n" for one in marks]
    (out / "answers.md").write_text("\n".join(lines), encoding="utf-8")


def harmless(text):
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submissions", type=Path, help="folder of ID.ipynb, or of ID/…/UNIT.ipynb")
    parser.add_argument("--course", type=Path, required=True, help="folder that build.py made")
    parser.add_argument("--unit", choices=UNITS, default=UNITS[0], help="which unit was handed in (attribution)")
    parser.add_argument("--key", type=Path, help="the answers (COURSE/key.csv)")
    parser.add_argument("--out", type=Path, default=Path("marks"), help="where marks.csv and answers.md go (marks)")
    parser.add_argument("--cell-limit", type=int, default=CELL, help=f"seconds for a cell ({CELL})")
    parser.add_argument("--limit", type=int, default=WHOLE, help=f"seconds for a submission ({WHOLE})")
    wanted = parser.parse_args(arguments)
    unit = Unit(wanted.unit, wanted.course / "source" / wanted.unit)
    key = wanted.key or wanted.course / "key.csv"
    for path, made in ((unit.source / f"{unit.name}.ipynb", "--course"), (key, "--key")):
        if not path.exists():
            parser.error(f"{made}: {path} is not there; python notebooks/exercises/build.py {wanted.course} makes it")
    handed_in = submissions(wanted.submissions, unit.name)
    if not handed_in:
        parser.error(f"submissions: {wanted.submissions} has no ID.ipynb and no ID/…/{unit.name}.ipynb")
    marks = []
    for student, path in handed_in:
        limits = {"cell_limit": wanted.cell_limit, "limit": wanted.limit}
        marks.append(mark(path, student, unit, key, **limits))
        print(f"{student}: {sum(marks[-1].points.values()):g} points, {marks[-1].seconds:.0f} s", file=sys.stderr)
        write(marks, unit, wanted.out)  # after each: what is marked is kept
    print(wanted.out / "marks.csv", wanted.out / "answers.md", sep="\n")


if __name__ == "__main__":
    main()
