"""What a student gets to work on: drawn from the student's id, the same on every machine."""

import hashlib

import numpy as np

import lam_nb as lam

ATTENTION = "residual-nonlocal"
OTHERS = ("fsrcnn", "residual", "residual-gan")  # they see 19 pixels to each side at most
LETTERS = ("A", "B", "C")


def random(student, part):
    """Return a source of random numbers for a part of the exercise."""
    digest = hashlib.sha256(f"{str(student).strip().lower()}/{part}".encode()).digest()
    return np.random.default_rng(list(digest))


def picture(student):
    """Return the student's photograph, shrunk by 4: (3, y, x), RGB in [0, 1]."""
    source = random(student, "picture")
    sharp = lam.images.sample(str(source.choice(lam.images.samples())))
    y, x = (int(source.integers(0, (side - 192) // 4 + 1)) * 4 for side in sharp.shape[-2:])
    return lam.images.downscale(lam.images.crop(sharp, y, x, 192, 192), 4)


def window(student):
    """Return the student's window of the ×4 output: a busy place near the middle."""
    source = random(student, "window")
    small = picture(student)
    slope = (small.mean(0).diff(dim=0)[:, 1:] ** 2 + small.mean(0).diff(dim=1)[1:] ** 2).numpy()
    places = [(y, x) for y in range(16, 28, 2) for x in range(16, 28, 2)]
    busiest = sorted(places, key=lambda at: -slope[at[0] : at[0] + 4, at[1] : at[1] + 4].sum())[:4]
    y, x = busiest[int(source.integers(len(busiest)))]
    return lam.Region(y=4 * y, x=4 * x, size=16)


def key(student):
    """Return letter -> name of the three networks of part 5: for teachers."""
    source = random(student, "networks")
    names = [ATTENTION, *source.choice(OTHERS, size=2, replace=False)]
    return {letter: str(name) for letter, name in zip(LETTERS, source.permutation(names), strict=True)}


def unnamed(student):
    """Return letter -> attribution map of the student's window by three networks, without their names."""
    settings = {"steps": 12, "keep": "map", "progress": False}
    found = {}
    for letter, name in key(student).items():
        ds = lam.attribute(lam.networks.load(name), picture(student), window(student), **settings)
        ds = ds.drop_attrs()
        ds.attrs["network"] = letter
        found[letter] = ds
    return found
