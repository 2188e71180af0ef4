"""Published weights: where they lie, what they are, and a download that is checked, cached and resumed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .. import identity
from .._moved import variable
from ..validation import InputError, choose
from .catalogue import Entry, entries

_CACHE = "LAM_NB_CACHE"
_MIRROR = "LAM_NB_MIRROR"
"""A prefix of addresses, or a folder, with the same files under their SHA-256."""


@dataclass(frozen=True)
class Weights:
    """A published checkpoint.

    Parameters
    ----------
    address : str
        Where it is downloaded from.
    sha256 : str
        Hash of the file.
    value_range : float
        Largest value of the network's input and output.
    task, citation, licence : str
        What it does, whose it is, under which terms.
    saved_as : str
        Name of the file in the cache; that of the address when not given.
    page : str
        Where a person gets it, if there is no address.

    Examples
    --------
    >>> PUBLISHED["rfdn"].value_range, PUBLISHED["rfdn"].licence
    (255.0, 'MIT')
    """

    address: str
    sha256: str
    value_range: float
    task: str
    citation: str
    licence: str
    saved_as: str = ""
    page: str = ""

    @property
    def file(self) -> str:
        """Name of the file in the cache."""
        return self.saved_as or self.address.rpartition("/")[2]

    @property
    def about(self) -> dict[str, str]:
        """The facts for a network's card."""
        return {"citation": self.citation, "licence": self.licence, "weights": self.address or self.page}


_SUPER, _DENOISE = "super-resolution", "denoising"
_GITHUB = "https://github.com"
_OURS: Mapping[str, Weights] = {
    "carn-m": Weights(
        f"{_GITHUB}/nmhkahn/CARN-pytorch/raw/master/checkpoint/carn_m.pth",
        "d48a759a84509351facb6b7c6d5bd6edec98b98519b8c464ee4ab44d2ba964ff",
        1.0,
        _SUPER,
        "Ahn, Kang & Sohn, ECCV 2018, arXiv 1803.08664",
        "MIT",
    ),
    "dncnn": Weights(
        f"{_GITHUB}/cszn/KAIR/releases/download/v1.0/dncnn_color_blind.pth",
        "dfe11a6b703304df82cdf236f431fc6492766c7b9119d97e943edeb392c710a3",
        1.0,
        _DENOISE,
        "Zhang et al., TIP 2017, arXiv 1608.03981",
        "MIT",
    ),
    "imdn": Weights(
        f"{_GITHUB}/Zheng222/IMDN/raw/master/checkpoints/IMDN_x4.pth",
        "e660c38221147217a136debeb99eb304d62d9c0f73ac421ed66281b619719714",
        1.0,
        _SUPER,
        "Hui et al., ACM Multimedia 2019, arXiv 1909.11856",
        "not stated; ask the authors before you pass it on",
    ),
    "rfdn": Weights(
        f"{_GITHUB}/njulj/RFDN/raw/master/trained_model/RFDN_AIM.pth",
        "11af8ec8ebd68689e90ef1e29044f9804c72d3bd9f7573820b7b26035782760c",
        255.0,
        _SUPER,
        "Liu, Tang & Wu, ECCV Workshops 2020, arXiv 2009.11551",
        "MIT",
    ),
}


def _of_entry(entry: Entry) -> Weights:
    ending = ".safetensors" if entry.address.endswith(".safetensors") else ".pth"
    citation = f"{entry.author} ({entry.architecture}; facts from OpenModelDB)"
    task = _SUPER if entry.scale > 1 else "restoration"
    saved = f"{entry.name}{ending}"
    return Weights(entry.address, entry.sha256, 1.0, task, citation, entry.licence, saved, entry.page)


PUBLISHED: dict[str, Weights] = {**_OURS, **{name: _of_entry(entry) for name, entry in entries().items()}}
"""name -> checkpoint; those whose weights have no address are got by hand, or from a mirror."""


