"""Networks known by name, each built from its publication: every regulariser is an argument of its own."""
