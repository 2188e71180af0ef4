"""Executors: where tasks are computed, here or on Dask workers, which write what they find themselves."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from .cells import all_computed, computed
from .tasks import Done, Task, Work

if TYPE_CHECKING:
    from distributed import Client

Execute: TypeAlias = Callable[[Iterable[Task], Work], Iterator[Done]]
_SECONDS = 2.0
"""What a task on a worker should take: much more than to send it, little enough to lose."""
_MOST = 256
"""Pairs of a task."""
_AHEAD = 2
"""Tasks that wait for each thread of the cluster, beside the one that runs."""


def here(tasks: Iterable[Task], work: Work) -> Iterator[Done]:
    """Compute one task after the other."""
    for task in tasks:
        for start in range(0, len(task.pairs), _MOST):
            yield from computed(replace(task, pairs=task.pairs[start : start + _MOST]), work)


def on(client: Client, resources: Mapping[str, float] | None = None) -> Execute:
    """Return a function that computes tasks on Dask workers, a bounded number of them in flight."""

    def run(tasks: Iterable[Task], work: Work) -> Iterator[Done]:
        from distributed import as_completed

        queue = _Queue(tasks)
        flying: dict[object, Task] = {}
        completed = as_completed()
        shared = client.scatter(work, broadcast=True, hash=False)
        try:
            while True:
                while len(flying) < _room(client) and (task := queue.next()) is not None:
                    future = client.submit(all_computed, task, shared, pure=False, resources=dict(resources or {}))
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
                elif len(task.pairs) > 1:  # one of them may kill its workers: which, they tell alone
                    queue.alone(task)
                else:
                    pair, why = task.pairs[0], f"{type(future.exception()).__name__}: {future.exception()}"
                    yield Done(task.network, pair.picture, pair.cells, f"its worker was lost: {why}")
                future.release()
        finally:
            client.cancel(list(flying))

    return run


def _room(client: Client) -> int:
    """Return how many tasks may be in flight now: clusters grow and shrink."""
    return max(2, (1 + _AHEAD) * sum(client.nthreads().values()))


class _Queue:
    """Tasks cut to the length that each network's cells have shown to take."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.waiting = deque(tasks)
        self.single: deque[Task] = deque()
        self.seconds: dict[str, float] = defaultdict(lambda: _SECONDS)

    def next(self) -> Task | None:
        """Return the next task, or None."""
        if self.single:
            return self.single.popleft()
        if not self.waiting:
            return None
        task = self.waiting.popleft()
        count = int(min(_MOST, max(1, _SECONDS / max(self.seconds[task.network_id], 1e-4))))
        if len(task.pairs) > count:
            self.waiting.appendleft(replace(task, pairs=task.pairs[count:]))
        return replace(task, pairs=task.pairs[:count])

    def learn(self, task: Task, seconds: float) -> None:
        """Remember how long a pair takes."""
        self.seconds[task.network_id] = seconds / len(task.pairs)

    def alone(self, task: Task) -> None:
        """Have a task's pairs computed one by one."""
        self.single.extend(replace(task, pairs=(pair,)) for pair in task.pairs)
