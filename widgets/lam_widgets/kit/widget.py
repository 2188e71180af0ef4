"""What all widgets share: code and looks from their files, a picture for places without widgets, a page."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
from PIL import Image

from lam_nb.views.kit import FONT, embedded, titled, tokens, write_page

_FOLDER = Path(__file__).parents[1]
_VIEW = "application/vnd.jupyter.widget-view+json"
_RENDER = "export default { render };"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
{title}<style>body {{ font-family: sans-serif; max-width: 1600px; margin: 1em auto; padding: 0 1em; }}
body {{ background: #fff; }} html.dark body {{ background: #111; }}
{style}</style></head><body><main id="widget"></main><script type="module">
const dark = matchMedia("(prefers-color-scheme: dark)");
const dim = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", dim);
dim();
{script}
const state = {state};
for (const [name, text] of Object.entries({buffers})) {{
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  state[name] = new DataView(raw.buffer);
}}
const listeners = {{}};
const model = {{
  get: (name) => state[name],
  set: (name, value) => {{
    const changed = state[name] !== value;
    state[name] = value;
    if (changed) (listeners[`change:${{name}}`] ?? []).forEach((listener) => listener());
  }},
  save_changes: () => {{}},
  send: () => {{}},
  on: (event, listener) => (listeners[event] ??= []).push(listener),
  off: (event, listener) => (listeners[event] = (listeners[event] ?? []).filter((one) => one !== listener)),
}};
render({{ model, el: document.getElementById("widget") }});
</script></body></html>
"""


def source(stem: str, kind: str) -> str:
    """Return the code or looks of a widget, with what all share before it; no bundler is needed.

    Examples
    --------
    >>> "render" in source("scrubber", "js")
    True
    """
    tokens_ = f"{tokens('.lam')}\n.lam {{ --lam-letters: {FONT['family']}; }}\n" if kind == "css" else ""
    return tokens_ + "\n".join((_FOLDER / f"{name}.{kind}").read_text(encoding="utf-8") for name in ("kit/base", stem))


def png(picture: Image.Image, optimize: bool = False) -> bytes:
    """Return a picture as the bytes of a PNG; optimized where it is kept, which takes longer.

    Examples
    --------
    >>> png(Image.new("L", (2, 1)))[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=optimize)
    return buffer.getvalue()


class Widget(anywidget.AnyWidget):
    """A widget that also shows itself where no widgets are, and as a page without a kernel."""

    def picture(self) -> Image.Image:
        """Return what the widget shows, as a picture."""
        raise NotImplementedError

    def to_html(self, path: str | os.PathLike[str], title: str = "lam_nb") -> Path:
        """Write the widget as one HTML page that answers without a kernel or a network; whole or not at all.

        Parameters
        ----------
        path : path-like
        title : str
            The page's title.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InputError
            If the name does not end in .html, or the folder cannot be written.
        """
        state = {name: getattr(self, name) for name in self.keys}
        buffers = {name: base64.b64encode(value).decode() for name, value in state.items() if isinstance(value, bytes)}
        return write_page(path, standing({**state, "_esm": str(self._esm), "_css": str(self._css)}, buffers, title))

    _ipython_display_ = None
    """ipywidgets 7, which Colab has, shows widgets with this one, and no picture; None leaves it to the bundle."""

    def _repr_mimebundle_(self, **settings: Any) -> Any:
        """Return the widget for front ends that know widgets, a picture for others."""
        return pictured(super()._repr_mimebundle_(**settings), self.picture())


def pictured(shown: Any, picture: Image.Image) -> tuple[dict[str, object], dict[str, object]]:
    """Return what a widget shows itself as, with a picture for places that know no widgets.

    Examples
    --------
    >>> sorted(pictured({"text/plain": "a widget"}, Image.new("L", (2, 1)))[0])
    ['image/png', 'text/plain']
    """
    data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
    return {**data, "image/png": base64.b64encode(png(picture, optimize=True)).decode()}, metadata


def viewed(widget: ipywidgets.Widget) -> dict[str, object]:
    """Return what shows any widget, of whichever ipywidgets.

    Examples
    --------
    >>> import ipywidgets
    >>> viewed(ipywidgets.HTML())["application/vnd.jupyter.widget-view+json"]["version_major"]
    2
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {_VIEW: view, "text/plain": object.__repr__(widget)}


def standing(state: Mapping[str, Any], buffers: Mapping[str, str], title: str = "lam_nb") -> str:
    """Return the page of a widget that needs no kernel.

    Parameters
    ----------
    state : mapping
        The widget's traits, its code ``_esm`` and looks ``_css`` among them.
    buffers : mapping
        Traits that are bytes, in base 64.
    title : str
        The page's title.

    Examples
    --------
    >>> page = standing({"_esm": source("scrubber", "js"), "_css": "", "step": 2}, {"frames": "AAAA"})
    >>> '"step": 2' in page, '"_esm"' in page
    (True, False)
    """
    left_out = {"layout", *buffers}
    plain = {name: value for name, value in state.items() if name[0] != "_" and name not in left_out}
    shown = {name: value for name, value in plain.items() if _is_plain(value)}
    texts = {"title": titled(title), "style": state["_css"], "script": state["_esm"].replace(_RENDER, "")}
    return _PAGE.format(**texts, state=embedded(shown), buffers=embedded(buffers))


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | list | tuple | bool | dict) or value is None
