"""Print constraints with the lowest version of everything that a user's installation may need: ``name==bound``."""

import re
import tomllib
from pathlib import Path


def lowest(project):
    """Return a line for each requirement in pyproject.toml's table ``project``; one without ``>=`` is an error."""
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    bounds = {}
    for requirement in [*project["dependencies"], *extras]:
        if requirement.startswith("lam-nb["):  # an extra of extras
            continue
        found = re.match(r"([\w.-]+)\s*>=\s*([\w.]+)", requirement)
        if not found:
            raise ValueError(f"{requirement!r} does not say from which version on")
        bounds[found[1]] = max(bounds.get(found[1], "0"), found[2], key=_numbers)  # an extra may need more
    return [f"{name}=={version}" for name, version in sorted(bounds.items())]


def _numbers(version):
    return [int(part) for part in re.findall(r"\d+", version)]


if __name__ == "__main__":
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    print("\n".join(lowest(tomllib.loads(pyproject.read_text())["project"])))
