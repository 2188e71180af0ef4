"""The desk: what is chosen, what is pressed, and what is told, beside the picture with the window."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence

import ipywidgets

from lam_nb.views.kit import style, tokens

from ..catalogue import Catalogue, Row
from ..intake import Intake
from .verbs import VERBS
from .window import Stage

GOOD, DOUBT, BAD = "var(--lam-good)", "var(--lam-doubt)", "var(--lam-bad)"
_TRUTH = "the truth: it is made small first"
_INPUT = "small already: it is enlarged as it is"
_ROW = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px"}
_STYLE = f"""<style>
{tokens(".lam-explorer")}
{style()}
.lam-message [role="status"] {{ border-left: 4px solid currentColor; padding-left: 8px; }}
.lam-stale-results {{ opacity: 0.45; }}
@media (prefers-reduced-motion: reduce) {{
  .lam-explorer * {{ animation: none !important; transition: none !important; }}
}}
</style>"""


class Desk(ipywidgets.HBox):  # type: ignore[misc] # ipywidgets has no types
    """Controls beside the stage; it knows nothing of computing.

    Parameters
    ----------
    networks : iterable of Row
        What to choose from.
    images : sequence of str
        Names to choose from.
    size, steps : int
        Side of the window, and evaluations, at first.
    """

    def __init__(self, networks: Iterable[Row], images: Sequence[str], size: int, steps: int) -> None:
        self.networks = Catalogue(networks)
        self.question = ipywidgets.Dropdown(options=list(VERBS), description="question")
        self.image = ipywidgets.Dropdown(options=images, description="image")
        self.kind = ipywidgets.Dropdown(options=[(_TRUTH, True), (_INPUT, False)], description="it is")
        self.sizes = ipywidgets.HTML()
        self._takers: dict[str, Callable[[str, bytes], object]] = {}
        self.upload = Intake("a picture", lambda *file: self._takers["picture"](*file), accept="image/*")
        self.more = Intake(
            "a checkpoint", lambda *file: self._takers["checkpoint"](*file), accept=".pth,.pt,.ckpt,.safetensors"
        )
        self.named = ipywidgets.Combobox(
            description="or by name", placeholder="a module of this notebook, a known network", continuous_update=False
        )
        self.steps = ipywidgets.BoundedIntText(value=steps, min=0, max=243, description="steps")
        self.live = ipywidgets.Checkbox(value=True, description="preview while the window moves", indent=False)
        self.suggest = ipywidgets.Button(description="Suggest windows", icon="lightbulb-o", layout={"width": "auto"})
        self.run = ipywidgets.Button(description="Run", icon="play", button_style="primary")
        self.cancel = ipywidgets.Button(description="Cancel", icon="stop", disabled=True)
        self.bar = ipywidgets.IntProgress(min=0, max=100, layout={"width": "240px"})
        self.left, self.message, self.stale = (ipywidgets.HTML() for _ in range(3))
        self.message.add_class("lam-message")
        self.stale.add_class("lam-stale")
        self.choices = ipywidgets.HBox(layout=_ROW)
        self.stage = Stage(size)
        buttons = ipywidgets.HBox([self.run, self.cancel, self.suggest], layout=_ROW)
        going = ipywidgets.HBox([self.bar, self.left], layout=_ROW)
        asked = [self.question, self.networks, self.more, self.named]
        asked += [self.image, self.kind, self.sizes, self.upload]
        asked += [self.steps, hint("0: as many as the map takes to be good enough"), self.live, buttons, going]
        told = [self.message, self.choices, self.stale, ipywidgets.HTML(_STYLE, layout={"display": "none"})]
        column = ipywidgets.VBox([*asked, *told], layout={"flex": "1 1 320px", "min_width": "0", "padding": "0 4px"})
        row = {"width": "100%", "flex_flow": "row wrap", "align_items": "flex-start", "grid_gap": "12px"}
        super().__init__([self.stage, column], layout=row)

    def observe_files(self, **takers: Callable[[str, bytes], object]) -> None:
        """Tell whoever takes a ``picture`` or a ``checkpoint`` the name and content of a file."""
        self._takers |= takers

    def show_sizes(self, sides: tuple[int, ...], scale: int) -> None:
        """Say what becomes of a picture of so many rows and columns, by the scale of the networks chosen."""
        small, large = (
            (tuple(side // scale for side in sides), sides)
            if self.kind.value
            else (sides, tuple(side * scale for side in sides))
        )
        words = f"×{scale}: {small[0]} × {small[1]} px go in, {large[0]} × {large[1]} px come out"
        self.sizes.value = hint(words).value

    def tell(self, words: str, colour: str = "inherit") -> None:
        """Tell something in words; markup in it is text."""
        self.message.value = coloured(html.escape(words), colour)

    def ask(self, words: str, choices: Mapping[str, Callable[[], object]]) -> None:
        """Ask something that one of some buttons answers; they go when one is pressed."""
        self.tell(words, DOUBT)

        def settled(act: Callable[[], object]) -> None:
            self.settle()
            act()

        self.choices.children = [ipywidgets.Button(description=answer, layout={"width": "auto"}) for answer in choices]
        for button, act in zip(self.choices.children, choices.values(), strict=True):
            button.on_click(lambda _, act=act: settled(act))

    def settle(self) -> None:
        """Take away what was asked."""
        self.choices.children = ()

    def mark_stale(self, differences: Sequence[str], shown: str) -> None:
        """Say that the results shown are of something else, or that they are not."""
        words = f"out of date: the {', '.join(differences)} changed since. Shown: {shown}. Run brings it up to date."
        self.stale.value = coloured(html.escape(words), DOUBT) if differences else ""

    def be_busy(self, busy: bool) -> None:
        """Have buttons and bar say whether a run is going on."""
        self.run.disabled, self.cancel.disabled = busy, not busy
        if not busy:
            self.left.value, self.bar.value = "", 0


def hint(words: str) -> ipywidgets.HTML:
    """Return small words below a field."""
    return ipywidgets.HTML(f'<div style="line-height:1.4;margin-left:90px;font-size:12px">{words}</div>')


def coloured(words: str, colour: str) -> str:
    """Return markup in a colour, as a status that is read out."""
    return f'<div role="status" style="color:{colour};font-weight:600">{words}</div>'
