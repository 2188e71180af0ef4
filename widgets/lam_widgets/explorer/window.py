"""The window: a picture with a box to drag, and its four numbers to type; large pictures are cut by whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import ipywidgets
import torch
from torch.nn import functional

from lam_nb import Region
from lam_nb import images as pictures
from lam_nb.validation import InputError

from ..region_picker import RegionPicker

LARGEST = 1024
"""Longest side of a picture that is taken whole."""
_SIDES = ("y", "x", "height", "width")


class Stage(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets has no types
    """A picker of a picture, with fields of its numbers.

    Parameters
    ----------
    size : int
        Side of the window at first.

    Attributes
    ----------
    picker : RegionPicker
        The one shown.
    is_cut : bool
        Whether the box is the part of a large picture to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.fields = {
            name: ipywidgets.BoundedIntText(
                description=name, min=0, layout={"width": "112px"}, style={"description_width": "42px"}
            )
            for name in _SIDES
        }
        for name, field in self.fields.items():
            field.observe(lambda change, name=name: self._typed(name, change["new"]), "value")
        row = ipywidgets.HBox(list(self.fields.values()), layout={"flex_flow": "row wrap"})
        self._row, self._seen, self.is_cut = row, list[Callable[[], object]](), False
        self._typing = True
        self.picker = RegionPicker(torch.zeros(3, 8, 8), size=4)
        super().__init__(layout={"flex": "1 1 360px", "max_width": "480px", "padding": "0 4px"})

    def show(self, picture: torch.Tensor, scale: int = 1, suggestions: Sequence[Region] = ()) -> None:
        """Show a picture, the window where it was or at the first suggestion; `scale` output pixels to its pixel."""
        others = self.picker.regions[:-1]
        before = self.picker.region if self.children else None
        if suggestions:
            picker, before = RegionPicker(picture, scale=scale, suggestions=suggestions), suggestions[0]
        elif before is None:
            picker = RegionPicker(picture, self._size, scale=scale)
        else:
            picker = RegionPicker(picture, height=before.height, width=before.width, scale=scale)
        with suppress(InputError):  # one that leaves this picture stands in its middle
            picker.region = before or picker.region
        for one in others:
            with suppress(InputError):
                picker.regions = [*picker.regions[:-1], one, picker.region]
        self.is_cut = False
        self._set(picker, [picker, self._row])

    def cut(self, picture: torch.Tensor, done: Callable[[torch.Tensor], None]) -> None:
        """Have whoever asks draw the part of a large picture to keep; tell `done` what it is."""
        factor = -(-max(picture.shape[-2:]) // LARGEST)
        rows, columns = (side // factor * factor for side in picture.shape[-2:])
        small = functional.avg_pool2d(picture[None, :, :rows, :columns].float(), factor)[0]
        picker = RegionPicker(small, height=min(LARGEST, rows), width=min(LARGEST, columns), scale=factor)
        keep = ipywidgets.Button(description="Keep this part")
        keep.add_class("lam-keep")

        def take(_: object) -> None:
            part = picker.region
            done(pictures.crop(picture, part.y, part.x, part.height, part.width).clone())

        keep.on_click(take)
        self.is_cut = True
        self._set(picker, [picker, self._row, keep])

    def observe_window(self, told: Callable[[], object]) -> None:
        """Tell somebody whenever the window changes."""
        self._seen.append(told)

    def _set(self, picker: RegionPicker, children: list[ipywidgets.Widget]) -> None:
        self.picker = picker
        self._typing = False  # fields that get another end move what is in them
        for name, field in self.fields.items():
            field.max = picker.shape[name in ("x", "width")]
        self._typing = True
        self._sync()
        picker.observe(lambda _: self._moved(), [*_SIDES, "others", "touches"])
        self.children = children

    def _moved(self) -> None:
        self._sync()
        for told in self._seen:
            told()

    def _typed(self, name: str, value: int) -> None:
        if not self._typing:
            return
        setattr(self.picker, name, max(value, 1 if name in ("height", "width") else 0))
        self._sync()  # a picker keeps its window inside

    def _sync(self) -> None:
        for name, field in self.fields.items():
            field.value = getattr(self.picker, name)
