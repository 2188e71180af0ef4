"""The summary of results: numbers as they are, and as they are printed."""

import numpy as np
import pandas as pd
import pytest
import torch

import lam_nb as lam
from lam_nb import InputError

from .test_publish import QUIET, SIZE, TRUTH, WINDOW
from .verbs import reaching


@pytest.fixture(scope="module")
def picture():
    return torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def many(picture):
    nets = [reaching("a_b"), reaching("wide", 9)]
    return lam.compare(nets, picture, WINDOW, reference=TRUTH, fields=True, steps=6, **QUIET)


def test_numbers_are_those_of_the_results(many):
    table = lam.summary(many)
    assert table.index.tolist() == ["a_b", "wide"] and table.index.name == "network"
    np.testing.assert_allclose(table.diffusion_index, many.lam.diffusion_index())
    np.testing.assert_allclose(table.psnr_window, many.psnr_window)
    np.testing.assert_allclose(table.diffusion_index_error, lam.statistics.index_error(many))
    assert table.parameters.tolist() == many.parameters.values.tolist()
    assert table.field_width.tolist() == [5, 11] and table.attrs["psnr"] == "dB"
    assert isinstance(table[table.psnr > 0], pd.DataFrame)


def test_what_is_printed_has_the_index_with_its_error_and_units(many):
    printed = lam.summary(many).printed
    index, error = float(many.lam.diffusion_index()[0]), float(lam.statistics.index_error(many)[0])
    assert printed.loc["a_b", "DI"] == f"{index:.2f} ± {error:.2f}"
    assert "PSNR window (dB)" in printed and "PSNR picture (dB)" in printed
    latex, markdown = lam.summary(many).to_latex(), lam.summary(many).to_markdown()
    assert r"a\_b" in latex and r"\toprule" in latex and r"$\pm$" in latex and "±" in markdown
    assert markdown.count("\n") == 3 and f"{index:.2f} ± {error:.2f}" in markdown
    assert "±" in lam.summary(many)._repr_html_()


def test_files_hold_numbers(many, tmp_path):
    lam.summary(many).to_csv(tmp_path / "table.csv")
    back = pd.read_csv(tmp_path / "table.csv", index_col=0)
    np.testing.assert_allclose(back.diffusion_index, lam.summary(many).diffusion_index)


def test_windows_networks_and_pictures_are_rows(picture, tmp_path):
    both = lam.attribute(reaching("a_b"), picture, [WINDOW, (2, 3, 8)], steps=3, **QUIET)
    assert lam.summary(both).index.name == "region" and len(lam.summary(both)) == 2
    single = lam.attribute(reaching("a_b"), picture, WINDOW, steps=3, **QUIET)
    assert lam.summary(single).index.tolist() == ["a_b"]
    listed = lam.summary([single, lam.attribute(reaching("wide", 9), picture, WINDOW, **QUIET)])
    assert listed.index.tolist() == ["a_b", "wide"]
    pictures = {"one": TRUTH, "two": TRUTH.flip(1)}
    swept = lam.sweep(
        [reaching("a_b"), reaching("x", 5)], pictures, [WINDOW], store=tmp_path / "s.zarr", steps=3, **QUIET
    )
    table = lam.summary(swept)
    assert table.index.names == ["network", "image", "region"] and len(table) == 4
    np.testing.assert_allclose(table.loc[("x", "two")].psnr, swept.psnr.sel(model="x", image="two"))


def test_what_is_unknown_is_a_dash_and_what_is_endless_said(picture):
    single = lam.attribute(reaching("a_b"), picture, WINDOW, steps=3, **QUIET)
    single["diffusion_index_error"] = np.nan
    assert "±" not in lam.summary(single).printed.loc["a_b", "DI"]
    frame = lam.statistics.Summary({"field_width": [np.inf, 9.0], "field_exact": [True, False], "psnr": [np.nan, 30.0]})
    assert frame.printed["field (px)"].tolist() == ["all", "≥ 9"]
    assert frame.printed["PSNR picture (dB)"].tolist() == ["–", "30.00"]


@pytest.mark.parametrize("given", [None, 3, [], "x", ["x"], pd.DataFrame()])
def test_what_is_no_result_is_told(given):
    with pytest.raises(InputError, match=r"(results|dataset): got"):
        lam.summary(given)
