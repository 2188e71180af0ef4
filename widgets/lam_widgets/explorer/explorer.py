"""The explorer: the whole job in one cell."""

from __future__ import annotations

import base64
import io
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import ipywidgets
import torch
import xarray as xr
from PIL import Image

import lam_nb
from lam_nb import images as pictures
from lam_nb import networks as nets
from lam_nb import result
from lam_nb.cli.demonstration import NETWORKS, REGION
from lam_nb.networks import Network
from lam_nb.types import ImageLike
from lam_nb.validation import InputError, whole, words_of

from ..kit import pictured, png, viewed
from ..region_picker import RegionPicker
from .answers import Asked, Pace
from .desk import BAD, DOUBT, GOOD, Desk
from .glimpse import Glimpses, layer
from .offers import Offers, is_transparent, modules
from .panels import beside, panels, preview, singles
from .program import program
from .question import Question
from .runs import Run, Runs
from .shelf import Shelf, folder
from .verbs import FIRST, VERBS
from .window import LARGEST

_WIDE = {"width": "100%"}
_DRAWN = 90
"""Per cent of the bar that computing takes; the rest is drawing."""
_TINY = 24
"""Sides of an input below which a map tells little."""
_THUMB = 44
"""Sides of a map in the table of networks."""
_GROUNDS = {"white": 1.0, "grey": 0.5, "black": 0.0}


class Cancelled(Exception):
    """The user has asked the work to stop."""


