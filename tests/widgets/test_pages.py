"""Pages of notebooks: what a notebook holds may be older than what reads it."""

import nbformat

from lam_widgets.pages import Standing

PLOTLY = "application/vnd.plotly.v1+json"


def test_a_figure_of_another_plotly_is_drawn_as_far_as_it_is_known_and_its_picture_goes():
    old = {
        "data": [{"type": "scatter", "y": [1, 2], "nonsense": 3}],
        "layout": {"titlefont": {"size": 3}, "template": {"data": {"heatmapgl": [{"type": "heatmapgl"}]}}},
        "config": {"plotlyServerURL": "https://plot.ly"},
    }
    kinds = {PLOTLY: old}, {"text/html": '<img class="lam-still">'}, {"text/html": "<b>mine</b>"}
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data) for data in kinds])
    told, _ = Standing().preprocess(nbformat.v4.new_notebook(cells=[cell]), {})
    figure, still, mine = (output.data["text/html"] for output in told.cells[0].outputs)
    assert "Plotly.newPlot" in figure and "nonsense" not in figure
    assert (still, mine) == ("", "<b>mine</b>")
