"""The version, written here and in CITATION.cff."""

__version__ = "0.1.0"
