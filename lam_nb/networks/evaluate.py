"""How well a network restores: PSNR and SSIM over a set of photographs.

Run ``python -m lam_nb.networks.evaluate NETWORK FOLDER`` to print a table beside bicubic.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from tqdm.auto import tqdm

from .. import images
from ..result import IMAGE, PSNR_LUMA, PSNR_RGB, SSIM_LUMA, SSIM_RGB, quality
from ..types import Image, InputError
from . import load
from .network import Network
from .wrapping import wrap

_NOISE = 25 / 255
_LUMA = np.array([65.481, 128.553, 24.966]) / 255


def evaluate(
    network: Network, photographs: Mapping[str, Image], *, noise: float | None = None, progress: bool = True
) -> xr.Dataset:
    """Spoil every photograph, restore it, compare: PSNR in dB and SSIM, on RGB and on luma.

    As papers do: bicubic shrinking, 8 bits, a border of `scale` pixels left out, luma of
    ITU-R BT.601 (16 … 235). Networks that do not enlarge get Gaussian noise instead, seeded, and
    whole pictures. Metrics are scikit-image's.

    Parameters
    ----------
    network : Network
        For super-resolution or denoising.
    photographs : mapping
        Name -> sharp image.
    noise : float, optional
        Standard deviation of the noise added to the input, in [0, 1]: 25 / 255 if the network does
        not enlarge, otherwise none.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Dimension ``image``; variables psnr_rgb, psnr_luma (dB), ssim_rgb, ssim_luma.

    Raises
    ------
    InputError
        If there are no photographs or scikit-image is not installed.

    Examples
    --------
    >>> table = evaluate(bicubic(4), {"bricks": images.sample("bricks")}, progress=False)
    >>> bool(20 < table.psnr_luma.sel(image="bricks") < 40)
    True
    """
    if not photographs:
        raise InputError("photographs: got none, expected at least one name -> image.")
    bar = tqdm(photographs.items(), desc=network.name, unit="image", disable=not progress, leave=False)
    level = (_NOISE if network.scale == 1 else 0.0) if noise is None else float(noise)
    rows = [_compare(network, photograph, level) for _, photograph in bar]
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return quality(
        values, {IMAGE: list(photographs)}, {"network": network.name, "scale": network.scale, "noise": level}
    )


def bicubic(scale: int) -> Network:
    """Return PIL's bicubic enlargement as a network: the baseline (not differentiable). At scale 1 it does nothing.

    Examples
    --------
    >>> bicubic(2)(torch.zeros(1, 3, 8, 9)).shape
    torch.Size([1, 3, 16, 18])
    """
    enlarge = lambda batch: torch.stack([images.upscale(one, scale) for one in batch])  # noqa: E731
    return wrap(enlarge, scale=scale, name="bicubic" if scale > 1 else "nothing", check=False)


def _compare(network: Network, photograph: Image, noise: float) -> dict[str, float]:
    small = images.downscale(photograph, network.scale)
    small = small + noise * torch.randn(small.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        restored = network(small[None].to(network.dtype))[0]
    height, width = restored.shape[-2:]
    border = network.scale if network.scale > 1 else 0
    inside = slice(border, height - border), slice(border, width - border)
    pair = [_bytes(image)[inside] for image in (photograph, restored)]
    luma = [np.round(16 + image @ _LUMA).astype(np.uint8) for image in pair]
    on_rgb = _metrics(pair[0], pair[1], channel_axis=-1)
    return dict(zip((PSNR_RGB, SSIM_RGB, PSNR_LUMA, SSIM_LUMA), on_rgb + _metrics(luma[0], luma[1]), strict=True))


def _metrics(truth: NDArray[np.uint8], restored: NDArray[np.uint8], **options: Any) -> tuple[float, float]:
    try:
        from skimage import metrics
    except ModuleNotFoundError:
        raise InputError("evaluate: needs scikit-image; run pip install scikit-image.") from None
    options |= {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    psnr = metrics.peak_signal_noise_ratio(truth, restored)
    return float(psnr), float(metrics.structural_similarity(truth, restored, **options))


def _bytes(image: Image) -> NDArray[np.uint8]:
    return np.asarray(images.to_pillow(image))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lam_nb.networks.evaluate", description=__doc__)
    parser.add_argument("network", help="shipped network or checkpoint file")
    parser.add_argument("folder", nargs="+", help="folders of sharp photographs")
    given = parser.parse_args(arguments)
    try:
        network = load(given.network)
        for folder in given.folder:
            photographs = {path.stem: images.load(path) for path in images.files(folder)}
            for one in (network, bicubic(network.scale)):
                mean = evaluate(one, photographs).mean()
                numbers = "  ".join(f"{name} {float(mean[name]):.4f}" for name in mean)
                print(f"{folder}  {one.name:<14}{numbers}")
    except InputError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
