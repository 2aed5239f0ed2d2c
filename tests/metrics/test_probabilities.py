"""Softmax: exact at the extremes, and each row by itself."""

import numpy as np
import pytest

from profunda.metrics.probabilities import sigmoid, softmax


def test_softmax_neither_overflows_nor_loses_a_float32():
    p = softmax(np.array([[1e30, -1e30, 0.0], [-800.0, -801.0, -802.0]], dtype=np.float32))
    assert p.dtype == np.float64
    assert p[0].tolist() == [1.0, 0.0, 0.0]
    assert p.sum(axis=1) == pytest.approx([1, 1])
    assert p[1] == pytest.approx(softmax(np.array([0.0, -1.0, -2.0])))


def test_rows_are_independent_and_may_be_stacked():
    outputs = np.random.default_rng(0).normal(size=(6, 50, 3)) * 5
    expected = np.exp(outputs) / np.exp(outputs).sum(axis=2, keepdims=True)
    assert softmax(outputs) == pytest.approx(expected, rel=1e-12)
    outputs[2, 7, 1] = np.nan
    assert np.isnan(softmax(outputs)).any(axis=2).sum() == 1


def test_sigmoid_is_the_softmax_against_zero_without_overflow():
    z = np.array([[-1e30, -800.0, -2.0], [0.0, 3.0, 1e30]])
    with np.errstate(over="raise"):
        found = sigmoid(z)
    pairs = softmax(np.stack([np.zeros_like(z), z], axis=-1))[..., 1]
    np.testing.assert_allclose(found, pairs, rtol=1e-12, atol=1e-300)
