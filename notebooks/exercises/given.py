"""What students are given: pictures and windows drawn from their id, results without names, functions that work.

The same id gives the same on every machine. Which network made a result is not in here, nor in `cases.nc`.
"""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import xarray as xr

import lam_nb as lam

SCALE = 4
CASES = Path(__file__).parent / "cases.nc"
PLACES = {16: range(16, 28, 2), 32: range(14, 20, 2)}
"""Where a window of a size may begin, in input pixels; 19 pixels around a large one leave the last corner out."""


def random(student, part):
    """Return a source of random numbers for a part of the exercise."""
    digest = hashlib.sha256(f"{str(student).strip().lower()}/{part}".encode()).digest()
    return np.random.default_rng(list(digest))


def truth(student, side=192):
    """Return a piece of a photograph, the student's own: (3, side, side), RGB in [0, 1]."""
    source = random(student, "picture")
    sharp = lam.images.sample(str(source.choice(lam.images.samples())))
    y, x = (int(source.integers(0, (extent - side) // SCALE + 1)) * SCALE for extent in sharp.shape[-2:])
    return lam.images.crop(sharp, y, x, side, side)


def picture(student):
    """Return the piece shrunk by 4, (3, 48, 48): what the networks are shown."""
    return lam.images.downscale(truth(student), SCALE)


def window(student, size=16):
    """Return the student's window of the ×4 output: a busy place near the middle."""
    source = random(student, "window")
    small, side = picture(student), size // SCALE
    slope = (small.mean(0).diff(dim=0)[:, 1:] ** 2 + small.mean(0).diff(dim=1)[1:] ** 2).numpy()
    places = [(y, x) for y in PLACES[size] for x in PLACES[size]]
    busiest = sorted(places, key=lambda at: -slope[at[0] : at[0] + side, at[1] : at[1] + side].sum())[:4]
    y, x = busiest[int(source.integers(len(busiest)))]
    return lam.Region(y=SCALE * y, x=SCALE * x, size=size)


def scene(student, name="fsrcnn", size=16):
    """Return network, picture and window of a unit, as new, whatever became of them before."""
    return lam.networks.load(name).requires_grad_(False), picture(student), window(student, size)


def case(student, count):
    """Return which of the prepared cases is the student's."""
    return int(random(student, "case").integers(count))


def unnamed(student):
    """Return letter -> result of a network without its name, of the student's case."""
    with xr.open_dataset(CASES) as stored:
        mine = stored.isel(case=case(student, stored.sizes["case"])).load()
    return {str(letter): mine.sel(letter=letter).assign_attrs(network=str(letter)) for letter in mine.letter.values}


def ready(network, image, region):
    """Return functions that do what those of parts 1 and 2 should: response, gradient, blur, velocity.

    So a part does not depend on what became of those before it.
    """
    path = lam.paths.blur(sigma=1.2)(image)
    detector = lam.detectors.edges(region)

    def response(path, alphas):
        """Return the detector's value on the network's output at every alpha: an array (len(alphas),)."""
        with torch.no_grad():
            return np.array([float(detector(network(path(float(alpha))[None]))) for alpha in alphas])

    def gradient(picture):
        """Return the derivative of the detector by every pixel of the picture: a tensor (3, y, x)."""
        return torch.from_numpy(lam.gradient(network, picture, region).attribution.values)

    def velocity(alpha):
        """Return how fast the picture changes on the blur path, (3, y, x)."""
        return path.velocity(alpha)

    return SimpleNamespace(response=response, gradient=gradient, blur=path, velocity=velocity)


def patches(student, count=20, side=2):
    """Return patches of photographs to paste over blocks: (count, 3, side, side)."""
    source = random(student, "patches")
    small = [lam.images.downscale(lam.images.sample(name), SCALE) for name in lam.images.samples()]
    chosen = [small[int(k)] for k in source.integers(len(small), size=count)]
    corners = [[int(source.integers(extent - side + 1)) for extent in one.shape[-2:]] for one in chosen]
    cut = [one[:, y : y + side, x : x + side] for one, (y, x) in zip(chosen, corners, strict=True)]
    return torch.stack(cut)


def pieces(student, count=4, side=128):
    """Return name -> piece of a photograph, (3, side, side)."""
    return {f"piece {k + 1}": truth(f"{student}/piece {k}", side) for k in range(count)}


def line(target, baseline, piece, degradation, steps=9):
    """Walk straight from the baseline's parameters to the target's, and note the gradients of the loss.

    Returns
    -------
    SimpleNamespace
        ``before`` and ``after``, name -> parameters of the baseline and the target; ``gradients``, name ->
        (steps, …) in the middle of each step; ``loss_before`` and ``loss_after``, the sum of squared errors.
    """
    before, after = ({name: one.detach() for name, one in net.named_parameters()} for net in (baseline, target))
    shown = degradation(lam.images.downscale(piece, SCALE))[None]

    def loss(parameters):
        return ((torch.func.functional_call(target, parameters, (shown,)) - piece) ** 2).sum()

    walked = [
        torch.func.grad(loss)({n: torch.lerp(before[n], after[n], (k + 0.5) / steps) for n in before})
        for k in range(steps)
    ]
    with torch.no_grad():
        ends = [float(loss(one)) for one in (before, after)]
    return SimpleNamespace(
        before={name: one.numpy() for name, one in before.items()},
        after={name: one.numpy() for name, one in after.items()},
        gradients={name: np.stack([one[name].numpy() for one in walked]) for name in before},
        loss_before=ends[0],
        loss_after=ends[1],
    )


def ranks(values):
    """Return ranks from 1, means where values are equal."""
    return lam.statistics.array.ranks(np.asarray(values))
