"""Variables of the environment that lam_nb listens to; all begin with ``LAM_NB_``."""

from __future__ import annotations

import os
import warnings

# What they were called before 0.2; warned about for one minor release, then gone.
_BEFORE = {
    "LAM_NB_CHROMIUM": "LAM_CHROMIUM",
    "LAM_NB_FAST": "LAM_FAST",
    "LAM_NB_PICTURES": "LAM_PICTURES",
    "LAM_NB_SHARED": "LAM_SHARED",
}


def variable(name: str) -> str | None:
    """Return what a variable is set to, also under its earlier name; None if it is empty or not set.

    Parameters
    ----------
    name : str
        Begins with ``LAM_NB_``.

    Returns
    -------
    str or None

    Warns
    -----
    DeprecationWarning
        If only the earlier name is set.

    Examples
    --------
    >>> os.environ["LAM_NB_EXAMPLE"] = "1"
    >>> variable("LAM_NB_EXAMPLE")
    '1'
    >>> del os.environ["LAM_NB_EXAMPLE"]
    >>> variable("LAM_NB_EXAMPLE") is None
    True
    """
    before = _BEFORE.get(name, name)
    if name not in os.environ and before in os.environ:
        told = f"{before} is now called {name}; the old name goes with the next minor release."
        warnings.warn(told, DeprecationWarning, stacklevel=2)
        return os.environ[before] or None
    return os.environ.get(name) or None
