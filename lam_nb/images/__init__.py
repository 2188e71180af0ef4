"""Pictures: files, arrays and PIL images to float tensors and back; crop, downscale, degrade, samples.

An image is a float32 tensor (3, y, x), RGB in [0, 1].
"""

from __future__ import annotations

from ..identity import digest
from .degradations import JPEG, Blur, Chain, Noise, Rain, Reduction, reseeded
from .photographs import sample, samples
from .quality import luma, psnr, psnrs, ssim
from .reading import as_image, files, load, reference, to_pillow
from .scaling import crop, downscale, upscale

__all__ = [
    "JPEG",
    "Blur",
    "Chain",
    "Noise",
    "Rain",
    "Reduction",
    "as_image",
    "crop",
    "digest",
    "downscale",
    "files",
    "load",
    "luma",
    "psnr",
    "psnrs",
    "reference",
    "reseeded",
    "sample",
    "samples",
    "ssim",
    "to_pillow",
    "upscale",
]


def __getattr__(name: str) -> object:
    from .. import _moved

    return _moved.moved(__name__, name)


def __dir__() -> list[str]:
    return __all__
