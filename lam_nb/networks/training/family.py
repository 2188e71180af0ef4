"""Families: small networks of one architecture that differ in width and depth alone, trained alike."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ... import identity
from ...validation import InputError, address, whole
from ...validation import settings as checked
from .learning import train


class Member(NamedTuple):
    """One network of a family: its name, channels, blocks, and the file of its weights.

    Examples
    --------
    >>> Member("fsrcnn-w8-d4", 8, 4, Path("fsrcnn-w8-d4.safetensors")).depth
    4
    """

    name: str
    width: int
    depth: int
    file: Path


def train_family(
    photos: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    widths: Sequence[int] = (8, 16, 32, 64, 128),
    depths: Sequence[int] = (1, 2, 4, 8, 16),
    width: int = 32,
    depth: int = 4,
    architecture: str = "fsrcnn",
    **settings: Any,
) -> list[Member]:
    """Train a family: every width at one depth, and every depth at one width.

    What is trained already is kept, so that an interrupted call goes on where it was.

    Parameters
    ----------
    photos : path-like
        Folder of photographs.
    folder : path-like
        Where to write the weights; made if missing.
    widths, depths : sequence of int
        Channels, and blocks, to try.
    width, depth : int
        What the others are held at.
    architecture : str, default "fsrcnn"
        One with the options ``width`` and ``blocks``.
    **settings
        Of `lam_nb.networks.training.train`: ``steps``, ``batch``, ``patch``, ``rate``, ``seed``, …

    Returns
    -------
    list of Member
        Narrow to wide, then shallow to deep, each once.

    Raises
    ------
    InputError
        If the architecture has no such options, the photographs do not fit, or the folder holds a family
        that was trained with other settings.

    Examples
    --------
    >>> import tempfile
    >>> from lam_nb.images import photographs
    >>> photos = photographs.folder()
    >>> quick = {"steps": 1, "batch": 1, "patch": 16, "device": "cpu"}
    >>> family = train_family(photos, tempfile.mkdtemp(), widths=[8], depths=[1], width=8, **quick)
    >>> [(one.name, one.width, one.depth) for one in family]
    [('fsrcnn-w8-d4', 8, 4), ('fsrcnn-w8-d1', 8, 1)]
    """
    if "options" in settings:
        raise InputError("options: give widths= and depths=, the family's own options.")
    checked(settings, train, "train_family", without=("architecture",))
    width, depth = whole("width", width), whole("depth", depth)
    sizes = [(whole("widths", one), depth) for one in sorted(widths)]
    sizes += [(width, whole("depths", one)) for one in sorted(depths)]
    target = address("folder", folder)
    target.mkdir(parents=True, exist_ok=True)
    _one_training(target / "family.json", {"architecture": architecture, **settings})
    members = []
    for w, d in dict.fromkeys(sizes):
        name = f"{architecture}-w{w}-d{d}"
        member = Member(name, w, d, target / f"{name}.safetensors")
        if not member.file.exists() or Path(f"{member.file}.resume").exists():
            train(photos, member.file, architecture=architecture, options={"width": w, "blocks": d}, **settings)
        members.append(member)
    return members


def _one_training(path: Path, settings: dict[str, object]) -> None:
    """Write down how the family is trained; refuse to mix it with one that was trained otherwise."""
    text = json.dumps(settings, sort_keys=True, default=_told)
    if path.exists() and path.read_text() != text:
        raise InputError(f"folder: {path.parent} holds a family trained with {path.read_text()}; give another folder.")
    path.write_text(text)


def _told(setting: object) -> str:
    return str(setting) if isinstance(setting, os.PathLike) else identity.fingerprint(setting)
