"""The intake: a file that is dropped, pasted or chosen, straight to whoever takes it, not through a widget's state."""

from __future__ import annotations

from collections.abc import Callable

import anywidget
import traitlets

from .kit import source


class Intake(anywidget.AnyWidget):
    """A place to drop a file on, to paste one, or to choose one.

    Parameters
    ----------
    wanted : str
        What it takes, in words.
    take : callable
        Told the file's name and its content.
    accept : str
        Kinds of files that the browser offers, as of an HTML input.

    Examples
    --------
    >>> taken = []
    >>> intake = Intake("a picture", lambda name, content: taken.append((name, len(content))), accept="image/*")
    >>> intake.give("cat.png", b"12345")
    >>> taken
    [('cat.png', 5)]
    """

    _esm = source("intake", "js")
    _css = source("intake", "css")
    wanted = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode("").tag(sync=True)

    def __init__(self, wanted: str, take: Callable[[str, bytes], object], accept: str = "") -> None:
        super().__init__(wanted=wanted, accept=accept)
        self._take = take
        self.on_msg(lambda _, content, buffers: self.give(str(content.get("name", "")), *map(bytes, buffers)))

    def give(self, name: str, content: bytes = b"") -> None:
        """Hand a file on, as the browser does; the name without folders."""
        self._take(name.replace("\\", "/").rpartition("/")[2] or "pasted.png", content)
