"""The exercises as teachers and students meet them: built, released, submitted, and marked, by nbgrader and without."""

import ast
import csv
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
import xarray as xr
import yaml
from nbgrader.api import Gradebook

FOLDER = pathlib.Path(__file__).parents[2] / "notebooks" / "exercises"
FIRST, SECOND = "attribution", "cause"
SECRET = "a secret of this test"


def module(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    loaded = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look themselves up
    spec.loader.exec_module(loaded)
    return loaded


given = module("given")
build, mark = module("build"), module("mark")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    build.build(folder, SECRET, cases=2)
    return folder


def solutions(notebook):
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]


def stored(course, kind, unit):
    return nbformat.read(course / kind / unit / f"{unit}.ipynb", 4)


def answered(course, unit, student, changes):
    """Return a release with the teacher's solutions under a student's id, some of them changed."""
    released = stored(course, "release", unit)
    answers = {mark.identity(cell): cell.source for cell in solutions(stored(course, "source", unit))} | changes
    for cell in released.cells:
        if cell.source == 'student = ""':
            cell.source = f"student = {student!r}"
        cell.source = answers.get(mark.identity(cell), cell.source)
    return released


def marks(course, student):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        submission = book.find_submission(FIRST, student)
        return {grade.name: grade.auto_score for one in submission.notebooks for grade in one.grades}


def test_students_get_neither_solutions_nor_hidden_tests_nor_the_key(course):
    secret = {"secret.txt": SECRET + "\n", "key.csv": (course / "key.csv").read_text()}
    for name, text in secret.items():
        assert (course / name).read_text() == text and (course / name).stat().st_mode & 0o777 == 0o600
    assert len(build.key(course)) == 4 and {unit for unit, _ in build.key(course)} == {FIRST, SECOND}
    for unit in build.UNITS:
        files = [path for path in (course / "release" / unit).iterdir() if path.is_file()]
        assert {path.name for path in files} == {f"{unit}.ipynb", "given.py", "cases.nc"}
        text = (course / "release" / unit / f"{unit}.ipynb").read_text()
        for word in ("BEGIN", "HIDDEN", "key.csv", "autograded", "conv2d(", "SUBMITTER"):
            assert word not in text
        held = (course / "release" / unit / "cases.nc").read_bytes()
        for name in (SECRET, *build.OTHERS, "nonlocal", "srresnet", "sha256", "lam-nb"):
            assert name.encode() not in held
        with xr.open_dataset(course / "release" / unit / "cases.nc") as cases:
            assert not cases.attrs and cases.sizes["case"] == 2
            assert all(set(one.attrs) <= {"units"} for one in cases.variables.values())


def test_what_is_asked_follows_from_the_secret_alone(tmp_path):
    drawn = {s: [tuple(build.drawn(s, k, "letters").permutation(3)) for k in range(20)] for s in ("one", "other")}
    assert len(set(drawn["one"])) > 4 and drawn["one"] != drawn["other"]
    made = build.keep(tmp_path / "secret.txt")
    assert len(made) == 32 and build.keep(tmp_path / "secret.txt") == made  # kept, and used again
    assert build.keep(tmp_path / "secret.txt", "my own secret") == build.keep(tmp_path / "secret.txt")
    with pytest.raises(SystemExit, match="got 5 characters"):
        build.keep(tmp_path / "secret.txt", "short")
    assert build.asked(str(tmp_path / "secret.txt")) == "my own secret" and build.asked("words") == "words"
    with pytest.raises(SystemExit, match="cannot read"):
        build.asked(str(tmp_path / "lost.txt"))


