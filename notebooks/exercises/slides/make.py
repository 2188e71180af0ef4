"""Make the pictures of the slides: ``python notebooks/exercises/slides/make.py [NAME …]``, about a minute."""

import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

import lam_nb as lam

HERE = Path(__file__).parent
REGION = lam.Region(y=160, x=184, size=16)
QUIET = {"progress": False}
WIDTH, WIDEST = 110, 1120
"""In mm, so that letters are large, and in pixels."""


def facade():
    """Return the picture that most slides are about, and what it was shrunk from."""
    sharp = lam.images.sample("facade")
    return lam.images.downscale(sharp, 4), sharp


def pair():
    """Draw two networks beside one another, map and contribution area."""
    small, sharp = facade()
    many = lam.compare(["fsrcnn", "rfdn"], small, REGION, reference=sharp, **QUIET)
    return many, {"rows": ["truth", "overlay", "patch"]}


def path():
    """Draw what happens along the blur path."""
    small, _ = facade()
    kept = ["path", "gradient", "integrand", "detector"]
    return lam.views.path_panel(lam.attribute("fsrcnn", small, REGION, steps=24, keep=kept, **QUIET)), {}


def convergence():
    """Draw how completeness and the index settle."""
    small, _ = facade()
    return lam.views.convergence(lam.attribute("rfdn", small, REGION, tolerance=0.01, **QUIET)), {}


def index():
    """Draw four networks from narrow to wide."""
    small, sharp = facade()
    names = ["fsrcnn", "residual", "residual-nonlocal", "rfdn"]
    return lam.compare(names, small, REGION, reference=sharp, **QUIET), {"rows": ["overlay", "area"]}


def cause():
    """Draw causal effects beside the attribution map."""
    sharp = lam.images.sample("bricks")
    small, window = lam.images.downscale(sharp, 4), lam.Region(96, 128, 32)
    cem = lam.causal_effect("residual", small, window, reference=sharp, se=0.03, fine=30, **QUIET)
    return lam.views.causal(cem, attribution=lam.attribute("residual", small, window, **QUIET)), {}


def features():
    """Draw how features gather, over depth, with and without a global residual."""
    pieces = {name: lam.images.sample(name)[:, :128, :128] for name in lam.images.samples()}
    changes = {"blur": lam.images.Blur(2), "noise": lam.images.Noise(0.1)}
    names = "srresnet-residual-mse", "srresnet-mse"
    known = {name: lam.representations(name, pieces, changes, components=15, **QUIET) for name in names}
    return lam.views.separability({name: lam.statistics.separability(one) for name, one in known.items()}), {}


def filters():
    """Draw where the kernels lie that make the difference."""
    return lam.views.filters(scored()), {"width": 160}


def masking():
    """Draw what is lost when kernels are put back."""
    settings = {"shares": [0.01, 0.03, 0.1], "draws": 3, **QUIET}
    pieces = {name: lam.images.sample(name)[:, :112, -112:] for name in lam.images.samples()}
    return lam.views.masking(lam.studies.masking_curve(*TUNED, scored(), pieces, SPOILT, **settings)), {}


TUNED = "srresnet-residual-restoring", "srresnet-residual-mse"
SPOILT = {"blur": lam.images.Blur(2, taps=21), "noise": lam.images.Noise(0.1)}
PICTURES = (pair, path, convergence, index, cause, features, filters, masking)


def scored():
    """Return the scores of kernels of the fine-tuned pair."""
    pieces = {name: lam.images.sample(name)[:, :112, :112] for name in lam.images.samples()}
    return lam.filters(*TUNED, pieces, SPOILT, steps=9, **QUIET)


def trimmed(picture):
    """Return a picture without its white border."""
    white = Image.new("RGB", picture.size, "white")
    return picture.crop(ImageChops.difference(picture, white).getbbox())


def main(wanted):
    """Write the pictures that are wanted, or all."""
    (HERE / "pictures").mkdir(exist_ok=True)
    for picture in PICTURES:
        if wanted and picture.__name__ not in wanted:
            continue
        shown, settings = picture()
        settings = {"width": WIDTH, "dpi": 260} | settings
        with tempfile.TemporaryDirectory() as folder:
            made = lam.views.save(shown, Path(folder) / "made.png", **settings)
            with Image.open(made) as drawn:
                small = trimmed(drawn.convert("RGB"))
                small.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
                small.quantize(192).save(HERE / "pictures" / f"{picture.__name__}.png", optimize=True)
        print(picture.__name__, small.size)


if __name__ == "__main__":
    main(sys.argv[1:])
