"""Pages of notebooks in which widgets and figures still answer: without a kernel, and without a network.

``jupyter nbconvert --execute --to lam_html notebook.ipynb`` writes one.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor

from lam_nb.views.kit import part

from .kit import standing

_PLOTLY = "application/vnd.plotly.v1+json"
_STILL = "lam-still"
"""Of pictures beside figures, for places that play nothing."""
_VIEW = "application/vnd.jupyter.widget-view+json"
_STATE = "application/vnd.jupyter.widget-state+json"
_MODULES = "lam_widgets."
_FRAME = """<iframe title="an interactive view" srcdoc="{page}" style="border: 0; width: 100%; height: 400px"
onload="const page = this.contentDocument.documentElement;
const grow = () => (this.style.height = page.offsetHeight + 32 + 'px');
new this.contentWindow.ResizeObserver(grow).observe(page)"></iframe>"""


class Standing(Preprocessor):  # traitlets' metaclass has no types
    """Puts a page of its own in the place of each widget of this project whose state the notebook holds.

    Of others that brought a picture, as the Explorer does, it leaves that. Figures are drawn by the page, and the
    pictures that stand in for them go.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Return the notebook with the pages in it."""
        states = nb.metadata.get("widgets", {}).get(_STATE, {}).get("state", {})
        for data, _ in _shown(nb, _VIEW):
            model = states.get(data[_VIEW].get("model_id"), {})
            if (state := model.get("state", {})).get("_anywidget_id", "").startswith(_MODULES):
                del data[_VIEW]
                data["text/html"] = frame(state, model.get("buffers", []))
            elif "image/png" in data:  # it needs a kernel
                del data[_VIEW]
        for k, (data, following) in enumerate(_shown(nb, _PLOTLY)):
            data["text/html"] = drawn(data.pop(_PLOTLY), library=k == 0)
            if _STILL in following.get("text/html", ""):
                following["text/html"] = ""
        return nb, resources


class LamExporter(HTMLExporter):  # traitlets' metaclass has no types
    """nbconvert's HTML, with widgets and figures that answer."""

    export_from_notebook = "HTML, lam_nb's widgets and plotly's figures answer"

    def _init_preprocessors(self) -> None:
        super()._init_preprocessors()
        self.register_preprocessor(Standing, enabled=True)  # the last: after a notebook was executed


def frame(state: Mapping[str, Any], buffers: list[Mapping[str, Any]]) -> str:
    """Return a widget's page, framed; it grows to what it holds.

    Parameters
    ----------
    state : mapping
        Its traits, as a notebook saves them.
    buffers : list of mapping
        Its bytes: ``path``, and ``data`` in base 64.

    Examples
    --------
    >>> frame({"_esm": "", "_css": "", "step": 1}, []).startswith("<iframe")
    True
    """
    named = {str(stated["path"][0]): str(stated["data"]) for stated in buffers}
    page = standing(state, named)
    return _FRAME.format(page=html.escape(page, quote=True))


def drawn(figure: Mapping[str, Any], library: bool) -> str:
    """Return what draws a figure; beside a page's module loader plotly's script would hide itself.

    Parameters
    ----------
    figure : mapping
        Its data, layout and frames, as a notebook saves them.
    library : bool
        Bring plotly's script along.

    Examples
    --------
    >>> "Plotly.newPlot" in drawn({"data": [], "layout": {}}, library=False)
    True
    """
    known = {name: figure[name] for name in ("data", "layout", "frames") if name in figure}
    text = part(go.Figure(known, skip_invalid=True), library)  # another plotly may have made it
    if not library:
        return text
    before = "<script>window.lamDefine = window.define; window.define = undefined</script>"
    return f"{before}{text}<script>window.define = window.lamDefine</script>"


def _shown(notebook: Any, kind: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield what cells show that holds such a kind, and what the same cell shows next."""
    for cell in notebook.cells:
        all_data = [output.get("data", {}) for output in cell.get("outputs", [])]
        yield from ((one, following) for one, following in pairwise([*all_data, {}]) if kind in one)
