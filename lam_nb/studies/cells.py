"""Cells: what is computed of one picture through one network, and how it gets into the ledger."""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import platform
import time
import traceback
import uuid
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from threading import get_ident

from .. import result
from ..networks import Network, factories
from ..result.ledger import FOLDER, Arrays, Claims, Ledger, Row, columns, today, window_of
from ..validation import words_of
from .tasks import Done, Pair, Spec, Task, Work
from .verbs import VERBS

_MOST = 2**26
"""Bytes of arrays after which what is finished is written."""
_SHARE, _LEAST, _LONGEST = 0.01, 1.0, 60.0
"""What is finished is written after this share of the time that a sweep runs, in seconds of at least and at most."""
_LOOK, _NOTICED = 2.0, 4.0
"""Seconds between looks for other sweeps, and after which a new one has been seen."""
_KEPT = 2
"""Networks that a thread of a worker keeps."""


def computed(task: Task, work: Work) -> Iterator[Done]:
    """Compute the pairs of a task, write what is finished every second and at the end, and tell of each."""
    ledger = _ledger(work.store)
    claims, writer = Claims(ledger.place, work.run), _Writer(ledger)
    alone, looked = True, -_LOOK
    try:
        for pair in task.pairs:
            if time.monotonic() - looked > _LOOK:
                looked, alone = time.monotonic(), not others(claims)
            how = claims.take(claim_of(task.network_id, pair.picture_id, work.setting[0]))
            if not how:
                yield Done(task.network, pair.picture, pair.cells, elsewhere=True)
                continue
            if (how != "new" or not alone) and ledger.holds(pair.cells):  # somebody was at work on it
                yield Done(task.network, pair.picture, pair.cells)
                continue
            yield _pair(task, pair, work, writer)
            writer.flush(pause(work.run))
    finally:
        try:
            writer.flush()
        finally:
            claims.release()


def all_computed(packed: bytes, work: Work) -> list[Done]:
    """Compute a task on a worker; it is told when everything is written, and where something failed."""
    task, host = pickle.loads(zlib.decompress(packed)), platform.node()
    return [replace(one, failure=f"{one.failure} (on {host})") if one.failure else one for one in computed(task, work)]


_BEGUN: dict[str, float] = {}
"""When this process began to work for a sweep."""


def pause(run: str) -> float:
    """Return how many seconds of work may be lost: at first one, after a night a minute, that segments stay few."""
    age = time.monotonic() - _BEGUN.setdefault(run, time.monotonic())
    return min(max(_LEAST, _SHARE * age), _LONGEST)


@functools.lru_cache(maxsize=2)
def _ledger(store: str) -> Ledger:
    """Return a store as this process knows it: what was read of it is not read again."""
    return Ledger(store)


def presence(run: str) -> str:
    """Return the claim by which a sweep shows that it is at work."""
    return f"run-{run}"


def others(claims: Claims) -> list[str]:
    """Return which other sweeps are at work on the store."""
    mine, every = presence(claims.run), claims.place.names(FOLDER)
    return [name for name in every if name.startswith(presence("")) and name != mine]


def present(claims: Claims) -> bool:
    """Tell others that this sweep is at work, and forget those that were killed; return whether it is alone.

    Others look from time to time. Who comes later waits until they must have seen it: from then on each looks
    whether a cell is there before it computes it.
    """
    claims.take(presence(claims.run))
    found = {name: claims.is_free(name) for name in others(claims)}
    claims.place.delete(*(f"{FOLDER}/{name}" for name, is_dead in found.items() if is_dead))
    is_alone = all(found.values())
    if not is_alone:
        time.sleep(_NOTICED)
    return is_alone


def claim_of(network_id: str, picture_id: str, setting_id: str) -> str:
    """Return the claim by which a sweep shows on what it is at work.

    Examples
    --------
    >>> len(claim_of("a", "b", "c"))
    32
    """
    return hashlib.sha256(f"{network_id} {picture_id} {setting_id}".encode()).hexdigest()[:32]


def _pair(task: Task, pair: Pair, work: Work, writer: _Writer) -> Done:
    started = time.perf_counter()
    common: Row = {
        columns.NETWORK: task.network,
        columns.PICTURE: pair.picture,
        columns.SETTING: work.setting[1],
        columns.NETWORK_ID: task.network_id,
        columns.PICTURE_ID: pair.picture_id,
        columns.SETTING_ID: work.setting[0],
    }
    try:
        measured = list(VERBS[work.verb].measured(_networks(task), pair, work))
        failure = ""
    except Exception as error:  # whatever it is, the other cells go on; the ledger keeps where it came from
        failure, trace = f"{words_of(error):.300}", traceback.format_exc()
        measured = [({columns.FAILURE: trace}, {})] * len(pair.cells)
    seconds = time.perf_counter() - started
    for k, (cell, (numbers, arrays)) in enumerate(zip(pair.cells, measured, strict=True)):
        sides = dict(zip(columns.WINDOW, window_of(pair.windows[k] if pair.windows else None), strict=True))
        writer.add({columns.CELL: cell, **common, **sides, **numbers, columns.SECONDS: seconds / len(measured)}, arrays)
    return Done(task.network, pair.picture, pair.cells, failure, seconds)


class _Writer:
    """Rows that are finished and not yet written."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.rows, self.arrays = ledger, [], []  # type: ignore[var-annotated]
        self.told = {key: value for key, value in result.stamp().items() if key != columns.CREATED}
        self.since, self.bytes = time.monotonic(), 0

    def add(self, row: Row, arrays: Arrays) -> None:
        """Take a row."""
        if not self.rows:
            self.since, self.bytes = time.monotonic(), 0
        told = {columns.CREATED: today(), columns.VERSIONS: self.told["versions"]}
        self.rows.append({**row, **told, columns.MACHINE: platform.node()})
        self.arrays.append(arrays)
        self.bytes += sum(one.nbytes for one in arrays.values())

    def flush(self, pause: float = 0.0) -> bool:
        """Write what there is, if the last time is so long ago; return whether it was."""
        if not self.rows or (time.monotonic() - self.since < pause and self.bytes <= _MOST):
            return False
        self.ledger.write(f"{os.getpid()}-{uuid.uuid4().hex[:16]}", self.rows, self.arrays)
        self.rows, self.arrays = [], []
        return True


_LOADED: dict[int, OrderedDict[str, Network]] = {}
"""Networks by thread and what they are loaded from: a thread never shares one."""


def _networks(task: Task) -> tuple[Network, ...]:
    return tuple(_network(one, f"{task.network_id} {k}") for k, one in enumerate(task.specs))


def _network(spec: Spec, key: str) -> Network:
    if isinstance(spec, Network):
        return spec
    mine = _LOADED.setdefault(get_ident(), OrderedDict())
    if key not in mine:
        mine[key] = factories.named(spec, check=False)
        while len(mine) > _KEPT:
            mine.popitem(last=False)
    mine.move_to_end(key)
    return mine[key]
