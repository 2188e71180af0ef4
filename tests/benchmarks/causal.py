"""Causal effect maps beside the demo's loop: ``python -m tests.benchmarks.causal SHARED --out causal.json``.

The loop does what the published demo does: for every block one batch of 3 whole pictures, then one of 50
where a draw moved the quality by 0.01 dB; a patch resized for each, PSNR of 8-bit windows. Seconds per
picture of both are measured in turns, on a sample of blocks, and multiplied by the pictures that the whole
map takes. Computes maps and pages of super-resolution with IMDN and CARN-M and of denoising with DnCNN, all
with published weights (an hour); maps that lie in the folder are not computed again.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import lam_nb as lam
from lam_nb.methods import causal as blocks

COARSE, FINE, TURNS, BLOCKS = 3, 50, 3, 4


def demo_batch(network, picture, window, truth, block, place, count, stock, source, noise):
    """PSNR lost by `count` interventions on one block, as the demo computes them."""
    y, x = place
    batch = []
    for _ in range(count):
        patch = Image.fromarray(stock[source.integers(len(stock))]).resize((block, block), Image.Resampling.BICUBIC)
        pixels = np.asarray(patch, np.float32) / 255
        if noise:
            pixels = pixels + noise * source.standard_normal(pixels.shape).astype(np.float32)
        changed = picture.copy()
        changed[y : y + block, x : x + block] = pixels[: len(changed) - y, : changed.shape[1] - x]
        batch.append(changed)
    with torch.no_grad():
        outputs = network(torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).contiguous())
    rows, columns = window.slices
    found = []
    for output in outputs.clamp(0, 1).permute(0, 2, 3, 1).numpy():
        bytes_ = (output[rows, columns] * 255).round().astype(np.uint8).astype(np.float64)
        error = np.mean((bytes_ - np.round(truth[rows, columns] * 255)) ** 2)
        found.append(20 * np.log10(255 / np.sqrt(error)))
    return found


def turns(network, given, truth, window, block, stock, noise, share):
    """Median seconds per picture, of the loop with its mixture of small and large batches, and of ours."""
    picture, target = (one.permute(1, 2, 0).numpy() for one in (given, truth))
    source, loop, ours = np.random.default_rng(0), [], []
    keep = {"reference": truth, "patches": stock, "noise": noise, "uint8": True, "progress": False}
    for turn in range(TURNS):
        start, pictures = time.perf_counter(), 0
        for k in range(BLOCKS):
            place = tuple(int(source.integers(side // block)) * block for side in picture.shape[:2])
            for count in [COARSE] + [FINE] * int(turn * BLOCKS + k < share * TURNS * BLOCKS):
                demo_batch(network, picture, window, target, block, place, count, stock, source, noise)
                pictures += count
        loop.append((time.perf_counter() - start) / pictures)
        cem = lam.causal_effect(network, given, window, block=8, fine=1, threshold=1e9, **keep)
        ours.append(cem.attrs["seconds"] / cem.attrs["pictures_computed"])
    return float(np.median(loop)), float(np.median(ours))


def one(name, network, given, truth, window, noise, stock, folder):
    """Compute or open a map, measure both in turns, print and return what they take."""
    path = folder / f"{name}.nc"
    if not path.exists():
        keep = {"reference": truth, "patches": stock, "noise": noise, "fine": FINE, "uint8": True}
        lam.save(lam.causal_effect(network, given, window, **keep), path)
    cem = lam.open(path)
    lam.views.causal(cem).to_html(folder / f"{name}.html")
    block, fine = cem.attrs["block"], cem.stage.values == blocks.FINE
    pictures = COARSE * cem.effect.size + FINE * int(fine.sum())
    loop, ours = turns(network, given, truth, window, block, stock, noise, fine.mean())
    errors = cem.standard_error.values[fine]
    wanted = float(np.quantile(errors, 0.9))
    needed = np.clip(np.ceil((errors * FINE**0.5 / wanted) ** 2 / 10) * 10, 10, FINE)  # drawn in rounds of ten
    computed = int(cem.attrs["pictures_computed"])
    found = {
        "pixels": list(given.shape[-2:]),
        "psnr": round(float(cem.quality_origin), 2),
        "effect_db": [round(float(cem.effect.min()), 3), round(float(cem.effect.max()), 3)],
        "largest_standard_error_db": round(float(np.nanmax(cem.standard_error)), 4),
        **{name: int(cem[name]) for name in ("positive", "negative", "zero", "own")},
        "interventions": {"ours": computed, "loop": pictures},
        "ms_per_picture": {"ours": round(1000 * ours, 1), "loop": round(1000 * loop, 1)},
        "ratio_equal_draws": round(loop * pictures / (ours * computed), 2),
        "draws_at_equal_error": {"se_db": round(wanted, 4), "adaptive": int(needed.sum()), "fixed": FINE * len(errors)},
    }
    print(name, json.dumps(found), flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--folder", type=Path, default=Path("causal-maps"), help="for maps, pages and stores")
    parser.add_argument("--only", help="run only cases whose name holds this")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    weights = given.shared / "data/weights"
    imdn = lam.networks.load("imdn", weights=weights / "IMDN_x4.pth")
    carn = lam.networks.load("carn-m", weights=weights / "carn_m.pth")
    dncnn = lam.networks.load("dncnn", weights=weights / "dncnn_color_blind.pth")
    with np.load(given.shared / "data/cem_patches_8x8.npz") as stored:
        stock = stored[stored.files[0]]
    hr = lam.images.load(given.shared / "data/images/lam/1.png")
    wide = lam.images.load(sorted((given.shared / "data/images/set14").glob("*"))[2])
    wide = lam.images.crop(wide, *(side // 2 - min(side // 4 * 4, 512) // 2 for side in wide.shape[-2:]),
                           *(min(side // 4 * 4, 512) for side in wide.shape[-2:]))  # fmt: skip
    middle = lam.Region(112, 112, 32)
    centre = lam.Region(wide.shape[-2] // 2 - 16, wide.shape[-1] // 2 - 16, 32)
    noisy = lam.images.Noise(50 / 255)(hr)
    cases = {
        "dncnn 256": (dncnn, noisy, hr, middle, 50 / 255),
        "carn-m 64": (carn, lam.images.downscale(hr, 4), hr, middle, 0.0),
        "carn-m wide": (carn, lam.images.downscale(wide, 4), wide, centre, 0.0),
        "imdn 64": (imdn, lam.images.downscale(hr, 4), hr, middle, 0.0),
    }
    chosen = {name: case for name, case in cases.items() if not given.only or given.only in name}
    found = {name: one(name, *case, stock, given.folder) for name, case in chosen.items()}
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
