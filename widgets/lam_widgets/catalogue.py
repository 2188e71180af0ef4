"""The catalogue: networks to choose from, with what is known of each; searched by words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import anywidget
import traitlets

from .kit import source


class Named(TypedDict):
    """A network's name."""

    name: str


class Row(Named, total=False):
    """What is known of a network, in words; what is not known is left out."""

    scale: str
    parameters: str
    field: str
    index: str
    map: str
    about: str


class Catalogue(anywidget.AnyWidget):
    """A table of networks, one of which is chosen, or several; a field above it searches.

    Parameters
    ----------
    rows : iterable of Row

    Attributes
    ----------
    value : tuple of str
        Names of those chosen, in the order of the table; a name that is not there is refused.
    options : tuple of str
        All names.

    Raises
    ------
    traitlets.TraitError
        If a name is chosen that is not there.

    Examples
    --------
    >>> listed = Catalogue([{"name": "fsrcnn", "scale": "×4"}, {"name": "rfdn"}])
    >>> listed.value = ["rfdn", "fsrcnn"]
    >>> listed.value
    ('fsrcnn', 'rfdn')
    >>> listed.tell({"name": "rfdn", "index": "12.3"})
    >>> listed.rows[1]
    {'name': 'rfdn', 'index': '12.3'}
    """

    _esm = source("catalogue", "js")
    _css = source("catalogue", "css")
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    value = traitlets.Tuple(()).tag(sync=True)

    def __init__(self, rows: Iterable[Row]) -> None:
        listed = [dict(one) for one in rows]
        super().__init__(rows=listed, value=tuple(one["name"] for one in listed[:1]))

    @property
    def options(self) -> tuple[str, ...]:
        """All names."""
        return tuple(one["name"] for one in self.rows)

    def add(self, row: Row) -> None:
        """List one more network."""
        self.rows = [*self.rows, dict(row)]

    def tell(self, row: Row) -> None:
        """Say more of the network of that name, or something else."""
        self.rows = [one | row if one["name"] == row["name"] else one for one in self.rows]

    @traitlets.validate("value")
    def _listed(self, proposal: traitlets.Bunch) -> tuple[str, ...]:
        chosen = set(proposal["value"])
        if unknown := chosen - set(self.options):
            raise traitlets.TraitError(f"networks: got {sorted(unknown)}, expected names that are listed.")
        return tuple(name for name in self.options if name in chosen)
