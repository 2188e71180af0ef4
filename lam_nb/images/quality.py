"""Quality: how like the truth a picture is. The one place for PSNR, SSIM and luma."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from ..types import Batch
from ..validation import InputError, positive
from .reading import dense

SSIM_SIDE = 11
"""Side of the window that SSIM looks through: smaller pictures have none."""
LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
"""Weights of red, green and blue in luma, ITU-R BT.601."""
_DARKEST = 16 / 255


def psnrs(batch: Batch, truth: Batch, *, most: float = math.inf) -> torch.Tensor:
    """Return the peak signal-to-noise ratio of every picture of a batch (n, …) in [0, 1], dB, (n,).

    Parameters
    ----------
    batch, truth : torch.Tensor (n, …)
        The truth may be one picture for all, (1, …). The batch is clipped to [0, 1].
    most : float
        What equal pictures get, dB; differences below that do not count.

    Examples
    --------
    >>> psnrs(torch.full((2, 3, 4, 5), 0.6), torch.full((1, 3, 4, 5), 0.5)).round(decimals=4)
    tensor([20., 20.], dtype=torch.float64)
    """
    batch, truth = _plain("batch", batch), _plain("truth", truth)
    if batch.shape[1:] != truth.shape[1:] or len(truth) not in (1, len(batch)):
        raise InputError(f"truth: got {tuple(truth.shape)} beside a batch {tuple(batch.shape)}, expected equal sizes.")
    if not (isinstance(most, float) and most == math.inf):
        positive("most", most, "what equal pictures get, in dB")
    error = (batch.double().clamp(0, 1) - truth.double()).square().flatten(1).mean(1)
    return -10 * torch.log10(error.clamp(min=10 ** (-most / 10)))


def psnr(output: NDArray[np.generic] | torch.Tensor, truth: NDArray[np.generic] | torch.Tensor) -> float:
    """Return the peak signal-to-noise ratio over all pixels and channels, dB; inf where they are equal.

    Examples
    --------
    >>> round(psnr(np.full((3, 4, 5), 0.6), np.full((3, 4, 5), 0.5)), 6)
    20.0
    """
    pair = (_plain(name, one)[None] for name, one in (("output", output), ("truth", truth)))
    return float(psnrs(*pair))


def ssim(output: NDArray[np.generic] | torch.Tensor, truth: NDArray[np.generic] | torch.Tensor) -> float:
    """Return the structural similarity (Wang et al., TIP 2004) with Gaussian weights, mean over channels.

    Computed by scikit-image, on (channel, y, x) or (y, x): floats in [0, 1] or bytes.

    Raises
    ------
    InputError
        If scikit-image is not installed, a side is shorter than 11 pixels or the sizes differ.

    Examples
    --------
    >>> ssim(np.ones((3, 12, 12)), np.ones((3, 12, 12)))
    1.0
    """
    try:
        from skimage.metrics import structural_similarity
    except ModuleNotFoundError:
        raise InputError("ssim: needs scikit-image; install it: pip install scikit-image") from None
    found, wanted = (_plain(name, one).cpu().numpy() for name, one in (("output", output), ("truth", truth)))
    if wanted.ndim not in (2, 3) or found.shape != wanted.shape:
        raise InputError(f"truth: got {wanted.shape} beside an output {found.shape}, expected equal (channel, y, x).")
    if min(wanted.shape[-2:]) < SSIM_SIDE:
        sides = wanted.shape[-2:]
        raise InputError(f"ssim: needs at least {SSIM_SIDE} pixels a side; got {sides}, take a larger part.")
    whole = 255 if wanted.dtype == np.uint8 else 1.0
    axis = 0 if wanted.ndim == 3 else None
    settings = {"data_range": whole, "channel_axis": axis, "gaussian_weights": True, "use_sample_covariance": False}
    return float(structural_similarity(found, wanted, **settings))


def luma(batch: Batch) -> Batch:
    """Return luma of ITU-R BT.601 (16 … 235 of 255) of RGB in [0, 1], (…, 3, y, x) -> (…, 1, y, x).

    Examples
    --------
    >>> round(float(luma(torch.ones(1, 3, 1, 1)) * 255), 3)
    235.0
    """
    if _plain("batch", batch).ndim not in (3, 4) or batch.shape[-3] != len(LUMA):
        raise InputError(f"batch: got {tuple(batch.shape)}, expected pictures (n, 3, y, x) or one (3, y, x).")
    # Numbers, not a tensor of weights: those would be copied to the device at every call.
    red, green, blue = (weight * batch[..., k : k + 1, :, :] for k, weight in enumerate(LUMA))
    return _DARKEST + red + green + blue


def _plain(name: str, values: object) -> torch.Tensor:
    """Return an array or a tensor as a tensor of real numbers that can be computed with."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        values = torch.from_numpy(np.array(values, values.dtype.newbyteorder("=")))
    if not isinstance(values, torch.Tensor) or not values.ndim:
        raise InputError(f"{name}: got {type(values).__name__}, expected an array or tensor of numbers.")
    return dense(name, values)
