"""Downloads: files that are made when asked for and go straight to the browser, not through a widget's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anywidget
import traitlets

from .kit import source


class Downloads(anywidget.AnyWidget):
    """A button for each file; pressed, it is made and saved by the browser.

    Parameters
    ----------
    makers : mapping of str to callable
        Name of a file -> what returns its bytes.
    text : str, optional
        What a button copies to the clipboard.

    Examples
    --------
    >>> Downloads({"numbers.csv": lambda: b"1,2"}).names
    ['numbers.csv']
    """

    _esm = source("downloads", "js")
    _css = source("downloads", "css")
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)

    def __init__(self, makers: Mapping[str, Callable[[], bytes]], text: str = "") -> None:
        super().__init__(names=list(makers), text=text)
        self._makers = dict(makers)
        self.on_msg(lambda _, content, buffers: self._asked(str(content.get("make", ""))))

    def _asked(self, name: str) -> None:
        try:
            data = self._makers[name]()
        except Exception as error:  # told beside its button; the others still work
            self.send({"name": name, "error": str(error) or type(error).__name__})
        else:
            self.send({"name": name}, [data])
