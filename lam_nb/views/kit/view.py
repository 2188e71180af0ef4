"""The figure that all views return: plays without a kernel, and leaves a picture where nothing plays."""

from __future__ import annotations

import base64
import html
import io
import os
from pathlib import Path
from typing import Any, overload

import plotly.graph_objects as go
from PIL import Image

from ..._moved import variable
from ._poster import poster
from .film import write_film
from .markup import clean, plain
from .page import write_html
from .theme import style

_PLAY = (".jp-LabShell", "body[data-notebook]", "body[data-voila]", "body[data-vscode-theme-kind]")
"""Hosts that show plotly's figures: JupyterLab, Notebook 7, Voila, VS Code."""
_PLAYS = "application/vnd.plotly.v1+json"


class View(go.Figure):  # type: ignore[misc] # plotly has no types
    """A plotly figure that also writes itself as a page, and as a picture where it cannot play.

    Examples
    --------
    >>> import tempfile
    >>> View().to_html(tempfile.mkdtemp() + "/empty.html").name
    'empty.html'
    """

    def __init__(self, *arguments: object, made_from: tuple[str, Any] | None = None, **settings: object) -> None:
        super().__init__(*arguments, **settings)
        clean(self)
        self._made_from = made_from

    @property
    def made_from(self) -> tuple[str, Any] | None:
        """What kind of figure it is, and of which results: what `lam_nb.views.publish` draws for print."""
        return getattr(self, "_made_from", None)

    @overload
    def to_html(self, path: str | os.PathLike[str], *, title: str = "lam_nb") -> Path: ...

    @overload
    def to_html(self, path: None = None, **settings: object) -> str: ...

    def to_html(self, path: str | os.PathLike[str] | None = None, **settings: object) -> Path | str:
        """Write one HTML file that needs no network and no kernel, or without a path return plotly's HTML.

        Parameters
        ----------
        path : path-like, optional
            The file to write, ends in .html; written whole or not at all.
        **settings
            ``title`` of the page; without a path, of plotly's ``to_html``.

        Returns
        -------
        pathlib.Path or str

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        if path is None:
            return super().to_html(**settings)
        return write_html(self, path, **settings)  # type: ignore[arg-type] # a title, by the overload

    def to_film(self, path: str | os.PathLike[str], *, seconds: float = 6.0) -> Path:
        """Write what plays as a GIF or MP4, for slides; drawn without a browser, whole or not at all.

        Parameters
        ----------
        path : path-like
            Ends in .gif (which goes round), or .mp4 (extra ``film``).
        seconds : float, default 6
            How long it plays from the first step to the last.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InputError
            If it plays nothing, or the name ends in something else.
        """
        return write_film(self, path, seconds)

    def picture(self) -> Image.Image:
        """Return a picture of the figure as it is first shown, drawn without a browser."""
        return poster(self)

    def _ipython_display_(self) -> None:
        """Show the figure, and leave a picture where none plays: exported pages, viewers of notebooks."""
        from IPython.display import display

        bundle = {"text/plain": "", **self._repr_mimebundle_()}
        display(bundle, raw=True)
        if "image/png" not in bundle:
            display({"text/html": self._still(), "text/plain": ""}, raw=True)

    def _still(self) -> str:
        """Return a picture for places where nothing plays, and how a figure follows its host into the dark.

        Beside the figure, in an output of its own: JupyterLab shows only one kind of each output.
        """
        hidden = ", ".join(f"{host} .lam-still" for host in _PLAY)
        rules = f"{hidden} {{ display: none }}\n{style()}"
        address = f"data:image/png;base64,{base64.b64encode(self._png()).decode()}"
        words = html.escape(plain(self.layout.title.text or "figure"))
        return f'<style>{rules}</style><img class="lam-still" alt="{words}" src="{address}">'

    def _png(self) -> bytes:
        buffer = io.BytesIO()
        self.picture().convert("P", palette=Image.Palette.ADAPTIVE, colors=256).save(buffer, "PNG", optimize=True)
        return buffer.getvalue()

    def _repr_mimebundle_(self, *arguments: object, **settings: object) -> dict[str, object]:
        """Return plotly's own bundle; with LAM_NB_PICTURES set, or where plotly does not play, a picture too.

        Not always: JupyterLab ranks a picture above plotly's figure and would show that instead.
        """
        bundle = super()._repr_mimebundle_(*arguments, **settings)
        if _PLAYS in bundle and not variable("LAM_NB_PICTURES"):
            return bundle
        return {**bundle, "image/png": base64.b64encode(self._png()).decode()}
