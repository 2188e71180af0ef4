"""Completion: bash itself, asked as the Tab key asks it."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import lam_nb as lam
from lam_nb import cli
from lam_nb.cli import completion

BIN = pathlib.Path(sys.executable).parent
ASK = """
eval "$(lam-nb completion bash)"
words=("$@"); COMP_WORDS=(lam-nb "${words[@]}"); COMP_CWORD=$#; COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
COMP_TYPE=9; COMP_KEY=9
$(complete -p lam-nb | sed 's/.*-F \\([^ ]*\\).*/\\1/') lam-nb "${words[-1]}" "" 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def tab(tmp_path):
    """Return a function from what stands on the line to what bash offers, in a folder with one picture."""
    if not (shutil.which("bash") and (BIN / "lam-nb").exists()):
        pytest.skip("needs bash and the installed command")
    (tmp_path / "photo.png").touch()
    (tmp_path / "fsrcnn-mine").mkdir()

    def asked(*words):
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        command = ["bash", "--norc", "-c", ASK, "bash", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        return [line.rstrip() for line in done.stdout.splitlines() if line.strip()]

    return asked


def test_tab_offers_commands(tab):
    assert tab("com") == ["compare", "completion"]
    assert set(tab("")) >= set(cli._COMMANDS)


def test_tab_offers_options_of_the_command_and_none_that_went(tab):
    assert tab("attribute", "--t") == ["--truth", "--tolerance"]
    assert tab("causal", "--tol") == [] and tab("attribute", "--dow") == []


def test_tab_offers_networks_samples_and_files(tab):
    assert tab("attribute", "--network", "fsr") == ["fsrcnn", "fsrcnn-mine/"]
    assert tab("compare", "--networks", "fsrcnn,rfdn-") == ["fsrcnn,rfdn-small"]
    assert tab("compare", "--truth", "fac") == ["facade"]
    assert tab("compare", "--image", "ph") == ["photo.png"]
    assert tab("compare", "--path", "bl") == ["blur", "black"]
    assert "4x-dat" in tab("attribute", "--network", "4x-da")


def test_what_is_offered_is_what_is_known():
    known = {*lam.networks.shipped(), *lam.networks.PUBLISHED}
    assert set(completion.networks("")) - set(completion.files("")) == known
    assert set(completion.pictures("")) - set(completion.files("")) == set(lam.images.samples())


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_is_told_how(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    told = capsys.readouterr().out
    assert told.startswith("# ") and f"lam-nb completion {shell}" in told and "_ARGCOMPLETE" in told
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=told, text=True, check=True, timeout=60)


def test_completing_waits_for_nothing(tmp_path):
    line, answer = "lam-nb attribute --network fsr", tmp_path / "answer"
    told = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
    told |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(answer)}
    heavy = "print(*{'torch', 'numpy', 'xarray'} & set(sys.modules), flush=True)"
    code = f"import os, sys\nfrom lam_nb import cli\nend = os._exit\ndef told(code):\n    {heavy}\n    end(code)\n"
    code += "os._exit = told\ncli.main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | told, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    assert answer.read_text().split() == ["fsrcnn"]
