"""Scores of predictions, in NumPy alone: `score` names them and gives intervals.

`classes` are the scores of probabilities, `numbers` those of regressions, `labels` and `targets` the same for
several targets at once; `probabilities` makes them of raw
outputs.
"""
