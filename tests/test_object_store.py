"""Sweeps in an object store, against a real S3 server on this machine; and other addresses."""

import io
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import lam_nb as lam
from lam_nb import InputError, Region
from lam_nb.result.ledger import Claims, Ledger, Place

pytest.importorskip("s3fs")
moto = pytest.importorskip("moto.server")
REGIONS = [Region(32, 32), Region(64, 8)]
NETWORKS = ["fsrcnn", "residual"]
PICTURES = [f"s3://bucket/pictures/{name}.png" for name in ("bricks", "facade")]
SETTINGS = {"steps": 3, "progress": False}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Requests(logging.Handler):
    """What the server was asked, from its own log."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        found = str(record.getMessage()).split('"')
        if len(found) > 1:
            self.lines.append(found[1])

    def verbs(self):
        return Counter(line.split(" ")[0] for line in self.lines)


@pytest.fixture(scope="module")
def requests():
    """A server with two pictures in a bucket, as everybody who looks into the environment finds it."""
    import s3fs

    server, seen = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0), Requests()
    server.start()
    host, port = server.get_host_and_port()
    log = logging.getLogger("werkzeug")
    log.handlers, log.propagate = [seen], False
    log.setLevel(logging.INFO)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        fs = s3fs.S3FileSystem()
        fs.mkdir("bucket")
        for address in PICTURES:
            fs.pipe_file(address, png(lam.images.sample(address.split("/")[-1].removesuffix(".png"))))
        yield seen
    log.handlers, log.propagate = [], True
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def png(picture):
    held = io.BytesIO()
    values = (picture[:, :128, :160].permute(1, 2, 0).numpy() * 255).round().astype("uint8")
    Image.fromarray(values).save(held, "PNG")
    return held.getvalue()


@pytest.fixture
def asked(requests):
    requests.lines.clear()
    return requests


def sweep(store, **more):
    return lam.sweep(NETWORKS, PICTURES, REGIONS, store=store, **SETTINGS | more)


def test_interrupted_continued_and_as_on_disk(asked, tmp_path):
    store = "s3://bucket/interrupted.zarr"

    def stop(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(store, progress=stop)
    assert int(lam.open(store).done.sum()) == 2 and Place(store).names("claims") == []
    seen = []
    table = sweep(store, progress=lambda done, total: seen.append(done))
    assert seen[0] == 0 and 4 in seen and bool((table.done == 1).all())
    there = sweep(tmp_path / "disk.zarr")
    for name in ("diffusion_index", "attribution"):
        np.testing.assert_array_equal(table[name], there[name])
    xr.testing.assert_equal(lam.open(store).load(), table.load())
    assert len(Ledger(store).segments()) == 1 and Place(store).names("claims") == []


def test_requests_are_not_wasted(asked):
    store = "s3://bucket/counted.zarr"
    sweep(store)
    cells, first = len(NETWORKS) * len(PICTURES), len(asked.lines)
    asked.lines.clear()
    sweep(store)
    again = len(asked.lines)
    asked.lines.clear()
    table = lam.open(store)
    opened = len(asked.lines)
    table.attribution.load()
    read = len(asked.lines) - opened
    print(f"{first} requests for {cells} pairs, {again} for none that is missing, {opened} to open, {read} to read")
    assert first <= 62 and again <= 16 and opened <= 7 and read <= 3


def test_a_pair_costs_three_requests_beside_segments(asked):
    """What a night costs: a picture is read to plan and to compute, and it is claimed; all else is for many pairs."""
    import s3fs

    fs, source = s3fs.S3FileSystem(), lam.images.sample("bricks")
    addresses = [f"s3://bucket/many/{k:02}.png" for k in range(40)]
    for k, address in enumerate(addresses):
        fs.pipe_file(address, png(source[:, k:, k:]))
    asked.lines.clear()
    lam.sweep(["fsrcnn"], addresses, REGIONS, store="s3://bucket/nights.zarr", **SETTINGS)
    segments = sum("PUT" in line and "/rows/" in line for line in asked.lines)
    print(f"{len(asked.lines)} requests for 40 pairs in {segments - 1} segments: {asked.verbs()}")
    assert len(asked.lines) <= 3 * 40 + 14 * segments + 32


_PROGRAM = """
import os, sys, lam_nb as lam
def seen(output, truth):
    with open(os.environ["SEEN"], "a") as file:
        file.write(f"{float(truth.sum())} {float(output.sum())}\\n")
    return 0.0
