"""Hostile pictures: damaged, huge, of odd kinds; always one line that names them, never a hang."""

import io
import os
import resource
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

import lam_nb as lam
from lam_nb import InputError, images


def png(width, height):
    """A PNG of one colour: few bytes, whatever its size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"\x80" * (3 * width)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_picture_that_unfolds_too_far_is_refused_and_how_to_allow_it_said(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(9400, 9400))
    assert path.stat().st_size < 1e6
    with pytest.raises(InputError, match=r"9400 × 9400 pixels, more than 40 million; .*megapixels="):
        images.load(path)
    (tmp_path / "small.png").write_bytes(png(300, 200))
    with pytest.raises(InputError, match=r"more than 0\.05 million"):
        images.load(tmp_path / "small.png", megapixels=0.05)
    assert images.load(tmp_path / "small.png", megapixels=0.06).shape == (3, 200, 300)


def test_a_bomb_that_pillow_itself_refuses_is_one_line(tmp_path):
    head = png(8, 8).replace(struct.pack(">II", 8, 8), struct.pack(">II", 60_000, 60_000), 1)
    (tmp_path / "bomb.png").write_bytes(head)
    with pytest.raises(InputError, match=r"bomb\.png"):
        images.load(tmp_path / "bomb.png")


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the peak of a process as Linux counts it")
def test_a_large_picture_takes_no_more_than_two_float_copies(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png(6000, 6000))
    code = (
        "import sys, resource, lam_nb as lam; peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024;"
        "before = peak(); image = lam.images.load(sys.argv[1]); print((peak() - before) / image.nbytes)"
    )
    found = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert resource and float(found.stdout) <= 2


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="no regular file"):
        images.load(tmp_path / "pipe.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_flipped_bytes_give_a_picture_or_one_line(kind, tmp_path):
    rng = np.random.default_rng(len(kind))
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (40, 30, 3), np.uint8)).save(buffer, kind)
    whole = np.frombuffer(buffer.getvalue(), np.uint8)
    for _ in range(60):
        bytes_ = whole.copy()
        bytes_[rng.integers(0, len(whole), 6)] = rng.integers(0, 256, 6)
        cut = int(rng.integers(1, len(whole) + 1))
        (tmp_path / "picture").write_bytes(bytes_[:cut].tobytes())
        try:
            assert images.load(tmp_path / "picture", background=1.0).shape[0] == 3
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (torch.zeros(1, 3, 20, 26), r"image\[0\]"),
        (torch.zeros(4, 3, 20, 26), r"one picture at a time"),
        (torch.zeros(20, 26, 3), r"permute\(2, 0, 1\)"),
        (torch.zeros(20, 26), r"expand\(3, -1, -1\)"),
        (torch.zeros(4, 20, 26), r"image\[:3\]"),
        (np.zeros((2, 20, 26, 3)), "one picture at a time"),
        (np.zeros((0, 20, 3)), "got an array of shape"),
    ],
)
def test_tensors_of_a_loader_get_the_advice_that_mends_them(given, advice, relu_network):
    with pytest.raises(InputError, match=advice):
        lam.attribute(relu_network, given, (4, 6, 8), progress=False)


def test_a_file_object_is_read_like_a_file(tmp_path):
    (tmp_path / "a.png").write_bytes(png(30, 20))
    torch.testing.assert_close(images.load(io.BytesIO(png(30, 20))), images.load(tmp_path / "a.png"))
