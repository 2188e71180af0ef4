"""Starting: what needs no torch does not import it, and everything is there when it is asked for."""

import importlib
import subprocess
import sys

import pytest

import lam_nb as lam
from lam_nb import cli


def run(program):
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


HEAVY = "print(*sorted({'torch', 'numpy', 'xarray', 'pandas', 'plotly'} & set(sys.modules)))"


def test_the_package_waits_for_nothing():
    assert run("import sys, lam_nb, lam_nb.cli\n" + HEAVY) == []


def test_help_waits_for_nothing():
    program = (
        "import sys\nfrom lam_nb import cli\ntry:\n    cli.main(['--help'])\nexcept SystemExit:\n    print('ended')\n"
    )
    told = run(program + HEAVY)
    assert told[-1] == "ended" and set(cli._COMMANDS) <= set(told)


def test_results_are_read_without_torch(tmp_path):
    file = tmp_path / "one.nc"
    lam.save(lam.statistics.maps.example(), file)
    program = f"import sys, lam_nb\nlam_nb.open({str(file)!r}).lam.diffusion_index()\nlam_nb.Region(1, 2, 3)\n"
    assert run(program + "print('torch' in sys.modules)") == ["False"]


@pytest.mark.parametrize("order", ["lam_nb, xarray", "xarray, lam_nb"])
def test_datasets_know_lam_whatever_is_imported_first(order):
    program = f"import sys, {order}\nprint(hasattr(xarray.Dataset(), 'lam'), 'torch' in sys.modules)"
    assert run(program) == ["True", "False"]


def test_every_public_name_is_there():
    assert {name for name in (*lam.__all__, "open") if getattr(lam, name, None) is None} == set()
    assert set(lam.__all__) <= set(dir(lam))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        lam.nothing  # noqa: B018


def test_help_of_each_command_waits_for_nothing():
    program = f"import sys\nfrom lam_nb import cli\nfor name in {list(cli._COMMANDS)}:\n    try:\n"
    program += "        cli.main([name, '--help'])\n    except SystemExit:\n        pass\n"
    assert not {"torch", "numpy", "xarray", "pandas", "plotly"} & {run(program + HEAVY)[-1]}


@pytest.mark.parametrize("name", cli._COMMANDS)
def test_a_command_does_what_its_line_says(name):
    module, told = cli._COMMANDS[name]
    assert importlib.import_module(f"lam_nb.cli.{module}").run.__doc__ == told


def test_a_first_map_imports_neither_torchs_compiler_nor_its_algebra():
    """Each takes from half a second to a second and a half, more than the map itself."""
    program = """
import sys, lam_nb as lam
picture = lam.images.downscale(lam.images.sample("bricks"), 4)
for name in ("fsrcnn", "residual", "imdn-small"):
    lam.attribute(name, picture, (96, 96, 16), steps=6, progress=False)
print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])
"""
    assert run(program) == ["[]"]
