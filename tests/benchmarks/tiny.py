"""Tiny networks and pictures: what is left of a sweep when computing costs next to nothing, and when it costs 0.1 s."""

import dataclasses
import hashlib
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from torch import nn

import lam_nb as lam
from lam_nb.studies import verbs

SIDE, WINDOW = 16, 4


class _Counted(nn.Module):
    """Enlarges twice; a pass takes at least as many seconds as TINY_BUSY says."""

    def __init__(self, seed):
        super().__init__()
        made = torch.Generator().manual_seed(seed)
        self.first, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        for one in self.parameters():
            one.data = torch.randn(one.shape, generator=made) * 0.1
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, batch):
        _busy(float(os.environ.get("TINY_BUSY", "0")))
        return self.shuffle(self.last(torch.relu(self.first(batch))))


def _busy(seconds):
    """Compute for so many seconds of this thread."""
    end, square = time.thread_time() + seconds, torch.ones(64, 64)
    while time.thread_time() < end:
        square = (square @ square).clamp(0, 1)


def network(seed=0):
    """A network of three hundred weights."""
    return lam.networks.wrap(_Counted(seed), scale=2, name=f"tiny-{seed}", check=False)


def other():
    """Another one."""
    return network(1)


def pictures(folder, count):
    """Write pictures, each another; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    paths = [folder / f"{k:06d}.png" for k in range(count)]
    for path in paths:
        Pillow.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
    return [str(path) for path in paths]


def windows(count):
    """Different windows of such a picture."""
    places = [(y, x) for y in range(0, SIDE - WINDOW + 1, 2) for x in range(0, SIDE - WINDOW + 1, 2)]
    return [lam.Region(y, x, WINDOW) for y, x in places[:count]]


def ready(net, given, truth, windows, work):
    """Instead of computing: numbers that are ready, so that what is left is the sweep."""
    rows, across = given.shape[-2:]
    names = [name for name, word in verbs.ATTRIBUTION.words.items() if len(word[0]) == 3]
    for window in windows:
        yield (
            {**dict.fromkeys(names, float(window.y)), "psnr": 20.0, "device": "cpu"},
            {"attribution": np.full((rows, across), window.x, np.float32)},
        )


def dask_setup(worker):
    """As a preload of a Dask worker: have it compute nothing."""
    verbs.VERBS["attribute"] = dataclasses.replace(verbs.VERBS["attribute"], measured=verbs._of_windows(ready))


def noted(output, truth):
    """As a metric: note that a picture was computed, in the file that TINY_COUNT names; return which, as a number."""
    digest = hashlib.sha256(output.numpy().round(3).tobytes() + truth.numpy().tobytes()).digest()
    number = int.from_bytes(digest[:5], "big")
    if name := os.environ.get("TINY_COUNT"):
        with Path(name).open("ab", buffering=0) as file:  # one write: whole also if the process is killed
            file.write(f"{number}\n".encode())
    return float(number)


def poisoned():
    """A network that ends its process on pictures whose first pixel is white."""
    made = network(3)
    made.module.register_forward_pre_hook(lambda module, given: _die_of(given[0]))
    return made


def _die_of(batch):
    if float(batch.detach()[..., 0, 0].min()) > 0.99 and os.environ.get("TINY_POISON"):
        os.kill(os.getpid(), signal.SIGKILL)


def fragile():
    """A network that is made where TINY_LACKS is not set, as where a package is missing."""
    if os.environ.get("TINY_LACKS"):
        raise ImportError("no module named 'lacking'")
    return network(2)
