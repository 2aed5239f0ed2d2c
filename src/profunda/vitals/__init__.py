"""Vital signs of a network under training: `signs` is their one table, `causes` reads why it ended."""
