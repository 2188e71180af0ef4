"""Progress: a bar, nothing, or a function of your own that is told and may stop the work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from ..types import Bar, Progress
from ..validation import InputError

if TYPE_CHECKING:
    from IPython.display import DisplayHandle


class _Told:
    """Looks like a bar to those who count, and tells a function."""

    def __init__(self, function: Callable[[int, int], object], total: int) -> None:
        self.function, self.total, self.done = function, total, 0

    def update(self, more: int, /) -> None:
        self.done += more
        self.function(self.done, self.total)

    def set_postfix_str(self, words: str, /) -> None:
        pass

    def __enter__(self) -> _Told:
        self.update(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        pass


class Page:
    """HTML beneath a cell of a notebook, which changes while it runs; nothing elsewhere.

    Parameters
    ----------
    progress : bool or callable
        Whether it is wanted: only if True.

    Examples
    --------
    >>> Page(True).is_shown
    False
    """

    def __init__(self, progress: Progress) -> None:
        shell = sys.modules.get("IPython")
        is_kernel = shell is not None and getattr(shell.get_ipython(), "kernel", None) is not None
        self.is_shown = progress is True and is_kernel
        self._handle: DisplayHandle | None = None

    def show(self, text: str) -> None:
        """Show HTML in place of what was shown."""
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(text), display_id=True)
        else:
            self._handle.update(HTML(text))


def bar(progress: Progress, total: int, name: str, unit: str) -> Bar:
    """Return a context manager with ``total`` and ``update(more)``.

    Raises
    ------
    InputError
        If `progress` is neither a bool nor a function.

    Examples
    --------
    >>> with bar(lambda done, total: print(done, "of", total), 3, "net", "node") as shown:
    ...     shown.update(2)
    0 of 3
    2 of 3
    """
    if callable(progress):
        return _Told(progress, total)
    if not isinstance(progress, bool):
        raise InputError(f"progress: got {progress!r}, expected True, False or a function (done, total).")
    made: Bar = tqdm(total=total, desc=name, unit=unit, disable=not progress, leave=False)
    return made
