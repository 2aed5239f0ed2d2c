"""The version, in its only place: the build reads it here, and so does every room that records it."""

__version__ = "0.1.0"