class Explorer(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """The whole job in one cell: question, networks, image, window, run, and what came out in tabs.

    Asks which pixels made the window, which blocks of the input help or harm it, or how far a network can see; and of
    all pictures, what a network's features know, or which kernels differ between two networks of one architecture.
    While the window moves, a rough map lies over the picture. A run goes on in a thread: the notebook stays free,
    the bar tells what is left, Cancel stops within one batch. Long work shows a preview first, marked as such.
    Results carry what they are of: when picture, window, networks or steps change, they are marked as out of date.
    An error is told in the widget, which stays usable. What was run is listed: show it again, name it, delete it, or
    set some side by side; after a restart of the kernel it can still be read.

    Parameters
    ----------
    networks : sequence of Network or names, default the shipped networks
        Names are loaded when first chosen. Networks compared at once need one scale.
    images : mapping or sequence, default the sample photographs
        name -> image, or images, or names of samples. They are ground truth, that a network which enlarges gets
        reduced by its scale, or its input: the widget asks which.
    size : int, default 16
        Side of the window at first, output pixels.
    steps : int, default 0
        Evaluations along the path; 0: as many as the map takes to be good enough, 24 for several networks.
    history : path or bool, optional
        Where runs are kept for after a restart of the kernel; by default the user's cache, by the notebook's name,
        in a notebook that a Jupyter server runs. False: nowhere.

    Attributes
    ----------
    dataset : xarray.Dataset or None
        The last result: of `lam_nb.attribute`, or of `lam_nb.compare` for several networks.
    region : Region
        The window with the thick frame.
    state : str
        "ready", "running", "done", "cancelled" or "failed".
    runs : list of Run
        What was run so far, each with its ``question``, ``dataset``, ``code``, ``seconds`` and ``name``; of several
        windows each is a run.

    Raises
    ------
    InputError
        If there are no networks or no images, or the history is a file.

    Examples
    --------
    >>> explorer = Explorer(["fsrcnn"], ["bricks"], steps=4)
    >>> explorer.run(wait=True)
    >>> explorer.state, explorer.dataset.sizes["alpha"]
    ('done', 4)
    >>> explorer.desk.stage.picker.x += 8
    >>> explorer.is_stale
    True
    """

    def __init__(
        self,
        networks: Sequence[Network | str] | None = None,
        images: Mapping[str, ImageLike] | Sequence[ImageLike] | None = None,
        *,
        size: int = 16,
        steps: int = 0,
        history: bool | str | os.PathLike[str] | None = None,
    ) -> None:
        self.offers = Offers(networks, images)
        self.dataset: xr.Dataset | None = None
        self.state = "ready"
        self._thread: threading.Thread | None = None
        self._stop, self._starting = threading.Event(), threading.Lock()
        rows = [self.offers.row(name) for name in self.offers.networks]
        side, count = whole("size", size), whole("steps", steps, least=0)
        self.desk = Desk(rows, list(self.offers.images), side, count)
        self.glimpses = Glimpses()
        self._story = ipywidgets.Image(layout={"max_width": "100%"})
        self._tabs = ipywidgets.Tab(layout={**_WIDE, "display": "none"})
        self._shelf = Shelf(folder(history))
        self._list = Runs(lambda run: self._guarded(partial(self._show, [run])), self._set_beside, self._shelf.forget)
        self._past = ipywidgets.Accordion([self._list], selected_index=None, layout={**_WIDE, "display": "none"})
        self._past.set_title(0, "runs so far")
        self._shown: list[Run] = []
        self._held: lam_nb.Region | None = None
        self._touched: tuple[RegionPicker, int] | None = None
        self._unkept = ""
        super().__init__(children=[self.desk, self._story, self._tabs, self._past], layout=_WIDE)
        self._story.layout.display = "none"
        self.add_class("lam-explorer")
        self._wire()
        self._show_image()
        self._guarded(self._rescale)
        for run in self._shelf.earlier():
            self._remember(run)
        if networks is images is None and size == REGION.size:  # a narrow network beside a wide one, as the demo
            self.desk.networks.value = NETWORKS
            self.picker.region = REGION

    @property
    def picker(self) -> RegionPicker:
        """The picture with the window."""
        return self.desk.stage.picker

    @property
    def region(self) -> lam_nb.Region:
        """The window with the thick frame, in output pixels."""
        return self.picker.region

    @property
    def runs(self) -> list[Run]:
        """What was run so far, the newest last."""
        return self._list.runs

    @property
    def is_stale(self) -> bool:
        """Whether the results shown are of another picture, window, network or number of steps than chosen."""
        return bool(self._differences())

    def run(self, wait: bool = False) -> None:
        """Start; with ``wait`` return when done. Refused while a run is going on."""
        with self._starting:  # two calls at once must not both find nothing going on
            if self._thread is not None and self._thread.is_alive():
                return self.desk.tell("a run is going on: wait for it, or cancel it first.", DOUBT)
            self._stop.clear()
            self.state = "running"
            self.glimpses.forget(self.picker)
            self.desk.settle()
            self.desk.tell("starting…")
            self.desk.be_busy(True)
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        return self._thread.join() if wait else None

    def cancel(self) -> None:
        """Ask a run to stop; it does within one batch, and the last result stays."""
        self._stop.set()

    def code(self) -> str:
        """Return the program that computes the same, for the window with the thick frame."""
        return program(self._questions()[-1], self.offers)

    def picture(self) -> Image.Image:
        """Return what was found last, as a picture, or else the picture with its windows."""
        return self._shown[-1].figure.picture() if self._shown else self.picker.picture()

    _ipython_display_ = None  # as of `Widget`

    def _repr_mimebundle_(self, **settings: object) -> object:
        """Return the widget for front ends that know widgets, a picture for others."""
        return pictured(viewed(self), self.picture())

    def _wire(self) -> None:
        desk = self.desk
        desk.run.on_click(lambda _: self.run())
        desk.cancel.on_click(lambda _: self.cancel())
        for control in (desk.image, desk.kind):
            control.observe(lambda _: self._guarded(self._show_image), "value")
        desk.networks.observe(lambda _: self._guarded(self._rescale), "value")
        desk.observe_files(picture=self._guard(self._take_picture), checkpoint=self._guard(self._take_checkpoint))
        desk.named.observe(lambda _: self._guarded(self._take_named), "value")
        desk.suggest.on_click(lambda _: self._guarded(self._suggest))
        for control in (desk.steps, desk.question):
            control.observe(lambda _: self._mark(), "value")
        desk.stage.observe_window(self._moved)

    def _guard(self, take: Callable[[str, bytes], None]) -> Callable[[str, bytes], None]:
        return lambda name, content: self._guarded(partial(take, name, content))

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            self._fail(error)

    def _questions(self) -> list[Question]:
        """Return what is asked: a question for each window, or one if windows do not matter."""
        desk = self.desk
        which, verb = (tuple(desk.networks.value), desk.image.value, bool(desk.kind.value)), desk.question.value
        windows = self.picker.regions if "region" in VERBS[verb].parts else [self.region]
        every = tuple(self.offers.images) if VERBS[verb].of_all else ()
        return [Question(*which, region, int(desk.steps.value), verb, every) for region in windows]

    def _mark(self) -> None:
        """Mark the results if they are of something else than what is chosen."""
        if not self._shown:
            return
        differences = self._differences()
        self.desk.mark_stale(differences, "; ".join(str(run.question) for run in self._shown))
        (self._tabs.add_class if differences else self._tabs.remove_class)("lam-stale-results")

    def _differences(self) -> list[str]:
        """Return in words what the results shown differ in from what is chosen."""
        shown, asked = [run.question for run in self._shown], self._questions()
        if not shown:
            return []
        if shown[0].verb == asked[0].verb and len(shown) != len(asked):
            return ["windows"]
        pairs = zip(shown, asked, strict=False)
        return list(dict.fromkeys(words for one, other in pairs for words in one.differs(other)))

    def _moved(self) -> None:
        """Mark what is shown, and have a rough map made of where the window was put by hand."""
        self._mark()
        desk, picker = self.desk, self.picker
        if self.state == "running" or desk.stage.is_cut:
            return
        touched = picker.touches and (picker, picker.touches) != self._touched
        if touched and desk.live.value and desk.question.value == FIRST and desk.networks.value:
            self._touched = picker, picker.touches
            question = self._questions()[-1]
            self.glimpses.ask(picker, lambda: self._asked(question, [question.networks[-1]]))
            self._held = picker.region
        elif picker.region != self._held:
            self.glimpses.forget(picker)

    def _show_image(self) -> None:
        name = self.desk.image.value
        picture = self.offers.images[name]
        if max(picture.shape[-2:]) > LARGEST:
            sides = " × ".join(map(str, picture.shape[-2:]))
            self.desk.tell(f"{name} has {sides} px: draw the part to keep, then press Keep this part.")
            self.desk.stage.cut(picture, self._keep)
        else:
            self.desk.stage.show(picture, self._shown_scale())
        self._show_sizes()
        self._mark()

    def _show_sizes(self) -> None:
        if self.desk.networks.value:
            sides = tuple(self.offers.images[self.desk.image.value].shape[-2:])
            self.desk.show_sizes(sides, self.offers.load(self.desk.networks.value[0]).scale)

    def _shown_scale(self) -> int:
        """Return how many output pixels a pixel of the picture shown has."""
        chosen = self.desk.networks.value
        return 1 if self.desk.kind.value or not chosen else self.offers.load(chosen[0]).scale

    def _rescale(self) -> None:
        for name in self.desk.networks.value:
            self.offers.load(name)
            self.desk.networks.tell(self.offers.row(name))
        if not self.desk.kind.value and self.desk.networks.value:
            self._show_image()
        self._show_sizes()
        self.desk.named.options = [*modules(), *sorted(nets.PUBLISHED)]
        self.glimpses.forget(self.picker)
        self._mark()

    def _keep(self, part: torch.Tensor) -> None:
        name = self.desk.image.value
        self.offers.images[name] = part
        self.desk.tell(f"{name}: {part.shape[-2]} × {part.shape[-1]} px are kept.", GOOD)
        self._show_image()

    def _take_picture(self, name: str, content: bytes) -> None:
        def read(ground: float) -> torch.Tensor:
            return pictures.load(io.BytesIO(content), background=ground)

        def lay(ground: float) -> None:
            self._add(name, read(ground))

        picture = read(_GROUNDS["black"])  # what is no picture is told before anything is asked
        if is_transparent(content):
            answers = {words: partial(lay, ground) for words, ground in _GROUNDS.items()}
            self.desk.ask(f"{name} is transparent in places: what lies under it?", answers)
        else:
            self._add(name, picture)

    def _add(self, name: str, picture: torch.Tensor) -> None:
        """Offer a picture, and choose it."""
        self.desk.tell("")
        name = self.offers.add_picture(name, picture)
        self.desk.image.options = list(self.offers.images)
        self.desk.image.value = name

    def _take_checkpoint(self, name: str, content: bytes) -> None:
        self._join(self.offers.add_checkpoint(name, content))

    def _take_named(self) -> None:
        if words := self.desk.named.value.strip():
            self._join(self.offers.add_named(words))
            self.desk.named.value = ""

    def _join(self, name: str) -> None:
        """List a network, and choose it beside those of its scale."""
        network, chosen = self.offers.load(name), self.desk.networks.value
        self.desk.networks.add(self.offers.row(name))
        same = [one for one in chosen if self.offers.load(one).scale == network.scale]
        self.desk.networks.value = (*same, name)
        self.desk.tell(f"{name} was added: ×{network.scale}, {network.parameter_count:,} parameters.", GOOD)

    def _suggest(self) -> None:
        """Offer windows where the networks chosen do worst, apart from one another."""
        if not self.desk.kind.value:
            raise InputError("image: windows are suggested by what networks restore worst, which takes the truth.")
        chosen = [self.offers.load(name) for name in self._questions()[0].chosen()]
        picture = self.offers.picture(self.desk.image.value, chosen[0])
        side = max(8, min(self.region.height, self.region.width))
        found = lam_nb.studies.hard_regions(picture, chosen, n=4, size=side, apart=3 * side)
        if not found:
            raise InputError("image: no window was found; the picture is too small for windows of this size.")
        self.desk.stage.show(self.offers.images[self.desk.image.value], suggestions=found)
        self._mark()

    def _work(self) -> None:
        try:
            questions, self._unkept = self._questions(), ""
            pace, started = Pace(len(questions)), time.perf_counter()
            found = [self._answered(question, k, pace, started) for k, question in enumerate(questions)]
            self.desk.left.value, self.desk.bar.value = "drawing…", _DRAWN
            self._show(found)
            self.dataset, self.state = found[-1].dataset, "done"
            self._close(found, time.perf_counter() - started)
        except Cancelled:
            self.state = "cancelled"
            self.desk.tell("cancelled; the last result is still there.", DOUBT)
        except Exception as error:
            self._fail(error)
        finally:
            self._story.layout.display = "none"
            self._tabs.layout.display = "flex" if self._tabs.children else "none"  # a preview hid the last result
            self.desk.be_busy(False)

    def _answered(self, question: Question, k: int, pace: Pace, started: float) -> Run:
        """Return the run that answers the question of window number `k`."""

        def follow(done: int, total: int) -> None:
            if self._stop.is_set():
                raise Cancelled
            share = (k + min(done / max(total, 1), 1)) / pace.windows
            self.desk.bar.value = int(_DRAWN * share)
            left = pace.left(share, time.perf_counter() - started)
            self.desk.left.value = "" if math.isnan(left) else f"{left:.0f} s left"

        began, code = time.perf_counter(), program(question, self.offers)
        for found, is_last in VERBS[question.verb].answers(self._asked(question), pace, follow):
            if not is_last:
                self._show_preview(found, question)
        run = Run(question, found, code, time.perf_counter() - began)
        self._remember(run)
        return run

    def _asked(self, question: Question, names: Sequence[str] = ()) -> Asked:
        """Return a question with its networks and pictures, checked."""
        chosen = [self.offers.load(name) for name in names or question.chosen()]
        image, truth = self._given(chosen[0], question)
        question.region.check(*chosen[0].output_size(*image.shape[-2:]))
        every = partial(self.offers.pictures, question.images, chosen[0])
        return Asked(chosen, image, question.region, truth, question.steps, every)

    def _given(self, network: Network, question: Question) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the network's input, and the truth where the picture is that, cut to what the network needs."""
        picture = self.offers.picture(question.image, network)
        unit = network.pad_to * (network.scale if question.is_truth else 1)
        height, width = (side // unit * unit for side in picture.shape[-2:])
        picture = pictures.crop(picture, 0, 0, height, width)
        if not question.is_truth:
            return picture, None
        question.region.check(height, width)
        return (pictures.downscale(picture, network.scale) if network.scale > 1 else picture), picture

    def _show_preview(self, found: xr.Dataset, question: Question) -> None:
        preview(found, question, self._story)
        self._story.layout.display, self._tabs.layout.display = "", "none"
        self.desk.tell(f"a preview, {VERBS[question.verb].doubt(found)}; it gets better…", DOUBT)

    def _show(self, runs: Sequence[Run]) -> None:
        """Show a run's answer in tabs, or those of several windows side by side."""
        self._lay(panels(runs[0]) if len(runs) == 1 else beside(runs))
        self._shown = list(runs)
        self._mark()

    def _set_beside(self, runs: Sequence[Run]) -> None:
        """Show the answers of some runs side by side; they are of no one question."""
        self._shown = []
        self.desk.mark_stale([], "")
        self._tabs.remove_class("lam-stale-results")
        self._guarded(lambda: self._lay(beside(runs)))

    def _lay(self, tabs: Mapping[str, Sequence[ipywidgets.Widget]]) -> None:
        self._tabs.children = [ipywidgets.VBox(children) for children in tabs.values()]
        for k, title in enumerate(tabs):
            self._tabs.set_title(k, title)
        self._tabs.selected_index = 0
        self._tabs.layout.display, self._story.layout.display = "flex", "none"

    def _remember(self, run: Run) -> None:
        self._list.add(run)
        self._past.layout.display = ""
        if not run.is_earlier:
            self._tell_of(run)

    def _tell_of(self, run: Run) -> None:
        """Keep a run for after a restart, and say in the table how widely its networks looked."""
        try:
            self._shelf.keep(run)
        except (InputError, OSError) as error:  # a full disk must not cost the result
            self._unkept = str(error)
        if run.question.verb == FIRST:
            for name, one in zip(run.question.networks, singles(run.dataset), strict=True):
                small = layer(one)
                small.thumbnail((_THUMB, _THUMB))
                address = f"data:image/png;base64,{base64.b64encode(png(small)).decode()}"
                index = f"{float(one.lam.diffusion_index()):.1f}"
                self.desk.networks.tell({"name": name, "index": index, "map": address})

    def _close(self, runs: Sequence[Run], seconds: float) -> None:
        words = f"done in {seconds:.1f} s; the result is .dataset."
        words += f" For after a restart it is not kept: {self._unkept}" if self._unkept else ""
        is_map = "region" in VERBS[runs[0].question.verb].parts
        sides = [runs[0].dataset.sizes[side] for side in (result.Y, result.X)] if is_map else [_TINY]
        if min(sides) < _TINY:
            words += f" The network's input has {' × '.join(map(str, sides))} px: a map of so few tells little."
        self.desk.tell(words, DOUBT if min(sides) < _TINY else GOOD)

    def _fail(self, error: Exception) -> None:
        self.state = "failed"
        self.desk.tell(str(error) if isinstance(error, InputError) else words_of(error), BAD)
