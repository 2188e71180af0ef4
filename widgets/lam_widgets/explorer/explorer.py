"""The explorer: the whole job in one cell."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import ipywidgets
import torch
import xarray as xr

import lam_nb
from lam_nb import images as pictures
from lam_nb import networks as nets
from lam_nb import result, views
from lam_nb.cli.demonstration import NETWORKS, REGION
from lam_nb.images.photographs import in_channels
from lam_nb.networks import Network
from lam_nb.types import ImageLike
from lam_nb.validation import InputError, whole, words_of

from ..region_picker import RegionPicker
from .answers import Asked, Pace
from .desk import BAD, DOUBT, GOOD, Desk
from .offers import free, is_sample, named_images, named_networks, uploaded, uploaded_file
from .panels import drawn, panels, preview, singles
from .question import Question
from .runs import Run, Runs
from .verbs import FIRST, VERBS
from .window import LARGEST

_WIDE = {"width": "100%"}
_DRAWN = 90
"""Per cent of the bar that computing takes; the rest is drawing."""
_TINY = 24
"""Sides of an input below which a map tells little."""


class Cancelled(Exception):
    """The user has asked the work to stop."""


class Explorer(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """The whole job in one cell: question, networks, image, window, run, and what came out in tabs.

    Asks which pixels made the window, which blocks of the input help or harm it, or how far a network can see.
    A run goes on in a thread: the notebook stays free, the bar tells what is left, Cancel stops within
    one batch. Long work shows a preview first, marked as such. Results carry what they are of: when picture,
    window, networks or steps change, they are marked as out of date. An error is told in the widget, which
    stays usable. What was run is listed: show it again, name it, delete it, or set two side by side.

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

    Attributes
    ----------
    dataset : xarray.Dataset or None
        The last result: of `lam_nb.attribute`, or of `lam_nb.compare` for several networks.
    region : Region
        The window chosen.
    state : str
        "ready", "running", "done", "cancelled" or "failed".
    runs : list of Run
        What was run so far, each with its ``question``, ``dataset``, ``code``, ``seconds`` and ``name``.

    Raises
    ------
    InputError
        If there are no networks or no images.

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
    ) -> None:
        self._networks, self._images = named_networks(networks), named_images(images)
        self._recipes = {
            name: f"lam.networks.load({one!r})" for name, one in self._networks.items() if isinstance(one, str)
        }
        self._samples = {name for name, one in self._images.items() if is_sample(name, one)}
        self.dataset: xr.Dataset | None = None
        self.state = "ready"
        self._thread: threading.Thread | None = None
        self._stop, self._starting = threading.Event(), threading.Lock()
        self.desk = Desk(list(self._networks), list(self._images), whole("size", size), whole("steps", steps, least=0))
        self._story = ipywidgets.Image(layout={"max_width": "100%"})
        self._tabs = ipywidgets.Tab(layout={**_WIDE, "display": "none"})
        self._list = Runs(self._show, self._set_beside)
        self._past = ipywidgets.Accordion([self._list], selected_index=None, layout={**_WIDE, "display": "none"})
        self._past.set_title(0, "runs in this notebook")
        self._shown: Run | None = None
        super().__init__(children=[self.desk, self._story, self._tabs, self._past], layout=_WIDE)
        self._story.layout.display = "none"
        self.add_class("lam-explorer")
        self._wire()
        self._show_image()
        self._guarded(self._rescale)
        if networks is images is None and size == REGION.size:  # a narrow network beside a wide one, as the demo
            self.desk.networks.value = NETWORKS
            self.picker.region = REGION

    @property
    def picker(self) -> RegionPicker:
        """The picture with the window."""
        return self.desk.stage.picker

    @property
    def region(self) -> lam_nb.Region:
        """The window chosen, in output pixels."""
        return self.picker.region

    @property
    def runs(self) -> list[Run]:
        """What was run so far, the newest last."""
        return self._list.runs

    @property
    def is_stale(self) -> bool:
        """Whether the results shown are of another picture, window, network or number of steps than chosen."""
        return self._shown is not None and self._shown.question != self._question()

    def run(self, wait: bool = False) -> None:
        """Start; with ``wait`` return when done. Refused while a run is going on."""
        with self._starting:  # two calls at once must not both find nothing going on
            if self._thread is not None and self._thread.is_alive():
                return self.desk.tell("a run is going on: wait for it, or cancel it first.", DOUBT)
            self._stop.clear()
            self.state = "running"
            self.desk.tell("starting…")
            self.desk.be_busy(True)
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        return self._thread.join() if wait else None

    def cancel(self) -> None:
        """Ask a run to stop; it does within one batch, and the last result stays."""
        self._stop.set()

    def code(self) -> str:
        """Return the program that computes the same."""
        asked, chosen = self._question(), self._chosen()
        net = self._load(chosen[0])
        lines = ["import lam_nb as lam", ""]
        lines += [f"net_{k} = {self._recipe(name)}" for k, name in enumerate(chosen)]
        count = net.axes.count
        sample = f"lam.images.sample({asked.image!r}{'' if count == 3 else f', {count}'})"
        source = sample if asked.image in self._samples else "...  # your image"
        if asked.is_truth:
            lines.append(f"hr = {source}")
            lines.append(f"lr = lam.images.downscale(hr, {net.scale})" if net.scale > 1 else "lr = hr")
        else:
            lines.append(f"lr = {source}")
        where, verb = f"lam.{asked.region!r}{', reference=hr' if asked.is_truth else ''}", VERBS[asked.verb]
        call, shown = verb.call(len(chosen), where, asked.steps), verb.shown(len(chosen))
        return "\n".join([*lines, f"ds = {call}", shown])

    def _wire(self) -> None:
        desk = self.desk
        desk.run.on_click(lambda _: self.run())
        desk.cancel.on_click(lambda _: self.cancel())
        for control in (desk.image, desk.kind):
            control.observe(lambda _: self._guarded(self._show_image), "value")
        desk.networks.observe(lambda _: self._guarded(self._rescale), "value")
        desk.upload.observe(lambda _: self._guarded(self._take_upload), "value")
        desk.more.observe(lambda _: self._guarded(self._take_network), "value")
        desk.suggest.on_click(lambda _: self._guarded(self._suggest))
        for control in (desk.steps, desk.question):
            control.observe(lambda _: self._mark(), "value")
        desk.stage.observe_window(self._mark)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            self._fail(error)

    def _question(self) -> Question:
        desk = self.desk
        steps = int(desk.steps.value)
        return Question(
            tuple(desk.networks.value), desk.image.value, bool(desk.kind.value), self.region, steps, desk.question.value
        )

    def _mark(self) -> None:
        """Mark the results if they are of something else than what is chosen."""
        if self._shown is None:
            return
        differences = self._shown.question.differs(self._question())
        self.desk.mark_stale(differences, str(self._shown.question))
        (self._tabs.add_class if differences else self._tabs.remove_class)("lam-stale-results")

    def _show_image(self) -> None:
        picture = self._images[self.desk.image.value]
        if max(picture.shape[-2:]) > LARGEST:
            sides = " × ".join(map(str, picture.shape[-2:]))
            self.desk.tell(f"{self.desk.image.value} has {sides} px: draw the part to keep, then press Keep this part.")
            self.desk.stage.cut(picture, self._keep)
        else:
            self.desk.stage.show(picture, self._shown_scale())
        self._mark()

    def _shown_scale(self) -> int:
        """Return how many output pixels a pixel of the picture shown has."""
        return 1 if self.desk.kind.value or not self.desk.networks.value else self._load(self._chosen()[0]).scale

    def _rescale(self) -> None:
        chosen = [self._load(name) for name in self.desk.networks.value]
        self.desk.describe([(one.name, one.scale, one.parameter_count) for one in chosen])
        if not self.desk.kind.value and self.desk.networks.value:
            self._show_image()
        self._mark()

    def _keep(self, part: torch.Tensor) -> None:
        self._images[self.desk.image.value] = part
        self.desk.tell(f"{self.desk.image.value}: {part.shape[-2]} × {part.shape[-1]} px are kept.", GOOD)
        self.desk.stage.show(part, self._shown_scale())

    def _take_upload(self) -> None:
        given = uploaded(self.desk.upload.value)
        if given is None:
            return
        name = free(given[0], self._images)
        self._images[name] = given[1]
        self.desk.image.options = list(self._images)
        self.desk.image.value = name

    def _take_network(self) -> None:
        given = uploaded_file(self.desk.more.value)
        if given is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(given[0]).name
            path.write_bytes(given[1])
            network = nets.load(path)  # read without running anything inside
        name = free(network.name, self._networks)
        self._networks[name] = network
        chosen = self.desk.networks.value
        self.desk.networks.options = list(self._networks)
        self.desk.networks.value = (*(one for one in chosen if self._load(one).scale == network.scale), name)
        self.desk.tell(f"{name} was added: ×{network.scale}, {network.parameter_count:,} parameters.", GOOD)

    def _suggest(self) -> None:
        """Offer windows where the networks chosen do worst, apart from one another."""
        if not self.desk.kind.value:
            raise InputError("image: windows are suggested by what networks restore worst, which takes the truth.")
        chosen = [self._load(name) for name in self._chosen()]
        picture = self._picture(self.desk.image.value, chosen[0])
        side = max(8, min(self.region.height, self.region.width))
        found = lam_nb.studies.hard_regions(picture, chosen, n=4, size=side, apart=3 * side)
        if not found:
            raise InputError("image: no window was found; the picture is too small for windows of this size.")
        self.desk.stage.show(self._images[self.desk.image.value], suggestions=found)
        self._mark()

    def _chosen(self) -> list[str]:
        if not self.desk.networks.value:
            raise InputError("networks: none is chosen; choose at least one.")
        return list(self.desk.networks.value)

    def _load(self, name: str) -> Network:
        network = self._networks[name]
        if isinstance(network, str):
            network = self._networks[name] = nets.load(network)
        return network

    def _recipe(self, name: str) -> str:
        return self._recipes.get(name, f"...  # your network {name!r}")

    def _work(self) -> None:
        started, pace = time.perf_counter(), Pace()

        def follow(done: int, total: int) -> None:
            if self._stop.is_set():
                raise Cancelled
            self.desk.bar.value = min(_DRAWN, _DRAWN * done // max(total, 1))
            left = pace.left(done, total, time.perf_counter() - started)
            self.desk.left.value = "" if math.isnan(left) else f"{left:.0f} s left"

        try:
            question, code = self._question(), self.code()
            for found, is_last in VERBS[question.verb].answers(self._asked(question), pace, follow):
                if is_last:
                    self.desk.left.value, self.desk.bar.value = "drawing…", _DRAWN
                    run = Run(question, found, code, time.perf_counter() - started)
                    self._show(run)
                    self.dataset, self.state = found, "done"
                    self._remember(run)
                    self._close(run, time.perf_counter() - started)
                else:
                    self._show_preview(found, question)
        except Cancelled:
            self.state = "cancelled"
            self.desk.tell("cancelled; the last result is still there.", DOUBT)
        except Exception as error:
            self._fail(error)
        finally:
            self._story.layout.display = "none"
            self._tabs.layout.display = "flex" if self._tabs.children else "none"  # a preview hid the last result
            self.desk.be_busy(False)

    def _asked(self, question: Question) -> Asked:
        """Return a question with its networks and pictures, checked."""
        chosen = [self._load(name) for name in question.networks]
        image, truth = self._given(chosen[0], question)
        question.region.check(*chosen[0].output_size(*image.shape[-2:]))
        return Asked(chosen, image, question.region, truth, question.steps)

    def _given(self, network: Network, question: Question) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the network's input, and the truth where the picture is that, cut to what the network needs."""
        picture = self._picture(question.image, network)
        unit = network.pad_to * (network.scale if question.is_truth else 1)
        height, width = (side // unit * unit for side in picture.shape[-2:])
        picture = pictures.crop(picture, 0, 0, height, width)
        if not question.is_truth:
            return picture, None
        question.region.check(height, width)
        return (pictures.downscale(picture, network.scale) if network.scale > 1 else picture), picture

    def _picture(self, name: str, network: Network) -> torch.Tensor:
        """Return a picture with the channels that a network takes, if it is small enough to be taken whole."""
        picture = in_channels(self._images[name], network.axes.count)
        if max(picture.shape[-2:]) > LARGEST:
            raise InputError(f"image: {name} is too large; draw the part to keep first.")
        return picture

    def _show_preview(self, found: xr.Dataset, question: Question) -> None:
        preview(found, question, self._story)
        self._story.layout.display, self._tabs.layout.display = "", "none"
        error = float(found[result.QUADRATURE_ERROR].max()) if result.QUADRATURE_ERROR in found else float("nan")
        self.desk.tell(f"a preview, off by about {error:.0%}; it gets better…", DOUBT)

    def _show(self, run: Run) -> None:
        """Show a run's answer in tabs."""
        tabs = panels(run.dataset, run.question, run.figure, run.code)
        self._tabs.children = [ipywidgets.VBox(children) for children in tabs.values()]
        for k, title in enumerate(tabs):
            self._tabs.set_title(k, title)
        self._tabs.selected_index = 0
        self._tabs.layout.display, self._story.layout.display = "flex", "none"
        self._shown = run
        self._mark()

    def _set_beside(self, one: Run, other: Run) -> None:
        """Show two runs' answers side by side, with their numbers below."""
        both = ipywidgets.VBox([drawn(run.figure) for run in (one, other)], layout=_WIDE)
        rows = [
            (each, _name(run)) for run in (one, other) if run.question.verb == FIRST for each in singles(run.dataset)
        ]
        told = views.table([each for each, _ in rows], run=[name for _, name in rows])._repr_html_() if rows else ""
        numbers = ipywidgets.HTML(told)
        self._tabs.children = [ipywidgets.VBox([both, numbers])]
        self._tabs.set_title(0, "Side by side")
        self._tabs.layout.display = "flex"

    def _remember(self, run: Run) -> None:
        self._list.add(run)
        self._past.layout.display = ""

    def _close(self, run: Run, seconds: float) -> None:
        words = f"done in {seconds:.1f} s; the result is .dataset."
        sides = run.dataset.sizes[result.Y], run.dataset.sizes[result.X]
        if min(sides) < _TINY:
            words += f" The network's input has {sides[0]} × {sides[1]} px: a map of so few tells little."
        self.desk.tell(words, DOUBT if min(sides) < _TINY else GOOD)

    def _fail(self, error: Exception) -> None:
        self.state = "failed"
        self.desk.tell(str(error) if isinstance(error, InputError) else words_of(error), BAD)


def _name(run: Run) -> str:
    return run.name or str(run.question)
