"""What two files of spandrel want of torchvision, where the real one does not import."""

from __future__ import annotations

import sys
import types
from typing import Any

import torch


def _normalised(image: torch.Tensor, mean: Any, std: Any, inplace: bool = False) -> torch.Tensor:
    shift, size = (torch.as_tensor(one).to(image).reshape(-1, 1, 1) for one in (mean, std))
    return image.sub_(shift).div_(size) if inplace else (image - shift) / size


def provide() -> None:
    """Make `import torchvision` work for spandrel, if it does not."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):  # a build for another torch registers operators that are not there
        for name in [one for one in sys.modules if one.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
        parts = {name: types.ModuleType(name) for name in names}
        last = parts[names[-1]]
        last.InterpolationMode = types.SimpleNamespace(NEAREST="nearest", BILINEAR="bilinear")  # type: ignore[attr-defined]
        last.rotate = last.normalize = _normalised  # type: ignore[attr-defined] # nothing here rotates
        sys.modules.update(parts)
