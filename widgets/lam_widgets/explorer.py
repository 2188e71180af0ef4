"""The explorer: choose networks and an image, drag the window, run, scrub, compare, export; in one cell."""

from __future__ import annotations

import base64
import html
import io
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
from lam_nb.cli.demonstration import NETWORKS, REGION, SAMPLE
from lam_nb.images.photographs import in_channels
from lam_nb.networks import Network
from lam_nb.types import ImageLike
from lam_nb.validation import InputError, whole

from .comparison import Comparison
from .kit import Widget
from .region_picker import RegionPicker
from .scrubber import Scrubber

_WIDE = {"width": "100%"}
_TABS = ("Integration", "Map", "Comparison", "Numbers", "Export")
_LARGEST = 1024
"""Longest side of an uploaded picture; larger ones are cut in the middle."""


class Cancelled(Exception):
    """The user has asked the work to stop."""


class Explorer(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """The whole job in one cell: networks, image, window, run, and what came out in tabs.

    A run goes on in a thread: the notebook stays free, the bar tells what is left, Cancel stops within
    one batch. An error is told in the widget, which stays usable.

    Parameters
    ----------
    networks : sequence of Network or names, default the shipped networks
        Names are loaded when first chosen. Networks compared at once need one scale.
    images : mapping or sequence, default the sample photographs
        name -> image, or images, or names of samples. They are ground truth: a network that enlarges
        gets them reduced by its scale.
    size : int, default 16
        Side of the window at first, output pixels.
    steps : int, default 24
        Evaluations along the path.

    Attributes
    ----------
    dataset : xarray.Dataset or None
        The last result: of `lam_nb.attribute`, or of `lam_nb.compare` for several networks.
    region : Region
        The window chosen.
    state : str
        "ready", "running", "done", "cancelled" or "failed".

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
    """

    def __init__(
        self,
        networks: Sequence[Network | str] | None = None,
        images: Mapping[str, ImageLike] | Sequence[ImageLike] | None = None,
        *,
        size: int = 16,
        steps: int = 24,
    ) -> None:
        self._networks = _named_networks(networks)
        self._recipes = {
            name: f"lam.networks.load({one!r})" for name, one in self._networks.items() if isinstance(one, str)
        }
        self._images = _named_images(images)
        self._samples = {name for name in self._images if _is_sample(name, self._images[name])}
        self._size = whole("size", size)
        self.dataset: xr.Dataset | None = None
        self.state = "ready"
        self._thread: threading.Thread | None = None
        self._stop, self._starting = threading.Event(), threading.Lock()
        self._build(whole("steps", steps))
        super().__init__(children=[self._desk, self._tabs], layout=_WIDE)
        self.add_class("lam-explorer")
        self._show_image()
        if networks is images is None and size == REGION.size:  # a narrow network beside a wide one, as the demo
            self._network.value, self.picker.region = NETWORKS, REGION

    @property
    def region(self) -> lam_nb.Region:
        """The window chosen, in output pixels."""
        return self.picker.region

    def run(self, wait: bool = False) -> None:
        """Start; with ``wait`` return when done. Refused while a run is going on."""
        with self._starting:  # two calls at once must not both find nothing going on
            if self._thread is not None and self._thread.is_alive():
                return self._tell("a run is going on: wait for it, or cancel it first.", "#9a6700")
            self._stop.clear()
            self.state = "running"
            self._tell("starting…")
            self._run.disabled, self._cancel.disabled = True, False
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        return self._thread.join() if wait else None

    def cancel(self) -> None:
        """Ask a run to stop; it does within one batch, and the last result stays."""
        self._stop.set()

    def code(self) -> str:
        """Return the program that computes the same."""
        region, chosen = self.region, self._chosen()
        lines = ["import lam_nb as lam", ""]
        lines += [f"net_{k} = {self._recipe(name)}" for k, name in enumerate(chosen)]
        count = self._load(chosen[0]).axes.count
        sample = f"lam.images.sample({self._image.value!r}{'' if count == 3 else f', {count}'})"
        lines.append(f"hr = {sample if self._is_sample() else '...  # your image'}")
        lines.append(f"lr = lam.images.downscale(hr, {self._scale()})" if self._scale() > 1 else "lr = hr")
        where = f"lam.{region!r}, steps={self._steps.value}"
        if len(chosen) == 1:
            return "\n".join([*lines, f"ds = lam.attribute(net_0, lr, {where})", "lam.views.progression(ds)"])
        every = ", ".join(f"net_{k}" for k in range(len(chosen)))
        keep = 'keep=["output", "integrand"]'
        return "\n".join([*lines, f"ds = lam.compare([{every}], lr, {where}, reference=hr, {keep})"])

    def _build(self, steps: int) -> None:
        names = list(self._networks)
        rows = min(6, max(2, len(names)))
        hint = {"description": "networks", "tooltip": "several with Ctrl or Shift"}
        self._network = ipywidgets.SelectMultiple(options=names, value=names[:1], rows=rows, **hint)
        self._image = ipywidgets.Dropdown(options=list(self._images), description="image")
        self._upload = ipywidgets.FileUpload(
            accept="image/*", multiple=False, description="upload an image", layout={"width": "auto"}
        )
        self._steps = ipywidgets.BoundedIntText(value=steps, min=1, max=243, description="steps")
        self._run = ipywidgets.Button(description="Run", icon="play", button_style="primary")
        self._cancel = ipywidgets.Button(description="Cancel", icon="stop", disabled=True)
        self._bar = ipywidgets.IntProgress(min=0, max=100, layout={"width": "240px"})
        self._left = ipywidgets.HTML()
        self._message = ipywidgets.HTML(layout=_WIDE)
        self._message.add_class("lam-message")
        self._stage = ipywidgets.VBox(layout={"flex": "1 1 360px", "max_width": "480px", "padding": "0 4px"})
        self._tabs = ipywidgets.Tab(children=[ipywidgets.VBox() for _ in _TABS], layout={**_WIDE, "display": "none"})
        for k, title in enumerate(_TABS):
            self._tabs.set_title(k, title)
        buttons = ipywidgets.HBox([self._run, self._cancel])
        going = ipywidgets.HBox([self._bar, self._left])
        asked = [self._network, self._image, self._upload, self._steps, buttons, going, self._message]
        column = ipywidgets.VBox(asked, layout={"flex": "1 1 320px", "padding": "0 4px"})
        row = {"width": "100%", "flex_flow": "row wrap", "align_items": "flex-start", "grid_gap": "12px"}
        self._desk = ipywidgets.HBox([self._stage, column], layout=row)
        self._run.on_click(lambda _: self.run())
        self._cancel.on_click(lambda _: self.cancel())
        self._image.observe(lambda _: self._guarded(self._show_image), "value")
        self._upload.observe(lambda _: self._guarded(self._take_upload), "value")

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            self._fail(error)

    def _show_image(self) -> None:
        picture = self._images[self._image.value]
        before = self.region if hasattr(self, "picker") else None
        self.picker = (
            RegionPicker(picture, height=before.height, width=before.width)
            if before
            else RegionPicker(picture, self._size)
        )
        self._stage.children = [self.picker]

    def _take_upload(self) -> None:
        given = self._upload.value
        if not given:
            return
        files = list(given.values()) if isinstance(given, dict) else list(given)
        told = files[0].get("metadata", files[0])
        picture = pictures.load(io.BytesIO(bytes(files[0]["content"])))
        shown = _centre(picture, _LARGEST)
        name = _free(str(told["name"]), self._images)
        self._images[name] = shown
        self._image.options = list(self._images)
        self._image.value = name
        if shown.shape != picture.shape:
            sizes = [" × ".join(map(str, one.shape[-2:])) for one in (picture, shown)]
            self._tell(f"{html.escape(name)} has {sizes[0]} px: its middle, {sizes[1]} px, is taken.", "#9a6700")

    def _chosen(self) -> list[str]:
        if not self._network.value:
            raise InputError("networks: none is chosen; choose at least one.")
        return list(self._network.value)

    def _scale(self) -> int:
        return self._load(self._chosen()[0]).scale

    def _load(self, name: str) -> Network:
        network = self._networks[name]
        if isinstance(network, str):
            network = self._networks[name] = nets.load(network)
        return network

    def _recipe(self, name: str) -> str:
        return self._recipes.get(name, f"...  # your network {name!r}")

    def _is_sample(self) -> bool:
        return self._image.value in self._samples

    def _work(self) -> None:
        started = time.perf_counter()

        def follow(done: int, total: int) -> None:
            if self._stop.is_set():
                raise Cancelled
            elapsed = time.perf_counter() - started
            self._bar.value = min(100, 100 * done // max(total, 1))
            self._left.value = f"{elapsed / done * (total - done):.0f} s left" if done else ""

        try:
            found = self._computed(follow)
            self._show(found)
            self.dataset, self.state = found, "done"
            self._tell(
                f"done in {time.perf_counter() - started:.1f} s; the result is <code>.dataset</code>.", "#1a7f37"
            )
        except Cancelled:
            self.state = "cancelled"
            self._tell("cancelled; the last result is still there.", "#9a6700")
        except Exception as error:
            self._fail(error)
        finally:
            self._run.disabled, self._cancel.disabled = False, True
            self._left.value, self._bar.value = "", 0

    def _computed(self, follow: Callable[[int, int], None]) -> xr.Dataset:
        chosen = [self._load(name) for name in self._chosen()]
        region, truth, scale = self.region, self._truth(chosen[0]), chosen[0].scale
        given = pictures.downscale(truth, scale) if scale > 1 else truth
        steps = int(self._steps.value)
        if len(chosen) == 1:
            return lam_nb.attribute(chosen[0], given, region, steps=steps, progress=follow)
        keep = [result.INPUT, result.OUTPUT, result.INTEGRAND]
        return lam_nb.compare(chosen, given, region, reference=truth, keep=keep, steps=steps, progress=follow)

    def _truth(self, network: Network) -> torch.Tensor:
        """Return the image, cut to a multiple of what the network needs; the window must stay inside."""
        picture = in_channels(self._images[self._image.value], network.axes.count)
        unit = network.scale * network.pad_to
        height, width = (side // unit * unit for side in picture.shape[-2:])
        self.region.check(height, width)
        return pictures.crop(picture, 0, 0, height, width)

    def _show(self, found: xr.Dataset) -> None:
        several = result.MODEL in found.dims
        shown = [found.isel({result.MODEL: k}) for k in range(found.sizes[result.MODEL])] if several else [found]
        first: Widget = Comparison(found) if several else Scrubber(found)
        tabs = {
            "Integration": [first],
            "Map": [_drawn(views.attribution(one)) for one in shown],
            "Comparison": [first if several else ipywidgets.HTML("choose several networks to compare them.")],
            "Numbers": [ipywidgets.HTML(views.table(shown)._repr_html_())],
            "Export": [self._exports(found, first)],
        }
        for k, title in enumerate(_TABS):
            self._tabs.children[k].children = tabs[title]
        self._tabs.layout.display = "flex"

    def _exports(self, found: xr.Dataset, shown: Widget) -> ipywidgets.Widget:
        """Return a button that makes the files, since they are large."""
        button, place = ipywidgets.Button(description="Make files", icon="download"), ipywidgets.HTML()
        code = f"<p>The program that computes the same:</p><pre>{html.escape(self.code())}</pre>"

        def make(_: object) -> None:
            place.value = "making the files…"
            try:
                place.value = " · ".join(_link(name, data) for name, data in _files(found, shown).items())
            except Exception as error:
                place.value = _coloured(f"not made: {html.escape(str(error))}", "#b42318")

        button.on_click(make)
        return ipywidgets.VBox([button, place, ipywidgets.HTML(code)])

    def _fail(self, error: Exception) -> None:
        self.state = "failed"
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        self._tell(f"{kind}{html.escape(str(error))}", "#b42318")

    def _tell(self, words: str, colour: str = "inherit") -> None:
        self._message.value = _coloured(words, colour)


def _coloured(words: str, colour: str) -> str:
    return f'<div role="status" style="color:{colour};font-weight:600">{words}</div>'


def _drawn(figure: views.View) -> ipywidgets.Output:
    """Return a figure inside a widget; displaying it would send it to the cell that runs."""
    shown = {"output_type": "display_data", "data": figure._repr_mimebundle_(), "metadata": {}}
    return ipywidgets.Output(outputs=(shown,), layout=_WIDE)


def _files(found: xr.Dataset, shown: Widget) -> dict[str, bytes]:
    """Return the files to hand out, by name."""
    with tempfile.TemporaryDirectory() as folder:
        data = lam_nb.save(found, Path(folder) / "lam.nc").read_bytes()
        page = shown.to_html(Path(folder) / "lam.html").read_bytes()
    buffer = io.BytesIO()
    shown.picture().save(buffer, "PNG")
    return {"lam.nc": data, "lam.html": page, "lam.png": buffer.getvalue()}


def _link(name: str, data: bytes) -> str:
    address = f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"
    return f'<a download="{name}" href="{address}">{name}</a> ({len(data) / 1e6:.1f} MB)'


def _centre(picture: torch.Tensor, most: int) -> torch.Tensor:
    height, width = (min(side, most) for side in picture.shape[-2:])
    top, left = (picture.shape[-2] - height) // 2, (picture.shape[-1] - width) // 2
    return pictures.crop(picture, top, left, height, width).clone()


def _free(name: str, taken: Mapping[str, object]) -> str:
    """Return a name that is not taken: an upload called like a sample is another picture."""
    numbers = (f"{name} ({k})" for k in range(2, len(taken) + 3))
    return next(one for one in (name, *numbers) if one not in taken)


def _is_sample(name: str, picture: torch.Tensor) -> bool:
    return name in pictures.samples() and torch.equal(picture, pictures.sample(name))


def _named_networks(given: Sequence[Network | str] | None) -> dict[str, Network | str]:
    found = sorted(nets.shipped(), key=lambda name: (name not in NETWORKS, name)) if given is None else list(given)
    if not found or not all(isinstance(one, Network | str) for one in found):
        raise InputError(f"networks: got {given!r}, expected names or networks from lam_nb.networks.load or wrap.")
    names = result.numbered([one if isinstance(one, str) else one.name for one in found])
    return dict(zip(map(str, names), found, strict=True))


def _named_images(given: Mapping[str, ImageLike] | Sequence[ImageLike] | None) -> dict[str, torch.Tensor]:
    if given is None:
        given = sorted(pictures.samples(), key=lambda name: name != SAMPLE)
    if isinstance(given, Mapping):
        found = {str(name): pictures.as_image(one, channels=None) for name, one in given.items()}
    else:
        found = dict(_named_image(one, k) for k, one in enumerate(given))
    if not found:
        raise InputError("images: got none, expected images or names of samples.")
    return found


def _named_image(one: ImageLike, k: int) -> tuple[str, torch.Tensor]:
    if isinstance(one, str) and one in pictures.samples():
        return one, pictures.sample(one)
    return (Path(one).name if isinstance(one, str | Path) else f"image {k + 1}"), pictures.as_image(one, channels=None)
