"""Needed: libraries that are imported when they are first used, or missed in words."""

from __future__ import annotations

import importlib
from types import ModuleType

from ...validation import InputError


def scikit(part: str) -> ModuleType:
    """Return a module of scikit-learn.

    Raises
    ------
    InputError
        If it is not installed.

    Examples
    --------
    >>> scikit("manifold").__name__
    'sklearn.manifold'
    """
    try:
        return importlib.import_module(f"sklearn.{part}")
    except ModuleNotFoundError:
        raise InputError(
            'representations: need scikit-learn; install it: pip install "lam-nb[represent]" (or scikit-learn).'
        ) from None


def umap() -> ModuleType:
    """Return umap-learn.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return importlib.import_module("umap")
    except ModuleNotFoundError:
        raise InputError(
            "plane: 'umap' needs umap-learn; install it: pip install umap-learn; or take 'tsne'."
        ) from None
