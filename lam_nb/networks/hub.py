"""The hub: networks of Hugging Face's repositories, at a revision that is pinned and told."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..validation import InputError, choose, words_of

__all__ = ["Repository", "is_address", "transformer"]

_START = "hf:"
_ADDRESS = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+?))?(?::(?P<file>.+))?")
_WEIGHTS = (".safetensors", ".pth", ".pt", ".ckpt")
_TIMEOUT = 30
"""Seconds without an answer after which a connection counts as broken."""
_EXPECTED = "hf:organisation/name, with @revision and :file where they matter"
_HUB, _TRANSFORMERS = 'pip install "lam-nb[hub]"', 'pip install "lam-nb[transformers]"'


def is_address(name: str) -> bool:
    """Whether a name is one of a repository.

    Examples
    --------
    >>> is_address("hf:caidas/swin2SR-classical-sr-x2-64"), is_address("rfdn")
    (True, False)
    """
    return name.startswith(_START)


@dataclass(frozen=True)
class Repository:
    """A repository at one commit.

    Parameters
    ----------
    name, commit : str
        Organisation and name; 40 hexadecimal digits.
    files : tuple of str
        What is in it, or of it on this machine.
    licence : str
        As its card tells.
    wanted : str
        The file that was asked for; empty if none was.
    """

    name: str
    commit: str
    files: tuple[str, ...]
    licence: str
    wanted: str

    @classmethod
    def of(cls, address: str) -> Repository:
        """Find a repository at what its revision is now, or on this machine where there is no connection.

        Raises
        ------
        InputError
            If it is no address, there is no such repository, or it can neither be reached nor is here.
        """
        parts = _ADDRESS.fullmatch(address)
        if parts is None:
            raise InputError(f"network: got {address!r}, expected {_EXPECTED}.")
        hub, (name, revision, wanted) = _hub(), parts.group("name", "revision", "file")
        try:
            told = hub.HfApi().model_info(name, revision=revision, timeout=_TIMEOUT)
        except (hub.errors.RepositoryNotFoundError, hub.errors.RevisionNotFoundError) as error:
            kind = "revision" if isinstance(error, hub.errors.RevisionNotFoundError) else "repository"
            raise InputError(f"network: {address!r} names a {kind} that is not there, or not for all to see.") from None
        except Exception as error:  # whatever keeps it from being reached
            if kept := cls._kept(hub, name, revision, wanted or ""):
                return kept
            raise InputError(
                f"network: {address!r} could not be reached ({words_of(error):.160}) and was not kept on this machine "
                "before. Try again with a connection, or get its file by hand, then networks.load(its path)."
            ) from None
        licence = (told.card_data or {}).get("license") or "not stated; ask the authors before you pass it on"
        return cls(name, told.sha, tuple(one.rfilename for one in told.siblings or ()), str(licence), wanted or "")

    @classmethod
    def _kept(cls, hub: Any, name: str, revision: str | None, wanted: str) -> Repository | None:
        """Return the newest of what was kept of a repository, or of a revision; None if nothing was."""
        try:
            repositories = hub.scan_cache_dir().repos
        except hub.errors.CacheNotFound:
            return None
        kept = [one for repository in repositories if repository.repo_id == name for one in repository.revisions]
        kept = [one for one in kept if revision is None or revision in one.refs or one.commit_hash == revision]
        if not kept:
            return None
        newest = max(kept, key=lambda one: one.last_modified)
        files = tuple(sorted(str(one.file_path.relative_to(newest.snapshot_path)) for one in newest.files))
        return cls(name, newest.commit_hash, files, "as its page tells; there was no connection", wanted)

    @property
    def address(self) -> str:
        """What names it, whatever its commit."""
        return _START + self.name

    @property
    def title(self) -> str:
        """A network's name, for tables and plots."""
        return self.name.rpartition("/")[2]

    @property
    def about(self) -> dict[str, str]:
        """The facts for a network's card."""
        return {"source": f"{self.address}@{self.commit}", "licence": self.licence}

    @property
    def is_transformer(self) -> bool:
        """Whether it holds a model of transformers, and no file was asked for."""
        return not self.wanted and {"config.json", "model.safetensors"} <= set(self.files)

    def weights(self) -> Path:
        """Return the file of weights, downloaded once.

        Raises
        ------
        InputError
            If there is none, or several and none was asked for.
        """
        if self.wanted:
            return self.file(choose("file", self.wanted, self.files))
        for ending in _WEIGHTS:  # what cannot hold code comes first
            found = [one for one in self.files if one.endswith(ending)]
            if len(found) == 1:
                return self.file(found[0])
            if found:
                names = ", ".join(found[:6]) + ", …" * (len(found) > 6)
                raise InputError(f"network: {self.address} has {names}; say which: {self.address}:{found[0]}.")
        seen = ", ".join(self.files[:6]) or "nothing"
        raise InputError(f"network: {self.address} has no weights ({', '.join(_WEIGHTS)}), but {seen}.")

    def file(self, name: str) -> Path:
        """Return a file of the repository, downloaded once.

        Raises
        ------
        InputError
            If it cannot be reached.
        """
        hub = _hub()
        try:
            return Path(hub.hf_hub_download(self.name, name, revision=self.commit))
        except Exception as error:
            reason = f"could not be downloaded ({words_of(error):.160})"
            raise InputError(f"network: {name} of {self.address} {reason}.") from None


def transformer(repository: Repository) -> Any:
    """Return a super-resolution model of transformers, from its safetensors.

    Raises
    ------
    InputError
        If transformers is not there, or it is a model for something else.
    """
    config = repository.file("config.json")
    kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    if kind != "swin2sr":
        raise InputError(
            f"network: {repository.address} is a model of type {kind!r}, expected swin2sr, the super-resolution of "
            f"transformers; a plain checkpoint in it is loaded as {repository.address}:model.safetensors."
        )
    try:
        from transformers import Swin2SRForImageSuperResolution
    except (ImportError, RuntimeError) as error:  # it fails on what it needs, too: a torchvision for another torch
        missing = isinstance(error, ModuleNotFoundError) and error.name == "transformers"
        hint = _TRANSFORMERS if missing else f"it does not import here ({words_of(error):.160})."
        raise InputError(f"network: {repository.address} needs transformers; {hint}") from None
    folder = repository.file("model.safetensors").parent
    return Swin2SRForImageSuperResolution.from_pretrained(folder, use_safetensors=True, local_files_only=True).eval()


def _hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError:
        raise InputError(f"network: addresses of Hugging Face need huggingface_hub; {_HUB}") from None
    return huggingface_hub
