"""The stopping rule: Goodfellow's algorithm 7.1."""

import pytest

from profunda.fleet.stopping import Watch, early_stop

CURVE = [5, 4, 3, 3.5, 3.2, 2.9, 3, 3.1, 3.2, 1]
NAN = float("nan")


@pytest.mark.parametrize(
    ("patience", "best", "loss", "trained"), [(3, 6, 2.9, 9), (2, 3, 3, 5), (0, 10, 1, 10), (4, 10, 1, 10)]
)
def test_worked_curve(patience, best, loss, trained):
    watch, epochs = early_stop(CURVE, patience)
    assert (watch.best_epoch, watch.best_loss, epochs) == (best, loss, trained)


def test_nan_and_ties_never_improve():
    assert early_stop([NAN, 3.0, NAN, 3.0, 2.0], 2) == (Watch(2, 3.0, 2), 4)
    assert early_stop([NAN, NAN], 5)[0].best_epoch == 0
    assert early_stop([], 3) == (Watch(), 0)
