"""The studies on real networks: ``python -m tests.benchmarks.findings SHARED --out findings.json``.

Windows in the middle of 256 × 256 crops of Set14; the shipped networks and published IMDN, RFDN and
CARN-M. Prints the correlation of ln DI with PSNR and with the receptive field, what path and detector
change, and which kind of map is most faithful; writes the numbers and draws the scatter.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import lam_nb as lam

WEIGHTS = {"imdn": "IMDN_x4.pth", "rfdn": "RFDN_AIM.pth", "carn-m": "carn_m.pth"}
WINDOW = lam.Region(120, 120, 16)


def crops(folder):
    """The middle 256 × 256 pixels of every picture that is large enough."""
    found = {}
    for path in lam.images.files(folder):
        picture = lam.images.load(path)
        height, width = picture.shape[-2:]
        if min(height, width) >= 256:
            found[path.stem[:7]] = lam.images.crop(picture, (height - 256) // 2, (width - 256) // 2, 256, 256)
    return found


def faithful(net, pictures):
    """Mean areas under deletion and insertion curves, over pictures, per kind of map."""
    rows = []
    for truth in pictures.values():
        lr = lam.images.downscale(truth, 4)
        maps = {
            "LAM": lam.attribute(net, lr, WINDOW, progress=False),
            "integrated gradients": lam.integrated_gradients(net, lr, WINDOW, progress=False),
            "gradient": lam.gradient(net, lr, WINDOW),
            "input x gradient": lam.input_x_gradient(net, lr, WINDOW),
            "smoothgrad": lam.smoothgrad(net, lr, WINDOW),
        }
        rows.append(lam.faithfulness.curves(net, lr, WINDOW, maps, draws=3, progress=False).output_area)
    areas = np.stack([one.values for one in rows])
    better = areas[:, :, 1] - areas[:, :, 0]
    table = {}
    for k, name in enumerate(rows[0]["method"].values):
        deletion, insertion = areas[:, k].mean(0)
        wins = int((better[:, k : k + 1] >= better[:, :5]).all(1).sum())
        table[str(name)] = {"deletion": float(deletion), "insertion": float(insertion), "best_in": wins}
    return {"windows": len(rows), "methods": table}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--html", type=Path, help="page of the scatter to write")
    parser.add_argument("--store", type=Path, help="sweep to continue")
    given = parser.parse_args()
    nets = [lam.networks.load(n, weights=given.shared / "data/weights" / f) for n, f in WEIGHTS.items()]
    nets += [lam.networks.load(name) for name in lam.networks.shipped() if not name.startswith("dncnn")]
    pictures = crops(given.shared / "data/images/set14")
    store = given.store or Path(tempfile.mkdtemp()) / "set14.zarr"
    table = lam.sweep(nets, pictures, [WINDOW], store=store)
    study = lam.studies.di_against_psnr(table)
    reach = {net.name: float(lam.statistics.receptive_field(net).field_width) for net in nets}
    fields = lam.studies.di_against(table, reach, "receptive field", "input px")
    found = {"networks": len(nets), "images": len(pictures)}
    for name, one in (("psnr", study), ("receptive_field", fields)):
        for which in ("pearson", "spearman"):
            found[f"{which}_ln_di_{name}"] = [round(float(one[which + end]), 3) for end in ("", "_low", "_high")]
    index = study.diffusion_index.values.round(2).tolist()
    found["di"] = dict(zip((net.name for net in nets), index, strict=True))
    found["psnr"] = dict(zip(found["di"], study.against.values.round(2).tolist(), strict=True))
    found["widest_images"] = lam.studies.content(table).image.values[:3].tolist()
    first = lam.images.downscale(next(iter(pictures.values())), 4)
    small = [net for net in nets if net.name in ("imdn", "rfdn", "carn-m", "residual", "fsrcnn")]
    for name, function in (("paths", lam.studies.path_sensitivity), ("detectors", lam.studies.detector_sensitivity)):
        one = function(small, first, WINDOW, steps=16)
        likeness = one.rank_correlation.mean("model").values.round(2).tolist()
        ranking = one.ranking.values.round(2).tolist()
        choices = one.choice.values.tolist()
        found[name] = {c: {"likeness": a, "ranking": b} for c, a, b in zip(choices, likeness, ranking, strict=True)}
    found["faithfulness"] = {net.name: faithful(net, pictures) for net in (nets[0], nets[2])}
    print(json.dumps(found, indent=1))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")
    if given.html:
        lam.views.di_scatter(study).to_html(given.html)


if __name__ == "__main__":
    main()
