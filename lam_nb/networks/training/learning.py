"""Train a small super-resolution network or denoiser on any folder of photographs.

Run ``python -m lam_nb.networks.training PHOTOS --out net.safetensors``; stop it and run it again to go on.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from ... import identity, images
from ...result import replacing, writable_folder
from ...types import Degradation
from ...validation import InputError, address, choose, not_negative, positive, readable, whole
from .. import architectures, checkpoints
from .critic import Critic
from .crops import Degradations, Pair, batches, levels, pairs

Parts: TypeAlias = dict[str, Any]
"""What is saved: all that has a state_dict."""
Plan: TypeAlias = dict[str, str | int | float]
"""What a training is told apart by."""
AnyModule = TypeVar("AnyModule", bound=nn.Module)
LOSSES: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "l1": functional.l1_loss,
    "mse": functional.mse_loss,
}
WAYS: Mapping[str, Callable[..., Degradation]] = {
    "blur": lambda sigma, taps=None: images.Blur(sigma, None if taps is None else int(taps)),
    "noise": images.Noise,
    "jpeg": lambda quality: images.JPEG(int(quality)),
}
"""Degradations that the command line knows: name -> level -> function."""


@dataclass(frozen=True)
class Objective:
    """What is made small: a loss, and the deception of a critic that learns alongside, if there is one."""

    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    critic: Critic | None = None
    adversary: float = 0

    def __call__(self, output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Return the loss of an output, one number."""
        loss = self.loss(output, wanted)
        return loss + self.adversary * self.critic.deception(output, wanted) if self.critic else loss

    def follow(self, output: torch.Tensor, wanted: torch.Tensor) -> None:
        """Let the critic learn from what it has judged."""
        if self.critic:
            self.critic.learn(output, wanted)


def train(
    photos: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    architecture: str = "imdn",
    options: dict[str, int] | None = None,
    start: str | os.PathLike[str] | None = None,
    loss: str = "l1",
    adversary: float = 0,
    noise: float = 0,
    degradations: Degradations | None = None,
    reduction: str = "bicubic",
    steps: int = 20_000,
    batch: int = 16,
    patch: int = 40,
    rate: float = 1e-3,
    seed: int = 0,
    device: str | None = None,
    every: int = 500,
    bfloat16: bool = False,
) -> nn.Module:
    """Train a network with Adam and a cosine rate; keep averaged weights.

    What it learns follows from its scale, `noise` and `degradations`: super-resolution of bicubically
    shrunk photographs, restoration, or both.

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
    loss : str, default "l1"
        Distance from the truth: "l1", the mean absolute difference, or "mse", the mean square.
    adversary : float, default 0
        Weight of the loss of a critic that learns alongside, as in SRGAN: about 0.005 beside "l1", less beside "mse".
    noise : float, default 0
        Largest standard deviation of Gaussian noise on the input, in [0, 1]; each crop draws its own below it.
    degradations : mapping, optional
        Name -> function of a batch of small pictures, or a list of them: its levels. Each crop draws a name, then a
        level, and a new seed for what has one. "clean" is always among the names: the picture as it is.
    reduction : str, default "bicubic"
        The kernel that makes photographs small, as of `lam_nb.images.Reduction`.
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

    One that learns to undo blur and noise, too:

    >>> from lam_nb.images import Blur, Noise
    >>> spoilt = {"blur": [Blur(1), Blur(2)], "noise": Noise(0.1)}
    >>> net = train(
    ...     photos, out, options=tiny, loss="mse", degradations=spoilt, steps=2, batch=1, patch=16, device="cpu"
    ... )
    """
    writable_folder(out)
    for name, count in {"steps": steps, "batch": batch, "patch": patch, "every": every}.items():
        whole(name, count)
    whole("seed", seed, 0)
    positive("rate", rate, "a learning rate")
    not_negative("noise", noise, "a standard deviation")
    not_negative("adversary", adversary, "the weight of a loss")
    choose("loss", loss, LOSSES)
    levels(degradations)
    way = images.Reduction(reduction)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    network, critic = _begun(architecture, options or {}, start, bool(adversary), seed)
    scale = _scale(network)
    data = pairs(photos, scale, patch, None if way.kernel == "bicubic" else way)
    plan: Plan = {
        "seed": seed,
        "steps": steps,
        "batch": batch,
        "patch": patch,
        "rate": rate,
        "noise": noise,
        "loss": loss,
        "degradations": identity.fingerprint(degradations),
        "adversary": adversary,
        **({} if reduction == "bicubic" else {"reduction": reduction}),
        "network": str(network),
        "start": "" if start is None else identity.of_file(start),
    }

    def stream(first: int) -> Iterator[Pair]:
        return batches(data, scale, patch, batch, seed, first, noise, degradations)

    objective = Objective(LOSSES[loss], critic.to(device) if critic else None, adversary)
    return learn(network, stream, objective, out, plan, steps, rate, device, every=every, bfloat16=bfloat16)


