"""Published weights over a real HTTP server: downloaded, cached, resumed, and never used when they are wrong."""

import http.server
import threading

import pytest
import torch

import lam_nb as lam
from lam_nb import InputError, networks
from lam_nb.networks import downloading, published

FILES = {"imdn": "IMDN_x4.pth", "dncnn": "dncnn_color_blind.pth"}
pytestmark = pytest.mark.shared


class Server(http.server.ThreadingHTTPServer):
    """Serves the published files; `faults` are used up one per request."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.faults, self.requests = folder, [], []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = (self.server.folder / self.path.strip("/")).read_bytes()
        first = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        fault = self.server.faults.pop(0) if self.server.faults else None
        self.server.requests.append(first)
        if fault == "missing":
            return self.send_error(404)
        if fault == "corrupted":
            content = content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]
        if fault == "short":
            content = content[: len(content) // 2]
        body = content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "cut off" else body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path / "cache"))
    with Server((shared / "data" / "weights" / "IMDN_x4.pth").parent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for name, weights in published.PUBLISHED.items():
            local = published.replace(weights, address=f"{server.address}/{weights.file}")
            monkeypatch.setitem(published.PUBLISHED, name, local)
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", FILES)
def test_every_published_network_loads_and_restores(name, server):
    net = networks.load(name)
    assert (net.name, net.task) == (name, "denoising" if name == "dncnn" else "super-resolution")
    assert net.value_range == 1
    assert "arXiv" in net.card
    networks.load(name)
    assert server.requests == [0]  # the second time from the cache


@pytest.mark.parametrize("fault", ["corrupted", "short"])
def test_a_wrong_file_is_never_used(fault, server):
    server.faults = [fault]
    words = r"not the published file.*kept as IMDN_x4\.pth\.bad.*save http.*IMDN_x4\.pth as .*IMDN_x4\.pth"
    with pytest.raises(InputError, match=words):
        networks.load("imdn")
    assert [one.name for one in published.cache().glob("IMDN_x4*")] == ["IMDN_x4.pth.bad"]
    assert networks.load("imdn").parameter_count == 715_176  # nothing wrong is left behind


def test_a_cut_off_download_goes_on_where_it_stopped(server, shared):
    server.faults = ["cut off", "cut off"]
    networks.load("imdn")
    first, second, third = server.requests
    half = (shared / "data" / "weights" / "IMDN_x4.pth").stat().st_size // 2
    assert first == 0 < half - downloading._CHUNK <= second <= half < third


def test_a_later_call_resumes(server, shared):
    server.faults = ["cut off"] * 3
    with pytest.raises(InputError, match="could not be downloaded"):
        networks.load("imdn")
    server.requests.clear()
    networks.load("imdn")
    assert server.requests[0] > 0


def test_a_cached_file_that_changed_is_fetched_again(server):
    networks.load("imdn")
    (published.cache() / "IMDN_x4.pth").write_bytes(b"changed")
    networks.load("imdn")
    assert server.requests == [0, 0]
    assert (published.cache() / "IMDN_x4.pth.bad").read_bytes() == b"changed"


def test_offline_says_what_to_do(server, shared):
    server.faults = ["missing"]
    with pytest.raises(InputError, match="404"):
        networks.load("imdn")
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError, match=r"no connection.*get it by hand.*networks\.load\('imdn', weights="):
        networks.load("imdn")
    by_hand = networks.load("imdn", weights=shared / "data" / "weights" / "IMDN_x4.pth")
    with torch.no_grad():
        assert by_hand(lam.images.sample("cat")[None, :, :24, :32]).shape == (1, 3, 96, 128)


def test_a_mirror_serves_the_same_files_by_their_hash(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LAM_NB_MIRROR", str(tmp_path))
    with pytest.raises(InputError, match="could not be downloaded"):
        networks.load("imdn")
    whole = (shared / "data" / "weights" / "IMDN_x4.pth").read_bytes()
    (tmp_path / published.PUBLISHED["imdn"].sha256).write_bytes(whole[:-1] + b"x")
    with pytest.raises(InputError, match="not the published file"):
        networks.load("imdn")
    (tmp_path / published.PUBLISHED["imdn"].sha256).write_bytes(whole)
    assert networks.load("imdn").parameter_count == 715_176
    with Server(tmp_path) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("LAM_NB_MIRROR", f"{server.address}/")
        monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path / "other"))
        assert networks.load("imdn").name == "imdn" and server.requests == [0]
        server.shutdown()
        thread.join()
