"""What came of each case: a result, one line that says what was wrong, or something that must not happen."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import pathlib
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Iterator

import lam_nb as lam

SECONDS = 60
"""After which a case hangs."""
_EXECUTED = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class")
COUNTS: collections.Counter[tuple[str, str]] = collections.Counter()
"""(kind, outcome) -> how many."""
ROSE: dict[str, float] = {}
"""Kind -> GB by which the process's peak rose at most in one case."""
_WATCHED: list[str] = []
_STATE = {"watching": False}


class Hang(BaseException):
    """A case that did not end; no Exception, so that nobody on the way takes it for one of theirs."""


def _heard(event: str, arguments: tuple[object, ...]) -> None:
    if _STATE["watching"] and event.startswith(_EXECUTED) and not _is_harmless(event, arguments):
        _WATCHED.append(f"{event} {arguments}")


def _is_harmless(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether a pickle asks for what holds tensors; torch's own list decides, here it is told again."""
    return event == "pickle.find_class" and str(arguments[0]).partition(".")[0] in {"torch", "collections"}


sys.addaudithook(_heard)


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Have what hangs raise `Hang`, and what is run watched."""

    def rang(number: int, frame: object) -> None:
        raise Hang(f"no end after {SECONDS} s")

    can = hasattr(signal, "SIGALRM")
    before = signal.signal(signal.SIGALRM, rang) if can else None
    if can:
        signal.alarm(SECONDS)
    _STATE["watching"] = True
    try:
        yield
    finally:
        _STATE["watching"] = False
        if can:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)


def case(kind: str, call: Callable[[], object]) -> str:
    """Try a case and count what came; what must not happen is counted and raised."""
    _WATCHED.clear()
    before = _most()
    try:
        with warnings.catch_warnings(), limited():
            warnings.simplefilter("ignore")
            call()
        outcome = "result"
    except lam.InputError as error:
        outcome = "InputError" if str(error).strip() else "escape"
    except Hang:
        COUNTS[kind, "hang"] += 1
        raise
    except BaseException:
        COUNTS[kind, "escape"] += 1
        raise
    ROSE[kind] = max(ROSE.get(kind, 0.0), _most() - before)
    if _WATCHED:
        COUNTS[kind, "executed"] += 1
        raise AssertionError(f"executed: {_WATCHED}")
    COUNTS[kind, outcome] += 1
    return outcome


def _most() -> float:
    """Return the most that the process ever held, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def contents(folder: pathlib.Path) -> dict[str, str]:
    """Return what a folder holds, by name."""
    files = (one for one in sorted(folder.rglob("*")) if one.is_file())
    return {str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def lost(kind: str, before: dict[str, str], folder: pathlib.Path) -> None:
    """Count, and raise, if something is no more what it was."""
    after = contents(folder)
    gone = [name for name, known in before.items() if after.get(name) != known]
    COUNTS[kind, "lost"] += len(gone)
    assert not gone, f"lost: {gone[:3]}"


def table() -> str:
    """Return the counts by kind as lines, with the most memory that was held."""
    outcomes = ("result", "InputError", "escape", "hang", "executed", "lost")
    kinds = sorted({kind for kind, _ in COUNTS})
    width = max([len(kind) for kind in kinds] + [5])
    rows = [f"{'kind':<{width}}  {'cases':>7}" + "".join(f"{one:>12}" for one in outcomes) + f"{'GB more':>10}"]
    for kind in [*kinds, "all"]:
        numbers = [sum(COUNTS[one, what] for one in (kinds if kind == "all" else [kind])) for what in outcomes]
        rose = max(ROSE.values(), default=0.0) if kind == "all" else ROSE.get(kind, 0.0)
        told = f"{kind:<{width}}  {sum(numbers[:-1]):>7,}" + "".join(f"{n:>12,}" for n in numbers)
        rows.append(told + f"{rose:>10.2f}")
    return "\n".join([*rows, f"at most {_most():.2f} GB"])
