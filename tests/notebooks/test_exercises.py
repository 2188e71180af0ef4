"""The exercise as teachers and students meet it: built, released, submitted, and graded by nbgrader itself."""

import ast
import importlib.util
import pathlib
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook

FOLDER = pathlib.Path(__file__).parents[2] / "notebooks" / "exercises"


def module(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


build, draw = module("build"), module("draw")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    build.build(folder)
    return folder


def solutions(notebook):
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]


def submit(course, student, changes):
    """Hand in the teacher's solutions under a student's id, some of them changed."""
    notebook = nbformat.read(course / "source" / build.ASSIGNMENT / f"{build.ASSIGNMENT}.ipynb", 4)
    released = nbformat.read(course / "release" / build.ASSIGNMENT / f"{build.ASSIGNMENT}.ipynb", 4)
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in solutions(notebook)} | changes
    for cell in solutions(released):
        cell.source = answers[cell.metadata.nbgrader.grade_id]
    place = course / "submitted" / student / build.ASSIGNMENT
    shutil.copytree(course / "release" / build.ASSIGNMENT, place)
    nbformat.write(released, place / f"{build.ASSIGNMENT}.ipynb")


def marks(course, student):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        submission = book.find_submission(build.ASSIGNMENT, student)
        return {grade.name: grade.auto_score for one in submission.notebooks for grade in one.grades}


def test_students_get_neither_solutions_nor_hidden_tests(course):
    text = (course / "release" / build.ASSIGNMENT / f"{build.ASSIGNMENT}.ipynb").read_text()
    for word in ("BEGIN", "HIDDEN", "draw.key(", "autograded", "conv2d("):
        assert word not in text
    assert (course / "release" / build.ASSIGNMENT / "draw.py").exists()


def test_every_cell_to_fill_in_stops_where_it_says(course):
    notebook = nbformat.read(course / "release" / build.ASSIGNMENT / f"{build.ASSIGNMENT}.ipynb", 4)
    cells = [cell.source for cell in solutions(notebook) if cell.cell_type == "code"]
    assert len(cells) == 8
    for source in cells:
        given, functions = {"image": None}, [one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)]
        if len(functions) < len(ast.parse(source).body):  # more than definitions: running it must stop
            with pytest.raises(NotImplementedError):
                exec(source, {})
        for one in functions:
            exec(ast.unparse(one), given)
            with pytest.raises(NotImplementedError):
                given[one.name](*[None] * (len(one.args.args) - len(one.args.defaults)))


@pytest.mark.filterwarnings("ignore")
def test_nbgrader_marks_a_right_and_a_wrong_submission(course):
    submit(course, "alice", {"student": 'student = "alice"'})
    full = {"student-test": 0, "response-test": 3, "gradient-test": 3, "blur-test": 4, "velocity-test": 3}
    full |= {"integral-test": 6, "gini-test": 6, "unmask-test": 5, "defence": None}
    wrong = "def gini(values):\n    return 0.0\n\n\ndef diffusion_index(found):\n    return 100.0"
    lazy = "def far_share(ds, distance=16):\n    return 0.0\n\n\nevidence, answer = dict.fromkeys('ABC', 0), 'X'"
    submit(
        course, "bob", {"student": 'student = "alice"', "gini": wrong, "unmask": lazy, "velocity": "velocity = None"}
    )
    build.grader(course, "autograde", build.ASSIGNMENT, "--create")  # both: one start of nbgrader
    assert marks(course, "alice") == full
    lost = {"gini-test": 0, "unmask-test": 0, "velocity-test": 0, "integral-test": 0}
    assert marks(course, "bob") == full | lost


def test_what_is_drawn_follows_from_the_id():
    ids = [f"student {k}" for k in range(12)]
    keys = [tuple(draw.key(one).items()) for one in ids]
    assert [tuple(draw.key(one).items()) for one in ids] == keys and len(set(keys)) > 6
    assert all(draw.ATTENTION in dict(one).values() and len(set(dict(one).values())) == 3 for one in keys)
    assert {dict(one)[letter] == draw.ATTENTION for one in keys for letter in draw.LETTERS} == {True, False}
    assert len({(draw.window(one).y, draw.window(one).x) for one in ids}) > 6
    assert draw.key("  Alice ") == draw.key("alice")
    for one in ids[:4]:
        assert draw.picture(one).shape == (3, 48, 48)
        draw.window(one).check(192, 192)
