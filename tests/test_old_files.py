"""Old files: what version 0.1.0 wrote still opens, and is drawn by its view."""

import pathlib
import zipfile

import numpy as np
import pytest

import lam_nb as lam
from lam_nb import views

FOLDER = pathlib.Path(__file__).parent / "fixtures" / "0.1.0"
ATTRIBUTION = (views.attribution, views.progression, views.convergence, views.path_panel, views.table)
VIEWS = {
    "attribute.nc": ATTRIBUTION,
    "causal.nc": (views.causal,),
    "compare.nc": (views.comparison,),
    "compare-tolerance.nc": (views.comparison, views.informative),
    "content.nc": (views.content,),
    "correlation.nc": (views.di_scatter,),
    "curves.nc": (views.faithfulness,),
    "diffusion_field.nc": (views.diffusion_field,),
    "randomised.nc": (views.randomised,),
    "receptive_field.nc": (views.receptive_field,),
    "regions.nc": (views.attribution, views.convergence, views.table),
    "scaling.nc": (views.scaling,),
    "sensitivity.nc": (views.sensitivity,),
    "smoothgrad.nc": (views.attribution, views.table),
}
PRINTED = ("attribute.nc", "compare.nc", "curves.nc", "correlation.nc", "smoothgrad.nc")


def _opened(name):
    found = lam.open(FOLDER / name)
    return found.isel(region=1) if "region" in found.dims else found


def _drawn(view, dataset):
    return view([dataset]) if view is views.table else view(dataset)


def test_every_file_is_drawn_here():
    assert {path.name for path in FOLDER.glob("*.nc")} == set(VIEWS)


@pytest.mark.parametrize(("name", "view"), [(name, view) for name, every in VIEWS.items() for view in every])
def test_a_file_opens_and_is_drawn(name, view):
    shown = _drawn(view, _opened(name))
    if view is views.table:
        assert shown.rows and "nan" not in str(shown)
        return
    assert len(shown.data) + len(shown.layout.images) > 0
    assert "nan" not in shown.layout.title.text
    assert np.asarray(shown.picture()).min() < 255


@pytest.mark.parametrize("name", PRINTED)
def test_a_file_is_printed(name, tmp_path):
    assert views.save(_opened(name), tmp_path / "figure.png", dpi=60).stat().st_size > 1000


def test_what_kind_of_error_smoothgrad_had_is_told():
    old = _opened("smoothgrad.nc")
    text, told = views.attribution(old).layout.title.text, views.table([old])
    error = f"{float(old.quadrature_error):.1%}"
    assert f"standard error of the map over noisy copies {error}" in text and error in str(told)
    assert "method smoothgrad · detector edges · 4 noisy copies" in text
    assert not any(word in text for word in ("path", "rule", "gap", "estimated"))
    assert "standard error" in told.caption and "estimated" not in told.caption


def test_the_stores_open(tmp_path):
    with zipfile.ZipFile(FOLDER / "stores.zip") as packed:
        packed.extractall(tmp_path)
    result = lam.open(tmp_path / "attribute.zarr")
    for view in ATTRIBUTION:
        _drawn(view, result)
    table = lam.open(tmp_path / "sweep.zarr")
    assert bool((table.done == 1).all())
    assert len(views.di_scatter(lam.studies.di_against_psnr(table)).data[0].x) == 3
    assert len(views.content(lam.studies.content(table)).data[0].y) == 2
