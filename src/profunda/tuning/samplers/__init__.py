"""Proposers of configurations: `sampler` says what one is and makes one by name.

A sampler is asked for a batch and told what became of it. `grid`, `random` and `quasi_random` never look at
the answers. `batch` learns from them by a Gaussian process of our own: `targets` are made of the answers by
`warp`, the `cube` turns a space into arrays, `gaussian` is the process, `acquisition` the promise of a trial,
`candidates` the places that are scored, `belief` picks the batch. `bayesian` learns through Optuna (TPE, GP).
Replaying the same proposals and answers in the same order rebuilds any of them exactly: that is how a search
is resumed.
"""
