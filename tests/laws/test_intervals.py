"""Intervals hold their level: of normal numbers they are as wide as theory says."""

import numpy as np
import pytest
import xarray as xr

import lam_nb as lam

WIDTHS = {0.5: 0.6745, 0.8: 1.2816, 0.95: 1.96}
"""Level -> half the width, in standard errors."""


@pytest.mark.parametrize("level", WIDTHS)
def test_a_bootstrap_is_as_wide_as_its_level(level):
    values = xr.DataArray(np.random.default_rng(3).normal(2, 0.7, 400), dims="image")
    found = lam.statistics.bootstrap(values, level=level, draws=4000)
    expected = WIDTHS[level] * float(values.std()) / 20
    assert float(found["mean"]) == pytest.approx(float(values.mean()))
    for end in (found["mean"] - found.low, found.high - found["mean"]):
        assert float(end) == pytest.approx(expected, rel=0.12)


def test_an_interval_over_images_leaves_other_dimensions():
    values = xr.DataArray(np.random.default_rng(0).normal(size=(3, 20)), dims=("model", "image"))
    found = lam.statistics.bootstrap(values, draws=200)
    assert found.low.dims == ("model",) and bool((found.low < found.high).all())
