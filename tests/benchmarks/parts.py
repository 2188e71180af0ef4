"""Benchmarks in parts: those that are asked for are run, each adds to one JSON file, which may be drawn."""

import argparse
import json
from pathlib import Path


def run(parts, words, file, plot=None):
    """Run the parts that the command line names, all if none.

    Parameters
    ----------
    parts : sequence of callables
        Each returns what goes under its name.
    words : str
        What the command says of itself.
    file : str
        The module's; results lie beside it.
    plot : callable, optional
        Draws results into a picture, at the end; with ``--plot`` alone nothing is measured.
    """
    known = {one.__name__: one for one in parts}
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*known, []], help="which; all if none")
    parser.add_argument("--out", type=Path, default=Path(file).with_suffix(".json"))
    if plot:
        parser.add_argument("--plot", action="store_true", help="draw what is in the file")
    given = vars(parser.parse_args())
    out, only_drawn = given["out"], given.get("plot", False)
    for name in given["parts"] or ([] if only_drawn else known):
        measured = known[name]()
        found = json.loads(out.read_text()) if out.exists() else {}
        out.write_text(json.dumps({**found, name: measured}, indent=1) + "\n")
    if plot:
        plot(json.loads(out.read_text()), out.with_suffix(".png"))
