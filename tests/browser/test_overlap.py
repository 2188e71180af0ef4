"""Words of every view and widget, at three widths, in light and dark: none cut, none over another, all to be read."""

import copy
import html
import itertools
import re

import numpy as np
import pytest
import torch

import lam_nb as lam
import lam_widgets
from lam_nb import Region, views
from tests.verbs import reaching

WINDOW = Region(16, 40, height=6, width=10)
QUIET = {"progress": False}
BOXES = """() => Array.from(document.querySelectorAll('#figure svg text')).flatMap(
    t => t.querySelector('tspan.line') ? Array.from(t.querySelectorAll('tspan.line')) : [t]
  ).filter(t => t.textContent.trim()).map(t => {
  const style = getComputedStyle(t), box = t.getBoundingClientRect();
  const shown = box.width > 0 && +style.opacity > 0 && style.visibility != 'hidden' && !/, 0\\)$/.test(style.fill)
    && parseFloat(style.fontSize) > 2 && !t.closest('.hoverlayer');
  return shown ? [t.textContent, box.left, box.top, box.right, box.bottom, style.fill] : null }).filter(Boolean)"""

WORDS = """() => {
  const found = [], walker = document.createTreeWalker(document.getElementById('widget'), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const range = document.createRange(), style = getComputedStyle(node.parentElement);
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    const parent = node.parentElement, ink = parent.closest('svg') ? style.fill : style.color;
    if (!node.textContent.trim() || !parent.checkVisibility() || parent.closest('option, [aria-hidden]')) continue;
    found.push([node.textContent, box.left, box.top, box.right, box.bottom, ink]);
  }
  return found }"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    picture = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    truth = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(1))
    nets = [reaching("narrow", 3), reaching("wider", 5), reaching("widest", 9)]
    kept = {"keep": ["input", "output", "integrand"], "steps": 6, "reference": truth, **QUIET}
    one = lam.attribute(nets[0], picture, WINDOW, reference=truth, tolerance=0.02, **QUIET)
    longer = {**kept, "keep": ["input", "output", "integrand", "gradient", "path"]}
    black = lam.attribute(nets[0], picture, WINDOW, path="black", steps=6, **QUIET)
    many = lam.compare(nets, picture, WINDOW, fields=True, **kept)
    cause = lam.causal_effect(nets[0], picture, WINDOW, reference=truth, block=4, fine=3, **QUIET)
    pictures = {"one": truth, "other": truth.flip(-1).contiguous()}
    table = lam.sweep(nets, pictures, [WINDOW], store=tmp_path_factory.mktemp("sweep") / "all.zarr", steps=4, **QUIET)
    sizes = {"narrow": (8, 1), "wider": (16, 1), "widest": (32, 1)}
    changes = {"blur": [(1, lam.images.Blur(1)), (2, lam.images.Blur(2))], "noise": lam.images.Noise(0.1)}
    known = [lam.representations(net, pictures, changes, components=4, **QUIET) for net in nets[:2]]
    few = {"patches": 24, "components": 12, "size": 8, "draws": 20, **QUIET}
    moved = [lam.studies.generalisation(net, pictures, changes, **few) for net in nets[:2]]
    apart = [lam.statistics.separability(one, draws=20, permutations=19) for one in known]
    tuned = copy.deepcopy(nets[0])
    with torch.no_grad():
        for weights in tuned.parameters():
            weights += 0.05 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(2))
    both = {"blur": lam.images.Blur(1), "noise": lam.images.Noise(0.1)}
    kernels = lam.filters(tuned, nets[0], pictures, both, steps=4, **QUIET)
    asked = (tuned, nets[0], kernels, pictures, both)
    masked = lam.studies.masking_curve(*asked, draws=2, **QUIET)
    modulated = lam.studies.modulation_curve(*asked, share=0.1, amounts=[0, 0.5, 1, 1.5], **QUIET)
    curves = lam.faithfulness.curves(nets[0], picture, WINDOW, {"LAM": one}, draws=2, **QUIET)
    return {
        "attribution": views.attribution(one),
        "progression": views.progression(one),
        "comparison": views.comparison(many),
        "many networks": views.comparison(
            lam.compare([reaching(f"net {k}", 3) for k in range(7)], picture, WINDOW, **kept), beside=["truth"]
        ),
        "path_panel": views.path_panel({"blur": one, "black": black}),
        "convergence": views.convergence(one),
        "informative": views.informative(many),
        "causal": views.causal(cause, attribution=one),
        "causal_comparison": views.causal_comparison([cause, cause]),
        "receptive_field": views.receptive_field(lam.receptive_field(nets[0], [picture])),
        "diffusion_field": views.diffusion_field(lam.diffusion_field(nets[0], picture, stride=16, steps=3, **QUIET)),
        "faithfulness": views.faithfulness(curves),
        "randomised": views.randomised(lam.faithfulness.randomised(nets[0], picture, WINDOW, steps=4, **QUIET)),
        "sensitivity": views.sensitivity(lam.studies.path_sensitivity(nets, picture, WINDOW, steps=4, **QUIET)),
        "content": views.content(lam.studies.content(table)),
        "scaling": views.scaling(lam.studies.di_against_size(table, sizes)),
        "di_scatter": views.di_scatter(
            lam.studies.di_against(table, {net.name: k for k, net in enumerate(nets)}, "depth")
        ),
        "representations": views.representations(known[0]),
        "separability": views.separability(apart),
        "generalisation": views.generalisation(moved),
        "generalisation of one kind": views.generalisation(
            {name: one.isel(test=slice(2)) for name, one in zip(LONG, moved, strict=True)}
        ),
        "filters": views.filters(kernels),
        "masking": views.masking(masked),
        "modulation": views.modulation(modulated),
        "scrubber": lam_widgets.Scrubber(lam.attribute(nets[0], picture, WINDOW, **longer), pixel=[4, 5]),
        "widget of a comparison": lam_widgets.Comparison(many),
        "samples": lam_widgets.Samples(known[0], selected=known[0].sample.values[:2].tolist()),
        "picker": lam_widgets.RegionPicker(truth, suggestions=[WINDOW]),
    }


LONG = "srresnet-residual-mse", "srresnet-residual-robust"
"""Names that leave less room beside a legend."""
NAMES = ["attribution", "progression", "comparison", "path_panel", "convergence", "informative", "causal"]
NAMES += ["many networks", "causal_comparison", "receptive_field", "diffusion_field", "faithfulness"]
NAMES += [
    "randomised",
    "sensitivity",
    "content",
    "scaling",
    "di_scatter",
    "representations",
    "separability",
    "generalisation",
    "generalisation of one kind",
    "filters",
    "masking",
    "modulation",
]
WIDGETS = ["scrubber", "widget of a comparison", "samples", "picker"]


def bright(colour):
    parts = np.array([float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one, other):
    low, high = sorted((bright(one), bright(other)))
    return (high + 0.05) / (low + 0.05)


def settle(page, boxes=BOXES):
    """Wait until words have stood still for a while: a page is drawn anew after it has changed its width."""
    before, still = None, 0
    for _ in range(50):
        page.wait_for_timeout(100)
        now = page.evaluate(boxes)
        still = still + 1 if now == before else 0
        before = now
        if still == 3:
            return
    raise AssertionError("the page moves on and on")


def check_places(page, width, boxes=BOXES):
    """Assert that no word is cut or covers another."""
    found, wide = page.evaluate(boxes), page.evaluate("document.documentElement.scrollWidth")
    assert found
    for words, left, _, right, _, _ in found:
        assert left >= -1 and right <= max(width, wide) + 1, (width, words, left, right)
    for one, other in itertools.combinations(found, 2):
        across = min(one[3], other[3]) - max(one[1], other[1])
        down = min(one[4], other[4]) - max(one[2], other[2])
        assert across <= 2 or down <= 3, (width, one[0], other[0])
    assert width > 600 or wide <= width


def check_contrast(page, scheme, boxes=BOXES):
    """Assert that all words can be read in a light or dark room."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(100)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (bright(paper) < 0.1) == (scheme == "dark")
    fills = {words: fill for words, *_, fill in page.evaluate(boxes)}
    low = {words: round(contrast(fill, paper), 1) for words, fill in fills.items() if contrast(fill, paper) < 4.5}
    assert not low, scheme


