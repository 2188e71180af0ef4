"""The desk: what is chosen, what is pressed, and what is told, beside the picture with the window."""

from __future__ import annotations

import html
from collections.abc import Sequence

import ipywidgets

from .verbs import VERBS
from .window import Stage

GOOD, DOUBT, BAD = "#1a7f37", "#9a6700", "#b42318"
_TRUTH = "the truth: it is made small first"
_INPUT = "small already: it is enlarged as it is"
_STYLE = """<style>
.lam-message [role="status"] { border-left: 4px solid currentColor; padding-left: 8px; }
.lam-stale-results { opacity: 0.45; }
</style>"""


class Desk(ipywidgets.HBox):  # type: ignore[misc] # ipywidgets has no types
    """Controls beside the stage; it knows nothing of computing.

    Parameters
    ----------
    networks, images : sequence of str
        Names to choose from.
    size, steps : int
        Side of the window, and evaluations, at first.
    """

    def __init__(self, networks: Sequence[str], images: Sequence[str], size: int, steps: int) -> None:
        rows = min(6, max(2, len(networks)))
        hint = {"description": "networks", "tooltip": "several with Ctrl or Shift"}
        self.networks = ipywidgets.SelectMultiple(options=networks, value=networks[:1], rows=rows, **hint)
        self.question = ipywidgets.Dropdown(options=list(VERBS), description="question")
        self.image = ipywidgets.Dropdown(options=images, description="image")
        self.kind = ipywidgets.Dropdown(options=[(_TRUTH, True), (_INPUT, False)], description="it is")
        self.upload = ipywidgets.FileUpload(
            accept="image/*", multiple=False, description="upload an image", layout={"width": "300px"}
        )
        self.steps = ipywidgets.BoundedIntText(
            value=steps, min=0, max=243, description="steps", tooltip="0: as many as the map takes to be good enough"
        )
        self.more = ipywidgets.FileUpload(
            accept=".pth,.pt,.ckpt,.safetensors", multiple=False, description="add a network", layout={"width": "300px"}
        )
        self.suggest = ipywidgets.Button(description="Suggest windows", icon="lightbulb-o", layout={"width": "auto"})
        self.run = ipywidgets.Button(description="Run", icon="play", button_style="primary")
        self.cancel = ipywidgets.Button(description="Cancel", icon="stop", disabled=True)
        self.bar = ipywidgets.IntProgress(min=0, max=100, layout={"width": "240px"})
        self.left, self.message, self.stale, self.about = (ipywidgets.HTML() for _ in range(4))
        self.message.add_class("lam-message")
        self.stale.add_class("lam-stale")
        self.stage = Stage(size)
        buttons = ipywidgets.HBox([self.run, self.cancel, self.suggest], layout={"flex_flow": "row wrap"})
        going = ipywidgets.HBox([self.bar, self.left])
        asked = [self.question, self.networks, self.about, self.more]
        asked += [self.image, self.kind, self.upload, self.steps, buttons, going]
        told = [self.message, self.stale, ipywidgets.HTML(_STYLE, layout={"display": "none"})]
        column = ipywidgets.VBox([*asked, *told], layout={"flex": "1 1 320px", "padding": "0 4px"})
        row = {"width": "100%", "flex_flow": "row wrap", "align_items": "flex-start", "grid_gap": "12px"}
        super().__init__([self.stage, column], layout=row)

    def tell(self, words: str, colour: str = "inherit") -> None:
        """Tell something in words; markup in it is text."""
        self.message.value = coloured(html.escape(words), colour)

    def describe(self, chosen: Sequence[tuple[str, int, int]]) -> None:
        """Say what the networks chosen are: name, scale, parameters."""
        lines = [f"{html.escape(name)}: ×{scale}, {count:,} parameters" for name, scale, count in chosen]
        self.about.value = f'<div style="line-height:1.4;margin-left:90px">{"<br>".join(lines)}</div>'

    def mark_stale(self, differences: Sequence[str], shown: str) -> None:
        """Say that the results shown are of something else, or that they are not."""
        words = f"out of date: the {', '.join(differences)} changed since. Shown: {shown}. Run brings it up to date."
        self.stale.value = coloured(html.escape(words), DOUBT) if differences else ""

    def be_busy(self, busy: bool) -> None:
        """Have buttons and bar say whether a run is going on."""
        self.run.disabled, self.cancel.disabled = busy, not busy
        if not busy:
            self.left.value, self.bar.value = "", 0


def coloured(words: str, colour: str) -> str:
    """Return markup in a colour, as a status that is read out."""
    return f'<div role="status" style="color:{colour};font-weight:600">{words}</div>'
