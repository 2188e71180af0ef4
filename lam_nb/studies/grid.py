"""The grid: many networks × pictures × windows into one store that grows and survives whatever happens overnight."""

from __future__ import annotations

import functools
import io
import itertools
import os
import threading
import time
import uuid
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr

from .._moved import renamed
from ..engine.progress import bar
from ..networks import Network
from ..result.ledger import Claims, Ledger, columns
from ..types import Image, ImageLike, Progress, Region, RegionLike
from ..validation import InputError, choose, mapping, settings, switch
from . import planning
from .cells import others, present
from .executors import MOST, here, on, spread
from .planning import Plan
from .sources import Source
from .tally import Tally, once
from .tasks import Done, Metric, Pair, Task, Work
from .verbs import VERBS, Verb

if TYPE_CHECKING:
    from distributed import Client

One: TypeAlias = Network | str | os.PathLike[str]
Networks: TypeAlias = One | Sequence[One]
"""A network, or as many as a verb compares."""
_POLL, _SELDOM = 0.5, 16.0
"""Seconds between looks at what other sweeps are at work on: at first, and after many."""
_REST = 4.0
"""Times that merging took, for which what computes here is left alone."""
_TIDY = 10.0
"""Seconds after which small segments are merged, if there are many, while a store grows."""


class NothingWorked(InputError):
    """Every pair of a sweep failed."""


