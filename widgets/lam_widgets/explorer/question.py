"""A question: which networks, of which picture and window, with how many steps; results carry theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lam_nb import InputError, Region

from .verbs import FIRST, VERBS

_WINDOW = ("y", "x", "height", "width")


@dataclass(frozen=True)
class Question:
    """What is asked.

    Parameters
    ----------
    networks : tuple of str
        Names, as offered.
    image : str
        Name, as offered.
    is_truth : bool
        Whether the image is the truth, that is made small first, and not the network's input.
    region : Region
        Output pixels.
    steps : int
        Evaluations along the path; 0: as many as the map takes to be good enough.
    verb : str
        Of `VERBS`.
    images : tuple of str
        Names of all pictures, where it is asked of all.
    """

    networks: tuple[str, ...]
    image: str
    is_truth: bool
    region: Region
    steps: int
    verb: str = FIRST
    images: tuple[str, ...] = ()

    def chosen(self) -> tuple[str, ...]:
        """Return the networks' names.

        Raises
        ------
        InputError
            If there is none.
        """
        if not self.networks:
            raise InputError("networks: none is chosen; choose at least one.")
        return self.networks

    @property
    def facts(self) -> dict[str, object]:
        """The question in plain values, to be written down.

        Examples
        --------
        >>> one = Question(("fsrcnn",), "facade", True, Region(8, 12, height=4, width=6), 0)
        >>> Question.of_facts(one.facts) == one
        True
        """
        window = {name: getattr(self.region, name) for name in _WINDOW}
        return {**vars(self), "networks": list(self.networks), "images": list(self.images), "region": window}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Question:
        """Return the question of `facts`.

        Raises
        ------
        KeyError
            If it is asked with words that are not known.
        """
        _ = VERBS[facts["verb"]]
        window = Region(**{name: facts["region"][name] for name in _WINDOW})
        names = {kind: tuple(facts.get(kind, ())) for kind in ("networks", "images")}
        return cls(**{**facts, **names, "region": window})

    def __str__(self) -> str:
        """Return the question in words.

        Examples
        --------
        >>> print(Question(("fsrcnn", "rfdn"), "facade", True, Region(160, 184), 0))
        fsrcnn, rfdn · facade · y=160, x=184, 16 × 16 px
        """
        window, parts = self.region, VERBS[self.verb].parts
        words = [", ".join(self.networks)]
        words += [self.image] if "image" in parts else []
        words += [f"{len(self.images)} pictures"] if "images" in parts else []
        if "region" in parts:
            words.append(f"y={window.y}, x={window.x}, {window.height} × {window.width} px")
        words += [f"{self.steps} steps"] if self.steps and "steps" in parts else []
        return " · ".join(words) if self.verb == FIRST else f"{self.verb}: {' · '.join(words)}"

    @property
    def stem(self) -> str:
        """Return how files of the answer begin.

        Examples
        --------
        >>> Question(("my net/2", "rfdn"), "wall.png", True, Region(8, 12), 0).stem
        'my_net_2-rfdn_wall.png_y8_x12_16x16'
        """
        window, parts = self.region, VERBS[self.verb].parts
        words = ["-".join(self.networks) if len(self.networks) < 4 else f"{len(self.networks)}-networks"]
        words += [self.image] if "image" in parts else []
        if "region" in parts:
            words.append(f"y{window.y}_x{window.x}_{window.height}x{window.width}")
        words += [] if self.verb == FIRST else [self.verb]
        return re.sub(r"[^\w.-]+", "_", "_".join(words))[:120]

    def differs(self, other: Question) -> list[str]:
        """Return what two questions differ in, in words; what does not matter to the first is no difference.

        Examples
        --------
        >>> one = Question(("rfdn",), "facade", True, Region(160, 184), 0)
        >>> one.differs(Question(("rfdn",), "cat", True, Region(8, 12), 0))
        ['image', 'window']
        """
        parts = {"networks": "networks", "image": "image", "is_truth": "kind of image", "region": "window"}
        parts |= {"steps": "steps", "verb": "question", "images": "pictures offered"}
        matter = VERBS[self.verb].parts
        return [words for name, words in parts.items() if name in matter and vars(self)[name] != vars(other)[name]]
