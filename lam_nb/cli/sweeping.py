"""``lam-nb sweep``: many networks × pictures × windows into one store, here or on a cluster."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import lam_nb as lam

from ..validation import InputError, settings, words_of
from . import completion, report
from . import options as shared

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from distributed import Client

VERBS = ("attribute", "causal_effect", "filters", "representations")
"""What `lam_nb.studies` sweeps; told here so that help waits for nothing."""
_REASONS = 5
"""Failures that are told one by one."""


def run(
    plan: str | None,
    store: str,
    networks: str | None,
    images: str | None,
    windows: int,
    size: int,
    plan_out: str | None,
    scheduler: str | None,
    workers: int | None,
    resources: Sequence[str],
    verb: str,
    inputs: bool,
    allow_code: bool,
    more: Sequence[str],
    **choices: object,
) -> int:
    """Compute the maps of a plan, each kept as soon as it is there; run it again and only what is missing is."""
    from ..studies import grid, verbs

    table = plan if plan is not None else _planned(networks, images, windows, size, store, plan_out)
    if plan is not None and (networks or images or plan_out):
        raise InputError("sweep: got a plan and --networks, --images or --plan-out; give one or the other.")
    told = {name: value for name, value in choices.items() if value is not None} | pairs("--set", more)
    try:
        settings(told, verbs.VERBS[verb].of, verb, without=verbs.VERBS[verb].without)
    except TypeError as error:
        raise InputError(f"--set: {error}") from None
    asked = {"verb": verb, "as_truth": not inputs, "allow_code": allow_code, **told}
    amounts = {name: _number(name, value) for name, value in pairs("--resources", resources).items()}
    with cluster(scheduler, workers) as client, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what failed is told below, with all the rest
        try:
            found = lam.studies.sweep(plan=table, store=store, client=client, resources=amounts or None, **asked)  # type: ignore[arg-type]
        except grid.NothingWorked as error:
            print(f"lam-nb: {error}", file=sys.stderr)
            return 1
    return _summary(store, found)


def _planned(
    networks: str | None, images: str | None, windows: int, size: int, store: str, plan_out: str | None
) -> str | pd.DataFrame:
    """Make a plan, and write it where it is found again."""
    if not networks or not images:
        raise InputError("sweep: expected a plan such as plan.csv, or --networks and --images to make one.")
    table = lam.studies.plan(shared.split(networks), images, windows, size=size)
    name = plan_out or (f"{Path(store).with_suffix('.csv')}" if "://" not in store else None)
    if name is None:
        return table
    text = table.to_csv(index=False)
    try:
        known = Path(name).read_text() if Path(name).exists() else text
        if known != text:
            raise InputError(f"plan: {name} holds another plan; sweep that one, or give another --plan-out.")
        Path(name).write_text(text)
    except OSError as error:
        raise InputError(f"plan: {name} cannot be written ({words_of(error)}); give another --plan-out.") from None
    print(f"plan              {name}, {len(table):,} windows")
    return name


def pairs(option: str, given: Sequence[str]) -> dict[str, object]:
    """Return what NAME=VALUE options say; numbers, true and false are what they look like, all else is text.

    Raises
    ------
    InputError
        If one has no name or no value.

    Examples
    --------
    >>> pairs("--set", ["block=16", "se=0.02", "metric=ssim"])
    {'block': 16, 'se': 0.02, 'metric': 'ssim'}
    """
    found: dict[str, object] = {}
    for text in given:
        name, _, value = text.partition("=")
        if not name or not value:
            raise InputError(f"{option}: got {text!r}, expected NAME=VALUE.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"--resources: got {name}={value}, expected a number, such as GPU=1.")
    return float(value)


@contextmanager
def cluster(scheduler: str | None, workers: int | None) -> Iterator[Client | None]:
    """Yield a client of a cluster that is there, or of workers of this machine; None computes here.

    Raises
    ------
    InputError
        If both are given, distributed is not installed, or nobody answers at the address.

    Examples
    --------
    >>> with cluster(None, None) as client:
    ...     client is None
    True
    """
    if scheduler is None and workers is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise InputError("sweep: got --scheduler and --workers; give one or the other.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers: got {workers}, expected a whole number from 1 up.")
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError('workers need distributed; install it: pip install "lam-nb[sweep]".') from None
    if workers is not None:
        with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as made, Client(made) as one:
            yield one
        return
    try:
        client = Client(scheduler, timeout="15s")
    except (OSError, ValueError, TypeError) as error:
        words = (
            f"--scheduler: nobody answers at {scheduler} ({words_of(error):.120}); expected such as tcp://host:8786."
        )
        raise InputError(words) from None
    with client:
        yield client


def _summary(store: str, found: xr.Dataset) -> int:
    """Print what came out; return 1 if something of what was asked failed."""
    from . import watching

    failures = _failures(found)
    rows = [("store", f"{store}"), *watching.totals(lam.studies.status(store))]
    rows += [("failed", one) for one in failures[:_REASONS]]
    if len(failures) > _REASONS:
        rows.append(("", f"… and {len(failures) - _REASONS} more"))
    if failures:
        rows.append(("next", "the same command tries what failed again"))
    rows.append(("next", f"lam-nb report {store} --html {Path(store).stem}.html"))
    rows.append(("", f'in Python: lam_nb.open("{store}")'))
    report.lines(rows)
    return int(bool(failures))


def _failures(found: xr.Dataset) -> list[str]:
    """Return which pairs of network and picture failed, and why."""
    import pandas as pd

    from ..result.ledger import columns
    from ..studies.watching import last_line

    result = lam.result
    traces = found[result.FAILURE].values.ravel()
    if columns.CELL in found.dims:
        every = list(zip(*(found[name].values for name in (columns.NETWORK, columns.PICTURE)), strict=True))
    else:
        every = list(itertools.product(found[result.MODEL].values, found[result.IMAGE].values))
    told = [(pair, str(trace)) for pair, trace in zip(every, traces, strict=True) if trace]
    return list(dict.fromkeys(f"{net} on {picture}: {last_line(pd.Series([why]))}" for (net, picture), why in told))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    words = "CSV with columns network, picture, y, x, and height and width, or size"
    shared.completed(add("plan", nargs="?", help=words), completion.files)
    words = ".zarr, made or gone on with; also an address such as s3://bucket/night.zarr"
    shared.completed(add("--store", required=True, help=words), completion.files)
    shared.networks(parser, "instead of a plan: names or checkpoints, with commas between")
    words = "and a folder of pictures, or a pattern in quotes such as 'photos/*.png'"
    shared.completed(add("--images", help=words), completion.files)
    add("--windows", type=int, default=1, help="and how many of the hardest windows on each; default %(default)s")
    add("--size", type=int, default=16, help="and their side in output pixels; default %(default)s")
    add("--plan-out", help="where the plan that is made is written; default beside the store")
    add("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers compute, such as tcp://host:8786")
    add("--workers", type=int, metavar="N", help="compute in so many processes of this machine")
    words = "what a task takes of a worker's, such as GPU=1"
    add("--resources", action="append", default=[], metavar="NAME=NUMBER", help=words)
    add("--verb", default="attribute", choices=VERBS, help="what is computed; default %(default)s")
    add("--inputs", action="store_true", help="the pictures are the networks' inputs, not the ground truth")
    add("--allow-code", action="store_true", help="a plan may name functions that make networks, which are called")
    shared.integration(parser, told=False)
    add("--batch", type=int, help="evaluations at once")
    add("--memory", help="what an evaluation may take, such as 2GB")
    add("--precision", help="such as bfloat16")
    shared.device(parser)
    words = "any other setting of the verb, such as block=16"
    add("--set", dest="more", action="append", default=[], metavar="NAME=VALUE", help=words)
