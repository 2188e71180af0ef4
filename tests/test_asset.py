"""Test data for strangers: where they are looked for, and a real download that is checked."""

import functools
import http.server
import pathlib
import subprocess
import sys
import threading
import zipfile

import pytest

from lam_nb._moved import VARIABLES
from tests import asset

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in ("LAM_NB_TEST_DATA", "LAM_NB_SHARED", VARIABLES["LAM_NB_SHARED"]):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def source(tmp_path):
    """A small folder with the layout of the real one, and a file that may not travel."""
    for name in (*asset.MAY_TRAVEL, "data/images/lam/1.png"):
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_text(name)
    return tmp_path / "source"


@pytest.fixture
def served():
    """Serve a folder on this machine; yield what gives its address, and who asked."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    servers = []

    def serve(folder):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/{asset.NAME}", asked

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_where_data_are_looked_for(monkeypatch, tmp_path):
    assert asset.folder() == ROOT.parent / "shared"
    monkeypatch.setenv("LAM_NB_SHARED", str(tmp_path))
    assert asset.folder() == tmp_path
    monkeypatch.setenv("LAM_NB_TEST_DATA", str(tmp_path / "mine"))
    assert asset.folder() == tmp_path / "mine"  # the newer name wins
    monkeypatch.setenv("LAM_NB_TEST_DATA", "")
    assert asset.folder() == tmp_path


def test_fetch_asks_for_the_asset_of_the_release(monkeypatch):
    asked = []
    monkeypatch.setattr(asset, "fetched", lambda address: asked.append(address) or ROOT)
    asset.folder("fetch"), asset.folder("https://mirror.example/data.zip")
    assert asked == [asset.ADDRESS, "https://mirror.example/data.zip"]
    assert asset.ADDRESS.startswith("https://github.com/lam-nb/lam-nb/releases/download/")


def test_the_file_is_the_same_each_time_and_has_what_may_travel(source, tmp_path):
    first = asset.packed(source, tmp_path).read_bytes()
    (source / asset.MAY_TRAVEL[0]).touch()
    made = asset.packed(source, tmp_path)
    assert made.read_bytes() == first
    with zipfile.ZipFile(made) as opened:
        assert opened.namelist() == [asset.SUMS, *asset.MAY_TRAVEL]
        sums = dict(reversed(line.split("  ")) for line in opened.read(asset.SUMS).decode().splitlines())
    assert sums["data/images/lam/1.png"] == asset.digest(source / "data/images/lam/1.png")  # told, not packed
    assert set(sums) == {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}


def test_it_is_downloaded_once_and_checked(source, tmp_path, served):
    made = asset.packed(source, tmp_path)
    address, asked = served(tmp_path)
    wanted = {"known": asset.digest(made), "cache": tmp_path / "cache"}
    for _ in range(2):
        place = asset.fetched(address, **wanted)
    assert len(asked) == 1 and (place / "golden/lam_demo.json").read_text() == "golden/lam_demo.json"
    found = asset.folder(str(place))
    assert (found / "golden" / "lam_demo.json").read_text() == "golden/lam_demo.json"
    with pytest.raises(pytest.skip.Exception, match=r"needs .*data/images, which may not be passed on"):
        found / "data" / "images" / "lam" / "1.png"
    with pytest.raises(ValueError, match="hash"):
        asset.fetched(address, known="0" * 64, cache=tmp_path / "other")


def collected(setting, tmp_path):
    """Run one test that needs the data, as a stranger does; return how it ended, with reasons."""
    command = [sys.executable, "-m", "pytest", "-rs", "-q", "-p", "no:cacheprovider", "tests/test_networks.py"]
    told = {
        "PATH": "/usr/bin:/bin",
        "LAM_NB_TEST_DATA": setting,
        "LAM_NB_CACHE": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
    done = subprocess.run([*command, "-k", "carn"], cwd=ROOT, env=told, capture_output=True, text=True, timeout=300)
    return done.stdout


def test_without_the_data_the_skip_tells_how_to_get_them(tmp_path):
    told = collected(str(tmp_path / "none"), tmp_path)
    assert "LAM_NB_TEST_DATA=fetch downloads what may be passed on" in told and "failed" not in told


@pytest.mark.shared
def test_the_asset_is_the_one_that_is_told_and_tests_run_with_it(shared, tmp_path, served):
    made = asset.packed(shared, tmp_path)
    assert asset.digest(made) == asset.SHA256
    address, asked = served(tmp_path)
    told = collected(address, tmp_path)
    assert len(asked) == 1 and "passed" in told and "failed" not in told and "LAM_NB_TEST_DATA=fetch" not in told
