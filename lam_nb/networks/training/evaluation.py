"""How well a network restores: PSNR and SSIM over a set of photographs.

Run ``python -m lam_nb.networks.training.evaluation NETWORK FOLDER`` to print a table beside bicubic.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ... import images
from ...result import (
    IMAGE,
    PSNR_LUMA,
    PSNR_RGB,
    SSIM_LUMA,
    SSIM_RGB,
    Table,
)
from ...types import Image
from ...validation import InputError
from ..loading import NetworkLike, as_network
from ..network import Network
from ..wrapping import trial, wrap

_NOISE = 25 / 255
"""The level that papers on denoising report most."""
TABLE = Table(
    {
        PSNR_RGB: ((IMAGE,), "peak signal-to-noise ratio, RGB", "dB"),
        SSIM_RGB: ((IMAGE,), "structural similarity, RGB", "1"),
        PSNR_LUMA: ((IMAGE,), "peak signal-to-noise ratio, luma", "dB"),
        SSIM_LUMA: ((IMAGE,), "structural similarity, luma", "1"),
    },
    maker="lam_nb.networks.training.evaluate",
    coordinates={IMAGE: ((IMAGE,), "photograph", "1")},
)


def evaluate(
    network: NetworkLike, photographs: Mapping[str, Image], *, noise: float | None = None, progress: bool = True
) -> xr.Dataset:
    """Spoil every photograph, restore it, compare: PSNR in dB and SSIM, on RGB and on luma.

    As papers do: bicubic shrinking, 8 bits, a border of `scale` pixels left out, luma of
    ITU-R BT.601 (16 … 235). Networks that do not enlarge get Gaussian noise instead, seeded, and
    whole pictures. Metrics are scikit-image's.

    Parameters
    ----------
    network : Network or name
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
    >>> from lam_nb import images
    >>> table = evaluate(bicubic(4), {"bricks": images.sample("bricks")}, progress=False)
    >>> bool(20 < table.psnr_luma.sel(image="bricks") < 40)
    True
    """
    if not photographs:
        raise InputError("photographs: got none, expected at least one name -> image.")
    network = as_network(network)
    bar = tqdm(photographs.items(), desc=network.name, unit="image", disable=not progress, leave=False)
    level = (_NOISE if network.scale == 1 else 0.0) if noise is None else float(noise)
    with trial(network):
        rows = [_compare(network, photograph, level) for _, photograph in bar]
    values = {name: [row[name] for row in rows] for name in rows[0]}
    facts: dict[str, str | int | float] = {"network": network.name, "scale": network.scale, "noise": level}
    return TABLE.build(values, {IMAGE: list(photographs)}, facts=facts)


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
    device = next((weights.device for weights in network.parameters()), small.device)
    restored = network(small[None].to(device, network.dtype))[0].float().cpu()
    height, width = restored.shape[-2:]
    border = network.scale if network.scale > 1 else 0
    inside = np.s_[..., border : height - border, border : width - border]
    truth, found = (_bytes(image)[inside] for image in (photograph, restored))
    bright, shown = (_luma(one) for one in (truth, found))
    return {
        PSNR_RGB: images.psnr(found / 255, truth / 255),
        SSIM_RGB: images.ssim(found, truth),
        PSNR_LUMA: images.psnr(shown / 255, bright / 255),
        SSIM_LUMA: images.ssim(shown, bright),
    }


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    bright = images.luma(torch.from_numpy(picture.astype(np.float64) / 255)[None])[0, 0]
    return np.round(bright.numpy() * 255).astype(np.uint8)


def _bytes(image: Image) -> NDArray[np.uint8]:
    return np.moveaxis(np.asarray(images.to_pillow(image)), -1, 0)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lam_nb.networks.training.evaluation", description=__doc__)
    parser.add_argument("network", help="shipped network or checkpoint file")
    parser.add_argument("folder", nargs="+", help="folders of sharp photographs")
    given = parser.parse_args(arguments)
    try:
        network = as_network(given.network)
        for folder in given.folder:
            photographs = {path.stem: images.load(path) for path in images.files(folder)}
            for one in (network, bicubic(network.scale)):
                mean = evaluate(one, photographs).mean()
                numbers = "  ".join(f"{name} {float(mean[name]):.4f}" for name in mean)
                print(f"{folder}  {one.name:<14}  {numbers}")
    except InputError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
