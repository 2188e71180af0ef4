"""Repositories of Hugging Face, over a real HTTP server that answers as its hub does, with the real client."""

import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.parse

import pytest
import torch
from safetensors.torch import save_file

from lam_nb import InputError, networks
from lam_nb.networks import architectures, hub

pytest.importorskip("huggingface_hub")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SWIN2SR = {"embed_dim": 12, "depths": [1], "num_heads": [2], "window_size": 4, "upscale": 2, "image_size": 16}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers /api/models/… and …/resolve/… from a folder of repositories."""

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        parts = urllib.parse.unquote(self.path.partition("?")[0]).strip("/").split("/")
        told = self._model(parts[2:]) if parts[:2] == ["api", "models"] else self._file(parts)
        if told is None:
            kind = "RevisionNotFound" if (self.server.folder / "/".join(parts[2:4])).is_dir() else "RepoNotFound"
            self.send_response(404)
            self.send_header("X-Error-Code", kind)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content, kind = told
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hash(content):x}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _model(self, parts):
        folder = self.server.folder / "/".join(parts[:2])
        revision = parts[3] if len(parts) > 3 else "main"
        if not folder.is_dir() or revision not in ("main", COMMIT):
            return None
        files = [{"rfilename": str(one.relative_to(folder))} for one in sorted(folder.rglob("*")) if one.is_file()]
        name = "/".join(parts[:2])
        told = {"id": name, "modelId": name, "sha": COMMIT, "siblings": files, "cardData": {"license": "mit"}}
        return json.dumps(told).encode(), "application/json"

    def _file(self, parts):
        if len(parts) < 5 or parts[2] != "resolve":
            return None
        path = self.server.folder / "/".join((*parts[:2], *parts[4:]))
        return (path.read_bytes(), "application/octet-stream") if path.is_file() else None

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    torch.manual_seed(0)
    own, swin = tmp_path / "hub" / "us" / "small-edsr", tmp_path / "hub" / "us" / "swin2sr"
    own.mkdir(parents=True)
    state = architectures.build("edsr", width=8, blocks=1, scale=2).state_dict()
    save_file(state, own / "net.safetensors")
    torch.save(state, own / "net.pth")
    (own / "README.md").write_text("a card")
    two = tmp_path / "hub" / "us" / "two"
    two.mkdir()
    for name in ("a", "b"):
        save_file(state, two / f"{name}.safetensors")
    (tmp_path / "hub" / "us" / "nothing").mkdir()
    bert = tmp_path / "hub" / "us" / "bert"
    bert.mkdir()
    (bert / "config.json").write_text(json.dumps({"model_type": "bert"}))
    save_file({"weight": torch.zeros(2)}, bert / "model.safetensors")
    swin.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.folder, server.asked = tmp_path / "hub", []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        _at(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}", tmp_path / "cache")
        yield server
        server.shutdown()
        thread.join()


def _at(monkeypatch, address, cache):
    """Have the client, which reads its variables when it is imported, go to an address."""
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)  # of clients before 1.0
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)


def test_a_repository_of_safetensors_is_loaded_and_its_commit_told(server):
    net = networks.load("hf:us/small-edsr", check=False)
    assert (net.name, net.scale, net.about["architecture"]) == ("small-edsr", 2, "edsr")
    assert net.about["source"] == f"hf:us/small-edsr@{COMMIT}" and net.about["licence"] == "mit"
    assert not any("net.pth" in one for one in server.asked)  # what can hold no code is preferred
    asked = len(server.asked)
    again = networks.load(f"hf:us/small-edsr@{COMMIT}:net.safetensors", check=False)
    assert again.weights_hash == net.weights_hash
    assert not [one for one in server.asked[asked:] if "resolve" in one]  # the file is kept
    assert networks.source("hf:us/small-edsr")["file"].startswith(COMMIT)


def test_a_checkpoint_is_taken_where_it_is_asked_for(server):
    assert networks.load("hf:us/small-edsr:net.pth", check=False).scale == 2


def test_a_model_of_transformers_is_loaded(server, transformers):
    torch.manual_seed(0)
    model = transformers.Swin2SRForImageSuperResolution(transformers.Swin2SRConfig(**SWIN2SR)).eval()
    model.save_pretrained(server.folder / "us" / "swin2sr")
    net = networks.load("hf:us/swin2sr", check=False)
    batch = torch.rand(1, 3, 16, 20)
    with torch.no_grad():
        torch.testing.assert_close(net(batch), model(batch).reconstruction)
    assert net.pad_to == 4 and "transformers" in net.about["recognised_by"]
    given = {"value_range": 2.0, "channels": ["nir", "a", "b"], "seed": 3}
    asked = networks.load("hf:us/swin2sr", **given, check=False)
    assert (asked.value_range, asked.channels, asked.seed) == (2.0, "nir, a, b", 3)


def test_weights_of_an_address_are_refused(server):
    with pytest.raises(InputError, match="network: got 'hf:us/small-edsr', expected one of carn"):
        networks.load("hf:us/small-edsr", weights="net.pth")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf:us", "expected hf:organisation/name"),
        ("hf:us/missing", "names a repository that is not there"),
        ("hf:us/small-edsr@other", "names a revision that is not there"),
        ("hf:us/small-edsr:net.safetensor", "did you mean 'net.safetensors'"),
        ("hf:us/two", "has a.safetensors, b.safetensors; say which: hf:us/two:a.safetensors"),
        ("hf:us/nothing", "has no weights .*but nothing"),
        ("hf:us/bert", "is a model of type 'bert', expected swin2sr"),
        ("hf:us/bert:model.safetensors", "belong to none of the known architectures"),
    ],
)
def test_what_cannot_be_loaded_is_told(address, words, server):
    with pytest.raises(InputError, match=words):
        networks.load(address)


def test_offline_what_was_kept_is_used_and_what_was_not_is_told(server, monkeypatch):
    before = networks.load("hf:us/small-edsr", check=False)
    _at(monkeypatch, "http://127.0.0.1:9", server.folder.parent / "cache")
    again = networks.load("hf:us/small-edsr", check=False)
    assert again.weights_hash == before.weights_hash
    assert again.about["source"] == f"hf:us/small-edsr@{COMMIT}"
    with pytest.raises(InputError, match=r"'hf:us/two' could not be reached \(.*\) and was not kept"):
        networks.load("hf:us/two")


def test_the_client_goes_where_its_variable_says(server, tmp_path):
    """The whole way in a process of its own, as a user of a mirror has it."""
    port = server.server_address[1]
    known = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(tmp_path / "home")}
    code = "import lam_nb; print(lam_nb.networks.load('hf:us/small-edsr', check=False).about['source'])"
    found = subprocess.run([sys.executable, "-c", code], env=known, capture_output=True, text=True, timeout=120)
    assert found.stdout.strip() == f"hf:us/small-edsr@{COMMIT}", found.stderr


def test_without_the_client_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=r'need huggingface_hub; pip install "lam-nb\[hub\]"'):
        networks.load("hf:us/small-edsr")
    assert hub.is_address("hf:us/small-edsr")
