"""The forecast of transfer against fits with a row left out, and against the law of two Gaussian tasks."""

import numpy as np
import pytest
from tests.oracles import theory_tasks as oracle

from profunda.errors import DataError
from profunda.theory.pooling import TwoTasks
from profunda.theory.task_rows import TaskRows
from profunda.theory.transfer import transfer_forecast

OWN, OTHER, D = 30, 300, 10


def drawn(distance, seed, own=OWN, other=OTHER):
    rng = np.random.default_rng([5, seed])
    task = np.repeat([0, 1], (own, other))
    x, w, apart = rng.normal(size=(own + other, D)), rng.normal(size=D), rng.normal(size=D)
    apart *= distance / np.linalg.norm(apart)
    y = x @ w + task * (x @ apart) + rng.normal(size=own + other)
    return TaskRows(x, y, task)


def test_its_mean_is_what_fits_with_a_row_left_out_gain():
    """Given inputs and δ, over the noise: unbiased; twice the distance is another number."""
    rng = np.random.default_rng(0)
    x, task = rng.standard_t(5, size=(60, 3)), np.repeat([0, 1], (20, 40))
    apart = np.array([0.5, -0.3, 0.2])
    signal = task * (x @ apart)
    told = np.array(
        [transfer_forecast(TaskRows(x, signal + rng.normal(size=60), task)).gain for _ in range(800)]
    )
    error = told.std() / np.sqrt(len(told))
    assert abs(told.mean() - oracle.gain_left_out(x, task, apart, 1.0)) < 4 * error
    assert abs(told.mean() - oracle.gain_left_out(x, task, 2 * apart, 1.0)) > 8 * error  # control


def test_the_interval_holds_what_it_should():
    rng = np.random.default_rng(1)
    x, task = rng.normal(size=(90, 3)), np.repeat([0, 1], (40, 50))
    apart = np.array([0.4, -0.3, 0.2])
    true = oracle.gain_left_out(x, task, apart, 1.0)
    told = [
        transfer_forecast(TaskRows(x, task * (x @ apart) + rng.normal(size=90), task)) for _ in range(400)
    ]
    held = np.mean([one.low <= true <= one.high for one in told])
    assert 0.92 <= held <= 0.99


@pytest.mark.parametrize(("distance", "right"), [(0.3, 0.95), (0.5, 0.85), (1.1, 0.8), (1.5, 0.97)])
def test_negative_transfer_has_its_sign_on_either_side_of_the_threshold(distance, right):
    """C6: pooling hurts beyond 0.7726; the shares of right signs are those of 200 data sets."""
    law = TwoTasks(OWN, OTHER, D, 1.0)
    truth = law.alone - law.pooled_exactly(distance)
    told = [transfer_forecast(drawn(distance, seed)) for seed in range(200)]
    assert (truth > 0) == (distance < law.exact_threshold)
    assert np.mean([np.sign(one.gain) == np.sign(truth) for one in told]) >= right
    wrong = "hurts" if truth > 0 else "helps"
    assert np.mean([one.verdict == wrong for one in told]) <= 0.05


def test_the_parts_are_those_of_the_law():
    law = TwoTasks(60, 90, D, 1.0)
    told = [transfer_forecast(drawn(1.0, seed, 60, 90)) for seed in range(200)]
    assert np.mean([one.alone for one in told]) == pytest.approx(law.alone, rel=0.05)
    assert np.mean([one.harm for one in told]) == pytest.approx(law.bias_factor, rel=0.06)
    assert np.mean([one.relief for one in told]) == pytest.approx(law.alone - law.pooled(0.0), rel=0.1)


def test_rows_that_determine_no_weights_are_refused():
    rows = drawn(1.0, 0)
    with pytest.raises(DataError, match="have 11 and 300 rows of 10 features: the first needs 12"):
        transfer_forecast(rows.take(np.arange(19, 330)))
    flat = TaskRows(np.c_[rows.x, rows.x[:, :1]], rows.y, rows.task)
    with pytest.raises(DataError, match="Inputs of task 0 or 1 are linearly dependent"):
        transfer_forecast(flat)
    rare = rows.x.copy()
    rare[:30, 3] = np.eye(30)[0]  # one row alone has this feature
    with pytest.raises(DataError, match="at least without one row"):
        transfer_forecast(TaskRows(rare, rows.y, rows.task))
