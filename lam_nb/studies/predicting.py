"""Predicting: which degradation a picture has, told from the kernels that answer to it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .. import result
from ..validation import InputError, fraction, whole

TABLE = result.Table(
    {
        result.PREDICTED: ((result.DEGRADATION, result.CONTENT), "degradation of the nearest signature", "1"),
        result.CONFUSION: ((result.DEGRADATION, result.SAID), "share of a degradation's pictures", "1"),
        result.ACCURACY: ((), "share of pictures whose degradation is told rightly", "1"),
        f"{result.ACCURACY}_low": ((), "accuracy, low", "1"),
        f"{result.ACCURACY}_high": ((), "accuracy, high", "1"),
        result.CHANCE: ((), "accuracy by chance", "1"),
    },
    maker="lam_nb.studies.degradation_prediction",
    coordinates={
        result.DEGRADATION: ((result.DEGRADATION,), "degradation", "1"),
        result.CONTENT: ((result.CONTENT,), "picture", "1"),
        result.SAID: ((result.SAID,), "degradation that is said", "1"),
    },
)


def degradation_prediction(
    scores: xr.Dataset, *, folds: int | None = None, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> xr.Dataset:
    """Tell a picture's degradation by the nearest signature of kernels, cross-validated over pictures.

    A signature is how a degradation's score is spread over kernels: each picture's scores as shares of their sum,
    averaged over the pictures of other folds. Nearest is the smallest Hellinger distance, which compares square roots
    of shares. No picture helps to predict itself, in whatever condition. Scores are made with the truth: this tells
    what kernels know, it is no detector for pictures without a truth. Xie et al. (NeurIPS 2021) say that degradations
    can be predicted so, and not how; the distance is ours.

    Parameters
    ----------
    scores : xarray.Dataset
        Of `lam_nb.filters` with ``each=True``, at least two degradations and pictures.
    folds : int, optional
        Parts that pictures are split into, at random; each picture by itself by default.
    level : float, default 0.95
        Of the interval, by drawing pictures again.
    draws, seed : int

    Returns
    -------
    xarray.Dataset
        ``predicted`` (degradation, content), the place of the degradation; ``confusion`` (degradation, said);
        ``accuracy`` with ``_low`` and ``_high``, and by ``chance``.

    Raises
    ------
    InputError
        If an argument does not fit.

    Examples
    --------
    >>> import lam_nb as lam
    >>> pair = "srresnet-residual-restoring", "srresnet-residual-mse"
    >>> spoilt = {"blur": lam.images.Blur(2), "noise": lam.images.Noise(0.1)}
    >>> ds = lam.filters(*pair, ["bricks", "facade", "cat"], spoilt, steps=2, size=16, progress=False)
    >>> found = degradation_prediction(ds)
    >>> found.predicted.shape, float(found.chance)
    ((2, 3), 0.5)
    """
    each = result.check(scores, result.SCORE_EACH)[result.SCORE_EACH]
    if not {result.DEGRADATION, result.CONTENT} <= {*map(str, each.dims)} or min(each.shape[:2]) < 2:
        raise InputError(
            f"scores: has {dict(each.sizes)}, expected at least two degradations and two pictures to tell apart."
        )
    each = each.transpose(result.DEGRADATION, result.CONTENT, result.KERNEL)
    kinds, pictures, _ = each.shape
    parts = whole("folds", pictures if folds is None else folds, 2, pictures)
    source = np.random.default_rng(whole("seed", seed, 0))
    level = fraction("level", level, "a probability such as 0.95", whole_too=False)
    rows = source.integers(0, pictures, (whole("draws", draws, most=1_000_000), pictures))
    predicted = _predicted(each.values.astype(float), source.permutation(np.arange(pictures) % parts))
    right = (predicted == np.arange(kinds)[:, None]).mean(0)
    low, high = np.quantile(right[rows].mean(1), [(1 - level) / 2, (1 + level) / 2])
    values = {
        result.PREDICTED: predicted,
        result.CONFUSION: np.array([np.bincount(row, minlength=kinds) / pictures for row in predicted]),
        result.ACCURACY: right.mean(),
        f"{result.ACCURACY}_low": low,
        f"{result.ACCURACY}_high": high,
        result.CHANCE: 1 / kinds,
    }
    places = {name: each[name].values for name in (result.DEGRADATION, result.CONTENT)}
    places[result.SAID] = places[result.DEGRADATION]
    told: dict[str, str | int | float] = {"by": "nearest signature, Hellinger distance", "folds": parts}
    return TABLE.build(values, places, facts=told | {"interval_level": level, "draws": draws, "seed": seed})


def _predicted(scores: NDArray[np.float64], folds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the nearest signature of each picture, (degradation, content)."""
    total = scores.sum(-1, keepdims=True)
    shares = scores / np.where(total > 0, total, 1)
    found = np.empty(shares.shape[:2], int)
    for fold in np.unique(folds):
        signatures = np.sqrt(shares[:, folds != fold].mean(1))
        apart = ((np.sqrt(shares[:, folds == fold])[:, :, None] - signatures) ** 2).sum(-1)
        found[:, folds == fold] = apart.argmin(-1)
    return found
