"""The version: written here alone. The build reads it, and a test compares what documents say."""

__version__ = "0.2.0"
