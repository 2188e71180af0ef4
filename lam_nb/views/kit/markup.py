"""Markup: the few tags that captions use; what else looks like one, in the name of a network, is shown as text."""

from __future__ import annotations

import html
import json
import re

import plotly.graph_objects as go

from ...validation import InputError

_STYLES = r"font-size:\d+px|color:#[0-9a-f]{6}"
_TAG = re.compile(rf"<(?!/?(?:b|br|i|sub|sup|extra|span)>|span style='(?:{_STYLES})'>)")
_SPELLED = str.maketrans(
    {"α": "alpha", "σ": "sigma", "×": "x", "≥": ">=", "≤": "<=", "−": "-", "–": "-", "■": "", "▲": "", "▼": ""}
)
"""Letters that Pillow's own font lacks, in those that it has; marks of colour are left out."""
_DATA = re.compile(r"data:image/(?:png|webp);base64,[A-Za-z0-9+/=]+")


def harmless(text: str) -> str:
    """Return text in which only the tags of captions are tags.

    Examples
    --------
    >>> harmless("<b>a<b</b> <img src=x onerror=alert(1)>")
    '<b>a&lt;b</b> &lt;img src=x onerror=alert(1)>'
    """
    return _TAG.sub("&lt;", text)


def plain(text: str | None) -> str:
    r"""Return text as it is read: without tags, in lines.

    Examples
    --------
    >>> plain("<b>a &lt; b</b><br>c")
    'a < b\nc'
    """
    return html.unescape(re.sub("<[^>]+>", "", re.sub("<br ?/?>", "\n", text or "")))


def spelled(text: str) -> str:
    """Return text in the letters that Pillow's own font has.

    Examples
    --------
    >>> spelled("α 0.5, σ 1.2, 3 × 4"), spelled("■ wide: sees ≥ 40 px")
    ('alpha 0.5, sigma 1.2, 3 x 4', 'wide: sees >= 40 px')
    """
    return text.translate(_SPELLED).strip(" ")


def embedded(value: object) -> str:
    r"""Return a value as JSON that can stand inside a page's script: nothing in it ends the script.

    Examples
    --------
    >>> print(embedded("</script>"))
    "\u003c/script>"
    """
    return json.dumps(value).replace("<", "\\u003c")


def is_picture(text: str) -> bool:
    """Return whether text is the data address of a picture, and nothing else.

    Examples
    --------
    >>> is_picture("data:image/png;base64,AAAA"), is_picture('data:image/png;base64,AA" onerror="alert(1)')
    (True, False)
    """
    return _DATA.fullmatch(text) is not None


def titled(title: str) -> str:
    """Return the title of a page.

    Examples
    --------
    >>> titled("a<b")
    '<title>a&lt;b</title>'
    """
    if not isinstance(title, str):
        raise InputError(f"title: got {title!r}, expected text.")
    return f"<title>{html.escape(title)}</title>"


def clean(figure: go.Figure) -> None:
    """Have all text of a figure harmless: titles, notes, names, what pointing shows, ticks and steps."""
    layout = figure.layout
    places = [layout.title, *layout.annotations]
    for kind in (figure.select_xaxes, figure.select_yaxes):
        places += [axis.title for axis in kind()]
    for place in places:
        _clean(place, "text")
    for trace in figure.data:
        _clean(trace, "name", "hovertemplate", "text")
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        _clean(axis, "ticktext")
    for step in (step for slider in layout.sliders for step in slider.steps):
        _clean(step, "label")


def _clean(place: object, *names: str) -> None:
    for name in names:
        text = getattr(place, name, None)
        if isinstance(text, str):
            found: object = harmless(text)
        elif isinstance(text, tuple | list) and all(isinstance(one, str) for one in text):
            found = [harmless(one) for one in text]
        else:
            continue
        if found != text and found != list(text):
            setattr(place, name, found)
