"""Pages: figures as HTML files that need no network and no kernel."""

from __future__ import annotations

import html
import os
from importlib import resources
from pathlib import Path

import plotly.graph_objects as go

from ...result import page as page_name
from ...result import replacing
from ...validation import InputError
from .captions import explained
from .markup import titled
from .story import finding, told
from .theme import DARK, LIGHT, style

_MAPS = "https://unpkg.com/maplibre-gl@^4.3.2/dist/maplibre-gl.css"
"""What plotly 5.24, which Colab has, asks for at once, in figures without a globe, too."""
_STYLE = f"""
body {{ max-width: 1200px; margin: 0 auto; padding: 0 8px; background: {LIGHT.paper}; color: {LIGHT.ink};
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }}
.finding {{ font-size: 18px; margin: 16px 12px 0; max-width: 60em; }}
footer {{ margin: 0 12px 24px; max-width: 60em; }}
header h1 {{ font-size: 20px; margin: 16px 12px 4px; }}
header p {{ font-size: 13px; margin: 2px 12px; }}
summary {{ cursor: pointer; font-weight: 600; margin: 8px 0; }}
th {{ text-align: left; vertical-align: top; padding-right: 1em; font-weight: 500; white-space: nowrap; }}
td {{ overflow-wrap: anywhere; }}
a {{ color: inherit; }}
#figure:focus-visible {{ outline: 2px solid {LIGHT.faint}; }}
html.dark body {{ background: {DARK.paper}; color: {DARK.ink}; }}
"""


def write_html(figure: go.Figure, path: str | os.PathLike[str], title: str = "lam_nb") -> Path:
    """Write a figure as one HTML file that needs no network and no kernel; whole or not at all.

    The page tells what came out in a sentence, what its words mean and where it comes from; it is dark where the
    reader's system is, stands in one column on a phone, and plays by keys (space, arrows, home, end).

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    path : path-like
        The file to write, ends in .html.
    title : str
        The page's title.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the name does not end in .html, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> write_html(go.Figure(), tempfile.mkdtemp() + "/empty.html").name
    'empty.html'
    """
    if not isinstance(figure, go.Figure):
        raise InputError(f"figure: got {type(figure).__name__}, expected a plotly figure, such as a view.")
    made_from = getattr(figure, "made_from", None)
    config = {"displaylogo": False, "responsive": True}
    page = figure.to_html(include_plotlyjs=True, auto_play=False, div_id="figure", config=config)
    page = page.replace(_MAPS, "data:text/css,")
    head = f"{titled(title)}<meta name='viewport' content='width=device-width, initial-scale=1'>"
    head += f"<style>{_STYLE}{style()}</style>"
    found = finding(made_from)
    before = f"<main><p class='finding'>{html.escape(found)}</p>" if found else "<main>"
    script = (resources.files(__name__.rpartition(".")[0]) / "page.js").read_text(encoding="utf-8")
    after = f"<footer>{told(made_from, explained(figure))}</footer></main><script>{script}</script>"
    page = page.replace("<head>", f'<head lang="en">{head}', 1).replace("<body>", f"<body>{before}", 1)
    return write_page(path, f"{after}</body>".join(page.rsplit("</body>", 1)))


def part(figure: go.Figure, library: bool, **config: bool) -> str:
    """Return a figure as part of a page that needs no network.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    library : bool
        Bring plotly's script along, as the first figure of a page does.
    **config
        Of plotly, such as ``displayModeBar``.

    Examples
    --------
    >>> "plotly-graph-div" in part(go.Figure(), library=False)
    True
    """
    asked = {"displaylogo": False, **config}
    text: str = figure.to_html(include_plotlyjs=library, full_html=False, auto_play=False, config=asked)
    return text.replace(_MAPS, "data:text/css,")


def write_page(path: str | os.PathLike[str], text: str) -> Path:
    """Write the text of a page; whole or not at all.

    Raises
    ------
    InputError
        If the name does not end in .html, or the folder cannot be written.
    """
    target = page_name(path)
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target