@renamed(truth="as_truth")
def sweep(
    networks: Sequence[Networks] | None = None,
    images: str | Mapping[str, ImageLike] | Sequence[ImageLike] | None = None,
    regions: Sequence[RegionLike] | None = None,
    *,
    plan: pd.DataFrame | str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str],
    verb: str = "attribute",
    as_truth: bool = True,
    metrics: Mapping[str, Metric] | None = None,
    allow_code: bool = False,
    client: Client | None = None,
    resources: Mapping[str, float] | None = None,
    progress: Progress = True,
    **choices: object,
) -> xr.Dataset:
    """Compute the maps of many networks on many pictures and windows, each kept as soon as it is there.

    Interrupt it, kill it, lose a worker, run it again, run it on several machines at once: what is in the store is
    not computed twice. Ask for one more network, picture, window or setting: only what is missing is computed.
    What a cell holds is decided by identity: the network's weights, the picture's bytes, the window, the settings.

    Parameters
    ----------
    networks : sequence of Network or str
        Networks, names and checkpoints for `lam_nb.networks.load`, or functions that make one, such as
        "laboratory.networks:small". Names that occur twice are numbered.
    images : mapping of str to image, sequence of images, files or names of samples, a folder or a pattern
        Of any size.
    regions : sequence of Region or (y, x, size)
        Windows of the outputs, in output pixels, the same on every picture.
    plan : pandas.DataFrame or path of a CSV
        Instead of all three: a row for every window, with columns network, picture, y, x, and height and width, or
        size (16). `lam_nb.studies.plan` makes one.
    store : path-like or str
        Ends in .zarr; made, or continued. Also an address of fsspec, such as ``s3://bucket/night.zarr``.
    verb : {"attribute", "causal_effect", "representations", "filters"}
        What is computed. The last two are of all pictures at once: without regions, with ``degradations=``, and for
        "filters" networks are pairs (target, baseline).
    as_truth : bool, default True
        The pictures are the ground truth: networks that enlarge get them reduced by their scale, and PSNR
        (RGB, luma, window) and SSIM are measured. Otherwise they are the networks' inputs.
    metrics : mapping of str to callable, optional
        More numbers of the whole output, (output, truth) -> float, each (channel, y, x) in [0, 1].
    allow_code : bool, default False
        A plan from a file may name functions that make networks, which are imported and called.
    client : dask.distributed.Client, optional
        Compute on its workers (extra ``sweep``): any cluster that Dask knows. Networks are then given by name or
        file, since modules do not travel; workers read pictures that are given by address from there.
    resources : mapping of str to float, optional
        What a task takes of a worker's, such as ``{"GPU": 1}``.
    progress : bool or callable
        As for `lam_nb.attribute`, in cells; True shows a table of the networks beneath the bar in a notebook.
    **choices
        Of the verb: steps, tolerance, path, detector, … by name. Those that decide a map are part of a cell's
        identity; how it is run (batch, memory, device, local) is not.

    Returns
    -------
    xarray.Dataset
        Of what was asked: ``diffusion_index`` and its error, ``quadrature_error``, ``completeness_gap``,
        ``detector_start``, ``detector_end`` (model, image, region), ``psnr`` (model, image) in dB, ``attribution``
        (model, image, region, y, x), the signed map summed over channels, unread until it is looked at, ``done``
        and ``failure``, the traceback (model, image). Where pictures have windows of their own, along ``cell``;
        where maps differ in size, without ``attribution`` and with ``diffusion_index_common``, on a canvas that
        holds all of them. Of "causal_effect" its numbers and maps in place of those; of "representations" and "filters"
        what these return, along ``model``, with ``done`` and ``failure`` (model): labels, such as layers, that some
        networks do not have are not numbers there.

    Raises
    ------
    InputError
        If an argument does not fit (all that is wrong with a plan at once, with row numbers), the store is of
        another version, or everything failed.

    Warns
    -----
    RuntimeWarning
        If some pairs of network and picture failed: which, and why. The next call tries them again.

    Examples
    --------
    >>> import tempfile, lam_nb as lam
    >>> folder, regions = tempfile.mkdtemp(), [lam.Region(96, 96), lam.Region(32, 160)]
    >>> settings = {"store": folder + "/all.zarr", "steps": 4, "progress": False}
    >>> table = sweep(["fsrcnn", "residual"], ["bricks", "facade"], regions, **settings)
    >>> dict(table.diffusion_index.sizes)
    {'model': 2, 'image': 2, 'region': 2}
    """
    chosen = VERBS[choose("verb", verb, VERBS)]
    also = {name: choices[name] for name in chosen.also if name in choices}
    settings({name: one for name, one in choices.items() if name not in also}, chosen.of, "sweep", chosen.without)
    switch("as_truth", as_truth)
    own = mapping("metrics", metrics)
    _check_metrics(own, verb)
    if resources and client is None:
        raise InputError("resources: are what a task takes of a worker; give client=, too.")
    decided = {**choices, **({} if verb == "attribute" else {"verb": verb}), **({"metrics": own} if own else {})}
    ledger = Ledger(store)
    if chosen.of_sets:
        asked = _asked_of_sets(chosen, networks, images, (regions, plan), as_truth, decided)
    else:
        asked = _asked(networks, images, regions, plan, as_truth, decided, allow_code)
    if client is not None and any(isinstance(one, Network) for every in asked.networks.values() for one in every):
        raise InputError("networks: modules do not travel to workers; give names or checkpoint files, or no client.")
    if client is not None and not hasattr(client, "submit"):
        raise InputError(f"client: got {type(client).__name__}, expected a dask.distributed.Client.")
    if client is not None and ledger.place.is_memory and not _is_within(client):
        raise InputError(f"store: {ledger.place.address} lies in this process, whose memory workers do not see.")
    with ledger.place.reached():
        is_new = ledger.begin(chosen.kind, chosen.words_for(choices) | {name: ((), name, "1") for name in own})
        ledger.ask(asked.rows)
    label = str(asked.rows[columns.SETTING].iloc[0])
    work = Work(ledger.place.address, uuid.uuid4().hex[:12], verb, as_truth, (asked.setting, label), choices, own)
    execute = here if client is None else on(client, resources)
    failures: list[Done] = []
    me = Claims(ledger.place, work.run)
    present(me)
    try:
        missing = _missing(asked, ledger)
        told, tally = bar(progress, len(asked.rows), "sweep", "map"), Tally(asked.rows, missing, progress)
        with told as shown, tally, _tidying(ledger, client):
            shown.update(len(asked.rows) - len(missing))
            wait = _POLL
            while len(missing):
                elsewhere = 0
                with closing(execute(_tasks(asked, missing, client is not None, ledger), work)) as found:
                    for done in found:
                        elsewhere += done.elsewhere
                        tally.count(done)
                        if done.failure:
                            failures.append(done)
                            shown.set_postfix_str(f"{sum(len(one.cells) for one in failures)} failed")
                        if not done.elsewhere:
                            shown.update(len(done.cells))
                if not elsewhere:
                    break
                time.sleep(wait)
                wait = min(2 * wait, _SELDOM)
                missing = _missing(asked, ledger, failures)
    finally:
        me.release()
    is_last = not others(me)
    if client is not None:
        ledger.compact(last=is_last, each=spread(client))
    ledger.compact(last=is_last)
    _tell(failures, asked, ledger, is_new)
    return ledger.dataset(asked.rows)