@pytest.mark.parametrize("name", NAMES)
def test_words_do_not_meet_are_not_cut_and_can_be_read(name, shown, browser, tmp_path):
    shown[name].to_html(tmp_path / "page.html")
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(f"file://{tmp_path}/page.html")
    page.wait_for_selector("#figure .main-svg")
    for width in (1400, 900, 400):  # a window that is made narrower, to a phone's
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        check_places(page, width)
        if width == 900:
            check_contrast(page, "light")
            check_contrast(page, "dark")
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_every_view_asks_a_question_and_tells_what_is_seen(name, shown, tmp_path):
    figure = shown[name]
    assert re.match(r"<b>[A-Z][^<]*\?</b>", figure.layout.title.text)
    lines = views.kit.explained(figure)
    assert lines and all(line[0].isupper() or line[0] in "±▲“" for line in lines)
    page = figure.to_html(tmp_path / "page.html").read_text()
    assert all(f"<li>{html.escape(line)}</li>" in page for line in lines)


@pytest.mark.parametrize("name", WIDGETS)
def test_words_of_widgets_do_not_meet_are_not_cut_and_can_be_read(name, shown, page, tmp_path):
    shown[name].to_html(tmp_path / "page.html")
    page.goto(f"file://{tmp_path}/page.html")
    page.wait_for_selector("#widget .lam")
    for width in (1400, 900, 400):
        page.set_viewport_size({"width": width, "height": 4000})  # the player keeps to the lower edge
        page.wait_for_timeout(300)
        check_places(page, width, WORDS)
    for scheme in ("light", "dark"):
        check_contrast(page, scheme, WORDS)
    page.locator("summary").first.click() if name != "picker" else None
    check_places(page, 400, WORDS)


@pytest.mark.parametrize("room", [views.kit.LIGHT, views.kit.DARK])
def test_colours_of_rooms_have_contrast(room):
    from PIL import ImageColor

    def told(colour):
        return "rgb" + str(ImageColor.getrgb(colour))

    assert contrast(told(room.ink), told(room.paper)) > 12
    assert contrast(told(room.faint), told(room.paper)) >= 4.5
    for line in views.kit.LINES:
        assert contrast(told(line), told(room.paper)) >= 3, line
