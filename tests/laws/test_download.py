"""What was downloaded is used only if it is what was published; over a real server."""

import hashlib
import http.server
import threading

import pytest

from lam_nb import InputError
from lam_nb.networks import published

PUBLISHED = bytes(range(256)) * 40


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.body
        self.server.asked += 1  # before it is answered: whoever asked looks at once
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("LAM_NB_CACHE", str(tmp_path / "cache"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.body, server.asked = PUBLISHED, 0
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/made-up.pth"
        words = {"value_range": 1.0, "task": "restoration", "citation": "nobody", "licence": "none"}
        weights = published.Weights(address, hashlib.sha256(PUBLISHED).hexdigest(), **words)
        monkeypatch.setitem(published.PUBLISHED, "made-up", weights)
        yield server
        server.shutdown()
        thread.join()


def test_what_was_published_is_fetched_once(server):
    first, second = (published.fetch("made-up", progress=False) for _ in range(2))
    assert first == second and first.read_bytes() == PUBLISHED and server.asked == 1


@pytest.mark.parametrize("body", [PUBLISHED[:-1], b"\1" + PUBLISHED[1:], b"<html>moved</html>"])
def test_anything_else_is_never_used(body, server):
    server.body = body
    with pytest.raises(InputError, match="is not the published file"):
        published.fetch("made-up", progress=False)
    (kept,) = published.cache().glob("made-up*")
    assert kept.name == "made-up.pth.bad" and kept.read_bytes() == body
    server.body = PUBLISHED
    assert published.fetch("made-up", progress=False).read_bytes() == PUBLISHED


def test_a_kept_file_that_changed_is_fetched_again(server):
    kept = published.fetch("made-up", progress=False)
    kept.write_bytes(b"changed")
    assert published.fetch("made-up", progress=False).read_bytes() == PUBLISHED and server.asked == 2
