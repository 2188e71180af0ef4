"""Citations: each verb names its papers and no others; what is not known is said."""

import ast
import pathlib
import re

import pytest
import torch
import xarray as xr
import yaml

import lam_nb as lam
from lam_nb import citations
from tests import verbs

ROOT = pathlib.Path(__file__).parents[1]
LAM, BLUR, STRAIGHT = "gu2021interpreting", "xu2020attribution", "sundararajan2017axiomatic"
SSIM = "wang2004image"
EXPECTED = {
    **{key: {LAM, BLUR} for key in ("fixed steps", "refined", "paper", "whole", "gabor", "intensity", "error")},
    **{key: {LAM, BLUR} for key in ("memory", "regions", "diffusion_field")},
    "mean path": {LAM, STRAIGHT},
    "own path": {LAM},
    "reference": {LAM, BLUR, SSIM},
    "compare": {LAM, BLUR, SSIM, "luo2016understanding"},
    "gradient": {LAM, "simonyan2014deep"},
    "input_x_gradient": {LAM, "shrikumar2016not"},
    "integrated_gradients": {LAM, STRAIGHT},
    "smoothgrad": {LAM, "smilkov2017smoothgrad"},
    "receptive_field": {"luo2016understanding"},
    "representations": {"liu2021discovering", "vandermaaten2008visualizing"},
    "generalisation": {"liu2023evaluating"},
    "filters": {"xie2021finding"},
    "randomised": {LAM, BLUR, "adebayo2018sanity"},
    "curves": {LAM, BLUR, "petsiuk2018rise"},
    **{key: {"hu2025interpreting"} for key in ("causal_effect", "noise", "rain")},
}
"""Verb, as called in `tests.verbs` -> what it uses beside this package."""
MORE = {"liu2021discovering", "calinski1974dendrite", "mcinnes2018umap"}
"""What statistics of these results and other settings add; tested below."""


def keys(text):
    return set(re.findall(r"^@\w+\{(\w+),$", text, re.M)) - {"lam_nb"}


@pytest.fixture(scope="module")
def image():
    return torch.rand(3, 20, 26, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", verbs.VERBS)
@pytest.mark.filterwarnings("ignore:the map")
def test_every_verb_names_what_it_used(name, image):
    found = lam.cite(verbs.VERBS[name](verbs.fresh(), image, "cpu"))
    assert keys(found) == EXPECTED[name]
    assert found.startswith("@software{lam_nb,") and f"version = {{{lam.__version__}}}" in found
    assert "% network toy: no paper is known here" in found


def test_every_entry_is_used():
    used = set().union(*EXPECTED.values()) | MORE | set(citations._ARCHITECTURES.values()) | {"lam_nb"}
    assert used == set(citations.entries())


def test_entries_are_whole():
    text = (ROOT / "lam_nb" / "data" / "references.bib").read_text()
    assert text.count("{") == text.count("}") and len(re.findall("^@", text, re.M)) == len(citations.entries())
    for key, entry in citations.entries().items():
        fields = re.findall(r"^  (\w+) = \{.*\},$", entry, re.M)
        assert {"title", "author", "year"} <= set(fields) and len(fields) == len(set(fields)), key
        assert len(fields) == entry.count("\n") - 1 and entry.endswith("\n}")
        assert key == "lam_nb" or re.search(r"year = \{(\d{4})", entry)[1] in key


def test_what_is_cited_here_is_what_docstrings_name():
    """Each arXiv number of an entry stands in the package, where the method is."""
    sources = " ".join(path.read_text() for path in (ROOT / "lam_nb").rglob("*.py"))
    every = re.findall(r"eprint = \{([\d.]+)\}", (ROOT / "lam_nb" / "data" / "references.bib").read_text())
    elsewhere = {"2004.03383", "2108.01070", "1802.03426"}  # of a name; FAIG is named by its authors; of an extra
    assert len(every) == len(set(every)) and {one for one in every if one not in sources} <= elsewhere


def test_the_year_of_this_package_is_that_of_its_release():
    released = yaml.safe_load((ROOT / "CITATION.cff").read_text())["date-released"]
    assert f"year = {{{released.year}}}" in citations.entries()["lam_nb"]


def test_the_citation_file_names_the_four_methods():
    references = yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]
    numbers = {one["identifiers"][0]["value"].removeprefix("arXiv:"): one for one in references}
    for key in (LAM, "hu2025interpreting", "liu2021discovering", "xie2021finding"):
        entry = citations.entries()[key]
        one = numbers[re.search(r"eprint = \{(.+)\}", entry)[1]]
        assert str(one["year"]) in entry and one["title"].split('"')[0] in entry
        names = " and ".join(f"{who['family-names']}, {who['given-names']}" for who in one["authors"])
        assert f"author = {{{names}}}" in entry


