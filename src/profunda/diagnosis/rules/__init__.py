"""Rules: pure functions from a Record to an Answer, one for each code, one file for each area."""
