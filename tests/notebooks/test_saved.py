"""A saved notebook stays small, and shows something where nothing plays."""

import nbclient
import nbformat
from nbconvert import HTMLExporter

SETUP = """
import lam_nb as lam, lam_widgets
net = lam.networks.load("fsrcnn")
lr = lam.images.downscale(lam.images.sample("facade")[:, :224], 4)
ds = lam.attribute(net, lr, lam.Region(112, 120), steps=50, progress=False)
"""
VIEWS = ["lam.views.progression(ds)", "lam.views.attribution(ds)", "lam.views.convergence(ds)"]


def test_three_views_fit_ten_megabytes_and_leave_pictures():
    cells = [nbformat.v4.new_code_cell(text) for text in (SETUP, *VIEWS, "lam_widgets.Scrubber(ds)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    for cell in notebook.cells[1:4]:
        live, still = (output.data for output in cell.outputs)
        assert "application/vnd.plotly.v1+json" in live and "text/html" not in live
        assert "data:image/png;base64," in still["text/html"] and "plotly" not in still["text/html"].replace(
            "-plotly", ""
        )
    assert "image/png" in notebook.cells[-1].outputs[-1].data
    assert len(nbformat.writes(notebook).encode()) < 10e6
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count("data:image/png;base64") >= 3
