"""Proposers of configurations: `sampler` says what one is and makes one by name.

A sampler is asked for a batch and told what became of it. `grid`, `random` and `quasi_random` never look at
the answers; `tpe` and `gp` learn from them through Optuna. Replaying the same proposals and answers in the
same order rebuilds any of them exactly: that is how a search is resumed.
"""
