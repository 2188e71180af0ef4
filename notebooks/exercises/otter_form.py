"""The same exercises for Otter-Grader: ``python notebooks/exercises/otter_form.py COURSE`` after ``build.py COURSE``.

Writes ``COURSE/otter/UNIT``: a notebook in the form of Otter Assign, and what it makes of it, ``dist/student`` to give
to students and ``dist/autograder`` with the zip for Gradescope or ``otter grade``. Needs ``pip install otter-grader``.
"""

import argparse
import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

UNITS = ("attribution", "cause")
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION\n?", re.S | re.M)
HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n(.*?)^### END HIDDEN TESTS\n?", re.S | re.M)
WRITTEN = re.compile(r"\n*### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.S)
SOURCE = "lam-nb[lab] @ git+https://github.com/lam-nb/lam-nb"


def master(cells):
    """Return the teacher's cells in the form of Otter Assign."""
    files = {"files": ["given.py", "cases.nc"], "autograder_files": ["key.csv"], "requirements": [SOURCE]}
    about = {"solutions_pdf": False, "export_cell": False, "generate": {"pdf": False, "show_hidden": False}, **files}
    made, waiting = [raw("ASSIGNMENT CONFIG", about)], []
    for cell in cells:
        note = cell.metadata.get("nbgrader", {})
        if note.get("solution") and cell.cell_type == "code":
            waiting = [cell]
        elif note.get("solution"):
            made += written(cell, note)
        elif note.get("grade") and note["points"]:
            made += question(waiting, cell, note)
            waiting = []
        elif note.get("grade"):  # the id: nobody's mark
            made.append(code(HIDDEN.sub("", cell.source)))
        else:
            made.append(nbformat.from_dict({**cell, "metadata": {}}))
    return made


def raw(what, about=None):
    """Return a cell that Otter reads."""
    return nbformat.v4.new_raw_cell(f"# {what}\n" + (yaml.safe_dump(about, sort_keys=False) if about else ""))


def code(source):
    """Return a cell of code."""
    return nbformat.v4.new_code_cell(source)


def question(solutions, test, note):
    """Return a question: what is to be filled in, what is computed with it, and its tests."""
    name = note["grade_id"].removesuffix("-test").replace("-", "_")
    visible, hidden = HIDDEN.sub("", test.source), "".join(HIDDEN.findall(test.source))
    about = {"name": name, "points": note["points"], "all_or_nothing": True}
    made = [raw("BEGIN QUESTION", about)]
    if solutions:
        made += [
            raw("BEGIN SOLUTION"),
            *(code(SOLUTION.sub(marked, one.source)) for one in solutions),
            raw("END SOLUTION"),
        ]
    made += [raw("BEGIN TESTS"), code(checks(visible))]
    if hidden:
        made.append(code("# HIDDEN\n" + checks(visible, asserts=False) + "\n" + checks(hidden)))
    made += [raw("END TESTS"), raw("END QUESTION")]
    return [*made, code(visible)] if visible.strip() else made


def marked(found):
    """Return a solution between Otter's marks, before it the line that stops."""
    space, body = found[1], found[2]
    return f"{space}# BEGIN SOLUTION\n{body}{space}# END SOLUTION\n"


def checks(source, asserts=True):
    """Return the statements of a test without those that only print or show, with or without what is asserted."""
    gone = (ast.Expr,) if asserts else (ast.Expr, ast.Assert)
    kept = [one for one in ast.parse(source).body if not isinstance(one, gone) and not prints(one)]
    return "\n".join(ast.get_source_segment(source, one) for one in kept)


def prints(statement):
    """Whether a loop does nothing but print."""
    return isinstance(statement, ast.For) and any(
        isinstance(one, ast.Call) and getattr(one.func, "id", "") == "print" for one in ast.walk(statement)
    )


def written(cell, note):
    """Return a question that is answered in words."""
    name = note["grade_id"].replace("-", "_")
    about = {"name": name, "points": note["points"], "manual": True}
    solution = WRITTEN.search(cell.source)[1].strip()
    asked = nbformat.v4.new_markdown_cell(WRITTEN.sub("", cell.source))
    answer = nbformat.v4.new_markdown_cell(f"**SOLUTION**: {solution}")
    ends = raw("BEGIN SOLUTION"), raw("END SOLUTION")
    return [raw("BEGIN QUESTION", about), asked, ends[0], answer, ends[1], raw("END QUESTION")]


def write(course, unit, run=True):
    """Write the form of a unit and let Otter Assign make of it what it makes; return the folder `dist`."""
    source, place = course / "source" / unit, course / "otter" / unit
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    notebook = nbformat.read(source / f"{unit}.ipynb", 4)
    for cell in notebook.cells:
        if cell.source == 'student = ""':
            cell.source = 'student = "teacher"'
    notebook.cells = master(notebook.cells)
    nbformat.write(notebook, place / f"{unit}.ipynb")
    for path in (source / "given.py", source / "cases.nc", course / "key.csv"):
        shutil.copy(path, place)
    call = [sys.executable, "-m", "otter", "assign", *([] if run else ["--no-run-tests"]), f"{unit}.ipynb", "dist"]
    done = subprocess.run(call, cwd=place, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"otter assign failed:\n{done.stdout}{done.stderr}")
    for path in (place / "dist" / "student").glob("*.ipynb"):
        path.write_text(path.read_text().replace('student = \\"teacher\\"', 'student = \\"\\"'))
    return place / "dist"


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("course", type=Path, help="folder that build.py made")
    parser.add_argument("--units", nargs="+", choices=UNITS, default=UNITS, metavar="UNIT", help=" or ".join(UNITS))
    wanted = parser.parse_args()
    for unit in wanted.units:
        print(write(wanted.course, unit))


if __name__ == "__main__":
    main()