@contextmanager
def _tidying(ledger: Ledger, client: Client | None) -> Iterator[None]:
    """Merge segments now and then, by workers, or here with a rest of several times what it took."""
    stop, own = threading.Event(), Ledger(ledger.place.address)
    each, rest = (None, _REST) if client is None else (spread(client, stop), 0.0)

    def tidy() -> None:
        seconds = 0.0
        while not stop.wait(max(_TIDY, rest * seconds)):
            started = time.monotonic()
            with suppress(OSError, InputError):  # a store that cannot be reached: whoever writes will say so
                own.compact(each=each)
            seconds = time.monotonic() - started

    thread = threading.Thread(target=tidy, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _is_within(client: Client) -> bool:
    """Whether scheduler and workers are threads of this process."""
    return str(getattr(client.scheduler, "address", "")).startswith("inproc://")


def _check_metrics(own: Mapping[str, Metric], verb: str) -> None:
    """Refuse own metrics where none are measured, or that would stand in the place of something else."""
    if own and verb != "attribute":
        raise InputError(f"metrics: are measured with verb='attribute', not {verb!r}.")
    for name, metric in own.items():
        if name in columns.FACTS or name in VERBS[verb].words:
            raise InputError(f"metrics: {name!r} is the name of something that a sweep keeps anyway; give another.")
        if not callable(metric):
            raise InputError(f"metrics: got {type(metric).__name__} for {name!r}, expected a function (output, truth).")


def _asked(
    networks: Sequence[Networks] | None,
    images: str | Mapping[str, ImageLike] | Sequence[ImageLike] | None,
    regions: Sequence[RegionLike] | None,
    plan: pd.DataFrame | str | os.PathLike[str] | None,
    as_truth: bool,
    decided: Mapping[str, object],
    allow_code: bool,
) -> Plan:
    every = {"networks": networks, "images": images, "regions": regions}
    given = [name for name, one in every.items() if one is not None]
    if plan is not None:
        if given:
            raise InputError(f"plan: got a plan and {', '.join(given)}; give one or the other.")
        return planning.of_table(plan, as_truth, decided, allow_code=allow_code)
    if networks is None or images is None or regions is None:
        raise InputError(f"sweep: got {', '.join(given) or 'nothing'}; give networks, images and regions, or plan=.")
    if any(isinstance(one, tuple | list) for one in networks):
        raise InputError("networks: pairs are for verb='filters'.")
    return planning.of_grid(networks, images, regions, as_truth, decided)  # type: ignore[arg-type]


def _asked_of_sets(
    verb: Verb,
    networks: Sequence[Networks] | None,
    images: str | Mapping[str, ImageLike] | Sequence[ImageLike] | None,
    others: tuple[object, object],
    as_truth: bool,
    decided: Mapping[str, object],
) -> Plan:
    missing = [name for name in verb.also if name not in decided]
    if networks is None or images is None or missing:
        needed = ", ".join(["networks", "images", *verb.also])
        raise InputError(f"sweep: verb={verb.kind!r} is asked with {needed}.")
    if any(one is not None for one in others) or not as_truth:
        raise InputError(f"sweep: verb={verb.kind!r} is of all pictures at once; leave out regions, plan and as_truth.")
    return planning.of_sets(networks, images, decided, verb.networks)  # type: ignore[arg-type]


def _missing(asked: Plan, ledger: Ledger, failed: Iterable[Done] = ()) -> pd.DataFrame:
    given_up = [cell for one in failed for cell in one.cells]
    return asked.rows[~asked.rows[columns.CELL].isin(np.append(ledger.finished(), np.array(given_up, "int64")))]


def _tasks(asked: Plan, missing: pd.DataFrame, travel: bool, ledger: Ledger) -> Iterator[Task]:
    """Yield the tasks of each network, its pictures by size: equal shapes follow each other."""
    sources = {one: _travelling(source, one, ledger) if travel else source for one, source in asked.pictures.items()}
    for network, rows in once(missing).groupby(columns.NETWORK_ID, sort=False, observed=True):
        pairs, label = _pairs(rows, sources, asked.sizes), str(rows[columns.NETWORK].iloc[0])
        while some := tuple(itertools.islice(pairs, MOST)):
            yield Task(str(network), label, asked.networks[str(network)], some)


def _pairs(
    rows: pd.DataFrame, sources: Mapping[str, Source | dict[str, Source]], sizes: Mapping[str, tuple[int, int]]
) -> Iterator[Pair]:
    """Yield the pairs of a network's rows by size, each made when it is wanted."""
    codes, pictures = pd.factorize(rows[columns.PICTURE_ID])
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(pictures) + 1))
    labels, cells = rows[columns.PICTURE], rows[columns.CELL].to_numpy()
    windows = rows[list(columns.WINDOW)].to_numpy()
    for k in sorted(range(len(pictures)), key=lambda k: sizes[pictures[k]]):
        picture, mine = pictures[k], order[starts[k] : starts[k + 1]]
        regions = tuple(_window(*one) for one in windows[mine].tolist() if one[2] > 0)
        yield Pair(str(picture), str(labels.iloc[mine[0]]), sources[picture], regions, tuple(cells[mine].tolist()))


