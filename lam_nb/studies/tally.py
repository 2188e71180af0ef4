"""Tally: what a sweep has done so far, network by network, shown beneath its bar in a notebook."""

from __future__ import annotations

import time
from types import TracebackType

import pandas as pd

from .. import result
from ..engine.progress import Page
from ..result.ledger import columns
from ..types import Progress
from .tasks import Done
from .watching import ASKED, FAILED, LEFT, RATE, worded

_PAUSE = 0.5
"""Seconds between what is shown."""


class Tally:
    """Cells asked, done and failed of each network, how fast it goes and how long it takes.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of a plan: what is asked.
    missing : pandas.DataFrame
        Those of them that are to be computed.
    progress : bool or callable
        Whether it is shown: where True, and in a notebook.

    Examples
    --------
    >>> rows = pd.DataFrame({"network": ["a", "a", "b"], "cell": [1, 2, 3]})
    >>> with Tally(rows, rows[1:], False) as tally:
    ...     tally.count(Done("a", "bricks", (2,)))
    ...     tally.count(Done("b", "bricks", (3,), failure="ValueError"))
    >>> tally.table()[["network", "asked", "done", "failed"]].values.tolist()
    [['a', 2, 2, 0], ['b', 1, 0, 1]]
    """

    def __init__(self, rows: pd.DataFrame, missing: pd.DataFrame, progress: Progress) -> None:
        self.asked = _by_network(rows)
        self.before = {name: count - _by_network(missing).get(name, 0) for name, count in self.asked.items()}
        self.done, self.failed = dict.fromkeys(self.asked, 0), dict.fromkeys(self.asked, 0)
        self.since, self.shown = time.monotonic(), 0.0
        self.page = Page(progress)

    def __enter__(self) -> Tally:
        """Show what there is."""
        self._show()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show how it ended."""
        self._show()

    def count(self, done: Done) -> None:
        """Count a pair that is finished, failed, or another sweep's."""
        if not done.elsewhere:
            kind = self.failed if done.failure else self.done
            kind[done.network] += len(done.cells)
        if time.monotonic() > self.shown + _PAUSE:
            self._show()

    def table(self) -> pd.DataFrame:
        """Return a row per network, in the words of `lam_nb.studies.status`."""
        spent = max(time.monotonic() - self.since, 1e-3)
        speed = (sum(self.done.values()) + sum(self.failed.values())) / spent
        rows = []
        for name, asked in self.asked.items():
            left = asked - self.before[name] - self.done[name] - self.failed[name]
            done = self.before[name] + self.done[name]
            rows.append([name, asked, done, self.failed[name], self.done[name] / spent, left])
        found = pd.DataFrame(rows, columns=[columns.NETWORK, ASKED, result.DONE, FAILED, RATE, LEFT])
        ahead = found[LEFT].cumsum().where(found[LEFT] > 0, 0)  # networks follow one another
        return found.assign(**{LEFT: ahead / speed if speed else float("nan")})

    def _show(self) -> None:
        if not self.page.is_shown:
            return
        self.shown = time.monotonic()
        table = self.table()
        words = table.assign(**{name: [worded(name, one) for one in table[name]] for name in table}).astype(object)
        self.page.show(words.rename(columns=_title).to_html(index=False))


def _title(name: str) -> str:
    return "time left" if name == LEFT else name.replace("_", " ")


def _by_network(rows: pd.DataFrame) -> dict[str, int]:
    counts = once(rows)[columns.NETWORK].value_counts(sort=False)
    return {str(name): int(count) for name, count in counts.items() if count}


def once(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows, each cell once; the same table if they are: it may be large.

    Examples
    --------
    >>> once(pd.DataFrame({"cell": [1, 2, 1]})).cell.tolist()
    [1, 2]
    """
    cells = rows[columns.CELL]
    return rows if cells.is_unique else rows[~cells.duplicated()]
