"""The generator: every public callable, called with what it wants but for one or two arguments that are wrong.

New verbs are tried without being named: callables come from ``__all__`` of every public module that
``lam_nb`` offers, arguments from the names of their parameters.
"""

from __future__ import annotations

import copy
import inspect
import pathlib
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

import numpy as np
import torch
import xarray as xr
from torch import nn

import lam_nb as lam
from lam_nb import networks

QUIET = {"progress": False}
OTHERS = {"networks.training", "networks.architectures", "networks.checkpoints", "views.kit", "identity", "quadrature"}
"""Public, but for those who extend the library."""
PIECES = {"paths.as_row", "paths.gaussian", "paths.gaussian_derivative", "paths.correlate"}
"""Mathematics for those who write paths."""


def modules(module: ModuleType = lam, name: str = "") -> Iterator[tuple[str, ModuleType]]:
    """Yield the modules that Tab offers below lam_nb."""
    yield name, module
    for one in getattr(module, "__all__", ()):
        found, full = getattr(module, one), f"{name}.{one}".lstrip(".")
        if inspect.ismodule(found) and full not in OTHERS and found.__name__.startswith("lam_nb."):
            yield from modules(found, full)


def callables() -> dict[str, Callable[..., object]]:
    """Return every public callable by name, but for errors, warnings and Protocols."""
    found: dict[str, Callable[..., object]] = {}
    for name, module in modules():
        for one, value in _public(module):
            is_error = inspect.isclass(value) and issubclass(value, BaseException)
            if callable(value) and not is_error and not getattr(value, "_is_protocol", False):
                if value not in found.values():
                    found[f"{name}.{one}".lstrip(".")] = value
    return {name: value for name, value in found.items() if name not in PIECES}


