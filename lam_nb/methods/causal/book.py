"""The book: sums kept in a Zarr store, so that an interrupted map goes on where it was."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ... import identity, result
from ...validation import InputError, address, readable
from .blocks import State

_EVERY = 10.0
"""Seconds between two writings: a writing takes some hundredths of one."""
_SUMS = ("stage", "count", "total", "squares", "largest")


class Book:
    """Writes the sums down from time to time, whole or not at all.

    Parameters
    ----------
    path : path-like, optional
        A .zarr; without it nothing is written.
    plan : mapping
        What decides the map.
    """

    def __init__(self, path: str | os.PathLike[str] | None, plan: Mapping[str, object]) -> None:
        self.path = None if path is None else address("store", path)
        self.plan, self.last = plan, time.monotonic()
        if self.path is not None and self.path.suffix != ".zarr":
            raise InputError(f"store: got {self.path.name}, expected a name that ends in .zarr.")

    def restored(self, state: State) -> State:
        """Return the sums as they were written down, if there are any.

        Raises
        ------
        InputError
            If they are of another map: says in what it differs.
        """
        if self.path is None:
            return state
        result.recover(self.path)
        if not self.path.exists():
            return state
        import zarr

        with readable("store", self.path, "store that lam_nb can go on with; give another name, or delete it"):
            group: Any = zarr.open_group(str(self.path), mode="r")
            self._check(str(group.attrs.get("plan")))
            for name in (*_SUMS, result.DRAWS):
                if group[name].shape != getattr(state, name).shape:
                    raise ValueError(f"{name} has shape {group[name].shape}")
                getattr(state, name)[:] = group[name][:]
            state.everything = int(group.attrs["everything"])
        return state

    def _check(self, text: str) -> None:
        try:
            other = json.loads(text)
        except ValueError:
            other = None
        if not isinstance(other, dict):  # version 0.1 wrote a list, which does not tell networks apart
            raise InputError(
                f"store: {self.path} holds another map, or one of an older version, which does not tell all that "
                "decides it; give another name, or delete it."
            )
        if differing := identity.differences(json.loads(json.dumps(self.plan)), other):
            raise InputError(
                f"store: {self.path} holds another map (not the same: {', '.join(differing)}); "
                "give another name, or delete it."
            )

    def note(self, state: State) -> None:
        """Write the sums if it is time."""
        if self.path is not None and time.monotonic() - self.last > _EVERY:
            self.close(state)

    def close(self, state: State) -> None:
        """Write the sums, whole or not at all."""
        if self.path is None:
            return
        attributes = {"plan": json.dumps(self.plan), "everything": state.everything}
        result.checkpoint(self.path, vars(state), attributes)
        self.last = time.monotonic()
