"""The committed study: its arithmetic has known answers, its file agrees with itself, notebooks quote what is in it."""

import json
import pathlib

import nbformat
import numpy as np
import pytest

from tests.benchmarks import study

FOLDER = pathlib.Path(__file__).parents[2] / "notebooks"
FOUND = json.loads((study.HERE / "study.json").read_text())


def prose(name):
    cells = nbformat.read(FOLDER / name, as_version=4).cells
    return " ".join(" ".join(cell.source.split()) for cell in cells if cell.cell_type == "markdown")


def number(value, form="{:.2f}"):
    """As it is written in a text."""
    return form.format(value).replace("-", "−")


def within(ends, form="{:.2f}"):
    return "[" + ", ".join(number(end, form) for end in ends) + "]"


def test_the_variance_of_sums_is_shared_between_their_parts():
    networks, pictures = np.array([[0.0], [2.0], [4.0]]), np.array([[0.0, 1.0, 2.0, 3.0]])
    parts = networks.var(), pictures.var()
    found = study.shares(networks + pictures)
    expected = {"network": parts[0] / sum(parts), "picture": parts[1] / sum(parts), "rest": 0}
    assert found == pytest.approx(expected, abs=1e-3)
    assert study.reliability(networks + pictures) == 1


def test_what_is_known_explains_what_it_can():
    draw = np.random.default_rng(0)
    known, first, second = draw.normal(size=(3, 4000))
    assert abs(study.given(known + first, 2 * known + second, known)) < 0.05
    assert study.given(known + first, known - first, known) == pytest.approx(-1)


def test_a_smaller_range_shows_less_of_a_relation():
    draw = np.random.default_rng(1)
    width = draw.normal(size=(20_000, 1))
    quality = width + draw.normal(size=(20_000, 1))
    few = abs(width[:, 0]) < 0.5
    found = study.restricted((width, quality), (width[few], quality[few]))
    seen = np.corrcoef(width[few, 0], quality[few, 0])[0, 1]
    assert found["expected"] == pytest.approx(seen, abs=0.03) and found["range of ln DI"] < 0.4


def test_pictures_and_networks_are_taken_out_of_cells():
    draw = np.random.default_rng(2)
    networks, pictures = draw.normal(size=(12, 1)), 10 * draw.normal(size=(1, 9))
    found = study.cells(networks - pictures, networks + pictures)
    assert found["within pictures"] == 1 and found["within networks"] == -1 and found["as they are"] < -0.9


@pytest.mark.parametrize("name", ["all", "light", "all but published", "trained for fidelity"])
def test_correlations_follow_from_the_table_in_the_file(name):
    chosen = {"all": list(FOUND["di"]), "light": study.LIGHT, "trained for fidelity": study.PUBLISHED + study.LIGHT}
    chosen["all but published"] = [one for one in FOUND["di"] if one not in study.PUBLISHED]
    width, quality = (np.array([np.mean(FOUND[what][one]) for one in chosen[name]]) for what in ("di", "psnr"))
    one = FOUND["correlation"][name]
    assert one["networks"] == len(width) and FOUND["pictures"] == len(FOUND["images"]) == len(FOUND["di"]["rfdn"])
    assert one["pearson"] == pytest.approx(np.corrcoef(np.log(width), quality)[0, 1], abs=2e-3)
    for which in study.PAPER:
        inner, outer = (one[f"{which}, interval over {over}"] for over in ("pictures", "both"))
        assert outer[0] < inner[0] < one[which] < inner[1] < outer[1]


def test_the_tenth_notebook_quotes_the_file():
    text = prose("10-does-width-pay.ipynb")
    for name in ("all", "all but published", "light"):
        one = FOUND["correlation"][name]
        ends = [within(one[f"pearson, interval over {over}"]) for over in ("pictures", "both")]
        assert f"| {name} | {one['networks']} | {number(one['pearson'])} | {' | '.join(ends)} |" in text
    for what, one in FOUND["pairs"].items():
        (ratio, *ends), (change, *around) = one["DI is multiplied by"], one["PSNR"]
        signed = number(change, "{:+.2f}"), within(around, "{:+.2f}")
        assert f"| {what} | × {ratio:.2f} {within(ends)} | {' '.join(signed)} |" in text
    for what, words in (
        ("correlation with PSNR", "PSNR with ln parameters"),
        ("left of ln DI with PSNR", "size is known"),
    ):
        known = [FOUND["beside"][group]["the logarithm of parameters"][what] for group in ("all", "light")]
        told = " | ".join(f"{number(value)} {within(ends)}" for value, *ends in known)
        assert f"{words} | {told} |" in text
    for group in ("all", "light"):
        for what in ("ln DI", "PSNR"):
            parts = [f"{100 * one:.0f} %" for one in FOUND[f"variance of {what}"][group].values()]
            assert f"| {what} | {' | '.join(parts)} |" in text
    without, cells = FOUND["pearson without"], FOUND["cells"]
    for value, words in (
        (without["all"]["rfdn"], "{} without RFDN"),
        (without["all"]["imdn"], "{} without IMDN"),
        (without["all"]["carn-m"], "{} without CARN-M"),
        (without["light"]["fsrcnn"], "0.53 becomes {}"),
        (cells["all"]["as they are"], "correlate with {}"),
        (cells["all"]["within networks"], "over pictures with {}"),
        (cells["all"]["within pictures"], "was meant: {},"),
        (cells["light"]["within pictures"], "and {} among light ones"),
        (FOUND["light, expected of the range alone"]["range of ln DI"], "over {} of the range"),
        (FOUND["light, expected of the range alone"]["expected"], "shows as {}"),
    ):
        assert words.format(number(value)) in text


def test_the_ninth_notebook_quotes_the_file():
    text = prose("9-the-paper.ipynb")
    for name, words in (("all", "is {}, from {} to {} if"), ("light", "it is {}, from {} to {}:")):
        one = FOUND["correlation"][name]
        assert words.format(*map(number, (one["pearson"], *one["pearson, interval over both"]))) in text
    index = [number(np.mean(FOUND["di"][name])) for name in ("rfdn", "fsrcnn")]
    assert "RFDN has an index of {} and FSRCNN {},".format(*index) in text
    for value in FOUND["paper"].values():
        assert f"{value:.3f}" in text and f"{value:.3f}" in prose("10-does-width-pay.ipynb")