def cache() -> Path:
    """Return the folder of downloaded weights: the variable LAM_NB_CACHE, or the user's cache.

    Examples
    --------
    >>> cache().is_absolute()
    True
    """
    return Path(variable(_CACHE) or _usual()).expanduser().absolute()


def _usual() -> Path:
    import pooch

    return Path(pooch.os_cache("lam-nb"))


def fetch(name: str, *, address: str | None = None, progress: bool = True) -> Path:
    """Return the file of published weights, downloaded once.

    An interrupted download goes on where it stopped. A file whose hash is wrong is never used.

    Parameters
    ----------
    name : str
        A name in ``PUBLISHED``.
    address : str, optional
        A mirror to download from instead.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the name is unknown, the address cannot be reached, or the file is not the published one:
        says how to get it by hand.

    Examples
    --------
    >>> fetch("no such network")
    Traceback (most recent call last):
    lam_nb.validation.InputError: network: got 'no such network', expected one of ...
    """
    weights = PUBLISHED[choose("network", name, PUBLISHED)]
    folder, source = cache(), address or _mirrored(weights.sha256)
    weights = replace(weights, address=source, saved_as=weights.file) if source else weights
    if not weights.address:
        return _saved_by_hand(name, weights, folder)
    try:
        return _retrieve(weights, folder, progress)
    except OSError as error:  # those of requests are, too
        from . import downloading

        reason = f"could not be downloaded ({downloading.reason(error)})"
    except ValueError:
        reason = "was downloaded, but is not the published file: its SHA-256 differs, and it is kept as "
        reason += _aside(folder / weights.file).name
    how = f"{name!r}, weights=its path" if name in _OURS else "its path"
    raise InputError(
        f"network {name!r}: {weights.file} {reason}. Try again, or get it by hand: save "
        f"{PUBLISHED[name].about['weights']} as {folder / weights.file} or anywhere else, then networks.load({how}). "
        "The shipped networks (networks.shipped()) need no download."
    )


def _saved_by_hand(name: str, weights: Weights, folder: Path) -> Path:
    file = folder / weights.file
    there = file.is_file()
    if kept := _kept(file, weights.sha256):
        return kept
    found = f"the file there is not the published one and now is {_aside(file).name}; " if there else ""
    raise InputError(
        f"network {name!r}: is known, but has no address to download from; {found}get it by hand from {weights.page}, "
        f"save it as {file} or anywhere else, then networks.load(its path)."
    )


def _mirrored(sha256: str) -> str:
    """Return where the mirror has a file: below a prefix of addresses, or in a folder; nothing if there is none."""
    mirror = variable(_MIRROR)
    if not mirror or "://" in mirror:
        return f"{mirror.rstrip('/')}/{sha256}" if mirror else ""
    return (Path(mirror).expanduser().absolute() / sha256).as_uri()


def _aside(file: Path) -> Path:
    """Return where a file is kept that is not what its name says."""
    return file.with_name(f"{file.name}.bad")


def _kept(file: Path, sha256: str) -> Path | None:
    """Return a file of the cache if it is the published one; another that lies there is set aside."""
    if not file.is_file():
        return None
    if identity.of_file(file) == sha256:
        return file
    _set_aside(file)
    return None


def _set_aside(found: Path, file: Path | None = None) -> Path:
    """Keep a file, but under a name that is never used."""
    os.replace(found, aside := _aside(file or found))
    return aside


def _retrieve(weights: Weights, folder: Path, progress: bool) -> Path:
    file = folder / weights.file
    if kept := _kept(file, weights.sha256):
        return kept

    def check(found: Path) -> None:
        if identity.of_file(found) != weights.sha256:
            _set_aside(found, file)
            raise ValueError("its hash differs")

    from . import downloading  # and libraries with it: most users never do

    return downloading.download(weights.address, file, weights.sha256, check, progress)
