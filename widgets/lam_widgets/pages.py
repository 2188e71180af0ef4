"""Pages of notebooks in which widgets still answer: without a kernel, and without a network.

``jupyter nbconvert --execute --to lam_html notebook.ipynb`` writes one.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor

from .kit import standing

_VIEW = "application/vnd.jupyter.widget-view+json"
_STATE = "application/vnd.jupyter.widget-state+json"
_MODULES = "lam_widgets."
_FRAME = """<iframe title="an interactive view" srcdoc="{page}" style="border: 0; width: 100%; height: 400px"
onload="const page = this.contentDocument.documentElement;
const grow = () => (this.style.height = page.offsetHeight + 32 + 'px');
new this.contentWindow.ResizeObserver(grow).observe(page)"></iframe>"""


class Standing(Preprocessor):  # traitlets' metaclass has no types
    """Puts a page of its own in the place of each widget of this project whose state the notebook holds.

    Of others that brought a picture, as the Explorer does, it leaves that.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Return the notebook with the pages in it."""
        states = nb.metadata.get("widgets", {}).get(_STATE, {}).get("state", {})
        for data in _shown(nb):
            model = states.get(data[_VIEW].get("model_id"), {})
            if (state := model.get("state", {})).get("_anywidget_id", "").startswith(_MODULES):
                del data[_VIEW]
                data["text/html"] = frame(state, model.get("buffers", []))
            elif "image/png" in data:  # it needs a kernel
                del data[_VIEW]
        return nb, resources


class LamExporter(HTMLExporter):  # traitlets' metaclass has no types
    """nbconvert's HTML, with widgets that answer."""

    export_from_notebook = "HTML, lam_nb's widgets answer"

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


def _shown(notebook: Any) -> Iterator[dict[str, Any]]:
    """Yield what widgets' cells show."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if _VIEW in output.get("data", {}):
                yield output["data"]
