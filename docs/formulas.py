"""Formulas that need no network and no script: TeX to SVG, in the colour of the text around it."""

from __future__ import annotations

import html
import re

import ziamath
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

_EM = 20
"""An em of the drawing; pages give sizes in em, so that formulas grow with the text."""
ziamath.config.svg2 = False
ziamath.config.precision = 2


def drawn(tex: str, *, alone: bool) -> str:
    """Return a formula as SVG, in a line of its own or in a line of text; its TeX is what is read aloud.

    >>> drawn("a^2", alone=False).count('aria-label="a^2"')
    1
    """
    svg = ziamath.Latex(tex, size=_EM, inline=not alone, color="currentColor").svg()
    _, top, width, height = (float(number) / _EM for number in re.search(r'viewBox="([^"]+)"', svg)[1].split())
    style = f"width:{width:.3f}em;height:{height:.3f}em;vertical-align:{-(top + height):.3f}em"
    words = html.escape(" ".join(tex.split()))
    svg = re.sub(r'\s(width|height)="[^"]*"', "", svg, count=2)
    return svg.replace("<svg", f'<svg role="img" class="formula" style="{style}" aria-label="{words}"', 1)


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(drawn(node.astext(), alone=False))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div class="formula-block">{drawn(node.astext(), alone=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register how HTML shows formulas."""
    app.add_html_math_renderer("formulas", (_inline, None), (_block, None))
    app.connect("config-inited", lambda _, config: setattr(config, "html_math_renderer", "formulas"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
