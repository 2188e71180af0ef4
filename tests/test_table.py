import pytest

import lam_nb as lam
from lam_nb import InputError

REGION = lam.Region(12, 16, 8)


@pytest.fixture
def results(relu_network, linear_network, image):
    relu_network.name = "<relu>"
    return [lam.attribute(net, image, REGION, steps=4, progress=False) for net in (relu_network, linear_network)]


def test_a_row_per_result_with_its_pictures(results):
    shown = lam.views.table(results, PSNR=[30.123, 29.0], kind=["a", "b"])
    text, page = str(shown), shown._repr_html_()
    assert [line.split()[0] for line in text.splitlines()] == ["network", "<relu>", "toy"]
    assert "30.12" in text and f"{float(results[0].lam.diffusion_index()):.2f}" in text
    assert page.count("<img") == 4
    assert 'alt="map of toy"' in page and 'alt="output of &lt;relu&gt;"' in page
    assert "<relu>" not in page and "&lt;relu&gt;" in page


def test_without_outputs_only_maps(results):
    assert lam.views.table([one.drop_vars("output") for one in results])._repr_html_().count("<img") == 2


def test_bad_input(results):
    with pytest.raises(InputError, match="results: got none"):
        lam.views.table([])
    with pytest.raises(InputError, match="PSNR: got 1 entries for 2 results"):
        lam.views.table(results, PSNR=[1.0])
