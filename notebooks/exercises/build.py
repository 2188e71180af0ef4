"""Make the release and the teacher's version of the exercises: ``python notebooks/exercises/build.py COURSE``.

COURSE becomes a course folder of nbgrader: ``source/UNIT`` is the teacher's version, with solutions and hidden tests;
``release/UNIT`` is what students get. ``secret.txt`` and ``key.csv`` stay with the teacher: which network made a result
that students have to tell follows from the secret.
"""

import argparse
import csv
import hmac
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import numpy as np
import xarray as xr

import lam_nb as lam

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import given  # noqa: E402

UNITS = ("attribution", "cause")
OPENING = 'student = ""  # opening.py'
CASES = 24
"""Students whose ids fall on one case share its answer; what they measured themselves is their own all the same."""
ATTENTION, OTHERS = "residual-nonlocal", ("fsrcnn", "residual", "residual-gan")
"""The others see 19 pixels to each side at most."""
RESIDUAL, PLAIN = "srresnet-residual-mse", "srresnet-mse"
CONFIGURATION = """c = get_config()
c.CourseDirectory.course_id = "attribution-maps"
c.ExecutePreprocessor.timeout = 300
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
"""


def build(course, secret=None, cases=None, units=UNITS):
    """Write the course folder; return the paths of the students' notebooks. What is kept there is used again."""
    course.mkdir(parents=True, exist_ok=True)
    secret, answers = keep(course / "secret.txt", secret), key(course)
    cases = cases or max((case + 1 for _, case in answers), default=CASES)
    if not (course / "nbgrader_config.py").exists():
        (course / "nbgrader_config.py").write_text(CONFIGURATION)
    for unit in units:
        source = course / "source" / unit
        source.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "given.py", source)
        answers = {(one, case): answer for (one, case), answer in answers.items() if one != unit}
        answers |= {(unit, k): answer for k, answer in enumerate(prepare(unit, secret, cases, source / "cases.nc"))}
        jupytext.write(notebook(unit), source / f"{unit}.ipynb")
        grader(course, "generate_assignment", unit, "--force", "--create")
    rows = [("unit", "case", "answer"), *((unit, case, answer) for (unit, case), answer in answers.items())]
    private(course / "key.csv", "".join(f"{','.join(map(str, row))}\n" for row in rows))
    return [course / "release" / unit / f"{unit}.ipynb" for unit in units]


def notebook(unit):
    """Return the teacher's notebook of a unit; its first cell of code stands for those that all units open with."""
    found, opening = (jupytext.read(HERE / name) for name in (f"{unit}.py", "opening.py"))
    found.metadata.pop("jupytext", None)
    found.cells = [cell for one in found.cells for cell in (opening.cells if one.source == OPENING else [one])]
    return found


def keep(path, secret=None):
    """Return the secret that is given, else the one that is kept, else a new one; keep it for the teacher alone."""
    if secret is None:
        secret = path.read_text().strip() if path.exists() else secrets.token_hex(16)
    if len(secret) < 8:
        raise SystemExit(f"--secret: got {len(secret)} characters, expected 8 or more, so that nobody guesses it")
    private(path, secret + "\n")
    return secret


