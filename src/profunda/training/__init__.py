"""Driving a fleet: sources from a data set, packs on threads, and `train` for users and experiments.

`sources` prepares inputs per encoding and fold, `packs` runs a plan, `running` holds the public `train`. The
room owns no result type: what it returns is the fleet's History.
"""
