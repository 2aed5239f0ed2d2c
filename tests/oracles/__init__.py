"""Naive twins of the fast paths, one file a room."""
