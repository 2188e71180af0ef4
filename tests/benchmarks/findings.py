"""The studies on real networks: ``python -m tests.benchmarks.findings SHARED --out findings.json``.

Windows in the middle of 256 × 256 crops of Set14; the shipped networks, RFDN and CARN-M among them, and published
IMDN. Prints the correlation of ln DI with PSNR and with the receptive field, what path and detector change, what width
and depth do in a family of seven residual networks trained here (4000 steps each, about eight minutes), and which kind
of map is most faithful; writes the numbers and draws figures. How sure the correlation with PSNR is, and what is left
within a class of networks, is the question of `tests.benchmarks.study`, which has more networks and pictures.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import lam_nb as lam
from lam_nb.networks.training import train_family

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


def scaled(photos, folder, pictures):
    """Width and depth against DI and PSNR, in a family of residual networks."""
    sizes = {"widths": (4, 8, 16, 32), "depths": (1, 2, 4, 8), "width": 16, "depth": 4}
    family = train_family(photos, folder, architecture="residual", **sizes, steps=4000, patch=20, batch=8)
    nets = [lam.networks.load(one.file) for one in family]
    table = lam.sweep(nets, pictures, [WINDOW], store=folder / "sweep.zarr")
    return lam.studies.di_against_size(table, {one.name: (one.width, one.depth) for one in family})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--pages", type=Path, help="folder for pages and PDFs of the figures")
    parser.add_argument("--family", type=Path, help="folder of the family's weights, trained if missing")
    parser.add_argument("--store", type=Path, help="sweep to continue")
    given = parser.parse_args()
    nets = [lam.networks.load("imdn", weights=given.shared / "data/weights/IMDN_x4.pth")]
    nets += [lam.networks.load(name) for name in lam.networks.shipped() if not name.startswith(("dncnn", "srresnet"))]
    pictures = crops(given.shared / "data/images/set14")
    store = given.store or Path(tempfile.mkdtemp()) / "set14.zarr"
    table = lam.sweep(nets, pictures, [WINDOW], store=store)
    study = lam.studies.di_against_psnr(table)
    reach = {net.name: float(lam.receptive_field(net).field_width) for net in nets}
    fields = lam.studies.di_against(table, reach, "receptive field", "input px")
    found = {"networks": len(nets), "images": len(pictures)}
    for name, one in (("psnr", study), ("receptive_field", fields)):
        for which in ("pearson", "spearman"):
            found[f"{which}_ln_di_{name}"] = [round(float(one[which + end]), 3) for end in ("", "_low", "_high")]
    index = study.diffusion_index.values.round(2).tolist()
    found["di"] = dict(zip((net.name for net in nets), index, strict=True))
    found["psnr"] = dict(zip(found["di"], study.against.values.round(2).tolist(), strict=True))
    figures = {"scatter": lam.views.di_scatter(study), "content": lam.views.content(lam.studies.content(table))}
    found["widest_images"] = lam.studies.content(table).image.values[:3].tolist()
    first = lam.images.downscale(next(iter(pictures.values())), 4)
    small = [net for net in nets if net.name in ("imdn", "rfdn", "carn-m", "residual", "fsrcnn")]
    for name, function in (("paths", lam.studies.path_sensitivity), ("detectors", lam.studies.detector_sensitivity)):
        one = function(small, first, WINDOW, steps=16)
        likeness = one.rank_correlation.mean("model").values.round(2).tolist()
        ranking = one.ranking.values.round(2).tolist()
        choices = one.choice.values.tolist()
        found[name] = {c: {"likeness": a, "ranking": b} for c, a, b in zip(choices, likeness, ranking, strict=True)}
        figures[name] = lam.views.sensitivity(one)
    sizes = scaled(given.shared / "data/train", given.family or Path(tempfile.mkdtemp()), pictures)
    figures["width and depth"] = lam.views.scaling(sizes)
    found["family"] = {
        f"spearman_{quantity}_{axis}": [
            round(float(sizes["spearman" + end].sel(axis=axis, quantity=quantity)), 3) for end in ("", "_low", "_high")
        ]
        for axis in ("width", "depth")
        for quantity in ("diffusion_index", "psnr")
    }
    for name in ("diffusion_index", "psnr"):
        found["family"][name] = dict(
            zip(sizes.model.values.tolist(), sizes[name].values.round(2).tolist(), strict=True)
        )
    found["faithfulness"] = {net.name: faithful(net, pictures) for net in nets if net.name in ("imdn", "carn-m")}
    print(json.dumps(found, indent=1))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")
    if given.pages:
        given.pages.mkdir(exist_ok=True)
        for name, view in figures.items():
            view.to_html(given.pages / f"{name}.html")
        lam.views.save(study, given.pages / "scatter.pdf", width=120)


if __name__ == "__main__":
    main()