networks, pictures = sys.argv[2].split(), sys.argv[3].split()
regions = [lam.Region(32, 32), lam.Region(64, 8)]
found = lam.sweep(networks, pictures, regions, store=sys.argv[1], metrics={"seen": seen}, steps=9, progress=False)
assert bool((found.done == 1).all())
"""


def test_two_sweeps_at_once_compute_each_cell_once(asked, tmp_path):
    seen, store = tmp_path / "seen.txt", "s3://bucket/together.zarr"
    networks = ["fsrcnn", "residual", "imdn-small", "rfdn-small"]
    call = [sys.executable, "-W", "error", "-c", _PROGRAM, store, " ".join(networks), " ".join(PICTURES)]
    both = [subprocess.Popen(call, env={**os.environ, "SEEN": str(seen)}) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    lines = seen.read_text().splitlines()
    assert len(lines) == len(set(lines)) == len(networks) * len(PICTURES)
    assert bool((lam.open(store).done == 1).all()) and Place(store).names("claims") == []


def test_a_claim_is_had_by_one_and_expires_by_the_servers_clock(asked):
    place, found = Place("s3://bucket/claimed.zarr"), []
    claims = [Claims(place, f"run {k}") for k in range(8)]
    threads = [threading.Thread(target=lambda one=one: found.append(one.take("cell"))) for one in claims]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == [""] * 7 + ["new"]
    for one in claims:
        one.release()
    place.write("claims/left", b'{"run": "other", "host": "elsewhere", "pid": 1}')
    late = Claims(place, "late", term=1.5)
    assert late.take("left") == ""
    time.sleep(3)
    assert late.take("left") == "taken"
    late.release()


@pytest.mark.filterwarnings("ignore")
def test_workers_write_to_the_bucket_themselves(asked, tmp_path):
    distributed = pytest.importorskip("distributed")
    store = "s3://bucket/workers.zarr"
    cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**cluster) as local, distributed.Client(local) as client:
        table = sweep(store, client=client)
        assert bool((table.done == 1).all())
        parts = table.attribution.chunk({"model": 1})
        index = np.abs(parts).sum(("y", "x")).compute()
    alone = sweep(tmp_path / "alone.zarr")
    np.testing.assert_allclose(table.diffusion_index, alone.diffusion_index, rtol=1e-4)
    np.testing.assert_allclose(index, np.abs(alone.attribution).sum(("y", "x")), rtol=1e-4)


def test_many_segments_become_few(asked):
    store = "s3://bucket/many.zarr"
    ledger = Ledger(store)
    for k, window in enumerate([*REGIONS, Region(0, 0), Region(16, 0)]):
        lam.sweep(["fsrcnn"], PICTURES, [window], store=store, **SETTINGS)
        assert len(ledger.segments()) == 1 and len(ledger.rows()) == 2 * (k + 1)
    assert len(Place(store).names("maps")) == 1
    assert np.isfinite(lam.open(store).attribution.values).all()


def test_a_picture_counts_by_what_it_holds(asked):
    import fsspec

    with fsspec.open("s3://bucket/changing.png", "wb") as file:
        file.write(png(lam.images.sample("bricks")))
    first = lam.sweep(["fsrcnn"], ["s3://bucket/changing.png"], REGIONS, store="s3://bucket/c.zarr", **SETTINGS)
    with fsspec.open("s3://bucket/changing.png", "wb") as file:
        file.write(png(lam.images.sample("facade")))
    second = lam.sweep(["fsrcnn"], ["s3://bucket/changing.png"], REGIONS, store="s3://bucket/c.zarr", **SETTINGS)
    assert float(first.psnr.item()) != float(second.psnr.item())
    assert lam.open("s3://bucket/c.zarr").sizes["image"] == 2


@pytest.mark.parametrize("pattern", ["s3://bucket/pictures/*.png", "s3://bucket/pictures/"])
def test_a_pattern_names_pictures(asked, pattern):
    plan = lam.studies.plan(["fsrcnn"], pattern, REGIONS)
    assert plan.picture.tolist() == [PICTURES[0]] * 2 + [PICTURES[1]] * 2


@pytest.mark.parametrize("scheme", ["file://{folder}/a.zarr", "memory://a.zarr"])
def test_other_addresses(scheme, tmp_path):
    store = scheme.format(folder=tmp_path)
    first = lam.sweep(["fsrcnn"], ["bricks"], REGIONS[:1], store=store, **SETTINGS)
    table = lam.sweep(["fsrcnn"], ["bricks"], REGIONS, store=store, **SETTINGS)
    np.testing.assert_array_equal(table.attribution[:, :, :1], first.attribution)
    xr.testing.assert_equal(lam.open(store).load(), table.load())
    assert len(Ledger(store).segments()) == 1 and Place(store).names("claims") == []


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("s3://nowhere/night.zarr", r"store: s3://nowhere/night.zarr cannot be reached .*bucket.*check the address"),
        ("gs://bucket/night.zarr", r"store: gs://bucket/night.zarr cannot be reached: .*gcsfs"),
        ("nothing://bucket/night.zarr", r"store: nothing://bucket/night.zarr cannot be reached: .*nothing"),
        ("s3://bucket/night", r"expected a name that ends in .zarr"),
    ],
)
def test_stores_that_cannot_be_reached(asked, store, message):
    with pytest.raises(InputError, match=message):
        sweep(store)


def test_opening_what_is_not_there(asked):
    for store in ("s3://bucket/nothing.zarr", "s3://nowhere/night.zarr"):
        with pytest.raises(InputError, match=rf"path: .*{store}"):
            lam.open(store)


def test_without_s3fs_and_without_credentials_there_is_one_line(asked):
    code = "import sys; {} import lam_nb as lam; lam.sweep(['fsrcnn'], ['bricks'], [(8, 8, 16)], store='s3://b/n.zarr')"
    for before, bare, message in (
        ("sys.modules['s3fs'] = None;", {}, 'pip install "lam-nb[sweep]"'),
        ("", dict.fromkeys(CREDENTIALS, ""), "credentials"),
    ):
        environment = {**os.environ, "HOME": "/nowhere", **bare, "AWS_EC2_METADATA_DISABLED": "true"}
        ended = subprocess.run(
            [sys.executable, "-c", code.format(before)], env=environment, capture_output=True, text=True
        )
        assert ended.stderr.splitlines()[-1].startswith("lam_nb.") and message in ended.stderr.splitlines()[-1]


def test_a_picture_that_is_not_there_is_told(asked):
    with pytest.raises(InputError, match=r"s3://bucket/none.png cannot be read .*FileNotFoundError"):
        lam.sweep(["fsrcnn"], ["s3://bucket/none.png"], REGIONS, store="s3://bucket/x.zarr", **SETTINGS)
