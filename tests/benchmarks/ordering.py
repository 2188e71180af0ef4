"""Does a network that looks wider restore better? ``python -m tests.benchmarks.ordering FOLDER``.

For every shipped ×4 network: mean diffusion index over the central 256 × 256 pixels of every picture
in the folder (window in the centre) and mean luma PSNR on the same crops; then their rank correlation.
"""

import sys

import numpy as np
from scipy.stats import spearmanr

import lam_nb as lam
from lam_nb.networks.evaluate import evaluate

SIDE = 256
REGION = lam.Region(120, 120, 16)


def crops(folder):
    for path in lam.images.files(folder):
        image = lam.images.load(path)
        height, width = image.shape[-2:]
        if min(height, width) >= SIDE:
            yield path.stem, lam.images.crop(image, (height - SIDE) // 2, (width - SIDE) // 2, SIDE, SIDE)


def measured(net, pictures):
    psnr = float(evaluate(net, pictures, progress=False).psnr_luma.mean())
    found = []
    for image in pictures.values():
        lr = lam.images.downscale(image, 4)
        ds = lam.attribute(net, lr, REGION, keep="map", progress=False)
        found.append(float(ds.lam.diffusion_index()))
    return float(np.nanmean(found)), psnr


def main(folder):
    pictures = dict(crops(folder))
    names = [name for name in lam.networks.shipped() if lam.networks.card(name)["scale"] == 4]
    rows = sorted((*measured(lam.networks.load(name), pictures), name) for name in names)
    print(f"{len(pictures)} crops of {SIDE} × {SIDE}\n{'network':<20}{'DI':>7}{'PSNR':>8}")
    for index, psnr, name in rows:
        print(f"{name:<20}{index:7.2f}{psnr:8.2f}")
    indices, psnrs, _ = zip(*rows, strict=True)
    print(f"Spearman {spearmanr(indices, psnrs).statistic:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
