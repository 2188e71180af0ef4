"""Every architecture that spandrel knows, built with its own defaults: does it load by path, and is it the same?

``python -m tests.benchmarks.architectures`` writes architectures.json: for each whether `load` takes its checkpoint,
how far it is from spandrel's own call, whether a map is finite, local = whole, and whether the weights stay.
"""

from __future__ import annotations

import argparse
import inspect
import json
import pathlib
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

import lam_nb as lam
from lam_nb import networks
from tests import standin

OUT = pathlib.Path(__file__).with_suffix(".json")
SIDES = 48, 52
BUILT: dict[str, dict[str, Any]] = {
    "Swin2SR": {"img_size": 64, "window_size": 8, "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 2]},
    "SwinIR": {"img_size": 64, "window_size": 8, "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 2]},
    "MMRealSR": {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 16, "num_block": 1},
    "SPAN": {"num_in_ch": 3, "num_out_ch": 3},
    "SAFMN": {"dim": 36},
    "SAFMNBCIE": {"dim": 36},
    "DRUNet": {"in_nc": 4, "out_nc": 3},
    "DnCNN": {"in_nc": 3, "out_nc": 3},
    "NAFNet": {"width": 8, "enc_blk_nums": [1, 1], "dec_blk_nums": [1, 1], "middle_blk_num": 1},
    "RCAN": {"n_resgroups": 2, "n_resblocks": 2},
    "AuraSR": {
        "dim": 16,
        "image_size": None,
        "input_image_size": None,
        "style_network": {"dim_in": 32, "dim_out": 128, "depth": 4},
        "up_dim_mults": (1, 1, 2, 2, 2),
        "down_dim_mults": (2, 2, 2),
        "full_attn": (False, False, False, True, True),
        "attn_depths": (2, 2, 2, 1, 1),
        "mid_attn_depth": 1,
        "self_attn_dim_head": 8,
        "unconditional": True,
    },
    "HAT": {"img_size": 64, "window_size": 8, "depths": (2, 2), "num_heads": (6, 6)},
}
"""Options where the defaults do not build, or only slowly."""
SEEDED = "AuraSR", "GFPGAN"
"""Those that draw random numbers."""


def instances() -> Iterator[tuple[str, str, Callable[[], nn.Module]]]:
    """Yield architecture, class and how to build one, of spandrel's main registry."""
    from spandrel import MAIN_REGISTRY

    for support in MAIN_REGISTRY.architectures("insertion"):
        architecture = support.architecture
        for name, kind in vars(inspect.getmodule(type(architecture))).items():
            if inspect.isclass(kind) and issubclass(kind, nn.Module) and "__arch" in kind.__module__:
                yield str(architecture.id), name, lambda kind=kind, name=name: kind(**BUILT.get(name, {}))


def filled(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return seeded weights: where a layer begins at zero it would pass nothing on."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.02)
    return module.state_dict()


def tried(build: Callable[[], nn.Module], folder: pathlib.Path, seed: int | None = None) -> dict[str, Any]:
    """Return what became of one architecture."""
    import spandrel

    torch.manual_seed(0)
    state = filled(build().eval())
    torch.save(state, folder / "net.pth")
    descriptor = spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(state))
    net = networks.load(folder / "net.pth", seed=seed, check=False)
    picture = torch.rand(3, *SIDES, generator=torch.Generator().manual_seed(0))
    if descriptor.input_channels == 1:
        return {"loads": True, "channels": 1}
    torch.manual_seed(seed or 0)
    expected, found = descriptor(picture[None].clone()), _answer(net, picture)  # some write into what they get
    row = {"loads": True, "by": net.about.get("recognised_by", "lam_nb"), "scale": net.scale}
    row["off"] = float((found.clamp(0, 1) - expected).abs().max())
    window, before = lam.Region(20, 20, 8), net.weights_hash
    maps = [lam.attribute(net, picture, window, steps=2, local=local, progress=False) for local in (True, False)]
    row["finite"] = all(bool(abs(one.attribution).max() < float("inf")) for one in maps)
    size = float(abs(maps[1].attribution).max())
    row["local_off"] = float(abs(maps[0].attribution - maps[1].attribution).max()) / max(size, 1e-30)
    row["computed"] = maps[0].attrs["computed_pixels"]
    row["kept"] = net.weights_hash == before
    return row


def _answer(net: networks.Network, picture: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return net(picture[None])


def main() -> None:
    """Try all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="part of an architecture's name")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    given = parser.parse_args()
    standin.provide()
    torch.set_num_threads(1)
    rows = {}
    for architecture, name, build in instances():
        if given.only and given.only.lower() not in name.lower():
            continue
        started = time.perf_counter()
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            try:
                row = tried(build, pathlib.Path(folder), 0 if name in SEEDED else None)
            except Exception as error:  # the table tells what failed
                row = {"loads": False, "error": f"{type(error).__name__}: {str(error)[:200]}".partition("\n")[0]}
        rows[f"{architecture} {name}"] = row | {"seconds": round(time.perf_counter() - started, 1)}
        print(f"{architecture:<14} {name:<18} {row}", flush=True)
        given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