def learn(
    network: AnyModule,
    stream: Callable[[int], Iterator[Pair]],
    objective: Objective,
    out: str | os.PathLike[str],
    plan: Plan,
    steps: int,
    rate: float,
    device: str,
    *,
    every: int,
    bfloat16: bool = False,
) -> AnyModule:
    """Go through a stream of (input, wanted) from where an interrupted call was; return and write averaged weights."""
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).eval()
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=min(0.05, 500 / steps))
    parts: Parts = {"network": network, "average": average, "optimiser": optimiser, "schedule": schedule}
    if objective.critic:
        parts |= {"critic": objective.critic, "critic_optimiser": objective.critic.optimiser}
    resume = address("out", f"{os.fspath(out)}.resume")
    first = _resume(resume, parts, plan)
    batches_left = stream(first)
    with tqdm(total=steps, initial=first, desc="training", unit="step", mininterval=5) as progress:
        for step in range(first, steps):
            loss = _update(network, *next(batches_left), optimiser, device, bfloat16, objective)
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
def _scale(network: nn.Module) -> int:
    return network(torch.zeros(1, 3, 32, 32)).shape[-1] // 32


def _update(
    network: nn.Module,
    given: torch.Tensor,
    wanted: torch.Tensor,
    optimiser: torch.optim.Optimizer,
    device: str,
    bfloat16: bool,
    objective: Objective,
) -> torch.Tensor:
    with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
        output = network(_moved(given, device)).float()
    wanted = _moved(wanted, device)
    loss = objective(output, wanted)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    objective.follow(output, wanted)
    return loss.detach()


def _moved(batch: torch.Tensor, device: str) -> torch.Tensor:
    layout = torch.channels_last if batch.ndim == 4 else torch.preserve_format
    return batch.to(device, memory_format=layout)


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


def _save(out: str | os.PathLike[str], resume: Path, parts: Parts, step: int, plan: Plan) -> None:
    with replacing(resume) as temporary:
        torch.save({"step": step, "plan": plan, **{name: part.state_dict() for name, part in parts.items()}}, temporary)
    with replacing(out) as temporary:
        save_file({k: v.cpu().contiguous() for k, v in parts["average"].state_dict().items()}, temporary)


def _resume(path: Path, parts: Parts, plan: Plan) -> int:
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
    parser.add_argument("--loss", default="l1", choices=tuple(LOSSES), help="default %(default)s")
    parser.add_argument("--adversary", type=float, default=0, help="weight of an adversarial loss, such as 0.005")
    parser.add_argument("--noise", type=float, default=0, help="largest standard deviation of noise on the input")
    words = (
        f"spoil crops in one of the ways given, or not at all: {', '.join(WAYS)}, such as blur=2, blur=2:21 (sigma, "
        "taps) or blur=2+noise=0.1; may be repeated"
    )
    parser.add_argument("--degradation", action="append", default=[], metavar="NAME=LEVEL", help=words)
    words = "kernel that makes photographs small, such as bilinear; default %(default)s"
    parser.add_argument("--reduction", default="bicubic", metavar="KERNEL", help=words)
    parser.add_argument("--device", help="default: CUDA when there is one")
    parser.add_argument("--bfloat16", action="store_true", help="automatic mixed precision")
    given = vars(parser.parse_args(arguments))
    try:
        pairs_given = [part.partition("=") for part in given.pop("option")]
        options = {name: int(number) for name, _, number in pairs_given}
        degradations = _degradations(given.pop("degradation"))
        train(given.pop("photos"), given.pop("out"), options=options, degradations=degradations, **given)
    except (InputError, ValueError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    return 0


def _degradations(given: list[str]) -> Degradations:
    """Return the degradations of words such as blur=2, several of one name as its levels."""
    found: dict[str, list[Degradation]] = {}
    for words in given:
        steps = [part.partition("=") for part in words.split("+")]
        made = [WAYS[choose("degradation", name, WAYS)](*map(float, level.split(":"))) for name, _, level in steps]
        found.setdefault("+".join(name for name, _, _ in steps), []).append(
            made[0] if len(made) == 1 else images.Chain(tuple(made))
        )
    return found