def _public(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield what a module offers: by its ``__all__``, or what it defines without an underscore."""
    if hasattr(module, "__all__"):
        yield from ((one, getattr(module, one)) for one in module.__all__)
        return
    for one, value in vars(module).items():
        if not one.startswith("_") and getattr(value, "__module__", None) == module.__name__:
            yield one, value


def toy(activation: nn.Module | None = None) -> networks.Network:
    torch.manual_seed(7)
    layers = [nn.Conv2d(3, 8, 3, padding=1), activation or nn.Identity(), nn.Conv2d(8, 12, 3, padding=1)]
    return networks.wrap(nn.Sequential(*layers, nn.PixelShuffle(2)), scale=2, name="toy", check=False)


class Wanted:
    """What parameters want, by name; made once."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.precious = folder / "thesis"
        (self.precious / "chapter.zarr").mkdir(parents=True)
        for name in ("notes.txt", "thesis.nc", "chapter.zarr/draft.txt"):
            (self.precious / name).write_text("the work of years")
        image = torch.rand(3, 20, 26, generator=torch.Generator().manual_seed(0))
        truth, window = torch.rand(3, 40, 52, generator=torch.Generator().manual_seed(1)), (16, 20, 6)
        net, other, third = toy(), toy(nn.ReLU()), toy(nn.Tanh())
        few = {"steps": 3, **QUIET}
        ds = lam.attribute(net, image, window, keep="all", reference=truth, **few)
        many = lam.compare([net, other], image, window, reference=truth, fields=True, **few)
        effects = lam.causal_effect(net, image, window, reference=truth, block=5, fine=3, coarse=2, **QUIET)
        images = {"a": truth, "b": truth.flip(2)}
        table = lam.sweep([net, other, third], images, [window], store=folder / "table.zarr", **few)
        curves = lam.faithfulness.curves(net, image, window, {"LAM": ds}, draws=2, **QUIET)
        self.results = {
            "attribution": ds,
            "many": many,
            "effects": effects,
            "table": table,
            "curves": curves,
            "field": lam.diffusion_field(net, image, stride=16, **few),
            "reach": lam.receptive_field(net, [image], side=16),
            "randomised": lam.faithfulness.randomised(net, image, window, stages=2, **few),
            "paths": lam.studies.path_sensitivity([net], image, window, **few),
            "scatter": lam.studies.di_against_psnr(table, draws=50),
            "content": lam.studies.content(table),
            "known": lam.representations(net, images, {"blur": lam.images.Blur(1)}, components=3, **QUIET),
            "scaling": lam.studies.di_against_size(table, {f"toy ({k})": (8 * k, 1) for k in (1, 2, 3)}),
        }
        tuned = copy.deepcopy(net)
        with torch.no_grad():
            for one in tuned.parameters():
                one += 0.1
        both = {"blur": lam.images.Blur(1), "noise": lam.images.Noise(0.1)}
        asked = (tuned, net, images, both)
        kernels = lam.filters(*asked, steps=2, **QUIET)
        chosen = lam.statistics.top_kernels(kernels, "blur", 0.1)
        curve = lam.studies.masking_curve(tuned, net, kernels, images, both, shares=[0.1], draws=2, **QUIET)
        modulated = lam.studies.modulation_curve(tuned, net, kernels, images, both, amounts=[0, 1], **QUIET)
        self.results |= {"kernels": kernels, "curve": curve, "modulated": modulated}
        picture = self.picture = folder / "picture.png"
        lam.images.to_pillow(image).save(picture)
        self.values: dict[str, object] = {
            "network": net,
            "degradations": {"blur": lam.images.Blur(1)},
            "networks": [net, other],
            "target": tuned,
            "baseline": net,
            "scores": kernels,
            "kernels": chosen,
            "degradation": "blur",
            "image": image,
            "images": images,
            "source": image,
            "picture": image,
            "pictures": [image],
            "photograph": truth,
            "region": window,
            "regions": [window],
            "reference": truth,
            "truth": image,
            "output": image,
            "batch": image[None],
            "maps": {"LAM": ds},
            "dataset": ds,
            "first": ds,
            "second": ds,
            "many": many,
            "table": table,
            "study": self.results["scatter"],
            "effects": effects,
            "attribution": ds,
            "results": [ds, ds],
            "shown": ds,
            "values": table.diffusion_index,
            "sizes": {f"toy ({k})": (8, k) for k in (1, 2, 3)},
            "label": "anything",
            "dimension": "image",
            "module": net.module,
            "name": "bricks",
            "scale": 2,
            "size": 6,
            "y": 2,
            "x": 3,
            "height": 5,
            "width": 7,
            "sigma": 1.0,
            "quality": 50,
            "folder": folder,
            "path": str(folder / "map.nc"),
            "detector": "edges",
            "figure": lam.views.attribution(ds),
            "value": 3,
            "known": ["a", "b"],
            "names": ["a", "b"],
            "headings": ("a",),
            "rows": (("1",),),
            "caption": "words",
            "steps": 3,
            "alphas": [0.0, 0.5, 1.0],
            "alpha": 0.5,
            **QUIET,
        }
        self.by_callable: dict[tuple[str, str], object] = {
            ("attribute", "path"): "blur",
            ("statistics.separability", "dataset"): self.results["known"],
            ("studies.generalisation", "reference"): images,
            ("statistics.kernel_ranking", "dataset"): kernels,
            ("statistics.kernel_layers", "dataset"): kernels,
            ("statistics.top_kernels", "dataset"): kernels,
            ("statistics.masking_effect", "table"): curve,
            ("views.filters", "dataset"): kernels,
            ("views.masking", "table"): curve,
            ("views.modulation", "table"): modulated,
            ("images.Chain", "steps"): (lam.images.Blur(1),),
            ("images.reseeded", "degradation"): lam.images.Noise(0.1),
            ("images.reseeded", "seed"): 1,
            ("networks.load", "name"): "fsrcnn",
            ("networks.card", "name"): "fsrcnn",
            ("networks.source", "name"): "fsrcnn",
            ("images.load", "path"): str(picture),
            ("open", "path"): str(folder / "table.zarr"),
            ("sweep", "store"): str(folder / "swept.zarr"),
            ("views.causal", "dataset"): effects,
            ("views.causal_comparison", "maps"): [effects],
            ("views.causal_comparison", "scale"): "common",
            ("views.comparison", "scale"): "own",
            ("views.faithfulness", "dataset"): curves,
            ("views.diffusion_field", "dataset"): self.results["field"],
            ("views.receptive_field", "dataset"): self.results["reach"],
            ("views.randomised", "dataset"): self.results["randomised"],
            ("views.sensitivity", "study"): self.results["paths"],
            ("views.content", "study"): self.results["content"],
            ("views.write_html", "path"): str(folder / "map.html"),
            ("views.save", "path"): str(folder / "map.png"),
            ("studies.di_against", "values"): {f"toy ({k})": float(k) for k in (1, 2, 3)},
            ("studies.hard_regions", "reference"): truth,
            ("studies.hard_regions", "size"): 8,
            ("statistics.ranks", "values"): np.arange(5.0),
            ("result.stacked", "dimension"): "run",
            ("paths.named", "path"): "blur",
            ("views.path_panel", "results"): ds,
            ("views.scaling", "study"): self.results["scaling"],
            ("result.checkpoint", "path"): str(folder / "checkpoint.zarr"),
            ("result.checkpoint", "arrays"): {"a": np.zeros(3)},
            ("result.checkpoint", "attributes"): {"seed": 1},
            ("result.page", "path"): str(folder / "map.html"),
            ("images.psnrs", "truth"): image[None],
            ("images.reference", "size"): (20, 26),
            ("studies.test_set", "size"): 16,
        }

    def arguments(self, name: str, function: Callable[..., object]) -> dict[str, object]:
        """Return what a callable must be given, and whether it shows progress."""
        found = {}
        for parameter in inspect.signature(function).parameters.values():
            needed = parameter.default is parameter.empty and parameter.kind.name.endswith(("KEYWORD", "KEYWORD_ONLY"))
            needed = needed and parameter.kind.name in {"POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY"}
            if needed or parameter.name == "progress":
                found[parameter.name] = self.by_callable.get((name, parameter.name), self.values.get(parameter.name))
        return found

    def wrong(self) -> Mapping[str, object]:
        """Return what nobody should give, by a name for reports."""
        image, ds = self.values["image"], self.results["attribution"]
        assert isinstance(image, torch.Tensor)
        return {
            "None": None,
            "True": True,
            "nan": float("nan"),
            "inf": float("inf"),
            "-1": -1,
            "0": 0,
            "half": 0.5,
            "many": 10**18,
            "empty text": "",
            "text": "no such thing",
            "nul": "a\0b",
            "bytes": b"bytes",
            "empty list": [],
            "empty dict": {},
            "nested": [[1, [2]], "a"],
            "object": object(),
            "function": lambda *arguments, **settings: None,
            "type": int,
            "numpy 0": np.float32(0),
            "empty array": np.zeros((0, 3)),
            "array of text": np.array(["a", "b"]),
            "empty picture": torch.zeros(3, 0, 5),
            "nan picture": torch.full_like(image, float("nan")),
            "complex picture": image.to(torch.complex64),
            "sparse picture": image.to_sparse(),
            "meta picture": image.to("meta"),
            "batch": image[None],
            "grey": image[:1],
            "small picture": image[:, :4, :5],
            "Dataset": xr.Dataset(),
            "half a Dataset": ds.drop_vars([name for name in ds.data_vars if name != "attribution"]),
            "flipped Dataset": ds.transpose(*reversed(list(ds.dims))),
            "nan Dataset": ds * float("nan"),
            "Dataset without attributes": ds.drop_attrs(),
            "other Dataset": self.results["table"],
            "DataArray": ds.attribution,
            "folder": self.precious,
            "foreign store": self.precious / "chapter.zarr",
            "missing": "/no/such/folder/file.nc",
            "device": "/dev/null",
        }
