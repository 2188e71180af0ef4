"""Claims: what comes out beside what is claimed, printed, and kept as JSON."""

import argparse
import json
from pathlib import Path


def tell(description, findings):
    """Print each claim and the lines of what comes out as it comes, and write all where ``--out`` says."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON file to write")
    given = parser.parse_args()
    written = {}
    for claim, lines in findings:
        written[claim] = lines
        print(claim, *(f"    {line}" for line in lines), sep="\n", flush=True)
    if given.out:
        given.out.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
