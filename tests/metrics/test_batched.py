"""The fleet's forms equal the single ones, member by member; one member's NaN stays its own."""

import numpy as np
import pytest

from profunda.metrics import batched
from profunda.metrics.score import metric_for


@pytest.fixture
def fleet():
    rng = np.random.default_rng(0)
    return rng.integers(0, 3, 50), rng.normal(size=(6, 50, 3)) * 5


def test_each_member_has_its_own_score(fleet):
    y, outputs = fleet
    p = batched.softmax(outputs)
    for name, form in (("log_loss", batched.log_loss), ("accuracy", batched.accuracy)):
        single = [metric_for("multiclass", name).value(y, one) for one in p]
        assert form(y, p) == pytest.approx(single, rel=1e-12)
    numbers = outputs[:, :, 0]
    single = [metric_for("regression").value(y, one) for one in numbers]
    assert batched.rmse(y, numbers) == pytest.approx(single, rel=1e-12)


def test_a_members_nan_is_its_own(fleet):
    y, outputs = fleet
    p = batched.softmax(outputs)
    p[2, 7, 1] = np.nan
    p[2, 7, y[7]] = np.nan
    for form in (batched.log_loss, batched.accuracy):
        assert np.isnan(form(y, p)).tolist() == [False, False, True, False, False, False]
        assert np.delete(form(y, p), 2).tolist() == form(y, np.delete(p, 2, axis=0)).tolist()


def test_softmax_neither_overflows_nor_loses_a_float32(fleet):
    p = batched.softmax(np.array([[1e30, -1e30, 0.0], [-800.0, -801.0, -802.0]], dtype=np.float32))
    assert p.dtype == np.float64
    assert p[0].tolist() == [1.0, 0.0, 0.0]
    assert p.sum(axis=1) == pytest.approx([1, 1])
    assert p[1] == pytest.approx(batched.softmax(np.array([0.0, -1.0, -2.0])))