@functools.lru_cache(maxsize=2**12)
def _window(y: int, x: int, height: int, width: int) -> Region:
    return Region(y, x, height=height, width=width)


def _travelling(source: Source | Mapping[str, Source], identity: str, ledger: Ledger) -> Source | dict[str, Source]:
    """Return where workers find a picture; those without an address get one in the store."""
    if isinstance(source, str):
        return source
    if isinstance(source, Mapping):
        every = {name: (one, f"{identity[:16]}-{k}") for k, (name, one) in enumerate(source.items())}
        return {name: one if isinstance(one, str) else _given(one, key, ledger) for name, (one, key) in every.items()}
    return _given(source, identity, ledger)


def _given(picture: Image, identity: str, ledger: Ledger) -> str:
    name = f"pictures/{identity[:32]}.npy"
    if not ledger.place.exists(name):
        held = io.BytesIO()
        np.save(held, picture.numpy())
        ledger.place.write(name, held.getvalue())
    return ledger.place.address_of(name)


def _tell(failures: Sequence[Done], asked: Plan, ledger: Ledger, is_new: bool) -> None:
    if not failures:
        return
    lines = [f"{one.network} on {one.picture}: {one.failure}" for one in failures]
    pairs = len(asked.rows.drop_duplicates([columns.NETWORK_ID, columns.PICTURE_ID]))
    if len(failures) == pairs:
        if is_new:  # nothing to keep: so that a mended call may use the name
            ledger.discard()
        raise NothingWorked(f"all {pairs} pairs of network and image failed, the first with {lines[0]}")
    words = f"{len(failures)} of {pairs} pairs failed and will be tried again by the next call; "
    warnings.warn(words + "; ".join(lines[:3]), RuntimeWarning, stacklevel=3)
