"""Vital signs of a network under training: `signs` is the one table of them, `causes` reads a cause of
ending."""
