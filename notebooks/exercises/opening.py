# %% nbgrader={"grade": false, "grade_id": "colab", "locked": true, "schema_version": 3, "solution": false, "task": false}
import sys

if "google.colab" in sys.modules:
    import subprocess
    from importlib import metadata
    from pathlib import Path

    source = "git+https://github.com/lam-nb/lam-nb"
    loaded = [f"{name}=={metadata.version(name)}" for name in ("numpy", "pandas", "torch", "ipywidgets")]
    Path("loaded.txt").write_text("\n".join(loaded))  # what the notebook runs on keeps its version
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-c", "loaded.txt", source], check=True)
    from google.colab import files

    files.upload()

# %% [markdown]
# **Your student id**, as your course knows it: pictures, windows and networks are drawn from it, so yours are not your
# neighbour's.

# %%
student = ""

# %% nbgrader={"grade": true, "grade_id": "student-test", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
import os
import pathlib

places = pathlib.Path.cwd().parts
if "source" in places and not student:  # the teacher's own run
    student = "teacher"
submitter = os.environ.get("SUBMITTER", "")
if "autograded" in places:  # <course>/autograded/<student>/<unit>
    submitter = places[places.index("autograded") + 1]
if submitter:
    assert student.strip() == submitter, f"student: got {student!r}, but {submitter!r} handed it in"
### END HIDDEN TESTS
assert student, "student: write your id between the quotes of the cell above, and run both cells again"
