"""Scores of predictions, in NumPy alone: `score` names them and gives intervals, the other modules hold the
formulas.

`classes` are the scores of probabilities, `numbers` those of regressions, `batched` the forms for a whole
fleet.
"""
