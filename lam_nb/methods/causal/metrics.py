"""Metrics: the quality of a window, larger is better; what counts as an effect in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from ... import identity, images
from ...types import Batch
from ...validation import InputError, choose

Metric: TypeAlias = Callable[[Batch, Batch], torch.Tensor]
"""Windows (n, 3, y, x), truth (1, 3, y, x) -> one number each."""
_PERFECT = 100.0
"""PSNR of equal windows in dB: finite, so that effects stay finite; differences of 1e-5 in intensity and less."""
THRESHOLDS = {"psnr": 0.01, "ssim": 0.0005, "l1": 0.0001}
"""Effects below count as none: the published demo's 0.01 dB, and what moves the other metrics about as much."""


def psnr(windows: Batch, truth: Batch) -> torch.Tensor:
    """Return the peak signal-to-noise ratio of windows, dB, at most 100."""
    return images.psnrs(windows, truth, most=_PERFECT)


def ssim(windows: Batch, truth: Batch) -> torch.Tensor:
    """Return the structural similarity of windows, scikit-image's."""
    if min(windows.shape[-2:]) < images.quality.SSIM_SIDE:
        raise InputError(
            f"metric: 'ssim' needs a region of at least {images.quality.SSIM_SIDE} pixels a side; choose a larger one."
        )
    target = truth[0].double().cpu().numpy()
    return torch.tensor([images.ssim(one, target) for one in windows.double().cpu().numpy()])


def l1(windows: Batch, truth: Batch) -> torch.Tensor:
    """Return minus the mean absolute difference of windows."""
    return -(windows - truth).abs().flatten(1).mean(1)


_KNOWN: dict[str, Metric] = {"psnr": psnr, "ssim": ssim, "l1": l1}


def names() -> tuple[str, ...]:
    """Names of the metrics.

    Examples
    --------
    >>> names()
    ('psnr', 'ssim', 'l1')
    """
    return tuple(_KNOWN)


def named(metric: str | Metric, uint8: bool) -> Metric:
    """Return the metric of a name, or a function as it is; of outputs rounded to 8 bits, if asked.

    Raises
    ------
    InputError
        If it is neither.
    """
    if isinstance(metric, str):
        chosen = _KNOWN[choose("metric", metric, _KNOWN)]
    elif callable(metric):
        chosen = metric
    else:
        raise InputError(f"metric: got {metric!r}, expected 'psnr', 'ssim', 'l1' or a function of windows and truth.")
    return (lambda a, b: chosen((a * 255).round() / 255, (b * 255).round() / 255)) if uint8 else chosen


def threshold(metric: str | Metric) -> float:
    """Return below what an effect counts as none, unless said otherwise."""
    return THRESHOLDS.get(metric, THRESHOLDS["psnr"]) if isinstance(metric, str) else THRESHOLDS["psnr"]


def title(metric: str | Metric) -> str:
    """Return a metric's name for a result."""
    return metric if isinstance(metric, str) else identity.named(metric)
