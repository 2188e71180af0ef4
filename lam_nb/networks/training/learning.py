"""Train a small super-resolution network or denoiser on any folder of photographs.

Run ``python -m lam_nb.networks.training PHOTOS --out net.safetensors``; stop it and run it again to go on.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from tqdm.auto import tqdm

from ... import identity, images
from ...result import replacing, writable_folder
from ...validation import InputError, address, not_negative, positive, readable, whole
from .. import architectures, checkpoints
from .critic import Critic

Pair = tuple[torch.Tensor, torch.Tensor]
Parts: TypeAlias = dict[str, Any]
"""What is saved: all that has a state_dict."""


def pairs(folder: str | os.PathLike[str], scale: int, patch: int) -> list[Pair]:
    """Return (small, large) 8-bit tensors of every photograph of at least `patch` small pixels."""
    found = []
    for path in tqdm(images.files(folder), desc="photographs", unit="file"):
        large = images.load(path)
        if min(large.shape[-2:]) >= patch * scale:
            found.append((_bytes(images.downscale(large, scale)), _bytes(large)))
    if not found:
        raise InputError(f"photographs: none in {folder} has {patch * scale} pixels a side; lower the patch size.")
    return found


def batches(
    data: list[Pair], scale: int, patch: int, size: int, seed: int, first: int, noise: float = 0
) -> Iterator[Pair]:
    """Yield random crops, flipped, turned, with noise. Batch k depends on the seed and k alone: training can resume."""
    step = first
    while True:
        random = np.random.default_rng((seed, step))
        crops = [_crop(*data[random.integers(len(data))], scale, patch, random) for _ in range(size)]
        small, large = (torch.stack(part).float() / 255 for part in zip(*crops, strict=True))
        yield small + _noise(small, noise, random), large
        step += 1


def train(
    photos: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    architecture: str = "imdn",
    options: dict[str, int] | None = None,
    start: str | os.PathLike[str] | None = None,
    adversary: float = 0,
    noise: float = 0,
    steps: int = 20_000,
    batch: int = 16,
    patch: int = 40,
    rate: float = 1e-3,
    seed: int = 0,
    device: str | None = None,
    every: int = 500,
    bfloat16: bool = False,
) -> nn.Module:
    """Train a network with an L1 loss, Adam and a cosine rate; keep averaged weights.

    What it learns follows from its scale and `noise`: super-resolution of bicubically
    shrunk photographs, denoising, or both.

    Progress is saved every `every` steps beside `out` (``.resume``) and picked up again
    by the same call, with the same batches as an uninterrupted run.

    Parameters
    ----------
    photos : path-like
        Folder of photographs; searched in depth.
    out : path-like
        The safetensors file to write.
    architecture : str
        A name in ``lam_nb.networks.architectures.names()``.
    options : dict, optional
        Its hyper-parameters, such as ``{"width": 28}``.
    start : path-like, optional
        Checkpoint to go on from, instead of a new network; `architecture` and `options` are then read off it.
    adversary : float, default 0
        Weight of the loss of a critic that learns alongside, as in SRGAN; 0.005 is usual.
    noise : float, default 0
        Largest standard deviation of Gaussian noise on the input, in [0, 1]; each crop draws its own below it.
    steps, batch, patch : int
        Updates; crops per update; side of a crop in small pixels.
    rate : float
        Highest learning rate.
    seed : int
        Fixes the first weights and every batch.
    device : str, optional
        Where to train; CUDA when there is one.
    every : int
        Steps between saves.
    bfloat16 : bool
        Train with automatic mixed precision.

    Returns
    -------
    torch.nn.Module
        The trained network, averaged weights, on the CPU, in evaluation mode.

    Raises
    ------
    InputError
        If the folder, the file or the architecture does not fit.

    Examples
    --------
    >>> import tempfile
    >>> out = tempfile.mkdtemp() + "/net.safetensors"
    >>> from lam_nb.images import photographs
    >>> photos = photographs.folder()
    >>> tiny = {"width": 8, "blocks": 1}
    >>> net = train(photos, out, options=tiny, steps=2, batch=1, patch=16, device="cpu")
    >>> net(torch.zeros(1, 3, 16, 20)).shape
    torch.Size([1, 3, 64, 80])
    """
    writable_folder(out)
    for name, count in {"steps": steps, "batch": batch, "patch": patch, "every": every}.items():
        whole(name, count)
    whole("seed", seed, 0)
    positive("rate", rate, "a learning rate")
    not_negative("noise", noise, "a standard deviation")
    not_negative("adversary", adversary, "the weight of a loss")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    network, critic = _begun(architecture, options or {}, start, bool(adversary), seed)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    critic = critic.to(device) if critic else None
    scale = _scale(network, device)
    data = pairs(photos, scale, patch)
    average = copy.deepcopy(network).eval()
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=min(0.05, 500 / steps))
    parts: Parts = {"network": network, "average": average, "optimiser": optimiser, "schedule": schedule}
    parts |= {"critic": critic, "critic_optimiser": critic.optimiser} if critic else {}
    plan: dict[str, str | int | float] = {
        "seed": seed,
        "steps": steps,
        "batch": batch,
        "patch": patch,
        "rate": rate,
        "noise": noise,
    }
    plan |= {"adversary": adversary, "network": str(network), "start": "" if start is None else identity.of_file(start)}
    resume = address("out", f"{os.fspath(out)}.resume")
    first = _resume(resume, parts, plan)
    stream = batches(data, scale, patch, batch, seed, first, noise)
    with tqdm(total=steps, initial=first, desc="training", unit="step", mininterval=5) as progress:
        for step in range(first, steps):
            loss = _update(network, *next(stream), optimiser, device, bfloat16, critic, adversary)
            schedule.step()
            _follow(average, network, min(0.999, (step + 1) / (step + 10)))
            progress.update()
            if (step + 1) % every == 0 or step + 1 == steps:
                progress.set_postfix(loss=f"{loss.item():.4f}")
                _save(out, resume, parts, step + 1, plan)
    resume.unlink(missing_ok=True)
    return average.cpu()


def _begun(
    architecture: str, options: dict[str, int], start: str | os.PathLike[str] | None, critical: bool, seed: int
) -> tuple[nn.Module, Critic | None]:
    """Return network and critic whose weights follow from the seed; the caller's random numbers are left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _network(architecture, options, start), Critic() if critical else None


