"""Downloading: a file from an address, resumed where it stopped, checked before it gets its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import pooch
import requests
from tqdm.auto import tqdm

_TIMEOUT = 30
"""Seconds without an answer after which a connection counts as broken."""
_TRIES = 3
"""Each goes on where the one before stopped."""
_CHUNK = 1 << 16
"""Bytes between two looks at the bar."""


def download(address: str, file: Path, sha256: str, check: Callable[[Path], None], progress: bool) -> Path:
    """Return a file that was downloaded.

    Parameters
    ----------
    address : str
        Of http, https or file.
    file : Path
        Where it is kept.
    sha256 : str
        What the file's must be.
    check : callable
        Told where what came lies, before it is looked at here; may raise.
    progress : bool
        Show a bar.

    Raises
    ------
    OSError
        If the address cannot be reached; those of requests are among them.
    """

    def _fetch(url: str, target: str, _: object) -> None:
        _download(url, Path(target), file.with_name(f"{file.name}.part"), progress)
        check(Path(target))

    return Path(
        pooch.retrieve(
            address,
            known_hash=f"sha256:{sha256}",
            fname=file.name,
            path=file.parent,
            downloader=_fetch,
        )
    )


def reason(error: Exception) -> str:
    """Return why it could not be reached.

    Examples
    --------
    >>> reason(OSError("no room"))
    'no room'
    """
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error) or type(error).__name__


def _download(url: str, target: Path, part: Path, progress: bool) -> None:
    if url.startswith("file:"):
        shutil.copyfile(url2pathname(urlparse(url).path), target)
        return
    for attempt in range(_TRIES):
        try:
            _continue(url, part, progress)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            if attempt + 1 == _TRIES:
                raise
    os.replace(part, target)


def _continue(url: str, part: Path, progress: bool) -> None:
    """Append to `part` what is missing of it."""
    had = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={had}-", "Accept-Encoding": "identity"} if had else {"Accept-Encoding": "identity"}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if had and answer.status_code == requests.codes.requested_range_not_satisfiable:
            return
        answer.raise_for_status()
        going_on = answer.status_code == requests.codes.partial_content
        done = had if going_on else 0
        total = done + int(answer.headers.get("Content-Length", 0)) or None
        bar: Any = tqdm(total=total, initial=done, unit="B", unit_scale=True, desc=part.stem, disable=not progress)
        with bar, part.open("ab" if going_on else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
