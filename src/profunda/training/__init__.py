"""Driving a fleet: sources from a data set, packs on threads, and `train` for users and experiments.

`sources` prepares inputs per encoding and fold, `packs` runs a plan, `running` holds the public `train`, and
`modules` `train_modules` for any nn.Module. The room owns no result type: what it returns is the fleet's.
"""