def test_a_second_build_keeps_what_is_there(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("mine")
    (tmp_path / "key.csv").write_text("unit,case,answer\nattribution,0,B\nattribution,1,A\n")
    assert build.build(tmp_path, units=()) == []
    assert build.key(tmp_path) == {(FIRST, 0): "B", (FIRST, 1): "A"}
    assert (tmp_path / "nbgrader_config.py").read_text() == "mine" and len(build.keep(tmp_path / "secret.txt")) == 32


def test_every_assert_of_both_units_has_a_message():
    for unit in build.UNITS:
        cells = [cell for cell in build.notebook(unit).cells if cell.cell_type == "code"]
        found = [one for cell in cells for one in ast.walk(ast.parse(cell.source)) if isinstance(one, ast.Assert)]
        assert len(found) > 20 and not [ast.unparse(one) for one in found if one.msg is None]


def test_every_cell_to_fill_in_stops_where_it_says(course):
    for unit, count in ((FIRST, 7), (SECOND, 10)):
        cells = [cell.source for cell in solutions(stored(course, "release", unit)) if cell.cell_type == "code"]
        assert len(cells) == count
        for source in cells:
            known, functions = {"image": None}, [o for o in ast.parse(source).body if isinstance(o, ast.FunctionDef)]
            if len(functions) < len(ast.parse(source).body):  # more than definitions: running it must stop
                with pytest.raises(NotImplementedError):
                    exec(source, {})
            for one in functions:
                exec(ast.unparse(one), known)
                with pytest.raises(NotImplementedError):
                    known[one.name](*[None] * (len(one.args.args) - len(one.args.defaults)))


@pytest.mark.filterwarnings("ignore")
def test_nbgrader_marks_each_part_by_itself(course):
    """Bob fails part 1 wholly and leaves nothing of the network; the velocity and the index; and says he is Alice."""
    full = {"student-test": 0, "response-test": 3, "gradient-test": 3, "blur-test": 4, "velocity-test": 3}
    full |= {"integral-test": 6, "gini-test": 6, "unmask-test": 5, "defence": None}
    wrong = "def gini(values):\n    return 0.0\n\n\ndef diffusion_index(found):\n    return 100.0"
    changes = {
        "response": "response = network = None",
        "gradient": "1 / 0",
        "gini": wrong,
        "velocity": "velocity = None",
    }
    notebook = answered(course, FIRST, "alice", changes)
    place = course / "submitted" / "bob" / FIRST
    shutil.copytree(course / "release" / FIRST, place)
    nbformat.write(notebook, place / f"{FIRST}.ipynb")
    build.grader(course, "autograde", FIRST, "--create")
    lost = {"response-test": 0, "gradient-test": 0, "gini-test": 0, "velocity-test": 0}
    assert marks(course, "bob") == full | lost
    cells = {
        mark.identity(cell): cell
        for cell in nbformat.read(course / "autograded" / "bob" / FIRST / f"{FIRST}.ipynb", 4).cells
    }
    assert "'bob' handed it in" in mark.error_of(cells["student-test"])
    assert "expected 1 − 1/4" in mark.error_of(cells["gini-test"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("unit", "parts"), [(FIRST, [6, 7, 6, 6, 5]), (SECOND, [8, 6, 6, 6])])
def test_the_teachers_solutions_get_all_marks_without_nbgrader(course, tmp_path, unit, parts):
    (tmp_path / "in").mkdir()
    nbformat.write(answered(course, unit, "alice", {}), tmp_path / "in" / "alice.ipynb")
    (tmp_path / "in" / "bob.ipynb").write_text("no notebook")
    mark.main([str(tmp_path / "in"), "--course", str(course), "--unit", unit, "--out", str(tmp_path)])
    with open(tmp_path / "marks.csv", newline="", encoding="utf-8-sig") as file:
        alice, bob = csv.DictReader(file)
    assert not alice["reasons"] and alice["marked"] == str(sum(parts))
    assert [alice[f"Part {k + 1} (of {points})"] for k, points in enumerate(parts)] == [str(one) for one in parts]
    assert bob["marked"] == "0" and bob["reasons"].startswith("notebook: cannot be read")
    assert "receptive field" in (tmp_path / "answers.md").read_text()


def cell(source, name=None, points=None, solution=False):
    about = {
        "grade_id": name,
        "locked": not solution,
        "solution": solution,
        "grade": points is not None,
        "points": points,
    }
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": about} if name else {})


def test_marking_survives_what_students_hand_in(tmp_path):
    """A unit of three parts: nobody takes the others' marks, the key, or the time."""
    source, rows = tmp_path / "tiny", []
    source.mkdir()
    for k in (1, 2, 3):
        rows += [nbformat.v4.new_markdown_cell(f"## Part {k} · again"), cell(f"x{k} = {k}", f"do-{k}", solution=True)]
        check = f"assert x{k} == int(open('key.csv').read()) + {k}, f'x{k}: got {{x{k}}}'"
        rows.append(cell(check, f"test-{k}", k))
    nbformat.write(nbformat.v4.new_notebook(cells=rows), source / "tiny.ipynb")
    key = tmp_path / "key.csv"
    key.write_text("0")

    def marked(*sources, tamper=lambda cells: cells, **limits):
        cells = [nbformat.from_dict(one) for one in rows]
        for k, text in enumerate(sources):
            cells[3 * k + 1].source = text
        path = tmp_path / "carol.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=tamper(cells)), path)
        found = mark.mark(path, "carol", mark.Unit("tiny", source), key, **limits)
        return list(found.points.values()), found.reasons

    points, reasons = marked(
        "while True: pass", "import pathlib\nx2 = len(list(pathlib.Path('.').iterdir()))", cell_limit=2
    )
    assert points == [0, 0, 3]  # the endless cell costs its part alone; and no key lies about while students' cells run
    assert reasons["test-1"].startswith("NameError") and reasons["test-2"] == "x2: got 0"
    points, reasons = marked("import os\nos._exit(1)")
    assert points == [0, 0, 0] and "Python died" in reasons["test-3"]

    def easier(cells):
        cells[2].source = "pass"  # no test any more
        again = nbformat.from_dict(cells[2]) | {"id": "again"}
        return [cells[0], cells[2], nbformat.from_dict(again), *cells[3:5], *cells[6:]]  # one twice, two lost

    points, reasons = marked(tamper=easier)
    assert points == [0, 2, 3] and set(reasons) == {"test-1"}
    assert marked("import time\ntime.sleep(3)\nx1 = 1", limit=1)[1]["test-3"] == "not reached: the time is over"


def test_what_is_drawn_follows_from_the_id():
    ids = [f"student {k}" for k in range(12)]
    assert len({given.case(one, 24) for one in ids}) > 6 and {given.case(one, 2) for one in ids} == {0, 1}
    assert len({(given.window(one).y, given.window(one).x) for one in ids}) > 6
    assert given.case("  Alice ", 24) == given.case("alice", 24)
    for one in ids[:4]:
        assert given.picture(one).shape == (3, 48, 48) and given.truth(one).shape == (3, 192, 192)
        for size in (16, 32):
            given.window(one, size).check(192, 192)


def test_the_form_for_otter_asks_the_same_and_tells_nothing(course):
    form = module("otter_form")
    for unit, parts in ((FIRST, 35), (SECOND, 35)):
        notebook = stored(course, "source", unit)
        made = form.master(notebook.cells)
        raw = [one.source.split("\n", 1) for one in made if one.cell_type == "raw"]
        assert sum(yaml.safe_load(about)["points"] for what, about in raw if what == "# BEGIN QUESTION") == parts
        named = [what[2:].split() for what, _ in raw[1:]]
        assert [kind for word, kind in named if word == "BEGIN"] and len(named) == 2 * sum(
            w == "BEGIN" for w, _ in named
        )
        tests = [k for k, one in enumerate(made) if one.source == "# BEGIN TESTS\n"]
        for k in tests:
            visible, hidden = made[k + 1].source, made[k + 2].source
            assert ast.parse(visible).body and "print(" not in visible and "HIDDEN TESTS" not in visible + hidden
            if hidden.startswith("# HIDDEN"):
                assert "assert" in hidden and ast.parse(hidden).body
        assert not [one for one in made if "### " in one.source]


@pytest.mark.filterwarnings("ignore")
def test_otter_marks_each_part_by_itself(course, tmp_path):
    pytest.importorskip("otter", reason="needs otter-grader")
    form = module("otter_form")
    dist = form.write(course, FIRST)
    student = (dist / "student" / f"{FIRST}.ipynb").read_text()
    assert not [word for word in ("HIDDEN", "key.csv", "SOLUTION", "teacher", "conv2d(") if word in student]
    assert {path.name for path in (dist / "student").iterdir()} == {f"{FIRST}.ipynb", "given.py", "cases.nc"}
    notebook = nbformat.read(dist / "autograder" / f"{FIRST}.ipynb", 4)
    for one in notebook.cells:
        one.source = one.source.replace('student = "teacher"', 'student = "alice"')
        if one.source.startswith("def response"):
            one.source = "response = network = None"
    nbformat.write(notebook, tmp_path / "alice.ipynb")
    (zipped,) = (dist / "autograder").glob("*.zip")
    call = [sys.executable, "-m", "otter", "run", "alice.ipynb", "-a", str(zipped), "-o", str(tmp_path), "--no-logo"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-2000:]
    found = {one["name"]: one.get("score") for one in json.loads((tmp_path / "results.json").read_text())["tests"]}
    assert (found["response"], found["gradient"], found["blur"], found["integral"], found["unmask"]) == (0, 3, 4, 6, 5)


def test_colab_installs_from_the_repository_of_the_project():
    address = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    for unit in build.UNITS:
        (first,) = [one.source for one in build.notebook(unit).cells if mark.identity(one) == "colab"]
        assert f'source = "git+{address}"' in first and first.startswith(
            'import sys\n\nif "google.colab" in sys.modules:'
        )


def test_slides_name_only_what_lies_beside_them():
    page = (FOLDER / "slides" / "index.html").read_text()
    pictures = set(re.findall(r'src="([^"]+)"', page))
    assert pictures == {f"pictures/{path.name}" for path in (FOLDER / "slides" / "pictures").iterdir()}
    assert len(re.findall(r'<img src="[^"]+" alt="[^"]{20,}"', page)) == len(pictures)
    assert not re.findall(r"https?:|@import|url\(", page) and page.count("<section") == 15
