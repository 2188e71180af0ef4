"""Pages: figures as HTML files that need no network and no kernel."""

from __future__ import annotations

import os
from pathlib import Path

import plotly.graph_objects as go

from ...result import page as page_name
from ...result import replacing
from ...validation import InputError
from .markup import titled


def write_html(figure: go.Figure, path: str | os.PathLike[str], title: str = "lam_nb") -> Path:
    """Write a figure as one HTML file that needs no network and no kernel; whole or not at all.

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
    page = figure.to_html(include_plotlyjs=True, auto_play=False, div_id="figure", config={"displaylogo": False})
    style = "body { max-width: 1200px; margin: 0 auto; }"
    head = f"{titled(title)}<meta name='viewport' content='width=device-width'><style>{style}</style>"
    return write_page(path, page.replace("<head>", f"<head>{head}", 1))


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
