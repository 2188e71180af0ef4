"""Notebook widgets around lam_nb: thin views whose state is a plain value in the next cell."""

from .scrubber import Scrubber

__all__ = ["Scrubber"]
