"""Make the student's release and the teacher's version of the exercise: ``python notebooks/exercises/build.py OUT``.

OUT becomes a course folder of nbgrader: ``source/attribution`` is the teacher's version, with solutions and
hidden tests; ``release/attribution`` is what students get. ``--key IDS`` prints what was drawn for each id.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext

HERE = Path(__file__).parent
ASSIGNMENT = "attribution"
SHARED = ("draw.py",)
CONFIGURATION = """c = get_config()
c.CourseDirectory.course_id = "attribution-maps"
c.ExecutePreprocessor.timeout = 300
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
"""


def build(course):
    """Write the course folder; return the paths of the teacher's and the student's notebook."""
    source = course / "source" / ASSIGNMENT
    source.mkdir(parents=True, exist_ok=True)
    (course / "nbgrader_config.py").write_text(CONFIGURATION)
    for name in SHARED:
        shutil.copy(HERE / name, source)
    notebook = jupytext.read(HERE / f"{ASSIGNMENT}.py")
    notebook.metadata.pop("jupytext", None)
    jupytext.write(notebook, source / f"{ASSIGNMENT}.ipynb")
    grader(course, "generate_assignment", ASSIGNMENT, "--force", "--create")
    return source / f"{ASSIGNMENT}.ipynb", course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"


def grader(course, command, *arguments):
    """Run an nbgrader command in the course folder; stop with its words if it fails."""
    call = [sys.executable, "-m", "nbgrader", command, *arguments]
    done = subprocess.run(call, cwd=course, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"nbgrader {command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="course folder to make or renew")
    parser.add_argument("--key", nargs="*", metavar="ID", default=[], help="student ids to print the answers for")
    given = parser.parse_args()
    for path in build(given.out):
        print(path)
    sys.path.insert(0, str(HERE))
    import draw

    for student in given.key:
        region = draw.window(student)
        print(f"{student}: window y={region.y}, x={region.x}; networks {draw.key(student)}")


if __name__ == "__main__":
    main()
