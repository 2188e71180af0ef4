"""Names from files that are not one's own: nothing in them runs in a page, and they can be read as they are."""

import numpy as np
import pytest

import lam_nb as lam
import lam_widgets
from lam_nb import networks, views
from lam_nb.views.kit import write_page

HOSTILE = "<img src=http://192.0.2.1/x onerror=window.ran=1></script><script>alert(1);window.ran=1</script>"
HOSTILE += "<b onclick='window.ran=1'>net</b>"
LINK = '<a href="javascript:window.ran=1">net</a>'
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def results():
    """A map, a comparison of two networks and what else names them, all called something evil."""
    net, hr = networks.load("fsrcnn"), lam.images.sample("bricks")
    lr, window = lam.images.downscale(hr, 4), lam.Region(96, 96, 32)
    named = [networks.wrap(net.module, scale=4, name=name, check=False, value_range=1) for name in (HOSTILE, LINK)]
    one = lam.attribute(named[0], lr, window, steps=3, **QUIET)
    several = lam.compare(named, lr, window, steps=3, **QUIET)
    cause = lam.causal_effect(named[0], lr, window, reference=hr, block=16, fine=1, coarse=1, **QUIET)
    curves = lam.faithfulness.curves(named[0], lr, window, {HOSTILE: one}, **QUIET)
    pictures = {HOSTILE: hr[:, :64, :64], LINK: hr[:, -64:, -64:]}
    spoiled = {HOSTILE: lam.images.Blur(1)}
    known = lam.representations(named[0], pictures, spoiled, layers="last_part", components=2, **QUIET)
    return {"one": one, "several": several, "cause": cause, "curves": curves, "net": named[0], "known": known}


PAGES = {
    "attribution": lambda r, path: views.attribution(r["one"]).to_html(path, title=HOSTILE),
    "comparison": lambda r, path: views.comparison(r["several"]).to_html(path, title=HOSTILE),
    "progression": lambda r, path: views.progression(r["one"]).to_html(path, title=HOSTILE),
    "causal": lambda r, path: views.causal(r["cause"]).to_html(path, title=HOSTILE),
    "faithfulness": lambda r, path: views.faithfulness(r["curves"]).to_html(path, title=HOSTILE),
    "table": lambda r, path: write_page(path, views.table([r["one"]], **{HOSTILE: [HOSTILE]})._repr_html_()),
    "address": lambda r, path: write_page(
        path, views.table([r["one"]], column=['data:image/png;base64,AA" onerror="window.ran=1'])._repr_html_()
    ),
    "card": lambda r, path: write_page(path, r["net"]._repr_html_()),
    "scrubber": lambda r, path: lam_widgets.Scrubber(r["one"]).to_html(path, title=HOSTILE),
    "samples": lambda r, path: lam_widgets.Samples(r["known"]).to_html(path, title=HOSTILE),
    "models": lambda r, path: lam_widgets.Comparison(r["several"]).to_html(path, title=HOSTILE),
}


@pytest.mark.parametrize("kind", PAGES)
def test_no_name_runs_in_a_page(kind, results, page, tmp_path):
    path, asked, dialogs = tmp_path / "page.html", [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    PAGES[kind](results, path)
    page.goto(f"file://{path}")
    page.wait_for_selector("table, #figure .main-svg, #widget > *", state="attached")
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None and not dialogs
    foreign = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert not foreign
    assert not page.evaluate("document.querySelectorAll('img[onerror], [onclick], a[href^=javascript]').length")


def test_names_are_read_as_they_are(results, page, tmp_path):
    page.goto(f"file://{views.attribution(results['one']).to_html(tmp_path / 'page.html')}")
    page.wait_for_selector("#figure .gtitle")
    assert HOSTILE.partition("<b ")[0] in page.locator("#figure .gtitle").first.text_content()
    assert np.isfinite(results["one"].attribution).all()