def private(path, text):
    """Write a file that its owner alone may read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def drawn(secret, case, part):
    """Return a source of random numbers that nobody has without the secret."""
    return np.random.default_rng(list(digest(secret, case, part)))


def digest(secret, case, part):
    """Return the bytes that stand for a part of a case."""
    return hmac.new(secret.encode(), f"{case}/{part}".encode(), "sha256").digest()


def prepare(unit, secret, cases, path):
    """Write the results of all cases, without names; return the answer of each."""
    results, answers = zip(*(QUESTIONS[unit](secret, case) for case in range(cases)), strict=True)
    stored = xr.concat(results, "case")
    stored.to_netcdf(path, encoding={name: {"zlib": True} for name in stored.data_vars})
    return answers


def attention(secret, case):
    """Return maps of one window by three networks, and the letter of the one that has attention."""
    names = [ATTENTION, *drawn(secret, case, "networks").choice(OTHERS, size=2, replace=False)]
    names = drawn(secret, case, "letters").permutation(names)
    who = digest(secret, case, "picture").hex()
    image, region = given.picture(who), given.window(who)
    settings = {"steps": 12, "keep": "map", "progress": False}
    maps = [lam.attribute(lam.networks.load(name), image, region, **settings).attribution for name in names]
    found = bare(xr.concat(maps, "letter", coords="minimal", compat="override"), "attribution", "ABC")
    y, x = ((start + region.size / 2) / given.SCALE - 0.5 for start in (region.y, region.x))
    return found.assign(middle_y=y, middle_x=x), "ABC"[list(names).index(ATTENTION)]


def residual(secret, case):
    """Return features of the same pictures in two networks, and the letter of the one with a global residual."""
    names = drawn(secret, case, "letters").permutation([RESIDUAL, PLAIN])
    pictures = {f"picture {k + 1}": given.truth(digest(secret, case, f"picture {k}").hex(), 96) for k in range(8)}
    degradations = {"blur": lam.images.Blur(2), "noise": lam.images.Noise(0.1)}
    settings = {"layers": ["conv_first", "body.14"], "components": 20, "progress": False}
    each = [lam.representations(name, pictures, degradations, **settings).projection for name in names]
    found = bare(xr.concat(each, "letter", coords="minimal", compat="override"), "projection", "AB")
    found = found.assign_coords(layer=["first", "deep"])
    return found, "AB"[list(names).index(RESIDUAL)]


def bare(values, name, letters):
    """Return values under letters, and nothing else that was known of where they come from."""
    kept = ("channel", "y", "x", "sample", "content", "degradation", "component")
    values = values.drop_vars([one for one in values.coords if one not in kept])
    found = values.rename(name).to_dataset().drop_attrs().assign_coords(letter=list(letters))
    found[name].attrs["units"] = values.attrs.get("units", "1")
    return found


QUESTIONS = {"attribution": attention, "cause": residual}


def grader(course, command, *arguments):
    """Run an nbgrader command in the course folder; stop with its words if it fails."""
    call = [sys.executable, "-m", "nbgrader", command, *arguments]
    place = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # it calls others by name
    done = subprocess.run(call, cwd=course, capture_output=True, text=True, env=os.environ | {"PATH": place})
    if done.returncode:
        raise SystemExit(f"nbgrader {command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def key(course):
    """Return (unit, case) -> answer, as far as they are made: for teachers."""
    if not (course / "key.csv").exists():
        return {}
    with open(course / "key.csv", newline="") as file:
        return {(row["unit"], int(row["case"])): row["answer"] for row in csv.DictReader(file)}


def asked(secret):
    """Return the secret that was asked for: what stands in a file, or the text itself."""
    if secret is None or not (Path(secret).exists() or "/" in secret or secret.endswith(".txt")):
        return secret
    try:
        return Path(secret).read_text().strip()
    except OSError as error:
        raise SystemExit(f"--secret: cannot read {secret}: {error.strerror}") from None


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("course", type=Path, help="course folder to make or renew")
    parser.add_argument("--secret", help="a file, or 8 characters or more; made, kept and used again if not given")
    parser.add_argument("--cases", type=int, help=f"how many different questions (as before, at first {CASES})")
    parser.add_argument("--units", nargs="+", choices=UNITS, default=UNITS, metavar="UNIT", help=" or ".join(UNITS))
    parser.add_argument("--key", nargs="*", metavar="ID", default=[], help="student ids to print the answers for")
    wanted = parser.parse_args()
    if wanted.cases is not None and not 1 <= wanted.cases <= 1000:
        parser.error(f"--cases: got {wanted.cases}, expected 1 to 1000")
    for path in build(wanted.course, asked(wanted.secret), wanted.cases, tuple(dict.fromkeys(wanted.units))):
        print(path)
    print(f"{wanted.course / 'secret.txt'}, {wanted.course / 'key.csv'}: keep both to yourself")
    answers = key(wanted.course)
    for student in wanted.key:
        for unit in wanted.units:
            case = given.case(student, sum(one == unit for one, _ in answers))
            print(f"{student}: {unit}, case {case}, answer {answers[unit, case]}")


if __name__ == "__main__":
    main()
