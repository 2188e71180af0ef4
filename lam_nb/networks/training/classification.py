"""Train a small classifier on any folder of photographs; it tells which of them a crop is from.

Run ``python -m lam_nb.networks.training.classification PHOTOS --out photographs.safetensors``; stop it and run it
again to go on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.nn import functional

from ...result import writable_folder
from ...validation import InputError, positive, whole
from ..classification import Classifier
from .crops import Pair, crop, pairs
from .learning import Objective, Plan, learn


def train_classifier(
    photos: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    scale: int = 4,
    steps: int = 6000,
    batch: int = 64,
    patch: int = 32,
    rate: float = 4e-3,
    seed: int = 0,
    device: str | None = None,
    every: int = 500,
) -> Classifier:
    """Train a classifier of crops by photograph, with Adam and a cosine rate; keep averaged weights.

    Photographs are shrunk first, as for networks that enlarge. A strip at their right is kept out, for `accuracy`.
    Progress is saved as by `train`.

    Parameters
    ----------
    photos : path-like
        Folder of photographs, each a class, in the order of their names; searched in depth.
    out : path-like
        The safetensors file to write.
    scale : int, default 4
        Shrinking.
    steps, batch, patch : int
        Updates; crops per update; side of a crop in small pixels. The strip is as wide as a crop.
    rate : float
        Highest learning rate.
    seed : int
        Fixes the first weights and every batch.
    device : str, optional
        Where to train; CUDA when there is one.
    every : int
        Steps between saves.

    Returns
    -------
    Classifier
        Averaged weights, on the CPU, in evaluation mode.

    Raises
    ------
    InputError
        If the folder or the file does not fit, or there are fewer than two photographs.

    Examples
    --------
    >>> import tempfile
    >>> from lam_nb.images import photographs
    >>> out = tempfile.mkdtemp() + "/five.safetensors"
    >>> net = train_classifier(photographs.folder(), out, steps=2, batch=2, patch=16, device="cpu")
    >>> net(torch.rand(1, 3, 20, 24)).shape
    torch.Size([1, 5])
    """
    writable_folder(out)
    for name, count in {"scale": scale, "steps": steps, "batch": batch, "patch": patch, "every": every}.items():
        whole(name, count)
    whole("seed", seed, 0)
    positive("rate", rate, "a learning rate")
    seen = [small[..., :-patch] for small in _photographs(photos, scale, patch)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(len(seen))
    plan: Plan = {"seed": seed, "steps": steps, "batch": batch, "patch": patch, "rate": rate, "scale": scale}
    plan |= {"network": str(network)}
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")

    def stream(first: int) -> Iterator[Pair]:
        return _labelled(seen, patch, batch, seed, first)

    return learn(network, stream, Objective(functional.cross_entropy), out, plan, steps, rate, device, every=every)


@torch.no_grad()
def accuracy(network: Classifier, photos: str | os.PathLike[str], *, scale: int = 4, patch: int = 32) -> float:
    """Return the share of crops, from the strips that training left out, that are given to their photograph.

    Examples
    --------
    >>> from lam_nb.images import photographs
    >>> 0 <= accuracy(Classifier(classes=5), photographs.folder(), patch=16) <= 1
    True
    """
    right: list[torch.Tensor] = []
    for k, small in enumerate(_photographs(photos, scale, patch)):
        strip = small[..., -patch:].float() / 255
        crops = torch.stack(list(strip[:, : strip.shape[1] // patch * patch].split(patch, dim=1)))
        right.append(network(crops).argmax(1) == k)
    return float(torch.cat(right).float().mean())


def _photographs(photos: str | os.PathLike[str], scale: int, patch: int) -> list[torch.Tensor]:
    """Return the small photographs that are wide enough for a crop beside the strip."""
    found = [small for small, _ in pairs(photos, scale, patch) if small.shape[-1] >= 2 * patch]
    if len(found) < 2:
        least = 2 * patch * scale
        raise InputError(f"photos: got {len(found)} in {photos} that are {least} pixels across, expected two or more.")
    return found


def _labelled(photographs: Sequence[torch.Tensor], patch: int, size: int, seed: int, first: int) -> Iterator[Pair]:
    """Yield random crops, flipped and turned, and the number of the photograph that each is from."""
    step = first
    while True:
        random = np.random.default_rng((seed, step))
        labels = random.integers(len(photographs), size=size)
        crops = [crop(photographs[k], photographs[k], 1, patch, random)[0] for k in labels]
        yield torch.stack(crops).float() / 255, torch.from_numpy(labels)
        step += 1


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lam_nb.networks.training.classification", description=__doc__)
    parser.add_argument("photos", help="folder of photographs")
    parser.add_argument("--out", required=True, help="safetensors file to write")
    for name, default in (("scale", 4), ("steps", 6000), ("batch", 64), ("patch", 32), ("seed", 0), ("every", 500)):
        parser.add_argument(f"--{name}", type=int, default=default, help="default %(default)s")
    parser.add_argument("--rate", type=float, default=4e-3, help="highest learning rate, default %(default)s")
    parser.add_argument("--device", help="default: CUDA when there is one")
    given = vars(parser.parse_args(arguments))
    photos = given.pop("photos")
    try:
        network = train_classifier(photos, given.pop("out"), **given)
        found = accuracy(network, photos, scale=given["scale"], patch=given["patch"])
        print(f"{len(network.head.bias)} photographs; {found:.3f} of the crops from strips left out are told right")
    except InputError as error:
        print(f"classification: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
