"""A stranger's first hour, for real: ``python -m tests.stranger FOLDER``; prints seconds from step to step.

Clones this checkout, does what the README says, runs the first tutorial, asks about a network of one's own, prints a
figure with its citations, builds the course and marks two who handed in: one with everything right, one with nothing.
Ends at what does not work. Takes a package registry, some gigabytes, and about ten minutes on two cores.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
OWN = """
import torch

import lam_nb as lam


class Mine(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Conv2d(3, 16, 9, padding=4), torch.nn.Conv2d(16, 48, 3, padding=1)

    def forward(self, x):
        return torch.nn.functional.pixel_shuffle(self.last(torch.relu(self.first(x))), 4)


torch.manual_seed(0)
net = lam.networks.wrap(Mine(), name="mine", check=False)  # it is not trained: its output looks wrong, and it says so
sharp = lam.images.sample("facade")
many = lam.compare([net, "rfdn"], lam.images.downscale(sharp, 4), lam.Region(160, 184), reference=sharp, progress=False)
lam.views.save(many, "figure.pdf", width=85)
print(lam.summary(many)[["diffusion_index", "psnr_window"]])
print(lam.cite(many))
assert lam.receptive_field(net).sizes and float(many.lam.diffusion_index()[0]) < float(many.lam.diffusion_index()[1])
"""
HANDED_IN = """
import pathlib, sys

import nbformat

course, folder = map(pathlib.Path, sys.argv[1:])
source, release = (nbformat.read(course / one / "attribution/attribution.ipynb", 4) for one in ("source", "release"))
right = {cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells if cell.metadata.get("nbgrader")}
folder.mkdir()
nbformat.write(release, folder / "nobody.ipynb")
for cell in release.cells:
    if cell.metadata.get("nbgrader", {}).get("solution"):
        cell.source = right[cell.metadata.nbgrader.grade_id]
    cell.source = "student = 'alice'" if cell.source == 'student = ""' else cell.source
nbformat.write(release, folder / "alice.ipynb")
"""


class Stranger:
    """Somebody who has this address and a shell."""

    def __init__(self, folder):
        self.folder, self.last = folder, time.perf_counter()
        self.clone = folder / "lam-nb"

    def does(self, what, command, *words, inside=None):
        """Run a command in bash, or a program in the environment that the README made; say how long it took."""
        python = self.clone / ".venv" / "bin" / "python"
        call = [python, "-c", command, *words] if words or "\n" in command else ["bash", "-euc", command]
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LAM_NB_", "VIRTUAL"))
        }
        done = subprocess.run(call, cwd=inside or self.clone, env=own, capture_output=True, text=True)
        seconds, self.last = time.perf_counter() - self.last, time.perf_counter()
        print(f"{what:<28}{seconds:7.1f} s", flush=True)
        if done.returncode:
            sys.exit(f"{done.stdout}\n{done.stderr}\n{what}: ended with {done.returncode}")
        return done.stdout


def command(readme, number):
    """Return a command of the README."""
    return re.search(rf"<!-- command {number} -->\n```bash\n(.+?)\n```", readme, re.S)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to work; made, and empty")
    folder = parser.parse_args().folder.resolve()
    folder.mkdir(parents=True)
    one = Stranger(folder)
    one.does("clone", f"git clone -q '{ROOT}' '{one.clone}'", inside=folder)
    one.does("command one", command((one.clone / "README.md").read_text(), "one"))
    assert (one.clone / "lam-demo.html").stat().st_size > 100_000
    activate, work = f". '{one.clone}/.venv/bin/activate'", folder / "work"
    work.mkdir()
    one.does(
        "first tutorial", f"{activate} && LAM_NB_FAST= python tests/notebooks/execute.py notebooks/1-first-map.ipynb"
    )
    print(one.does("own network, figure", OWN, inside=work))
    assert (work / "figure.pdf").read_bytes().startswith(b"%PDF")
    one.does("tools to teach", f"{activate} && pip install -q -c constraints.txt '.[lab,teach]'")
    exercises = f"{activate} && python notebooks/exercises"
    one.does("course", f"{exercises}/build.py '{work}/course' --cases 2 --units attribution")
    one.does("two hand in", HANDED_IN, str(work / "course"), str(work / "handed-in"))
    asked = f"--course '{work}/course' --unit attribution --out '{work}/marks'"
    one.does("marked", f"{exercises}/mark.py '{work}/handed-in' {asked}")
    with (work / "marks" / "marks.csv").open(encoding="utf-8-sig") as table:
        rows = list(csv.DictReader(table))
    marked = {row["student"]: float(row["marked"]) for row in rows}
    assert marked["alice"] > 20 and marked["nobody"] == 0, marked
    for row in rows:
        print({name: value for name, value in row.items() if value and len(value) < 20})
    one.does(
        "command two, without tests", command((one.clone / "README.md").read_text(), "two").removesuffix("&& pytest")
    )
    one.does("some tests", f"{activate} && python -m pytest -q tests/laws/test_narrowing.py tests/test_statistics.py")


if __name__ == "__main__":
    main()
