"""Executors: where tasks are computed, here or on Dask workers, which write what they find themselves."""

from __future__ import annotations

import math
import pickle
import threading
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ..result.ledger import Each
from ..validation import InputError
from .cells import all_computed, computed, pause
from .tasks import Done, Task, Work

if TYPE_CHECKING:
    from distributed import Client, Future

Execute: TypeAlias = Callable[[Iterable[Task], Work], Generator[Done, None, None]]
_SECONDS = 2
"""What a task on a worker should take, in pauses between what is written: much more than to send it."""
_GONE = (
    "client: its scheduler is gone, or has forgotten what it was given; what is finished is kept, and the same call "
    "with a new client goes on."
)
MOST = 256
"""Pairs of a task."""
_HERE = 16
"""Pairs that are claimed before others of them may be, where nothing has to be sent."""
_AHEAD = 2
"""Tasks that wait for each thread of the cluster, beside the one that runs."""
_SOON = 0.1
"""Seconds between looks at what workers merge."""


def here(tasks: Iterable[Task], work: Work) -> Generator[Done, None, None]:
    """Compute one task after the other."""
    for task in tasks:
        for start in range(0, len(task.pairs), _HERE):
            yield from computed(replace(task, pairs=task.pairs[start : start + _HERE]), work)


def on(client: Client, resources: Mapping[str, float] | None = None) -> Execute:
    """Return a function that computes tasks on Dask workers, a bounded number of them in flight."""

    def run(tasks: Iterable[Task], work: Work) -> Generator[Done, None, None]:
        from distributed import as_completed

        queue = _Queue(tasks, work.run)
        flying: dict[object, Task] = {}
        completed = as_completed()
        try:
            with _reachable():
                while True:
                    while len(flying) < _room(client) and (task := queue.next(alone=not flying)) is not None:
                        packed = zlib.compress(pickle.dumps(task))  # schedulers keep what they were sent for a while
                        future = client.submit(all_computed, packed, work, pure=False, resources=dict(resources or {}))
                        flying[future] = task
                        completed.add(future)
                    if not flying:
                        return
                    future = next(completed)
                    task = flying.pop(future)
                    if future.status == "finished":
                        found: list[Done] = future.result()
                        queue.learn(task, sum(one.seconds for one in found))
                        yield from found
                    else:
                        error = _error(client, future)
                        if task.is_suspect:
                            pair, why = task.pairs[0], f"{type(error).__name__}: {error}"
                            yield Done(task.network, pair.picture, pair.cells, f"its worker was lost: {why}")
                        else:  # one of its pairs may kill its workers, or one beside it: which, they tell alone
                            queue.suspect(task)
                    future.release()
        finally:
            with suppress(Exception):  # of a scheduler that is gone
                client.cancel(list(flying))

    return run


def spread(client: Client, stop: threading.Event | None = None) -> Each:
    """Return what has a function called by workers, before other tasks; what is lost, or late, is left undone."""

    def each(function: Callable[[list[str]], None], groups: list[list[str]]) -> None:
        ended = stop or threading.Event()
        with suppress(Exception):  # of a scheduler that is gone: whoever computes will say so
            futures = client.map(function, groups, pure=False, priority=1)
            while client.nthreads() and not all(one.done() for one in futures) and not ended.wait(_SOON):
                pass
            client.cancel(futures)

    return each


@contextmanager
def _reachable() -> Iterator[None]:
    """Say what it means that a scheduler does not answer."""
    from distributed.comm.core import CommClosedError

    try:
        yield
    except CommClosedError as error:
        raise InputError(_GONE) from error


def _error(client: Client, future: Future[list[Done]]) -> BaseException | None:
    """Return what became of a task; raise it if no other task will do better."""
    if client.status != "running" or future.status == "cancelled":
        raise InputError(_GONE)
    error: BaseException | None = future.exception()
    if isinstance(error, InputError):
        raise error
    return error


def _room(client: Client) -> int:
    """Return how many tasks may be in flight now: clusters grow and shrink."""
    return max(2, (1 + _AHEAD) * sum(client.nthreads().values()))


class _Queue:
    """Tasks cut to the length that each network's cells have shown to take."""

    def __init__(self, tasks: Iterable[Task], run: str) -> None:
        self.tasks, self.run = iter(tasks), run
        self.rest: Task | None = None
        self.suspects: deque[Task] = deque()
        self.seconds: dict[str, float] = defaultdict(lambda: math.inf)

    def next(self, *, alone: bool) -> Task | None:
        """Return the next task, or None; those that are suspect come last, and alone."""
        task = self.rest or next(self.tasks, None)
        if task is None:
            return self.suspects.popleft() if self.suspects and alone else None
        length = _SECONDS * pause(self.run)
        count = int(min(MOST, max(1, length / max(self.seconds[task.network_id], 1e-4))))
        self.rest = replace(task, pairs=task.pairs[count:]) if len(task.pairs) > count else None
        return replace(task, pairs=task.pairs[:count])

    def learn(self, task: Task, seconds: float) -> None:
        """Remember how long a pair takes."""
        self.seconds[task.network_id] = seconds / len(task.pairs)

    def suspect(self, task: Task) -> None:
        """Have a task's pairs computed one by one, when nothing else is: who then loses its worker, did it."""
        self.suspects.extend(replace(task, pairs=(pair,), is_suspect=True) for pair in task.pairs)
