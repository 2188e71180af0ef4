"""Progress: a bar, nothing, or a function of your own that is told and may stop the work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType

from tqdm.auto import tqdm

from ..types import Bar, Progress
from ..validation import InputError


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


def is_notebook() -> bool:
    """Whether this is a kernel, whose cells can show what changes.

    Examples
    --------
    >>> is_notebook()
    False
    """
    shell = sys.modules.get("IPython")
    return shell is not None and getattr(shell.get_ipython(), "kernel", None) is not None


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