def _network(architecture: str, options: dict[str, int], start: str | os.PathLike[str] | None) -> nn.Module:
    if start is None:
        return architectures.build(architecture, **options)
    if options:
        raise InputError(f"options: got {options} beside start=, whose checkpoint tells them; leave them out.")
    return architectures.recognise(checkpoints.read(start))[1]


@torch.no_grad()
def _scale(network: nn.Module, device: str) -> int:
    return network(torch.zeros(1, 3, 32, 32, device=device)).shape[-1] // 32


def _noise(small: torch.Tensor, noise: float, random: np.random.Generator) -> torch.Tensor:
    if not noise:
        return torch.zeros(())
    level = random.uniform(0, noise, (len(small), 1, 1, 1))
    return torch.from_numpy((level * random.standard_normal(small.shape)).astype(np.float32))


def _bytes(image: torch.Tensor) -> torch.Tensor:
    return (image * 255).round().to(torch.uint8)


def _crop(small: torch.Tensor, large: torch.Tensor, scale: int, patch: int, random: np.random.Generator) -> Pair:
    y, x = (int(random.integers(side - patch + 1)) for side in small.shape[-2:])
    turns, flip = int(random.integers(4)), bool(random.integers(2))

    def cut(picture: torch.Tensor, factor: int) -> torch.Tensor:
        piece = images.crop(picture, y * factor, x * factor, patch * factor, patch * factor)
        piece = torch.rot90(piece, turns, (1, 2))
        return piece.flip(2) if flip else piece

    return cut(small, 1), cut(large, scale)


def _update(
    network: nn.Module,
    small: torch.Tensor,
    large: torch.Tensor,
    optimiser: torch.optim.Optimizer,
    device: str,
    bfloat16: bool,
    critic: Critic | None,
    adversary: float,
) -> torch.Tensor:
    layout = {"device": device, "memory_format": torch.channels_last}
    with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
        output = network(small.to(**layout)).float()  # type: ignore[call-overload]
    large = large.to(**layout)  # type: ignore[call-overload]
    loss = nn.functional.l1_loss(output, large)
    if critic:
        loss = loss + adversary * critic.deception(output, large)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    if critic:
        critic.learn(output, large)
    return loss.detach()


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


def _save(
    out: str | os.PathLike[str], resume: Path, parts: Parts, step: int, plan: dict[str, str | int | float]
) -> None:
    with replacing(resume) as temporary:
        torch.save({"step": step, "plan": plan, **{name: part.state_dict() for name, part in parts.items()}}, temporary)
    with replacing(out) as temporary:
        save_file({k: v.cpu().contiguous() for k, v in parts["average"].state_dict().items()}, temporary)


def _resume(path: Path, parts: Parts, plan: dict[str, str | int | float]) -> int:
    if not path.exists():
        return 0
    with readable("out", path, "training that can be gone on with; delete it to begin anew"):
        state = torch.load(path, weights_only=True)
        # Version 0.1 kept no plan: such a file is taken at its word.
        if other := identity.differences(plan, state.get("plan", plan)):
            raise InputError(
                f"out: {path} holds a training with other settings ({', '.join(other)}); give the same, or delete it."
            )
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return int(state["step"])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lam_nb.networks.training", description=__doc__)
    parser.add_argument("photos", help="folder of photographs")
    parser.add_argument("--out", required=True, help="safetensors file to write")
    parser.add_argument("--architecture", default="imdn", choices=architectures.names())
    parser.add_argument("--option", action="append", default=[], metavar="NAME=NUMBER", help="such as width=28")
    for name, default in (("steps", 20_000), ("batch", 16), ("patch", 40), ("seed", 0), ("every", 500)):
        parser.add_argument(f"--{name}", type=int, default=default, help="default %(default)s")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate, default %(default)s")
    parser.add_argument("--start", metavar="FILE", help="checkpoint to go on from, instead of a new network")
    parser.add_argument("--adversary", type=float, default=0, help="weight of an adversarial loss, such as 0.005")
    parser.add_argument("--noise", type=float, default=0, help="largest standard deviation of noise on the input")
    parser.add_argument("--device", help="default: CUDA when there is one")
    parser.add_argument("--bfloat16", action="store_true", help="automatic mixed precision")
    given = vars(parser.parse_args(arguments))
    try:
        pairs_given = [part.partition("=") for part in given.pop("option")]
        options = {name: int(number) for name, _, number in pairs_given}
        train(given.pop("photos"), given.pop("out"), options=options, **given)
    except (InputError, ValueError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    return 0
