"""Tiny networks and pictures: what is left of a sweep when computing costs next to nothing, and when it costs 0.1 s."""

import os
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow
from torch import nn

import lam_nb as lam

SIDE, WINDOW = 16, 4


class _Counted(nn.Module):
    """Enlarges twice; every pass is noted in the file that COUNT names, and takes as many seconds as BUSY says."""

    def __init__(self, seed):
        super().__init__()
        made = torch.Generator().manual_seed(seed)
        self.first, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        for one in self.parameters():
            one.data = torch.randn(one.shape, generator=made) * 0.1
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, batch):
        if name := os.environ.get("TINY_COUNT"):
            _noted(name, batch)
        _busy(float(os.environ.get("TINY_BUSY", "0")))
        return self.shuffle(self.last(torch.relu(self.first(batch))))


def _noted(name, batch):
    """Append a line, in one write: whole also if the process is killed."""
    with Path(name).open("ab", buffering=0) as file:
        file.write(f"{os.getpid()} {float(batch.detach()[-1].double().sum()):.6f}\n".encode())


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