def test_every_network_that_comes_along_has_its_paper_or_is_ours(image):
    ds = lam.gradient("fsrcnn", image, (8, 8, 8))
    assert keys(lam.cite(ds)) == {LAM, "simonyan2014deep", "dong2016accelerating"}
    for name in lam.networks.shipped():
        card = lam.networks.card(name)
        told = lam.cite(ds.assign_attrs(network=name, weights_sha256=card["weights_sha256"]))
        papers = keys(told) - {LAM, "simonyan2014deep"}
        assert "%" not in told and len(papers) == (card["architecture"] != "residual"), name
    assert "% network fsrcnn: no paper" not in lam.cite(ds)
    (swinir,) = [name for name in lam.networks.PUBLISHED if name.endswith("df2k-s64w8-swinir-m") and name[0] == "2"]
    assert "liang2021swinir" in lam.cite(ds.assign_attrs(network=swinir))


def test_networks_of_the_same_name_with_other_weights_are_not_taken_for_them(image):
    ds = lam.gradient(verbs.fresh(), image, (8, 8, 8)).assign_attrs(network="residual-wide")
    assert "% network residual-wide: no paper is known here" in lam.cite(ds)


def test_stacks_name_all_and_each_its_own(image):
    many = lam.compare(["fsrcnn", "rfdn-small"], image, (8, 8, 8), steps=3, progress=False)
    assert {"dong2016accelerating", "liu2020residual"} <= keys(many.lam.cite())
    assert "dong2016accelerating" not in lam.cite(many.isel(model=1))


def test_statistics_and_settings_add_theirs(image):
    ds = verbs.VERBS["representations"](verbs.fresh(), image, "cpu")
    assert {"calinski1974dendrite"} <= keys(lam.cite(lam.statistics.separability(ds).assign_attrs(ds.attrs)))
    assert "mcinnes2018umap" in lam.cite(ds.assign_attrs(plane_by="UMAP, init spectral"))
    cem = verbs.VERBS["causal_effect"](verbs.fresh(), image, "cpu")
    assert SSIM in lam.cite(cem.assign_attrs(metric="ssim")) and SSIM not in lam.cite(cem)


def test_a_file_and_a_sweep_tell_the_same(image, tmp_path):
    ds = lam.gradient("fsrcnn", image, (8, 8, 8))
    lam.save(ds, tmp_path / "one.nc")
    assert lam.cite(lam.open(tmp_path / "one.nc")) == lam.cite(ds)
    store = tmp_path / "all.zarr"
    found = lam.sweep(["fsrcnn", "residual"], ["bricks"], [lam.Region(96, 96)], store=store, steps=3, progress=False)
    assert keys(lam.cite(found)) == {LAM, "dong2016accelerating", SSIM}
    assert "% path: this table does not tell it" in lam.cite(found) and "% path" not in lam.cite(ds)
    assert lam.cite(lam.open(store)) == lam.cite(found)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (xr.Dataset({"attribution": 1}), "does not tell how it was made .* cite the result itself"),
        ("map.nc", "got str, expected an xarray.Dataset"),
    ],
)
def test_what_tells_nothing_is_refused(given, message):
    with pytest.raises(lam.InputError, match=message):
        lam.cite(given)


def test_every_peer_has_its_entry():
    source = (ROOT / "lam_nb" / "methods" / "peers.py").read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.keyword) and node.arg == "method"]
    told = {node.value.value for node in calls if isinstance(node.value, ast.Constant)}
    assert told | {"gradient", "smoothgrad"} == set(citations._METHODS)
